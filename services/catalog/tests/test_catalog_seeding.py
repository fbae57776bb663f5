"""The seed on real servers: loaded once, extended day by day, and on the topics as it is in the database."""

import asyncio
import csv
import os
import secrets
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, cast
from uuid import UUID, uuid4

import pytest

from dawr.catalog.app import create_service
from dawr.catalog.domain.capacity import WantedDay
from dawr.catalog.domain.weeks import Offer
from dawr.catalog.seeding import republish_all, seed
from dawr.catalog.service.decide import set_day, set_fee
from dawr.catalog.service.publish import republish
from dawr.catalog.settings import CatalogSettings
from dawr.catalog.store.capacity import published_months
from dawr.contracts import Channel, Money
from dawr.contracts.catalog import CapacityPublished, Fee, OfficeDescribed, ServiceDescribed
from dawr.contracts.topics import CATALOG_CAPACITY, CATALOG_OFFICES, CATALOG_SERVICES, Topic
from dawr.servicekit.dead_letters import read_all
from dawr.servicekit.envelope import Received, Record, Tombstone, open_record
from dawr.servicekit.service import Role, Service
from dawr.servicekit.testing import FakeClock, Stage, stage, until

FOLDER = Path(__file__).parent / "folder"
TOPICS = (CATALOG_SERVICES, CATALOG_OFFICES, CATALOG_CAPACITY)
State = ServiceDescribed | OfficeDescribed | CapacityPublished
BY_NAME = {topic.name: topic for topic in TOPICS}
PLANNER = uuid4()
RENEWAL = Offer("DAM-01", "PASS_REN", "N")
HOURS_OF_TEN = "09:00-10:00=10 10:00-11:00=10 11:00-12:00=10 12:00-13:00=10"


class _Undo(Exception):
    """What was done in a transaction is not to stay."""


@dataclass
class Ministry:
    """A catalog of its own, with its clock, its folder and its topics."""

    stage: Stage
    url: str
    folder: Path
    clock: FakeClock = field(default_factory=lambda: FakeClock(datetime(2026, 11, 24, 8, tzinfo=UTC)))

    def settings(self) -> CatalogSettings:
        return CatalogSettings(
            database_url=self.url, platform=self.stage.platform, seed_folder=self.folder, horizon_days=30
        )

    def service(self, **settings: object) -> Service:
        return create_service(self.settings().model_copy(update=settings), clock=self.clock)

    async def seed(self) -> None:
        """Load the folder as the command does, and wait until all that it staged is on the topics."""
        service = self.service()
        async with service.running(Role.SERVE):
            await seed(service)
        await self.relay()

    async def relay(self) -> None:
        """Run a consuming process until the outbox is empty. It publishes nothing by itself: its clock stands still."""
        service = self.service()
        async with service.running(Role.CONSUME):

            async def sent() -> bool:
                async with service.database.reading() as connection:
                    rows = await connection.exec_driver_sql(
                        "SELECT count(*) FROM outbox_messages WHERE sent_at IS NULL"
                    )
                    return rows.scalar() == 0

            await until(sent, what="an empty outbox")

    async def records(self) -> list[tuple[Topic, Record]]:
        """Every record of catalog's topics, in the order of each partition."""
        prefix = self.stage.platform.topic_prefix
        found = await read_all(self.stage.platform.kafka, [prefix + name for name in BY_NAME])
        return [(BY_NAME[record.topic.removeprefix(prefix)], record) for record in found]

    async def told(self) -> dict[UUID, State]:
        """Every message by its id, as an inbox keeps them: the relay may send one twice."""
        opened = [open_record(record, topic.messages) for topic, record in await self.records()]
        return {each.cause.id: cast(State, each.message) for each in opened if isinstance(each, Received)}

    async def staged(self) -> list[UUID]:
        """The id of every message that was ever staged, once for each time."""
        service = self.service()
        async with service.running(Role.SERVE), service.database.reading() as connection:
            rows = await connection.exec_driver_sql("SELECT message_id FROM outbox_messages ORDER BY message_id")
            return [row.message_id for row in rows]

    async def months(self) -> dict[str, CapacityPublished]:
        """The newest message about each month, by the month's key."""
        return {each.key(): each for each in (await self.copy()).values() if isinstance(each, CapacityPublished)}

    async def copy(self) -> dict[str, State]:
        """What a reader ends with that reads everything from the beginning, newest record of each key last."""
        copy: dict[str, State] = {}
        for topic, record in await self.records():
            key = f"{topic.name}/{(record.key or b'').decode()}"
            opened = open_record(record, topic.messages)
            if isinstance(opened, Tombstone):
                copy.pop(key, None)
                continue
            assert isinstance(opened, Received)
            message = cast(State, opened.message)
            if key not in copy or copy[key].revision < message.revision:
                copy[key] = message
        return copy

    async def state(self) -> dict[str, State]:
        """What is in the database, as it would be told."""
        service = self.service()
        rows: list[Any] = []
        with suppress(_Undo):
            async with service.running(Role.SERVE), service.database.transaction() as tx:
                await republish(tx)
                await tx.flush()
                staged = "SELECT topic, key, wire_type, body FROM outbox_messages WHERE sent_at IS NULL"
                rows += await tx.connection.exec_driver_sql(staged)
                raise _Undo
        types = {row.wire_type: BY_NAME[row.topic].messages[row.wire_type] for row in rows}
        return {
            f"{row.topic}/{row.key.decode()}": cast(State, types[row.wire_type].model_validate_json(row.body))
            for row in rows
        }

    def rewrite(self, file: str, **columns: dict[str, str]) -> None:
        """Replace cells of the folder: by column, the new value for each old one."""
        path = self.folder / file
        with path.open(encoding="utf-8", newline="") as opened:
            rows = list(csv.DictReader(opened))
        for row in rows:
            for column, values in columns.items():
                row[column] = values.get(row[column], row[column])
        with path.open("w", encoding="utf-8", newline="") as opened:
            writer = csv.DictWriter(opened, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)

    def retire(self, code: str) -> None:
        """Have the folder say that a service is no longer given."""
        path = self.folder / "services.csv"
        lines = path.read_text(encoding="utf-8").splitlines()
        retired = [line.removesuffix("no") + "yes" if line.startswith(f"{code},") else line for line in lines]
        path.write_text("\n".join(retired) + "\n", encoding="utf-8")

    def drop(self, file: str, *starts: str) -> None:
        """Take rows out of the folder by how they begin."""
        path = self.folder / file
        kept = [line for line in path.read_text(encoding="utf-8").splitlines() if not line.startswith(starts)]
        path.write_text("\n".join(kept) + "\n", encoding="utf-8")


@pytest.fixture
async def ministry(kafka_address: str, postgres_address: str, tmp_path: Path) -> AsyncIterator[Ministry]:
    folder = tmp_path / "seed"
    shutil.copytree(FOLDER, folder)
    async with stage(
        f"t{secrets.token_hex(4)}", kafka=kafka_address, postgres=postgres_address, folder=tmp_path
    ) as set_up:
        yield Ministry(set_up, await set_up.database("catalog"), folder)


async def test_the_seed_reaches_the_topics_and_is_the_same_there(ministry: Ministry) -> None:
    await ministry.seed()
    copy = await ministry.copy()
    assert copy == await ministry.state()
    services = {each.code: each for each in copy.values() if isinstance(each, ServiceDescribed)}
    offices = [each for each in copy.values() if isinstance(each, OfficeDescribed)]
    assert (len(services), len(offices)) == (10, 6)
    renewal = services["PASS_REN"].fee("N", Channel.ONLINE, date(2026, 12, 1))
    assert renewal == Money(minor=31_270_000, currency="SYP")
    december = copy[f"{CATALOG_CAPACITY.name}/DAM-01/PASS_REN/N/2026-12"]
    assert isinstance(december, CapacityPublished)
    assert december.days[0].date == date(2026, 12, 1)
    assert december.days[-1].date == date(2026, 12, 23)  # 30 days from 24 November on
    assert all(day.date.isoweekday() not in {5, 6} for day in december.days)
    assert all(day.opens_at <= ministry.clock() for day in december.days)
    assert all(sum(each.capacity for each in day.windows) == day.capacity for day in december.days)


async def test_run_again_it_says_nothing_new_and_the_next_day_it_extends(ministry: Ministry) -> None:
    await ministry.seed()
    told = await ministry.told()
    await ministry.seed()
    assert await ministry.told() == told

    ministry.clock.turn(days=1)  # 24 December, a Thursday, comes into sight
    await ministry.seed()
    added = [message for id, message in (await ministry.told()).items() if id not in told]
    assert len(added) == sum(key.endswith("/2026-12") for key in await ministry.months())
    for month in added:
        assert isinstance(month, CapacityPublished)
        assert (month.month, month.revision, month.days[-1].date) == ("2026-12", 2, date(2026, 12, 24))
    assert await ministry.copy() == await ministry.state()


async def test_today_is_the_offices_own_date(ministry: Ministry) -> None:
    ministry.clock.now = datetime(2026, 11, 24, 21, 30, tzinfo=UTC)  # the 25th in Damascus, the 24th in Berlin
    await ministry.seed()
    copy = await ministry.months()
    assert copy["DAM-01/PASS_REN/N/2026-11"].days[0].date == date(2026, 11, 25)
    assert copy["BER-01/CSL_PASS/N/2026-11"].days[0].date == date(2026, 11, 24)


async def test_what_planners_decided_is_never_overwritten(ministry: Ministry) -> None:
    await ministry.seed()
    day, later = date(2026, 12, 1), date(2026, 12, 24)
    own = Fee(
        tier="N",
        channel=Channel.ONLINE,
        amount=Money(minor=1, currency="SYP"),
        effective_from=date(2026, 12, 1),
        is_example=False,
    )
    service = ministry.service()
    async with service.running(Role.SERVE):
        for on in (day, later):
            async with service.database.transaction() as tx:
                await set_day(tx, RENEWAL, WantedDay(on, 7), seen=None, by=PLANNER, reason="training day")
        async with service.database.transaction() as tx:
            await set_fee(tx, "PASS_REN", own, by=PLANNER, reason="decree")
    with (ministry.folder / "fees.csv").open("a", encoding="utf-8") as fees:
        fees.write("PASS_REN,N,online,2,SYP,2026-12-01,no\nPASS_REN,N,online,3,SYP,2026-12-02,no\n")
    ministry.rewrite("capacity.csv", capacity={"40": "80"}, windows={HOURS_OF_TEN: ""})
    ministry.clock.turn(days=3)
    await ministry.seed()

    copy = await ministry.copy()
    december = copy[f"{CATALOG_CAPACITY.name}/DAM-01/PASS_REN/N/2026-12"]
    assert isinstance(december, CapacityPublished)
    seats = {each.date: each.capacity for each in december.days}
    assert (seats[day], seats[date(2026, 12, 2)], seats[later]) == (7, 80, 7)
    renewal = copy[f"{CATALOG_SERVICES.name}/PASS_REN"]
    assert isinstance(renewal, ServiceDescribed)
    fees_of = [renewal.fee("N", Channel.ONLINE, date(2026, 12, n)) for n in (1, 2)]
    assert [each.minor for each in fees_of if each] == [1, 3]
    assert copy == await ministry.state()


async def test_a_folder_that_changed_is_told_with_a_higher_revision_and_nothing_else_is(ministry: Ministry) -> None:
    await ministry.seed()
    before = await ministry.copy()
    ministry.rewrite("offices.csv", name_en={"Damascus Passport Office": "Central Passport Office"})
    ministry.rewrite("regions.csv", name_en={"Homs": "Hims"})
    ministry.rewrite("documents.csv", name_en={"The old passport": "Your old passport"})
    await ministry.seed()
    after = await ministry.copy()
    changed = {key for key, message in after.items() if before[key] != message}
    assert changed == {
        "dawr.catalog.offices/DAM-01",
        "dawr.catalog.offices/HMS-01",  # its region's name travels with it
        "dawr.catalog.services/PASS_REN",
    }
    assert all(after[key].revision == 2 for key in changed)


async def test_an_offer_that_is_withdrawn_leaves_no_day_from_today_on(ministry: Ministry) -> None:
    await ministry.seed()
    ministry.clock.turn(days=2)
    ministry.drop("capacity.csv", "HMS-01,PASS_LOST")
    await ministry.seed()
    copy = await ministry.copy()
    office = copy["dawr.catalog.offices/HMS-01"]
    assert isinstance(office, OfficeDescribed)
    assert "PASS_LOST" not in office.services
    left = [each for key, each in copy.items() if "/HMS-01/PASS_LOST/" in key]
    assert left
    days = [day.date for each in left if isinstance(each, CapacityPublished) for day in each.days]
    assert days == [date(2026, 11, 24), date(2026, 11, 25)] * 2  # what is over stays, for both tiers


async def test_a_retired_service_keeps_no_seats(ministry: Ministry) -> None:
    await ministry.seed()
    ministry.retire("DL_NEW")
    await ministry.seed()
    copy = await ministry.copy()
    service = copy["dawr.catalog.services/DL_NEW"]
    assert isinstance(service, ServiceDescribed)
    assert service.retired
    assert [each.days for key, each in copy.items() if "/DL_NEW/" in key and isinstance(each, CapacityPublished)] == [
        ()
    ] * 8


async def test_months_long_over_are_taken_away_by_a_tombstone(ministry: Ministry) -> None:
    await ministry.seed()
    ministry.clock.turn(days=90)
    await ministry.seed()
    copy = await ministry.copy()
    assert {key[-7:] for key in copy if key.startswith(CATALOG_CAPACITY.name)} == {"2026-12", "2027-02", "2027-03"}
    tombstones = [record for _, record in await ministry.records() if record.value is None]
    assert {(record.key or b"").decode()[-7:] for record in tombstones} == {"2026-11"}
    assert copy == await ministry.state()


async def test_seeds_that_run_at_once_tell_everything_once(ministry: Ministry) -> None:
    for revision in (1, 2):
        services = [ministry.service() for _ in range(3)]
        await asyncio.gather(*(_seed_with(each) for each in services))
        await ministry.relay()
        staged = await ministry.staged()
        assert len(staged) == len(set(staged)) > 100
        assert max(each.revision for each in (await ministry.told()).values()) == revision
        ministry.rewrite("offices.csv", name_en={"Damascus Passport Office": "Central Office"})
        ministry.rewrite("documents.csv", name_en={"Identity card": "An identity card"})


async def _seed_with(service: Service) -> None:
    async with service.running(Role.SERVE):
        await seed(service)


async def test_saying_it_all_again_is_the_same_messages_under_the_same_ids(ministry: Ministry) -> None:
    await ministry.seed()
    before = await ministry.told()
    service = ministry.service()
    async with service.running(Role.SERVE):
        await republish_all(service)
    await ministry.relay()
    assert await ministry.staged() == sorted([*before, *before])
    assert await ministry.told() == before


async def test_a_running_catalog_publishes_the_new_day_by_itself(ministry: Ministry) -> None:
    await ministry.seed()
    service = ministry.service(horizon_check_seconds=0.05)
    async with service.running(Role.RUN):
        ministry.clock.turn(days=1)

        async def extended() -> bool:
            copy = await ministry.months()
            return copy["DAM-01/PASS_REN/N/2026-12"].days[-1].date == date(2026, 12, 24)

        await until(extended, what="24 December")
        async with service.database.reading() as connection:
            found = {each.month for each in await published_months(connection)}
    assert found == {"2026-11", "2026-12"}


def _run(ministry: Ministry, *arguments: str) -> subprocess.CompletedProcess[str]:
    settings = {
        "CATALOG_DATABASE_URL": ministry.url,
        "CATALOG_SEED_FOLDER": str(ministry.folder),
        "DAWR_KAFKA": ministry.stage.platform.kafka,
        "DAWR_TOPIC_PREFIX": ministry.stage.platform.topic_prefix,
    }
    return subprocess.run(
        [sys.executable, "-m", "dawr.catalog", *arguments],
        env=os.environ | settings,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


async def test_the_command_refuses_a_broken_folder_by_its_places_and_writes_nothing(ministry: Ministry) -> None:
    ministry.rewrite("offices.csv", region={"DAM": "LAT"})
    done = await asyncio.to_thread(_run, ministry, "seed")
    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        "offices.csv, row 2, column region: nothing has the code LAT",
        "offices.csv, row 3, column region: nothing has the code LAT",
    ]
    assert await ministry.state() == {}
