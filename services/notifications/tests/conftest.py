"""What the stories of notifications play with: a real SMTP server, the SMS sandbox, and the service between them."""

import asyncio
import email
import email.policy
import json
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email.message import EmailMessage
from pathlib import Path
from typing import Any, cast
from uuid import UUID, uuid4

import asyncpg
import httpx
import pytest
import uvicorn
from aiosmtpd.smtp import SMTP, Envelope, Session
from cryptography.fernet import Fernet
from pydantic import SecretStr
from sqlalchemy import text

from dawr.contracts.notifications import RegisterContact
from dawr.notifications.app import create_service
from dawr.notifications.examples import known
from dawr.notifications.settings import NotificationsSettings
from dawr.servicekit.clock import Clock, utc_now
from dawr.servicekit.service import Role, Service
from dawr.servicekit.testing import Stage, until
from dawr.tools.sms.app import create_app as create_sms_provider
from dawr.tools.sms.settings import SmsSettings

KEY = Fernet.generate_key().decode()


@dataclass
class Post:
    """A mail server on a socket: keeps what it takes, and answers as it is told to."""

    port: int = 0
    mails: list[tuple[str, EmailMessage]] = field(default_factory=list)
    """Recipient and mail, in the order in which they were taken."""
    answers: list[str] = field(default_factory=list)
    """What it says to the next mails instead of yes."""
    refused: set[str] = field(default_factory=set)
    """Addresses that it does not know."""
    cut: int = 0
    """How many of the next mails it takes, and then cuts the line before it has said so."""
    connections: int = 0
    on_mail: Callable[[], None] = lambda: None
    """Called when a mail is kept, before it is answered."""

    async def handle_RCPT(  # noqa: N802
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        if address in self.refused:
            return "550 no such mailbox"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        if self.answers:
            return self.answers.pop(0)
        content = envelope.content
        assert isinstance(content, bytes)
        mail = email.message_from_bytes(content, policy=email.policy.default)
        assert isinstance(mail, EmailMessage)
        self.mails.append((envelope.rcpt_tos[0], mail))
        self.on_mail()
        if self.cut:
            self.cut -= 1
            cast(asyncio.Transport, server.transport).abort()
        return "250 kept"

    def to(self, address: str) -> list[EmailMessage]:
        """The mails to an address."""
        return [mail for recipient, mail in self.mails if recipient == address]

    async def arrived(self, address: str, count: int = 1, *, timeout: float = 20) -> list[EmailMessage]:
        """Wait for mails to an address."""

        async def enough() -> list[EmailMessage] | None:
            return self.to(address) if len(self.to(address)) >= count else None

        return await until(enough, what=f"{count} mails to {address}", timeout=timeout)

    @asynccontextmanager
    async def open(self, port: int = 0) -> AsyncIterator["Post"]:
        def session() -> SMTP:
            self.connections += 1
            return SMTP(self, ident="test")

        server = await asyncio.get_running_loop().create_server(session, "127.0.0.1", port)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()


@dataclass
class Phones:
    """The SMS sandbox, over HTTP."""

    url: str
    client: httpx.AsyncClient

    async def shown(self, phone: str) -> list[dict[str, object]]:
        """What a phone shows, the newest first."""
        answer = await self.client.get("/sandbox/messages", params={"to": phone})
        return list(answer.raise_for_status().json())

    async def arrived(self, phone: str, count: int = 1) -> list[dict[str, object]]:
        """Wait for texts on a phone."""

        async def enough() -> list[dict[str, object]] | None:
            texts = await self.shown(phone)
            return texts if len(texts) >= count else None

        return await until(enough, what=f"{count} texts on {phone}")

    async def fail(self, **faults: object) -> None:
        """Set the sandbox's fault switches."""
        (await self.client.put("/sandbox/faults", json=faults)).raise_for_status()


@asynccontextmanager
async def served(app: object) -> AsyncIterator[str]:
    """An ASGI app on a socket of its own; its address."""
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, log_config=None, access_log=False))  # type: ignore[arg-type]
    server.install_signal_handlers = lambda: None  # type: ignore[attr-defined]
    serving = asyncio.create_task(server.serve(sockets=[listener]))

    async def started() -> bool:
        return server.started

    await until(started, what="the sandbox")
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        await serving


@dataclass
class House:
    """One notifications service on its own database, and all that stands around it."""

    stage: Stage
    settings: NotificationsSettings
    post: Post
    phones: Phones
    clock: Clock = utc_now

    @asynccontextmanager
    async def open(
        self, *, clock: Clock | None = None, role: Role = Role.RUN, **changed: object
    ) -> AsyncIterator[Service]:
        """Run the service."""
        service = create_service(self.settings.model_copy(update=changed), clock=clock or self.clock)
        async with service.running(role):
            yield service

    @asynccontextmanager
    async def client(self, service: Service) -> AsyncIterator[httpx.AsyncClient]:
        transport = httpx.ASGITransport(service.app())
        async with httpx.AsyncClient(transport=transport, base_url="http://test/api/notifications") as client:
            yield client

    async def register(self, person: UUID, **contact: str) -> None:
        """Say where a person can be reached, sealed as the gateway seals it."""
        sealed = Fernet(KEY).encrypt(json.dumps(contact).encode()).decode()
        await self.stage.send(RegisterContact(person_id=person, sealed=sealed))

    async def describe(self) -> None:
        """Publish the catalogue of the examples."""
        catalogue = known().catalogue
        await self.stage.send(*catalogue.services.values(), *catalogue.offices.values())

    async def learned(self, service: Service, contacts: int = 1) -> None:
        """Wait until the service knows the catalogue and so many people; with a clock that stands still, it must."""

        async def all_there() -> bool:
            tables = {"contacts": contacts, "offices": 2, "services": 1}
            found = [await self.rows(service, f"SELECT 1 FROM {table}") for table in tables]
            return [len(rows) for rows in found] == list(tables.values())

        await until(all_there, what="the catalogue and the contacts")

    async def told(self, service: Service, count: int) -> list[Any]:
        """Wait until so many messages are at rest; all messages, by id."""

        async def at_rest() -> list[Any] | None:
            rows = await self.rows(service, "SELECT * FROM messages ORDER BY id")
            return rows if len(rows) >= count and all(row.due_at is None for row in rows) else None

        return await until(at_rest, what=f"{count} messages at rest")

    async def rows(self, service: Service, query: str, **values: object) -> list[Any]:
        """Look into the database."""
        async with service.database.reading() as connection:
            return list((await connection.execute(text(query), values)).all())


@pytest.fixture
async def post() -> AsyncIterator[Post]:
    async with Post().open() as post:
        yield post


@pytest.fixture
async def phones(tmp_path: Path) -> AsyncIterator[Phones]:
    app = create_sms_provider(SmsSettings(api_key=SecretStr("sandbox-key"), data_path=tmp_path / "sms"))
    async with served(app) as url, httpx.AsyncClient(base_url=url, trust_env=False) as client:
        yield Phones(url, client)


TABLES = "contacts, messages, deliveries, turns, services, offices, outbox_messages, inbox_messages, idempotency_keys"


@pytest.fixture(scope="module")
async def database_url(the_stage: Stage) -> str:
    return await the_stage.database("notifications")


@pytest.fixture
async def house(the_stage: Stage, database_url: str, post: Post, phones: Phones) -> House:
    """An empty service: nothing runs yet."""
    connection = await asyncpg.connect(database_url)
    await connection.execute(f"TRUNCATE {TABLES}")
    await connection.close()
    settings = NotificationsSettings(
        database_url=database_url,
        platform=the_stage.platform,
        sealing_key=SecretStr(KEY),
        smtp_port=post.port,
        sms_url=phones.url,
        senders_count=4,
        send_seconds=2,
        lease_seconds=6,
        retry_seconds=0.05,
        receipt_seconds=0.05,
        details_seconds=0.5,
    )
    return House(the_stage, settings, post, phones)


@pytest.fixture
def person() -> UUID:
    return uuid4()


@pytest.fixture
def seal() -> Callable[..., str]:
    """Seals a JSON object as the gateway does."""

    def sealed(**content: object) -> str:
        return Fernet(KEY).encrypt(json.dumps(content).encode()).decode()

    return sealed
