"""A mail sink as a process, and someone who sends it mails over SMTP."""

import smtplib
from collections.abc import Callable, Iterator
from email.message import EmailMessage
from email.utils import make_msgid
from typing import Any

import httpx
import pytest


class Sender:
    def __init__(self, tool: Any) -> None:
        self._port = int(tool.settings["MAILSINK_SMTP_PORT"])
        self.http = httpx.Client(base_url=tool.url, trust_env=False)

    @staticmethod
    def mail(
        subject: str = "رمز الدخول", text: str = "رمزك هو 123456\n", to: str = "someone@example.org"
    ) -> EmailMessage:
        message = EmailMessage()
        message["From"] = "no-reply@dawr.example"
        message["To"] = to
        message["Subject"] = subject
        message["Message-ID"] = make_msgid(domain="dawr.example")
        message.set_content(text, cte="base64")
        return message

    def send(self, message: EmailMessage) -> None:
        with smtplib.SMTP("127.0.0.1", self._port, timeout=10) as smtp:
            smtp.send_message(message)

    def send_raw(self, content: bytes, to: str) -> None:
        with smtplib.SMTP("127.0.0.1", self._port, timeout=10) as smtp:
            smtp.sendmail("x@dawr.example", [to], content)

    def arrived(self, to: str) -> list[dict[str, Any]]:
        mails: list[dict[str, Any]] = self.http.get("/messages", params={"to": to}).raise_for_status().json()
        return mails

    def faults(self, **switches: Any) -> None:
        self.http.put("/faults", json=switches).raise_for_status()


@pytest.fixture(scope="session")
def sink(launch: Callable[..., Any], free_port: Callable[[], int], tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder = tmp_path_factory.mktemp("mail")
    return launch("dawr.tools.mailsink", "MAILSINK", MAILSINK_SMTP_PORT=str(free_port()), MAILSINK_PATH=str(folder))


@pytest.fixture
def sender(sink: Any) -> Iterator[Sender]:
    """Begins and ends with all fault switches off."""
    sender = Sender(sink)
    yield sender
    sender.http.delete("/faults").raise_for_status()
    sender.http.close()
