"""Mail over SMTP (RFC 5321): connections are kept, and one message is always the same mail."""

import asyncio
import time
from datetime import datetime
from email.header import Header
from email.mime.multipart import MIMEMultipart
from email.mime.text import MIMEText
from email.policy import compat32
from email.utils import format_datetime, parseaddr

import aiosmtplib

from dawr.notifications.domain import Answer, Language, Never, NotNow, Taken
from dawr.notifications.rendering import Mail
from dawr.notifications.settings import NotificationsSettings
from dawr.servicekit import telemetry
from dawr.servicekit.settings import read_secret

_log = telemetry.get_logger("dawr.notifications")

_POLICY = compat32.clone(linesep="\r\n")
_IDLE_SECONDS = 1.0
"""A connection that was idle for longer is asked whether it is still there."""


def build_mail(
    message_id: str, mail: Mail, language: Language, *, sender: str, domain: str, address: str, at: datetime
) -> bytes:
    """The mail on the wire. The same message gives the same bytes, and so the same Message-ID, each time."""
    # The older classes of the standard library: they take their headers as they are given, and a fifth of the time.
    parts = MIMEMultipart("alternative", boundary=f"dawr-{message_id}", policy=_POLICY)
    parts["From"] = sender
    parts["To"] = address
    parts["Subject"] = Header(mail.subject, None if mail.subject.isascii() else "utf-8", header_name="Subject").encode()
    parts["Date"] = format_datetime(at)
    parts["Message-ID"] = f"<{message_id}@{domain}>"
    parts["Content-Language"] = language
    parts["Auto-Submitted"] = "auto-generated"  # RFC 3834: answering machines leave it alone
    for content, kind in ((mail.text, "plain"), (mail.html, "html")):
        parts.attach(MIMEText(content.replace("\n", "\r\n") + "\r\n", kind, "utf-8", policy=_POLICY))
    return parts.as_bytes()


class MailServer:
    """The mail server that takes our mails."""

    name = "smtp"

    def __init__(self, settings: NotificationsSettings) -> None:
        self._settings = settings
        self._sender = parseaddr(settings.mail_from)[1]
        self._idle: list[tuple[aiosmtplib.SMTP, float]] = []

    async def send(self, address: str, mail: bytes) -> Answer:
        """Hand a mail over. Never raises on what a server or a network does."""
        client: aiosmtplib.SMTP | None = None
        answer: Answer
        try:
            async with asyncio.timeout(self._settings.send_seconds):
                client = await self._connected()
                _, said = await client.sendmail(self._sender, [address], mail)
        except ValueError:
            answer = Never("address-refused")  # by the client, before anything was said to the server
        except aiosmtplib.SMTPRecipientsRefused as error:
            answer = _from_code(error.recipients[0].code)
        except aiosmtplib.SMTPDataError as error:
            answer = _from_code(error.code)
        except aiosmtplib.SMTPResponseException as error:
            # Refused before it came to the mail: our sign-in, our sender, the server's load. Not this person's matter.
            _log.error("mail.refused", step=type(error).__name__, code=error.code)
            answer = NotNow(f"smtp-{error.code}")
        except (aiosmtplib.SMTPException, OSError, TimeoutError) as error:
            _drop(client)
            return NotNow(_why(error))
        else:
            answer = Taken("smtp-250", said[:200])
        self._keep(client)
        return answer

    async def _connected(self) -> aiosmtplib.SMTP:
        while self._idle:
            client, since = self._idle.pop()
            try:
                if time.monotonic() - since > _IDLE_SECONDS:
                    await client.noop()
            except (aiosmtplib.SMTPException, OSError):
                _drop(client)
                continue
            if client.is_connected:
                return client
        settings = self._settings
        client = aiosmtplib.SMTP(
            hostname=settings.smtp_host,
            port=settings.smtp_port,
            timeout=settings.send_seconds,
            start_tls=settings.smtp_starttls,
            username=settings.smtp_user or None,
            password=read_secret(settings.smtp_password.get_secret_value()) if settings.smtp_user else None,
            local_hostname=settings.mail_domain,
        )
        await client.connect()
        return client

    def _keep(self, client: aiosmtplib.SMTP | None) -> None:
        if client is not None and client.is_connected:
            self._idle.append((client, time.monotonic()))

    async def close(self) -> None:
        """Leave the server."""
        while self._idle:
            client, _ = self._idle.pop()
            try:
                await client.quit(timeout=1)
            except (aiosmtplib.SMTPException, OSError, TimeoutError):
                _drop(client)


def _from_code(code: int) -> Answer:
    """RFC 5321, 4.2.1: 4yz may work later, 5yz will not."""
    return NotNow(f"smtp-{code}") if code < 500 else Never(f"smtp-{code}")


def _why(error: BaseException) -> str:
    if isinstance(error, TimeoutError):
        return "timed-out"
    return "disconnected" if isinstance(error, aiosmtplib.SMTPServerDisconnected) else "unreachable"


def _drop(client: aiosmtplib.SMTP | None) -> None:
    if client is not None:
        client.close()
