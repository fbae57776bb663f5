"""A running platform as people meet it: through its public door, at the bank's page, in their mail."""

import re
import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx

from dawr.servicekit.settings import PlatformSettings
from dawr.servicekit.testing import until
from dawr.tools.demo.books import Reader
from dawr.tools.demo.cast import Wish
from dawr.tools.demo.scene import give_seats, open_theatre
from dawr.tools.demo.theatre import Theatre
from dawr.tools.platform.platform import Platform

SLOW = 60.0
"""For how many seconds a test waits for what must come: long enough for a machine that is busy with other things."""


@dataclass
class Town:
    """A platform, the way to it, and its books."""

    root: Path
    platform: Platform
    theatre: Theatre
    reader: Reader

    @property
    def http(self) -> httpx.AsyncClient:
        """For requests that `theatre.call` does not make."""
        return self.theatre.http

    async def mails_to(self, address: str, count: int = 1) -> list[str]:
        """The texts of the mails to an address, in the order of arrival, once there are so many."""

        async def arrived() -> list[Any] | None:
            listed = (await self.http.get(f"{mail}/messages", params={"to": address})).json()
            return listed if len(listed) >= count else None

        mail = self.platform.url("mail")
        found = await until(arrived, timeout=SLOW, every=0.1, what=f"{count} mails to {address}")
        texts = [(await self.http.get(f"{mail}/messages/{each['number']}")).text for each in found]
        return [f"{each['subject']}\n{text}" for each, text in zip(found, texts, strict=True)]

    async def inbox(self, person: UUID, *templates: str) -> list[dict[str, Any]]:
        """The messages of a person's inbox, newest first, once those of all the templates are there."""

        async def told() -> list[dict[str, Any]] | None:
            answer = await self.theatre.call("GET", "/api/notifications/inbox?limit=50", person)
            items: list[dict[str, Any]] = answer.json()["items"]
            return items if set(templates) <= {each["template"] for each in items} else None

        return await until(told, timeout=SLOW, every=0.1, what=f"{templates} in the inbox of {person}")

    async def checkout(self, payment_id: str, payer: UUID) -> str:
        """The bank's page for a payment, which is there a moment after the seat is held."""

        async def opened() -> str | None:
            path = f"/api/payments/payments/{payment_id}/attempts"
            answer = await self.theatre.call("POST", path, payer, body={"provider": "sandbox"}, key=f"pay-{payment_id}")
            return answer.json()["checkout_url"] if answer.status_code == 201 else None

        return await until(opened, timeout=SLOW, every=0.1, what=f"a page for payment {payment_id}")

    async def free_seats(self, office: str, service: str, seats: int, *, days_ahead: int, tier: str = "N") -> Wish:
        """A pool of a day of its own with so many seats."""
        day = datetime.now(UTC).date() + timedelta(days=days_ahead)
        wish = Wish(service, tier, office, day.isoformat())
        await give_seats(self.theatre, wish, seats)
        return wish

    async def left(self, wish: Wish) -> int:
        """Seats that can still be taken, as anybody sees it."""
        query = f"service={wish.service}&tier={wish.tier}&office={wish.office}&from={wish.date}&to={wish.date}"
        # A question of its own: the answer to one that was asked a moment ago may be given again.
        query += f"&asked={secrets.token_hex(4)}"
        answer = await self.theatre.call("GET", f"/api/booking/availability?{query}", someone())
        return int(answer.json()["days"][0]["left"])


@asynccontextmanager
async def town(platform: Platform, root: Path, *, database: Callable[[str], str] | None = None) -> AsyncIterator[Town]:
    """The town around a platform that runs. `database` tells where a service's is, if not beside the others'."""
    state = platform.state
    settings = PlatformSettings(kafka=state.kafka, topic_prefix=state.topic_prefix)
    begin = datetime.now(UTC)
    reader = Reader(database or state.database, settings, bank=state.url("bank"), mail=state.url("mail"), begin=begin)
    theatre = open_theatre(root, state)
    try:
        yield Town(root, platform, theatre, reader)
    finally:
        await theatre.http.aclose()


def someone() -> UUID:
    """A person who has not been here before."""
    return UUID(int=secrets.randbits(128), version=4)


def asked(wish: Wish) -> dict[str, str]:
    """The body of a request for a turn."""
    return {"service": wish.service, "tier": wish.tier, "office": wish.office, "date": wish.date}


def code_in(mail: str) -> str:
    """The sign-in code that a mail holds."""
    found = re.search(r"\b\d{6}\b", mail)
    assert found, mail
    return found.group()
