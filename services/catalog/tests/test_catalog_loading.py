"""What a folder changes of what is there: as the seed, which leaves alone what people decided, and as an import."""

import csv
import shutil
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy.exc import IntegrityError

from dawr.catalog.app import create_service
from dawr.catalog.domain.calendars import Closure, ClosureScope, withdraw_closure
from dawr.catalog.domain.offices import Office
from dawr.catalog.domain.plans import CapacityPlan, PlanState, approve, propose, publish
from dawr.catalog.domain.services import Service as CatalogService
from dawr.catalog.domain.services import standing_fees
from dawr.catalog.domain.weeks import Offer, WeekPlan
from dawr.catalog.errors import CatalogueInvalid, ChangedMeanwhile
from dawr.catalog.folder.catalogue import read_catalogue
from dawr.catalog.folder.problems import lines
from dawr.catalog.service.closing import keep_closures
from dawr.catalog.service.describe import Author, Draft, describe
from dawr.catalog.service.load import SEED, Loaded, load_catalogue
from dawr.catalog.service.planning import keep_plans
from dawr.catalog.service.publish import Published, publish_ahead
from dawr.catalog.settings import CatalogSettings
from dawr.catalog.store import changes
from dawr.catalog.store.capacity import month
from dawr.catalog.store.closures import closures
from dawr.catalog.store.fees import fee_decisions
from dawr.catalog.store.plans import plans_of, save_plans
from dawr.catalog.store.stored import Stored
from dawr.catalog.store.things import save, thing
from dawr.contracts import Text
from dawr.contracts.catalog import Tier
from dawr.servicekit.database import Database
from dawr.servicekit.service import Role
from dawr.servicekit.testing import FakeClock, Stage

FOLDER = Path(__file__).parent / "folder"
NOW = datetime(2026, 11, 24, 8, tzinfo=UTC)
PLANNER, APPROVER = uuid4(), uuid4()
RENEWAL = Offer("DAM-01", "PASS_REN", "N")
IMPORT = Author("the new year", PLANNER)


class Ministry:
    """A database with the tests' folder loaded, and the folder, to be changed."""

    def __init__(self, database: Database, folder: Path) -> None:
        self.database = database
        self.folder = folder

    async def load(self, author: Author = SEED) -> Loaded:
        async with self.database.transaction() as tx:
            return await load_catalogue(tx, read_catalogue(self.folder), author)

    async def publish(self, *offices: str) -> Published:
        async with self.database.transaction() as tx:
            return await publish_ahead(tx, days=30, keep_days=62, offices=offices or None)

    def change(self, file: str, row: int, **cells: str) -> None:
        with (self.folder / file).open(encoding="utf-8", newline="") as opened:
            rows = list(csv.DictReader(opened))
        rows[row - 2].update(cells)
        with (self.folder / file).open("w", encoding="utf-8", newline="") as opened:
            writer = csv.DictWriter(opened, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)

    async def office(self, code: str = "DAM-01") -> Stored[Office]:
        async with self.database.reading() as connection:
            found = await thing(connection, Office, code)
        assert found is not None
        return found

    async def plans(self, offer: Offer = RENEWAL) -> list[CapacityPlan]:
        async with self.database.reading() as connection:
            return (await plans_of(connection, offers=[offer]))[offer]

    async def changes(self, subject: str) -> list[changes.Change]:
        async with self.database.reading() as connection:
            found = await changes.entries(connection, subject=subject, before=None, limit=50)
        return [each.change for each in found]

    async def staged(self) -> int:
        async with self.database.reading() as connection:
            rows = await connection.exec_driver_sql("SELECT count(*) FROM outbox_messages")
            return int(rows.scalar_one())


@pytest.fixture
async def ministry(empty_stage: Stage, tmp_path: Path) -> AsyncIterator[Ministry]:
    folder = tmp_path / "a-folder"
    shutil.copytree(FOLDER, folder)
    settings = CatalogSettings(database_url=await empty_stage.database("catalog"), platform=empty_stage.platform)
    service = create_service(settings, clock=FakeClock(NOW))
    async with service.running(Role.SERVE):
        office = Ministry(service.database, folder)
        await office.load()
        yield office


class TestTheSeed:
    async def test_what_people_changed_stays_until_the_folder_says_something_new(self, ministry: Ministry) -> None:
        before = await ministry.office()
        async with ministry.database.transaction() as tx:
            draft = Draft(replace(before.thing, counters=9), before)
            assert await describe(tx, [draft], IMPORT) == {("office", "DAM-01"): 2}
        assert not await ministry.load()
        assert (await ministry.office()).thing.counters == 9
        ministry.change("offices.csv", 2, counters="5")
        assert (await ministry.load()).offices == 1
        after = await ministry.office()
        assert (after.revision, after.thing.counters) == (3, 5)

    async def test_what_people_made_is_theirs_whatever_the_folder_says(self, ministry: Ministry) -> None:
        async with ministry.database.transaction() as tx:
            tier = Tier(code="X", name=Text(ar="خاص", en="Special"))
            await describe(tx, [Draft(tier, None)], IMPORT)
        path = ministry.folder / "tiers.csv"
        path.write_text(path.read_text("utf-8") + "X,آخر,Other\n", "utf-8")
        assert (await ministry.load()).tiers == 0
        async with ministry.database.reading() as connection:
            stored = await thing(connection, Tier, "X")
        assert stored is not None
        assert (stored.thing.name.en, stored.seeded) == ("Special", None)

    async def test_a_plan_that_staff_published_is_never_superseded_by_the_folder(self, ministry: Ministry) -> None:
        (seeded,) = await ministry.plans()
        week = WeekPlan(RENEWAL, seeded.week.days, date(2026, 12, 10))
        async with ministry.database.transaction() as tx:
            made = propose([seeded], week, plan_id=uuid4(), zone="Asia/Damascus", by=PLANNER, reason="why", now=NOW)
            await keep_plans(tx, [made], IMPORT)
            agreed = approve(made, [seeded, made], by=APPROVER, reason="yes", now=NOW + timedelta(seconds=1))
            await keep_plans(tx, [agreed], Author("yes", APPROVER))
            done = publish(agreed, [seeded, agreed], by=PLANNER, reason="now", now=NOW + timedelta(seconds=2))
            await keep_plans(tx, [*done.superseded, done.plan], IMPORT)
        ministry.change("capacity.csv", 5, capacity="4", windows="")
        assert (await ministry.load()).plans == 0
        assert [each.state for each in await ministry.plans()] == [PlanState.PUBLISHED] * 2
        noted = [each.what for each in await ministry.changes(f"plan/{made.id}")]
        assert noted == ["plan-published", "plan-approved", "plan-proposed"]

    async def test_a_plan_of_the_folder_that_changed_supersedes_the_one_before(self, ministry: Ministry) -> None:
        ministry.change("capacity.csv", 5, capacity="4", windows="")
        assert (await ministry.load()).plans == 2
        assert [each.state for each in await ministry.plans()] in (
            [PlanState.SUPERSEDED, PlanState.PUBLISHED],
            [PlanState.PUBLISHED, PlanState.SUPERSEDED],
        )

    async def test_a_closure_closes_its_days_and_one_that_was_withdrawn_stays_so(self, ministry: Ministry) -> None:
        storm = Text(ar="عاصفة", en="Storm")
        first = date(2026, 12, 1)
        closure = Closure(uuid4(), ClosureScope.REGION, "DAM", first, first, storm, NOW, PLANNER)
        await ministry.publish()
        assert (await ministry.publish()).months == 0
        async with ministry.database.transaction() as tx:
            await keep_closures(tx, [closure], IMPORT)
        assert (await ministry.publish()).months > 0
        async with ministry.database.reading() as connection:
            december = await month(connection, RENEWAL, "2026-12")
        assert december is not None
        assert [(each.date.day, each.reason) for each in december.closed] == [(1, storm)]
        assert first not in [each.date for each in december.open_days]
        async with ministry.database.transaction() as tx:
            seeded = (await closures(tx.connection))[-1]
            gone = withdraw_closure(seeded, by=PLANNER, reason="power is back", today=date(2026, 11, 24), now=NOW)
            await keep_closures(tx, [gone], IMPORT)
        assert not await ministry.load()
        async with ministry.database.reading() as connection:
            assert [each.id for each in await closures(connection)] == [closure.id]


class TestAnImport:
    async def test_what_the_files_say_is_written_in_the_persons_name(self, ministry: Ministry) -> None:
        ministry.change("offices.csv", 2, name_en="Central Office")
        ministry.change("fees.csv", 2, minor="700", effective_from="2026-12-24")
        path = ministry.folder / "fees.csv"
        path.write_text(path.read_text("utf-8") + "PASS_NEW,N,online,31270000,SYP,2025-02-01,no\r\n", "utf-8")
        loaded = await ministry.load(IMPORT)
        assert (loaded.offices, loaded.fees, loaded.plans) == (1, 1, 0)
        (change, *_) = await ministry.changes("office/DAM-01")
        assert (change.by_person, change.reason, change.revision) == (PLANNER, "the new year", 2)
        assert change.detail["state"]["name"]["en"] == "Central Office"
        assert change.detail["state"]["services"] == list((await ministry.office()).thing.services)
        async with ministry.database.reading() as connection:
            fees = standing_fees((await fee_decisions(connection, ["PASS_NEW"]))["PASS_NEW"])
        assert [each.amount.minor for each in fees if (each.tier, each.channel) == ("N", "online")] == [31270000, 700]
        staged = await ministry.staged()
        assert not await ministry.load(IMPORT)
        assert await ministry.staged() == staged

    async def test_plans_are_only_proposed_and_once(self, ministry: Ministry) -> None:
        ministry.change("capacity.csv", 5, capacity="4", windows="", valid_from="2026-12-10")
        assert (await ministry.load(IMPORT)).plans == 1
        states = {each.valid_from: (each.state, each.proposed and each.proposed.by) for each in await ministry.plans()}
        assert states == {
            date(2026, 1, 1): (PlanState.PUBLISHED, None),
            date(2026, 12, 10): (PlanState.PROPOSED, PLANNER),
        }
        assert not await ministry.load(IMPORT)

    async def test_what_is_over_is_refused_by_its_places_and_nothing_is_written(self, ministry: Ministry) -> None:
        staged = await ministry.staged()
        ministry.change("offices.csv", 2, name_en="Central Office")
        ministry.change("fees.csv", 2, minor="700")
        ministry.change("capacity.csv", 5, capacity="4", windows="")
        ministry.change("closures.csv", 2, first_day="2026-01-01")
        with pytest.raises(CatalogueInvalid) as refused:
            await ministry.load(IMPORT)
        assert lines(refused.value) == [
            "capacity.csv, row 5, column valid_from: That day is over",
            "closures.csv, row 2, column first_day: That day is over",
            "fees.csv, row 2, column effective_from: That day is over",
        ]
        assert (await ministry.office()).revision == 1
        assert await ministry.staged() == staged


class TestThings:
    async def test_a_tier_that_is_renamed_is_told_with_each_of_its_services(self, ministry: Ministry) -> None:
        ministry.change("tiers.csv", 2, name_en="Ordinary")
        async with ministry.database.transaction() as tx:
            await load_catalogue(tx, read_catalogue(ministry.folder))
            rows = await tx.connection.exec_driver_sql(
                "SELECT code FROM things WHERE kind = 'service' AND revision = 2"
            )
            renamed = {row.code for row in rows}
        expected = {each.code for each in read_catalogue(FOLDER).services if "N" in each.tiers}
        assert renamed == expected
        assert 0 < len(renamed) < len(read_catalogue(FOLDER).services)

    async def test_of_two_who_change_a_thing_the_second_is_refused(self, ministry: Ministry) -> None:
        before = await ministry.office()
        async with ministry.database.transaction() as tx:
            await save(tx.connection, [Stored(before.thing, 2)], tx.now)
        with pytest.raises(ChangedMeanwhile):
            async with ministry.database.transaction() as tx:
                await describe(tx, [Draft(replace(before.thing, counters=3), before)], IMPORT)
        assert (await ministry.office()).thing.counters == 4

    @pytest.mark.parametrize(
        "statement",
        [
            "DELETE FROM things",
            "TRUNCATE things CASCADE",
            "UPDATE things SET revision = revision + 2",
            "UPDATE things SET code = 'X' || code, revision = revision + 1",
            "DELETE FROM fees",
            "UPDATE changes SET reason = 'another'",
        ],
    )
    async def test_the_database_refuses_to_lose_what_was_decided(self, ministry: Ministry, statement: str) -> None:
        with pytest.raises(IntegrityError):
            async with ministry.database.transaction() as tx:
                await tx.connection.exec_driver_sql(statement)

    async def test_the_database_knows_that_a_plan_takes_two(self, ministry: Ministry) -> None:
        (seeded,) = await ministry.plans()
        week = WeekPlan(RENEWAL, seeded.week.days, date(2026, 12, 10))
        made = propose([seeded], week, plan_id=uuid4(), zone="Asia/Damascus", by=PLANNER, reason="why", now=NOW)
        with pytest.raises(IntegrityError):
            async with ministry.database.transaction() as tx:
                await save_plans(tx.connection, [replace(made, state=PlanState.APPROVED, approved=made.proposed)])
        with pytest.raises(IntegrityError):
            async with ministry.database.transaction() as tx:
                await save_plans(tx.connection, [replace(made, state=PlanState.PUBLISHED)])

    async def test_a_service_that_is_unknown_has_no_plan(self, ministry: Ministry) -> None:
        (seeded,) = await ministry.plans()
        week = WeekPlan(Offer("DAM-01", "NOPE", "N"), seeded.week.days, date(2026, 12, 10))
        made = propose([], week, plan_id=uuid4(), zone="Asia/Damascus", by=PLANNER, reason="why", now=NOW)
        with pytest.raises(IntegrityError):
            async with ministry.database.transaction() as tx:
                await save_plans(tx.connection, [made])


async def test_a_plan_is_read_as_it_was_kept(ministry: Ministry) -> None:
    (seeded,) = await ministry.plans()
    made = propose(
        [seeded],
        WeekPlan(RENEWAL, seeded.week.days, date(2026, 12, 10)),
        plan_id=uuid4(),
        zone="Asia/Damascus",
        by=PLANNER,
        reason="why",
        now=NOW,
    )
    async with ministry.database.transaction() as tx:
        await save_plans(tx.connection, [made])
    kept: dict[UUID, Any] = {each.id: each for each in await ministry.plans()}
    assert kept == {seeded.id: seeded, made.id: made}
    async with ministry.database.reading() as connection:
        renewal = await thing(connection, CatalogService, "PASS_REN")
    assert renewal is not None
    assert [each.code for each in renewal.thing.extras] == ["DLV_HOME"]
