"""The folder of mails. The files are all there is: what is known of them is read from them at the start."""

import contextlib
import os
import threading
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from email import message_from_bytes
from email.errors import MessageError
from email.message import EmailMessage
from email.parser import BytesHeaderParser
from email.policy import EmailPolicy
from pathlib import Path

READABLE = EmailPolicy(utf8=True, linesep="\n", max_line_length=0, cte_type="8bit", refold_source="all")
"""Headers and texts as UTF-8 instead of base64 and encoded words, so that a file can be read as it is."""
ENVELOPE_TO, ENVELOPE_FROM = "X-Envelope-To", "X-Envelope-From"
_UNREADABLE = (LookupError, ValueError, TypeError, AttributeError, MessageError)
"""What the email package raises on mails that are broken, or in a charset that it doesn't know."""


@dataclass(frozen=True, slots=True)
class Mail:
    """One arrival. A mail that is sent twice arrives twice, with the same `message_id`."""

    number: int
    arrived_at: datetime
    message_id: str
    sender: str
    recipients: tuple[str, ...]
    """Addresses of the envelope (RCPT TO), whatever the headers say."""
    subject: str
    path: Path


def _printable(text: object) -> str:
    return "".join(character if character.isprintable() else " " for character in str(text or ""))


def _parsed(content: bytes) -> EmailMessage:
    return message_from_bytes(content, policy=READABLE)


def readable(content: bytes, sender: str, recipients: Iterable[str]) -> bytes:
    """The mail with its texts decoded and its envelope in two headers.

    A mail that is too broken to be decoded is kept as it came, below the two headers.
    """
    envelope = {ENVELOPE_FROM: _printable(sender), ENVELOPE_TO: ", ".join(_printable(one) for one in recipients)}
    try:
        message = _parsed(content)
        for part in message.walk():
            if part.get_content_maintype() == "text" and not part.is_attachment():
                text = part.get_content()
                part.set_content(text, subtype=part.get_content_subtype(), cte="8bit")
        for name, value in envelope.items():
            del message[name]
            message[name] = value
        return message.as_bytes()
    except _UNREADABLE:
        headers = "".join(f"{name}: {value}\n" for name, value in envelope.items())
        return headers.encode(errors="replace") + content


def text_of(content: bytes) -> str:
    """What a person would read of a mail: its plain text, or else its HTML source."""
    try:
        body = _parsed(content).get_body(("plain", "html"))
        return str(body.get_content()) if body is not None else ""
    except _UNREADABLE:
        return content.decode(errors="replace")


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


class Mailbox:
    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        for unfinished in folder.glob(".arriving-*"):
            unfinished.unlink()
        self.folder = folder
        self._guard = threading.Lock()
        self._mails = {mail.number: mail for mail in map(self._read_headers, folder.glob("*-*.eml")) if mail}
        self._last = max(self._mails, default=0)

    @staticmethod
    def _read_headers(path: Path) -> Mail | None:
        """None for a file that the sink did not name."""
        moment, _, number = path.stem.partition("-")
        try:
            arrived_at = datetime.strptime(moment, "%Y%m%dT%H%M%S.%fZ").replace(tzinfo=UTC)
            in_order = int(number)
        except ValueError:
            return None
        with path.open("rb") as file:
            headers = BytesHeaderParser(policy=READABLE).parse(file)

        def header(name: str) -> str:
            with contextlib.suppress(*_UNREADABLE):
                return _printable(headers[name]).strip()
            return ""

        return Mail(
            number=in_order,
            arrived_at=arrived_at,
            message_id=header("Message-ID"),
            sender=header(ENVELOPE_FROM),
            recipients=tuple(header(ENVELOPE_TO).split(", ")),
            subject=header("Subject"),
            path=path,
        )

    def keep(self, content: bytes, sender: str, recipients: list[str]) -> Mail:
        """Write the mail; when this returns, it is on disk under its name. Blocks. OSError if it can't be written."""
        with self._guard:
            self._last += 1
            number, arrived_at = self._last, datetime.now(UTC)
        path = self.folder / f"{arrived_at:%Y%m%dT%H%M%S.%fZ}-{number:06d}.eml"
        arriving = self.folder / f".arriving-{number}"
        try:
            with arriving.open("xb") as file:
                file.write(readable(content, sender, recipients))
                file.flush()
                os.fsync(file.fileno())
            arriving.rename(path)
        except OSError:
            arriving.unlink(missing_ok=True)
            raise
        _sync(self.folder)
        mail = self._read_headers(path)
        assert mail is not None, "a name of our own making"  # noqa: S101 - narrows the type
        with self._guard:
            self._mails[number] = mail
        return mail

    def all(self, to: str | None = None) -> list[Mail]:
        """In the order of arrival; with `to`, only mails to that address."""
        with self._guard:
            mails = sorted(self._mails.values(), key=lambda mail: mail.number)
        return [mail for mail in mails if to is None or to in mail.recipients]

    def one(self, number: int) -> Mail | None:
        with self._guard:
            return self._mails.get(number)
