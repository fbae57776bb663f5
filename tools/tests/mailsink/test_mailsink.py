"""Mails over real SMTP: kept, readable, counted; and refused when a switch says so."""

import smtplib
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from email import message_from_bytes
from email.policy import default
from pathlib import Path
from typing import Any

import pytest


def test_a_mail_is_kept_as_a_file_that_can_be_read(sender: Any, sink: Any) -> None:
    mail = sender.mail(to="reader@example.org")
    mail.add_alternative("<p>رمزك هو <b>123456</b></p>", subtype="html", cte="quoted-printable")
    sender.send(mail)
    (kept,) = sender.arrived("reader@example.org")
    assert (kept["message_id"], kept["subject"]) == (mail["Message-ID"], "رمز الدخول")
    content = Path(kept["path"]).read_text()
    for seen in ("Subject: رمز الدخول", "رمزك هو 123456", "<b>123456</b>", "X-Envelope-To: reader@example.org"):
        assert seen in content
    parsed = message_from_bytes(Path(kept["path"]).read_bytes(), policy=default)
    body = parsed.get_body(("plain",))
    assert body is not None
    assert body.get_content() == "رمزك هو 123456\n"
    assert sender.http.get(f"/messages/{kept['number']}").text == "رمزك هو 123456\n"
    assert sender.http.get("/messages/999999").status_code == 404


def test_one_line_per_mail_tells_its_subject_and_never_its_text(sender: Any, sink: Any, eventually: Any) -> None:
    sender.send(sender.mail(subject="Your turn", text="the code is 998877"))
    eventually(lambda: "Your turn" in sink.output)
    assert "998877" not in sink.output


def test_names_sort_by_arrival(sender: Any) -> None:
    for number in range(3):
        sender.send(sender.mail(subject=f"{number}", to="order@example.org"))
    kept = sender.arrived("order@example.org")
    assert [mail["subject"] for mail in kept] == ["0", "1", "2"]
    names = [Path(mail["path"]).name for mail in kept]
    assert names == sorted(names)


def test_a_repeat_is_kept_and_counted_by_its_message_id(sender: Any) -> None:
    once, twice = sender.mail(), sender.mail(to="twice@example.org")
    for mail in (once, twice, twice):
        sender.send(mail)
    assert len(sender.arrived("twice@example.org")) == 2
    counts = {row["message_id"]: row["count"] for row in sender.http.get("/deliveries").json()}
    assert (counts[once["Message-ID"]], counts[twice["Message-ID"]]) == (1, 2)
    assert twice["Message-ID"] in {row["message_id"] for row in sender.http.get("/deliveries?at_least=2").json()}


def test_the_envelope_decides_who_a_mail_is_to(sender: Any) -> None:
    sender.send_raw(b"To: shown@example.org\r\nX-Envelope-To: forged@example.org\r\n\r\nhi\r\n", "hidden@example.org")
    assert len(sender.arrived("hidden@example.org")) == 1
    assert sender.arrived("forged@example.org") == []


@pytest.mark.parametrize(
    "content",
    [
        b"\xff\xfe\x00 not a mail at all\r\n",
        b"Subject: =?utf-8?b?////?=\r\nContent-Type: text/plain; charset=no-such\r\n\r\n\xff\xff\r\n",
        b"Content-Type: multipart/mixed\r\n\r\nno boundary\r\n",
        b"Content-Type: text/plain\r\nContent-Transfer-Encoding: base64\r\n\r\n!!!not base64\r\n",
        b"From: <<<@\r\nSubject: a\r\n b\r\n\r\n.\r\n",
    ],
)
def test_a_broken_mail_is_kept_all_the_same(sender: Any, content: bytes) -> None:
    before = len(sender.arrived("broken@example.org"))
    sender.send_raw(content, "broken@example.org")
    kept = sender.arrived("broken@example.org")
    assert len(kept) == before + 1
    assert sender.http.get(f"/messages/{kept[-1]['number']}").status_code == 200
    assert sender.http.get("/").status_code == 200


def test_the_page_shows_texts_escaped(sender: Any) -> None:
    sender.send(sender.mail(subject="<i>subject</i>", text="<script>alert(1)</script>", to="page@example.org"))
    page = sender.http.get("/", params={"to": "page@example.org"})
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page.text
    assert "&lt;i&gt;subject&lt;/i&gt;" in page.text
    assert "<script>" not in page.text
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert "No mail to &lt;b&gt; yet" in sender.http.get("/", params={"to": "<b>"}).text


def test_mails_are_refused_a_given_number_of_times(sender: Any) -> None:
    sender.faults(fail_times=1, code=451)
    mail = sender.mail(to="later@example.org")
    with pytest.raises(smtplib.SMTPDataError) as refused:
        sender.send(mail)
    assert refused.value.smtp_code == 451
    assert sender.arrived("later@example.org") == []
    sender.send(mail)
    assert len(sender.arrived("later@example.org")) == 1


def test_one_address_is_refused_for_good(sender: Any) -> None:
    sender.faults(fail_rate=1, code=550, to="gone@example.org")
    with pytest.raises(smtplib.SMTPDataError) as refused:
        sender.send(sender.mail(to="gone@example.org"))
    assert refused.value.smtp_code == 550
    sender.send(sender.mail(to="here@example.org"))
    assert len(sender.arrived("here@example.org")) == 1
    assert sender.http.put("/faults", json={"code": 250}).status_code == 422


def test_an_answer_that_is_lost_leaves_a_mail_that_was_kept(sender: Any) -> None:
    sender.faults(lose_answer_times=1)
    mail = sender.mail(to="unsure@example.org")
    with pytest.raises(smtplib.SMTPServerDisconnected):
        sender.send(mail)
    sender.send(mail)
    assert [kept["message_id"] for kept in sender.arrived("unsure@example.org")] == [mail["Message-ID"]] * 2


def test_what_was_answered_with_250_survives_a_kill(sender: Any, sink: Any) -> None:
    taken: list[str] = []
    killing = threading.Lock()

    def send_many(_: int) -> None:
        for _ in range(50):
            mail = sender.mail(to="kill@example.org")
            try:
                sender.send(mail)
            except (smtplib.SMTPException, OSError):
                return
            taken.append(mail["Message-ID"])
            if len(taken) >= 40 and killing.acquire(blocking=False):
                sink.kill()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(send_many, range(4)))
    folder = Path(sink.settings["MAILSINK_PATH"])
    (folder / ".arriving-7").write_text("half a mail")
    (folder / "notes-of-a-person.eml").write_text("Subject: not ours\n\n")
    sink.start()
    kept = sender.arrived("kill@example.org")
    assert len(taken) >= 40
    assert set(taken) <= {mail["message_id"] for mail in kept}
    assert {mail["subject"] for mail in kept} == {"رمز الدخول"}
    sender.send(sender.mail(to="kill@example.org"))
    numbers = [mail["number"] for mail in sender.arrived("kill@example.org")]
    assert numbers == sorted(set(numbers))
    assert numbers[-1] > kept[-1]["number"]
    assert list(folder.glob(".arriving-*")) == []


def test_a_port_in_use_is_told_in_one_sentence(sink: Any, tmp_path: Path) -> None:
    port = sink.settings["MAILSINK_SMTP_PORT"]
    run = subprocess.run(
        [sys.executable, "-m", "dawr.tools.mailsink", "--smtp-port", port, "--data", str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    assert run.returncode == 1
    assert run.stderr.count("\n") == 1
    assert f"127.0.0.1:{port} (MAILSINK_SMTP_PORT): Address already in use" in run.stderr
