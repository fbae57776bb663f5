"""A service that starts with nothing ends with the same copy of the catalogue as one that was there all the time.

On a broker that has really compacted: what the topics hold then is not what was sent, and still says the same.
"""

import hashlib
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta
from random import Random

import pytest
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from services.booking.tests.conftest import booking_on, office_described, service_described
from services.consular.tests.conftest import consulate_on
from sqlalchemy import text as sql

from dawr.contracts import Message, Money, Text
from dawr.contracts.catalog import CapacityDay, CapacityPublished, ClosedDay, KeptSeats, Release
from dawr.contracts.topics import CATALOG_CAPACITY, CATALOG_OFFICES, CATALOG_SERVICES, Kind, Topic
from dawr.contracts.values import Window
from dawr.servicekit.service import Role, Service
from dawr.servicekit.settings import PlatformSettings
from dawr.servicekit.testing import Stage, until

REVISIONS = 25
STATE = (CATALOG_SERVICES, CATALOG_OFFICES, CATALOG_CAPACITY)
FIRST = datetime.now(UTC).date().replace(day=1) + timedelta(days=62)
"""A day of the month after the next: nothing of it is over while the test runs."""
QUICK = {"cleanup.policy": "compact", "min.cleanable.dirty.ratio": "0.001", "segment.ms": "100"}
QUICK |= {"delete.retention.ms": "0", "min.compaction.lag.ms": "0"}

COPIES: dict[str, tuple[str, ...]] = {
    "booking": (
        "SELECT kind, code, revision, state FROM catalogue_items ORDER BY 1, 2",
        "SELECT key, revision, closed FROM capacity_months ORDER BY 1",
        # A day that was taken away and that nobody has a turn on is the same as one that never was.
        "SELECT pool, office, service, tier, date, capacity, in_use, planned, opens_at, closes_at, windows, "
        "hold_seconds, releases, kept, kept_free FROM quota_days WHERE capacity > 0 ORDER BY 1",
    ),
    "consular": (
        "SELECT code, revision, body FROM catalog_services ORDER BY 1",
        "SELECT code, revision, body FROM catalog_offices ORDER BY 1",
    ),
}
"""What a service decides from, by service."""


async def copy_of(service: Service) -> tuple[str, int]:
    """A digest of a service's copy, and how many rows it has."""
    digest, count = hashlib.sha256(), 0
    async with service.database.reading() as connection:
        for query in COPIES[service.name]:
            for row in await connection.execute(sql(query)):
                digest.update(repr(tuple(row)).encode())
                count += 1
    return digest.hexdigest(), count


def month(office: str, revision: int, dice: Random) -> CapacityPublished:
    """A month of capacity as nobody decided it: days, windows, releases, kept seats and closures by chance."""
    days: list[CapacityDay] = []
    closed: list[ClosedDay] = []
    for on in (FIRST + timedelta(days=number) for number in range(5)):
        seats = dice.randint(0, 9)
        opens = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(hours=dice.randint(0, 9))
        if dice.random() < 0.3:
            closed.append(ClosedDay(date=on, kind="closure", reason=Text(ar="عاصفة", en=f"storm {revision}")))
        elif dice.random() < 0.5:
            windows = (Window(start="09:00", end="10:00", capacity=seats),)
            days.append(CapacityDay(date=on, capacity=seats, opens_at=opens, windows=windows))
        else:
            later = Release(at=opens + timedelta(hours=4), seats=seats - seats // 2)
            releases = (Release(at=opens, seats=seats // 2), later)
            kept = (KeptSeats(share="urgent", seats=seats // 3),) if seats >= 3 else ()
            days.append(CapacityDay(date=on, capacity=seats, opens_at=opens, releases=releases, kept=kept))
    return CapacityPublished(
        office=office,
        service="PASS_REN",
        tier="N",
        month=FIRST.strftime("%Y-%m"),
        revision=revision,
        zone="Asia/Damascus",
        days=tuple(days),
        closed=tuple(closed),
    )


def described(revision: int, dice: Random) -> list[CapacityPublished | Message]:
    """Everything at a revision."""
    offices = [f"OFF-{number:02}" for number in range(12)]
    fee = Money(minor=dice.randint(0, 10**7), currency="SYP")
    return [
        *(service_described(code, fee, revision=revision) for code in ("PASS_REN", "ID_NEW", "GONE")),
        *(office_described(code, revision=revision) for code in [*offices, "GONE-01"]),
        *(month(code, revision, dice) for code in [*offices, "GONE-01"]),
    ]


def history(dice: Random) -> list[Message]:
    """Months of it: each revision comes after the one before, and now and then an old one comes once more."""
    told = [described(revision, dice) for revision in range(1, REVISIONS + 1)]
    sent: list[Message] = []
    for number, messages in enumerate(told):
        sent += messages
        if number > 2 and number < REVISIONS - 1:
            sent.append(dice.choice(told[dice.randrange(number - 1)]))
    return sent


async def take_away(stage: Stage, *keys: tuple[Topic, str]) -> None:
    """Have things taken away."""
    async with stage.raw_producer() as producer:
        for topic, key in keys:
            await producer.send_and_wait(stage.platform.topic_prefix + topic.name, key=key.encode(), value=None)


async def compact_soon(platform: PlatformSettings) -> None:
    """Have the broker compact these topics as soon as it looks for work, not within hours."""
    admin = AIOKafkaAdminClient(bootstrap_servers=platform.kafka)
    await admin.start()
    try:
        topics = [ConfigResource(ConfigResourceType.TOPIC, platform.topic_prefix + each.name, QUICK) for each in STATE]
        answers = await admin.alter_configs(topics)
        assert all(code == 0 for answer in answers for code, *_ in answer.resources), answers
    finally:
        await admin.close()


async def compacted(stage: Stage, again: Callable[[], Awaitable[None]]) -> int:
    """Wait until the broker has forgotten what is out of date, and that anything was taken away; what is left.

    What is told last is never compacted, so something has to be told `again` for the rest.
    """

    async def only_the_newest_is_left() -> int | None:
        await again()
        records = [record for topic in STATE for record in await stage.records(topic)]
        held = [each.message for topic in STATE for each in await stage.messages(topic)]
        is_newest = all(getattr(each, "revision") == REVISIONS + 1 for each in held)  # noqa: B009
        return len(records) if is_newest and all(record.value is not None for record in records) else None

    return await until(only_the_newest_is_left, timeout=60, every=0.3, what="compaction")


async def is_whole(service: Service) -> bool:
    return all((await service.checks()).values())


@pytest.mark.timeout(180)
async def test_a_copy_from_compacted_topics_is_the_copy_of_who_saw_every_revision(empty_stage: Stage) -> None:
    dice = Random(11)  # noqa: S311 - chance for tests
    told = history(dice)
    last = described(REVISIONS + 1, dice)
    gone: Sequence[tuple[Topic, str]] = (
        (CATALOG_SERVICES, "GONE"),
        (CATALOG_OFFICES, "GONE-01"),
        (CATALOG_CAPACITY, month("GONE-01", 1, dice).key()),
    )
    stay = [each for each in last if each.key() not in {key for _, key in gone}]
    assert all(topic.kind is Kind.STATE for topic in STATE)

    await compact_soon(empty_stage.platform)
    copies: dict[str, tuple[str, int]] = {}
    urls = {name: await empty_stage.database(name) for name in COPIES}
    async with (
        booking_on(empty_stage, urls["booking"], role=Role.CONSUME, without={"catalogue"}) as booking,
        consulate_on(empty_stage, url=urls["consular"], role=Role.CONSUME) as consulate,
    ):
        await empty_stage.send(*told, *last)
        await take_away(empty_stage, *gone)
        ids = await empty_stage.send(*stay)
        await booking.has_applied(*ids)
        for each in (booking.service, consulate.service):
            await until(lambda each=each: _has_none_of_the_gone(each), what="tombstones")  # type: ignore[misc]
            copies[each.name] = await copy_of(each)

    async def again() -> None:
        await empty_stage.send(*stay)

    assert await compacted(empty_stage, again) < (len(told) + len(last)) // 2

    async with (
        booking_on(empty_stage, await empty_stage.database("booking"), role=Role.CONSUME) as booking,
        consulate_on(empty_stage, role=Role.CONSUME) as consulate,
    ):
        for each in (booking.service, consulate.service):
            await until(lambda each=each: is_whole(each), what="a whole copy")  # type: ignore[misc]
            assert await copy_of(each) == copies[each.name], each.name
            assert copies[each.name][1] > 0
        # What is out of date changes nothing, however late it comes.
        ids = await empty_stage.send(*described(3, dice)[:2], *described(4, dice)[3:9], *described(5, dice)[16:-1])
        await booking.has_applied(*ids)
        assert await copy_of(booking.service) == copies["booking"]


async def _has_none_of_the_gone(service: Service) -> bool:
    query = {
        "booking": "SELECT count(*) FROM catalogue_items WHERE code LIKE 'GONE%'",
        "consular": "SELECT (SELECT count(*) FROM catalog_services WHERE code = 'GONE')"
        " + (SELECT count(*) FROM catalog_offices WHERE code = 'GONE-01')",
    }[service.name]
    newest = {
        "booking": "SELECT min(revision) FROM catalogue_items",
        "consular": "SELECT min(revision) FROM catalog_services",
    }[service.name]
    async with service.database.reading() as connection:
        gone = (await connection.execute(sql(query))).scalar_one()
        revision = (await connection.execute(sql(newest))).scalar()
    return bool(gone == 0 and revision == REVISIONS + 1)
