"""The catalogue of a whole country: its services and offices on the topics, and its quota days in booking's tables."""

from collections.abc import Iterator
from datetime import timedelta

import asyncpg

from dawr.contracts import Message, Text
from dawr.contracts.catalog import OfficeDescribed, ServiceDescribed, Tier
from dawr.tools.bench.stage import FIRST_DAY, OFFICES, Run, small_catalogue

SERVICES, TIERS, DAYS = 55, "NUI", 60
REGIONS = {f"REG-{number}": tuple(f"ALL-{number}{office}" for office in range(1, 10)) for number in range(1, 5)}
"""The offices beside those of the small catalogue, nine in each region: 60 in all."""
FIRST = FIRST_DAY - timedelta(days=6)
LAST = FIRST + timedelta(days=DAYS - 1)

# Written straight to the tables, without its thirty thousand messages. PASS_REN in tier N is published as in each run.
_QUOTA_DAYS = """
INSERT INTO quota_days (pool, service, tier, office, date, capacity, in_use, planned, opens_at, closes_at, windows)
SELECT concat_ws('/', office, service, tier, on_day), service, tier, office, on_day, 42, 12, 42,
       on_day - interval '30 days', on_day + interval '21 hours',
       '[["08:00","09:00",7,2,7],["09:00","10:00",7,2,7],["10:00","11:00",7,2,7],
         ["11:00","12:00",7,2,7],["12:00","13:00",7,2,7],["13:00","14:00",7,2,7]]'
FROM unnest($1::text[]) AS office, unnest($2::text[]) AS service, unnest($3::text[]) AS tier,
     LATERAL (SELECT $4::date + n AS on_day FROM generate_series(0, $5) AS n) AS days
WHERE service <> 'PASS_REN' OR tier <> 'N'
"""
_MONTHS = """
INSERT INTO capacity_months (key, revision)
SELECT DISTINCT concat_ws('/', office, service, tier, to_char(date, 'YYYY-MM')), 1 FROM quota_days
ON CONFLICT DO NOTHING
"""


def offices() -> list[str]:
    """The codes of all offices."""
    return [*OFFICES, *(code for codes in REGIONS.values() for code in codes)]


def services(count: int) -> list[str]:
    """The codes of so many services."""
    return ["PASS_REN", *(f"SRV_{number:02}" for number in range(1, count))]


async def publish_whole_catalogue(run: Run, *, services_count: int = SERVICES) -> None:
    """Have a run's booking know the whole catalogue: 60 offices, three tiers, 60 days of each service."""
    codes = services(services_count)
    await run.send(list(_described(codes)))
    connection = await asyncpg.connect(run.database_url)
    try:
        await connection.execute(_QUOTA_DAYS, offices(), codes, list(TIERS), FIRST, DAYS - 1, timeout=600)
        await connection.execute(_MONTHS, timeout=600)
        await connection.execute("VACUUM ANALYZE quota_days, capacity_months", timeout=600)
    finally:
        await connection.close()


def _described(codes: list[str]) -> Iterator[Message]:
    """What the small catalogue has, for all services and offices; of a later revision than there."""
    regions = {code: region for region, codes_of in REGIONS.items() for code in codes_of}
    described = list(small_catalogue())
    service = next(each for each in described if isinstance(each, ServiceDescribed))
    office = next(each for each in described if isinstance(each, OfficeDescribed))
    tiers = tuple(Tier(code=tier, name=Text(ar=tier, en=tier)) for tier in TIERS)
    for code in codes:
        yield service.model_copy(update={"code": code, "family": service.family, "tiers": tiers, "revision": 2})
    for code in offices():
        region = regions.get(code, office.region)
        yield office.model_copy(update={"code": code, "region": region, "services": tuple(codes), "revision": 2})
