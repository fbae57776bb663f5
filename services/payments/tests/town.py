"""Payments as it runs: its own HTTP server, real Kafka and PostgreSQL, and the sandbox bank as a process beside it."""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import httpx
import uvicorn
from standardwebhooks import Webhook

from dawr.contracts import Message, Money, Subject, Text
from dawr.contracts.ids import payment_id, refund_id
from dawr.contracts.payments import CancelPayment, RefundReason, RequestPayment, RequestRefund
from dawr.contracts.topics import PAYMENTS_EVENTS, PAYMENTS_REFUNDS
from dawr.payments.app import create_service
from dawr.payments.settings import SANDBOX_API_KEY, SANDBOX_WEBHOOK_SECRET, PaymentsSettings
from dawr.servicekit.auth import Role
from dawr.servicekit.envelope import Received
from dawr.servicekit.service import Service
from dawr.servicekit.testing import Stage, until
from dawr.tools.embedded.ports import free_port

NEW_SECRET = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"
FEE = Money(minor=31_270_000, currency="SYP")
LEASE_SECONDS = 8.0


class ShiftedClock:
    """The real time, or a moment at which it stands, moved."""

    def __init__(self, stands_at: datetime | None = None) -> None:
        self.stands_at = stands_at
        self.ahead = timedelta(0)

    def __call__(self) -> datetime:
        return (self.stands_at or datetime.now(UTC)) + self.ahead


def signed_headers(secrets: Sequence[str], webhook_id: str, at: datetime, body: bytes) -> dict[str, str]:
    """The headers of Standard Webhooks, with a signature for each secret."""
    return {
        "content-type": "application/json",
        "webhook-id": webhook_id,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": " ".join(Webhook(secret).sign(webhook_id, at, body.decode()) for secret in secrets),
    }


class Bank:
    """The sandbox bank as a process, and what a payer or an operator does there."""

    def __init__(self, folder: Path, webhook_url: str, secrets: str = SANDBOX_WEBHOOK_SECRET) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._environment = {
            "BANK_HTTP_PORT": str(self.port),
            "BANK_API_KEY": SANDBOX_API_KEY,
            "BANK_WEBHOOK_URL": webhook_url,
            "BANK_DATA_PATH": str(folder / "bank"),
        }
        self._secrets = secrets
        self._log = folder / "bank.log"
        self._process: subprocess.Popen[bytes] | None = None
        self.http = httpx.AsyncClient(
            base_url=self.url, headers={"Accept": "application/json"}, trust_env=False, timeout=20
        )

    async def start(self, secrets: str | None = None) -> None:
        self._secrets = secrets or self._secrets
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "dawr.tools.bank"],
                env={**os.environ, **self._environment, "BANK_WEBHOOK_SECRETS": self._secrets},
                stdout=log,
                stderr=subprocess.STDOUT,
            )

        async def is_ready() -> bool:
            assert self._process is not None
            assert self._process.poll() is None, self._log.read_text()
            with suppress(httpx.TransportError):
                return (await self.http.get("/readyz")).is_success
            return False

        await until(is_ready, what="the bank")

    async def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            await asyncio.to_thread(self._process.wait, 10)
            self._process = None

    async def faults(self, **switches: Any) -> None:
        assert (await self.http.put("/sandbox/faults", json=switches)).status_code == 200

    async def act(self, checkout_url: str, action: str) -> httpx.Response:
        """What a payer does on the page."""
        return await self.http.post(httpx.URL(checkout_url).path, data={"action": action})

    async def approve(self, checkout_url: str) -> None:
        assert (await self.act(checkout_url, "approve")).json() == {"status": "approved"}

    async def checkout_of(self, payment: UUID) -> dict[str, Any] | None:
        answer = await self.http.get(
            "/v1/checkouts",
            params={"reference": str(payment)},
            headers={"Authorization": f"Bearer {SANDBOX_API_KEY}"},
        )
        return answer.json() if answer.is_success else None

    async def books(self) -> dict[str, Any]:
        books: dict[str, Any] = (await self.http.get("/sandbox/books")).json()
        return books

    async def refunds_of(self, refund: UUID) -> list[dict[str, Any]]:
        return [each for each in (await self.books())["refunds"] if each["reference"] == str(refund)]

    async def webhooks(self, reference: UUID) -> list[dict[str, Any]]:
        answer = await self.http.get("/sandbox/webhooks", params={"reference": str(reference)})
        found: list[dict[str, Any]] = answer.json()
        return found

    async def delivered(self, reference: UUID, type: str) -> dict[str, Any]:
        """Wait until a webhook of a type was taken by payments."""

        async def taken() -> dict[str, Any] | None:
            return next(
                (each for each in await self.webhooks(reference) if each["type"] == type and each["delivered"]), None
            )

        return await until(taken, what=f"webhook {type}")


@dataclass
class Town:
    """Payments and its bank, and one payer with one turn to pay."""

    stage: Stage
    bank: Bank
    service: Service
    url: str
    database_url: str
    clock: ShiftedClock
    http: httpx.AsyncClient
    payer: UUID = field(default_factory=uuid4)
    subject: Subject = field(default_factory=lambda: Subject(kind="turn", id=uuid4()))

    @property
    def payment(self) -> UUID:
        return payment_id(self.subject.id)

    @property
    def refund(self) -> UUID:
        return refund_id(self.subject.id)

    def request(self, **changes: Any) -> RequestPayment:
        given: dict[str, Any] = {
            "payment_id": self.payment,
            "subject": self.subject,
            "payer_id": self.payer,
            "amount": FEE,
            "pay_before": datetime.now(UTC) + timedelta(minutes=2),
            "description": Text(ar="تجديد جواز سفر", en="Passport renewal"),
        }
        return RequestPayment(**(given | changes))

    def withdrawal(self) -> CancelPayment:
        return CancelPayment(payment_id=self.payment, subject=self.subject, reason="cancelled")

    def refund_request(self, **changes: Any) -> RequestRefund:
        given: dict[str, Any] = {
            "refund_id": self.refund,
            "payment_id": self.payment,
            "subject": self.subject,
            "amount": FEE,
            "reason": RefundReason.CANCELLED_BY_CITIZEN,
            "asked_by": self.payer,
        }
        return RequestRefund(**(given | changes))

    async def opened(self, **changes: Any) -> None:
        """The payment was asked for and can be made."""
        await self.stage.send(self.request(**changes))
        await self.payment_in("CREATED")

    async def attempt(self, key: str | None = None, **order: Any) -> httpx.Response:
        return await self.http.post(
            f"/api/payments/payments/{self.payment}/attempts",
            json={"provider": "sandbox"} | order,
            headers=self.stage.signed_in(self.payer) | {"Idempotency-Key": key or str(uuid4())},
        )

    async def checkout(self) -> str:
        """The address of the payer's page at the bank."""
        answer = await self.attempt()
        assert answer.status_code == 201, answer.text
        url: str = answer.json()["checkout_url"]
        return url

    async def paid(self, **changes: Any) -> None:
        """Asked for, paid at the bank, and known to us."""
        await self.opened(**changes)
        await self.bank.approve(await self.checkout())
        await self.payment_in("CAPTURED")

    async def webhook(
        self,
        body: bytes,
        *,
        id: str | None = None,
        secrets: Sequence[str] = (SANDBOX_WEBHOOK_SECRET,),
        at: datetime | None = None,
        **headers: str,
    ) -> httpx.Response:
        """A webhook that is signed like the bank's; `headers` replace what it would send."""
        signed = signed_headers(secrets, id or f"msg_{uuid4().hex}", at or datetime.now(UTC), body)
        return await self.http.post("/api/payments/webhooks/sandbox", content=body, headers=signed | headers)

    def captured_body(self, **changes: Any) -> bytes:
        """What the bank says when it took the money."""
        data = {
            "checkout": "chk_1",
            "reference": str(self.payment),
            "capture": f"cap_{self.payment.hex}",
            "refund": None,
            "amount": FEE.minor,
            "currency": FEE.currency,
            "captured_at": datetime.now(UTC).isoformat(),
            "attempt": 1,
        }
        body = {"type": "checkout.captured", "timestamp": data["captured_at"], "data": data | changes}
        return json.dumps(body).encode()

    async def kept(self, reference: UUID | None = None) -> list[Any]:
        """The provider events that were kept about the payment."""
        return await self.rows(
            "SELECT * FROM provider_events WHERE reference = $1 ORDER BY id", str(reference or self.payment)
        )

    async def get(self, path: str, *roles: Role, person: UUID | None = None) -> httpx.Response:
        return await self.http.get(f"/api/payments{path}", headers=self.stage.signed_in(person or self.payer, *roles))

    async def payment_in(self, state: str) -> dict[str, Any]:
        return await self._in(f"/payments/{self.payment}", state)

    async def refund_in(self, state: str) -> dict[str, Any]:
        return await self._in(f"/refunds/{self.refund}", state)

    async def _in(self, path: str, state: str) -> dict[str, Any]:
        async def there() -> dict[str, Any] | None:
            answer = await self.get(path)
            return answer.json() if answer.is_success and answer.json()["state"] == state else None

        return await until(there, what=f"{path} in {state}")

    async def received(self) -> list[Received]:
        """Everything that payments has told about the subject, confirmations first, then refunds."""
        found = await self.stage.messages(PAYMENTS_EVENTS) + await self.stage.messages(PAYMENTS_REFUNDS)
        return [each for each in found if each.message.key() == str(self.subject.id)]

    async def told(self, *wanted: type[Message]) -> list[Message]:
        """Wait until exactly these were told about the subject, in this order on each topic; the messages."""

        async def all_there() -> list[Message] | None:
            messages = [each.message for each in await self.received()]
            return messages if len(messages) >= len(wanted) else None

        messages = await until(all_there, every=0.1, what=str([each.__name__ for each in wanted]))
        assert [type(each) for each in messages] == list(wanted)
        return messages

    async def rows(self, query: str, *arguments: Any) -> list[Any]:
        connection = await asyncpg.connect(self.database_url)
        try:
            return list(await connection.fetch(query, *arguments))
        finally:
            await connection.close()

    async def accounts(self) -> dict[str, int]:
        """What the subject's payment left in each account, in minor units."""
        rows = await self.rows(
            """
            SELECT account, sum(minor)::bigint AS minor FROM ledger_postings p
            JOIN ledger_transactions t ON t.id = p.transaction_id WHERE t.payment_id = $1 GROUP BY account
            """,
            self.payment,
        )
        return {row["account"]: row["minor"] for row in rows if row["minor"]}

    async def dead_letters(self) -> int:
        """How many messages about the subject were set aside."""
        records = await self.stage.records("dawr.payments.requests.payments.dead")
        return sum(each.key == str(self.subject.id).encode() for each in records)


@asynccontextmanager
async def serving(service: Service, port: int) -> AsyncIterator[None]:
    """Payments on its own port, as its process would be."""
    config = uvicorn.Config(service.app(), host="127.0.0.1", port=port, log_config=None, access_log=False)
    server = uvicorn.Server(config)
    task = asyncio.create_task(server.serve())

    async def is_ready() -> bool:
        assert not task.done()
        return server.started and all((await service.checks()).values())

    try:
        await until(is_ready, what="payments")
        yield
    finally:
        server.should_exit = True
        await task


def quick_payments(stage: Stage, database_url: str, bank: Bank, clock: ShiftedClock, **settings: Any) -> Service:
    """Payments that does not wait for long between two looks or tries."""
    quick: dict[str, Any] = {
        "database_url": database_url,
        "bank_url": bank.url,
        "bank_timeout_seconds": 2.0,
        "worker_poll_seconds": 0.05,
        "reconcile_after_seconds": 1.0,
        "refund_retry_seconds": 0.02,
        "refund_retry_longest_seconds": 0.1,
        "lease_seconds": LEASE_SECONDS,
        "platform": stage.platform,
    }
    return create_service(PaymentsSettings(**(quick | settings)), clock=clock)


@asynccontextmanager
async def town_with(stage: Stage, folder: Path, **settings: Any) -> AsyncIterator[Town]:
    """Payments with these settings, and a bank of its own."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    bank = Bank(folder, f"{url}/api/payments/webhooks/sandbox")
    clock = ShiftedClock()
    database_url = await stage.database("payments")
    service = quick_payments(stage, database_url, bank, clock, **settings)
    http = httpx.AsyncClient(base_url=url, trust_env=False, timeout=20)
    try:
        await bank.start()
        async with serving(service, port):
            yield Town(stage, bank, service, url, database_url, clock, http)
    finally:
        await http.aclose()
        await bank.http.aclose()
        await bank.stop()
