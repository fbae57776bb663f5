"""A catalogue of the first tables becomes the whole one: nothing of it is lost, and the next seed completes it."""

import importlib
from datetime import UTC, date, datetime
from pathlib import Path

import asyncpg
import pytest

from dawr.catalog.app import create_service
from dawr.catalog.domain.calendars import Calendar, Weekday
from dawr.catalog.domain.offices import Office
from dawr.catalog.domain.plans import PlanState
from dawr.catalog.domain.services import Agency, Origin, Service
from dawr.catalog.domain.weeks import Offer
from dawr.catalog.seeding import seed
from dawr.catalog.service.publish import publish_ahead, republish
from dawr.catalog.settings import CatalogSettings
from dawr.catalog.store.capacity import month
from dawr.catalog.store.fees import fee_decisions
from dawr.catalog.store.plans import plans_of
from dawr.catalog.store.things import thing
from dawr.contracts import Text
from dawr.contracts.catalog import Tier
from dawr.servicekit.migrations import migrate
from dawr.servicekit.service import Role
from dawr.servicekit.testing import FakeClock, Stage

OFFER = Offer("DAM-01", "PASS_REN", "N")
NOW = datetime(2026, 11, 24, 8, tzinfo=UTC)

BEFORE = """
INSERT INTO agencies VALUES ('IMM', 'الهجرة', 'Immigration', 'd1');
INSERT INTO regions VALUES ('DAM', 'دمشق', 'Damascus', false, 'd2');
INSERT INTO offices VALUES ('DAM-01', 'office', 'DAM', 'مكتب', 'Office', 'شارع', 'Street', 'Asia/Damascus', 'SYP',
    '{5,6}', '{PASS_REN}', false, 4, now(), 'd3');
INSERT INTO services VALUES ('PASS_REN', 'IMM', 'PASSPORT', 'تجديد', 'Renewal', 'وصف', 'Words', 'required', '{online}',
    '[{"code": "U", "name": {"ar": "مستعجل", "en": "Urgent"}}, {"code": "N", "name": {"ar": "عادي", "en": "Normal"}}]',
    '[{"code": "OLD", "name": {"ar": "القديم", "en": "The old one"}, "tiers": ["U"]}]', 10, false, 7, now(), 'd4');
INSERT INTO fees (service, tier, channel, minor, currency, effective_from, is_example, origin, decided_at)
    VALUES ('PASS_REN', 'N', 'online', 500, 'SYP', '2025-01-01', false, 'staff', now());
INSERT INTO week_plans VALUES
    ('DAM-01', 'PASS_REN', 'N', 2, 20, '[{"start": "09:00", "end": "10:00", "capacity": 20}]', 30),
    ('DAM-01', 'PASS_REN', 'N', 7, 15, '[]', 7);
INSERT INTO capacity_months VALUES ('DAM-01', 'PASS_REN', 'N', '2026-12', 3,
    '[{"day": {"date": "2026-12-01", "capacity": 99, "opens_at": "2026-11-01T00:00:00Z"}, "by": "staff"}]',
    false, now());
INSERT INTO changes (subject, revision, what, origin, reason, detail, at)
    VALUES ('office/DAM-01', 4, 'described', 'seed', 'as the folder says', '{}', now());
"""


@pytest.fixture
async def url(empty_stage: Stage) -> str:
    """A database as the first migration left it, with a row of each kind, brought to the newest version."""
    address = await empty_stage.bare_database()
    connection = await asyncpg.connect(address)
    try:
        for statement in importlib.import_module("dawr.catalog.migrations.0001_tables")._TABLES:
            await connection.execute(statement)
        await connection.execute(BEFORE)
        await connection.execute("CREATE TABLE alembic_version (version_num varchar(32) PRIMARY KEY)")
        await connection.execute("INSERT INTO alembic_version VALUES ('0001')")
    finally:
        await connection.close()
    await migrate(address, "dawr.catalog")
    return address


async def test_every_row_is_there_after_and_says_the_same(url: str, empty_stage: Stage) -> None:
    service = create_service(CatalogSettings(database_url=url, platform=empty_stage.platform), clock=FakeClock(NOW))
    async with service.running(Role.SERVE), service.database.transaction() as tx:
        agency = await thing(tx.connection, Agency, "IMM")
        assert agency is not None
        assert agency.thing.name == Text(ar="الهجرة", en="Immigration")
        office = await thing(tx.connection, Office, "DAM-01")
        assert office is not None
        assert (office.revision, office.thing.closed_weekdays) == (4, (Weekday.FRI, Weekday.SAT))
        assert office.thing.services == ("PASS_REN",)
        calendar = await thing(tx.connection, Calendar, office.thing.calendar)
        assert calendar is not None
        assert calendar.thing.weekend == {Weekday.FRI, Weekday.SAT}
        renewal = await thing(tx.connection, Service, "PASS_REN")
        assert renewal is not None
        assert (renewal.revision, renewal.thing.tiers) == (7, ("U", "N"))
        assert renewal.thing.documents[0].tiers == ("U",)
        urgent = await thing(tx.connection, Tier, "U")
        assert urgent is not None
        assert urgent.thing.name.en == "Urgent"
        fees = (await fee_decisions(tx.connection, ["PASS_REN"]))["PASS_REN"]
        assert [(each.fee.amount.minor, each.origin) for each in fees] == [(500, Origin.STAFF)]
        (plan,) = (await plans_of(tx.connection))[OFFER]
        assert (plan.state, plan.origin, plan.valid_from) == (PlanState.PUBLISHED, Origin.SEED, date.min)
        assert {each.name: day.capacity for each, day in plan.week.days.items()} == {"TUE": 20, "SUN": 15}
        # What was told before can be told again, and what staff decided still stands.
        assert await republish(tx) == 3
        assert (await publish_ahead(tx, days=60, keep_days=62)).months > 0
        december = await month(tx.connection, OFFER, "2026-12")
        assert december is not None
        assert [each.day.capacity for each in december.days[:3]] == [99, 15, 20]


async def test_the_next_seed_brings_what_the_first_tables_had_no_place_for(url: str, empty_stage: Stage) -> None:
    settings = CatalogSettings(
        database_url=url, platform=empty_stage.platform, seed_folder=Path(__file__).parent / "folder"
    )
    service = create_service(settings, clock=FakeClock(NOW))
    async with service.running(Role.SERVE):
        await seed(service)
        async with service.database.reading() as connection:
            office = await thing(connection, Office, "DAM-01")
            plans = (await plans_of(connection, offers=[OFFER]))[OFFER]
    assert office is not None
    assert (office.revision, office.thing.calendar) == (5, "SY")
    assert [(each.state, each.valid_from) for each in plans] == [
        (PlanState.SUPERSEDED, date.min),
        (PlanState.PUBLISHED, date(2026, 1, 1)),
    ]
