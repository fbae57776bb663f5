"""The processes that a visitor of the portal meets, with the shipped catalogue and free days in some of its offices."""

from collections import defaultdict
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import psutil

from dawr.contracts import Message, Pool
from dawr.contracts.catalog import CapacityDay, CapacityPublished, OfficeDescribed
from dawr.gateway.domain.sessions import How
from dawr.gateway.keys import SigningKey, open_keys
from dawr.servicekit.auth import Role, make_token
from dawr.servicekit.clock import new_id
from dawr.tools.bench import finding, measures
from dawr.tools.bench.stage import FIRST_DAY, BenchStage, Person, Run, small_catalogue

SERVICE, TIER = "PASS_REN", "N"
OFFICES = 24
DAYS = 45
"""So many days from tomorrow on have seats."""
SEATS = 1_000_000
ACCESS_COOKIE = "dawr-access"


@dataclass
class Town:
    """The runs of the services of one platform, and where they listen."""

    booking: Run
    gateway: Run
    payments: Run
    catalog: Run
    key: SigningKey
    offices: list[str]
    ports: dict[str, int] = field(default_factory=dict)

    def people(self, count: int) -> list[Person]:
        """So many people who are signed in at the gateway, each in a session of their own."""
        return [self._person(number) for number in range(count)]

    def _person(self, number: int) -> Person:
        id = uuid4()
        pool = Pool(office=self.offices[number % len(self.offices)], service=SERVICE, tier=TIER, date=FIRST_DAY)
        token = make_token(
            self.key.private,
            self.key.kid,
            id,
            frozenset({Role.CITIZEN}),
            session_id=new_id(),
            how=How.CODE.value,
            lifetime=timedelta(hours=2),
        )
        return Person(id, token, pool)

    @asynccontextmanager
    async def serving(self) -> AsyncIterator["Town"]:
        """All processes that answer people: of booking the one that serves, so that its allocator can be held back."""
        async with AsyncExitStack() as stack:
            for run, service, role in (
                (self.booking, "booking", "serve"),
                (self.catalog, "catalog", "serve"),
                (self.payments, "payments", "run"),
            ):
                self.ports[service] = (await stack.enter_async_context(run.processes(service, role)))[role]
            self.gateway.more |= {
                f"GATEWAY_{service.upper()}_URL": f"http://127.0.0.1:{port}" for service, port in self.ports.items()
            }
            self.ports["gateway"] = (await stack.enter_async_context(self.gateway.processes("gateway", "run")))["run"]
            yield self

    def spent(self) -> dict[str, "Spent"]:
        """What gateway and booking have used until now."""
        return {
            "gateway": Spent.of(self.gateway.pids["run"]),
            "booking": Spent.of(self.booking.pids["serve"]),
        }


@dataclass(frozen=True, slots=True)
class Spent:
    """What a process has used."""

    cpu_seconds: float
    megabytes: float
    """Resident, now."""

    @staticmethod
    def of(pid: int) -> "Spent":
        """Of a process that runs."""
        process = psutil.Process(pid)
        times = process.cpu_times()
        return Spent(times.user + times.system, process.memory_info().rss / 2**20)


async def build(stage: BenchStage) -> Town:
    """Databases and topics of a town, the catalogue in its catalog, and the days in its booking."""
    key = open_keys(stage.folder / "portal-keys").keys[0]
    more = {"DAWR_JWKS": str(stage.folder / "portal-keys" / "jwks.json"), "DAWR_ENVIRONMENT": "development"}
    booking = await stage.bare_run("booking")
    gateway = await stage.beside(booking, "gateway")
    gateway.more |= {"GATEWAY_KEYS_PATH": str(stage.folder / "portal-keys")}
    payments, catalog = await stage.beside(booking, "payments"), await stage.beside(booking, "catalog")
    for run in (booking, gateway, payments, catalog):
        run.more = more | run.more
    catalogue = await finding.load_shipped(catalog)
    home = [each.code for each in catalogue.offices if each.kind == "office"][:OFFICES]
    await booking.send(list(_told(home)))
    async with booking.booking("consume"):
        await measures.until(booking, "SELECT count(*) FROM quota_days", len(home) * DAYS)
    return Town(booking, gateway, payments, catalog, key, home)


def _told(offices: list[str]) -> Iterator[Message]:
    """What booking hears of the service, the offices and their days."""
    service, office = None, None
    for each in small_catalogue():
        if isinstance(each, OfficeDescribed):
            office = office or each
        else:
            service = each
            yield service
    assert office is not None  # noqa: S101 - it has some
    tomorrow = datetime.now(UTC).date() + timedelta(days=1)
    months: dict[str, list[CapacityDay]] = defaultdict(list)
    for number in range(DAYS):
        day = tomorrow + timedelta(days=number)
        opens_at = datetime(2025, 1, 1, tzinfo=UTC)
        months[f"{day:%Y-%m}"].append(CapacityDay(date=day, capacity=SEATS, opens_at=opens_at))
    for code in offices:
        yield office.model_copy(update={"code": code})
        for month, days in months.items():
            yield CapacityPublished(
                office=code, service=SERVICE, tier=TIER, month=month, revision=1, zone=office.zone, days=tuple(days)
            )
