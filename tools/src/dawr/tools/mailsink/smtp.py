"""The SMTP side: says 250 only after the mail is on disk."""

import asyncio
import logging
import socket
from typing import cast

from aiosmtpd.smtp import SMTP, Envelope, Session

from dawr.tools.mailsink.faults import FaultBox
from dawr.tools.mailsink.mailbox import Mailbox

LARGEST_MAIL_BYTES = 10 * 1024 * 1024

log = logging.getLogger(__name__)


class Door:
    """Takes mails at DATA; aiosmtpd finds `handle_DATA` by its name."""

    def __init__(self, mailbox: Mailbox, box: FaultBox) -> None:
        self._mailbox = mailbox
        self._box = box

    async def handle_DATA(self, server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        """The SMTP reply to a mail."""
        content = envelope.content if isinstance(envelope.content, bytes) else b""
        if delay := self._box.faults.delay_seconds:
            await asyncio.sleep(delay)
        if self._box.refuses(envelope.rcpt_tos):
            return f"{self._box.faults.code} refused by a fault switch"
        try:
            mail = await asyncio.to_thread(
                self._mailbox.keep, content, envelope.mail_from or "", list(envelope.rcpt_tos)
            )
        except OSError as error:
            log.error("a mail can't be written: %s", error)  # noqa: TRY400 - the error says it all
            return "452 no room for the mail"
        print(f"{mail.arrived_at:%Y-%m-%dT%H:%M:%SZ}  mail {mail.number}: {mail.subject}", flush=True)
        if self._box.loses_answer():
            cast(asyncio.Transport, server.transport).abort()
        return f"250 kept as {mail.number}"


async def listen(where: socket.socket, door: Door) -> asyncio.Server:
    """An SMTP server on a bound socket and the running loop."""

    def session() -> SMTP:
        return SMTP(door, data_size_limit=LARGEST_MAIL_BYTES, enable_SMTPUTF8=True, ident="mailsink")

    return await asyncio.get_running_loop().create_server(session, sock=where)
