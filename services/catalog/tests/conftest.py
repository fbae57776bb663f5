"""A running catalog and those who call it."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar
from uuid import uuid4

import httpx
import pytest

from dawr.catalog.app import create_service
from dawr.catalog.seeding import seed
from dawr.catalog.settings import CatalogSettings
from dawr.contracts.catalog import CapacityPublished, ServiceDescribed
from dawr.contracts.topics import TOPIC_OF
from dawr.servicekit.auth import Role as Who
from dawr.servicekit.service import Role, Service
from dawr.servicekit.testing import FakeClock, Stage, until

FOLDER = Path(__file__).parent / "folder"
"""A small catalogue: what the tests say of codes, names and numbers is there."""
NOW = datetime(2026, 11, 24, 8, tzinfo=UTC)
PLANNER = uuid4()
DAY = "DAM-01/PASS_REN/N/2026-12-01"


State = TypeVar("State", CapacityPublished, ServiceDescribed)


@dataclass
class Desk:
    """A running catalog, and one who calls it."""

    stage: Stage
    service: Service
    client: httpx.AsyncClient

    async def get(self, path: str, **headers: str) -> httpx.Response:
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        return await self.client.get(f"/api/catalog{path}", headers=sent)

    def planner(self, *roles: Who, **headers: str) -> dict[str, str]:
        signed = self.stage.signed_in(PLANNER, *(roles or (Who.PLANNER,)))
        return signed | {name.replace("_", "-"): value for name, value in headers.items()}

    async def fee(self, key: str | None = None, who: dict[str, str] | None = None, **changes: Any) -> httpx.Response:
        """Decide a fee; `changes` replace fields of one that holds."""
        body = {
            "service": "PASS_LOST",
            "tier": "N",
            "channel": "online",
            "amount": {"minor": 100, "currency": "SYP"},
            "effective_from": "2026-12-01",
            "reason": "decree 12",
        }
        headers = (who or self.planner()) | {"idempotency-key": key or str(uuid4())}
        return await self.client.post("/api/catalog/fees", json=body | changes, headers=headers)

    async def day(self, path: str, who: dict[str, str] | None = None, **body: Any) -> httpx.Response:
        """Decide a day of capacity."""
        filled = {"reason": "a second counter"} | body
        return await self.client.put(f"/api/catalog/capacity/{path}", json=filled, headers=who or self.planner())

    async def month_told(self, key: str, revision: int) -> CapacityPublished:
        """The month with a revision, once it is on the topic."""
        return await self._told(CapacityPublished, key, revision)

    async def service_told(self, code: str, revision: int) -> ServiceDescribed:
        """The service with a revision, once it is on the topic."""
        return await self._told(ServiceDescribed, code, revision)

    async def _told(self, kind: type[State], key: str, revision: int) -> State:
        async def there() -> State | None:
            for each in await self.stage.messages(TOPIC_OF[kind]):
                message = each.message
                if isinstance(message, kind) and (message.key(), message.revision) == (key, revision):
                    return message
            return None

        return await until(there, every=0.1, what=f"{key} at revision {revision}")


@pytest.fixture(scope="module")
async def desk(the_stage: Stage) -> AsyncIterator[Desk]:
    """A catalog with the seed of the tests, for one test module."""
    settings = CatalogSettings(
        database_url=await the_stage.database("catalog"),
        platform=the_stage.platform,
        seed_folder=FOLDER,
        horizon_days=30,
    )
    service = create_service(settings, clock=FakeClock(NOW))
    transport = httpx.ASGITransport(service.app())
    async with service.running(Role.RUN), httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        await seed(service)
        yield Desk(the_stage, service, client)


def problem(answer: httpx.Response) -> tuple[int, str]:
    """Status and code of an answer that must be a problem document."""
    assert answer.headers["content-type"] == "application/problem+json"
    body = answer.json()
    assert body["status"] == answer.status_code
    assert body["title"]
    return answer.status_code, body["code"]
