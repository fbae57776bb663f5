"""Regions, offices and missions."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from dawr.catalog.domain.calendars import Weekday
from dawr.catalog.domain.offices import Office, OfficeKind, Region
from dawr.catalog.store.stored import Stored
from dawr.contracts import Text

_OFFICE = """code, kind, region, name_ar, name_en, address_ar, address_en, zone, currency, closed_weekdays, services,
retired, revision, seeded"""

_WRITE_OFFICE = text("""
INSERT INTO offices (code, kind, region, name_ar, name_en, address_ar, address_en, zone, currency, closed_weekdays,
                     services, retired, revision, changed_at, seeded)
VALUES (:code, :kind, :region, :name_ar, :name_en, :address_ar, :address_en, :zone, :currency, :closed_weekdays,
        :services, :retired, :revision, :now, :seeded)
ON CONFLICT (code) DO UPDATE SET kind = excluded.kind, region = excluded.region, name_ar = excluded.name_ar,
    name_en = excluded.name_en, address_ar = excluded.address_ar, address_en = excluded.address_en,
    zone = excluded.zone, currency = excluded.currency, closed_weekdays = excluded.closed_weekdays,
    services = excluded.services, retired = excluded.retired, revision = excluded.revision,
    changed_at = excluded.changed_at, seeded = excluded.seeded
""")


async def regions(connection: AsyncConnection) -> dict[str, Stored[Region]]:
    """All regions by code, in order. Their revision is always 1: nobody else keeps a copy of them."""
    rows = await connection.execute(text("SELECT code, name_ar, name_en, abroad, seeded FROM regions ORDER BY code"))
    return {
        row.code: Stored(Region(row.code, Text(ar=row.name_ar, en=row.name_en), row.abroad), 1, row.seeded)
        for row in rows
    }


async def write_region(connection: AsyncConnection, region: Region, seeded: str) -> None:
    """Add or replace a region."""
    await connection.execute(
        text("""
            INSERT INTO regions (code, name_ar, name_en, abroad, seeded)
            VALUES (:code, :ar, :en, :abroad, :seeded)
            ON CONFLICT (code) DO UPDATE SET name_ar = excluded.name_ar, name_en = excluded.name_en,
                abroad = excluded.abroad, seeded = excluded.seeded
        """),
        {
            "code": region.code,
            "ar": region.name.ar,
            "en": region.name.en,
            "abroad": region.abroad,
            "seeded": seeded,
        },
    )


async def offices(connection: AsyncConnection, codes: Iterable[str] | None = None) -> dict[str, Stored[Office]]:
    """Offices and missions by code, in order: all, or those with the codes."""
    wanted = None if codes is None else sorted(codes)
    rows = await connection.execute(
        text(f"""
            SELECT {_OFFICE} FROM offices
            WHERE CAST(:codes AS text[]) IS NULL OR code = ANY(CAST(:codes AS text[])) ORDER BY code
        """),
        {"codes": wanted},
    )
    return {row.code: _office(row) for row in rows}


async def offices_that_offer(connection: AsyncConnection, service: str) -> dict[str, Stored[Office]]:
    """Offices and missions that offer a service, by code, in order; retired ones left out."""
    rows = await connection.execute(
        text(f"SELECT {_OFFICE} FROM offices WHERE :service = ANY(services) AND NOT retired ORDER BY code"),
        {"service": service},
    )
    return {row.code: _office(row) for row in rows}


async def find_offices(
    connection: AsyncConnection, *, q: str | None, region: str | None, service: str | None, after: str, limit: int
) -> list[Office]:
    """Offices in use whose name, address or code has `q` in it, of a region, that offer a service; by code."""
    rows = await connection.execute(
        text(f"""
            SELECT {_OFFICE} FROM offices
            WHERE NOT retired AND code > :after
              AND (CAST(:region AS text) IS NULL OR region = :region)
              AND (CAST(:service AS text) IS NULL OR :service = ANY(services))
              AND (CAST(:q AS text) IS NULL
                   OR strpos(lower(concat_ws(' ', code, name_ar, name_en, address_ar, address_en)), lower(:q)) > 0)
            ORDER BY code LIMIT :limit
        """),
        {"q": q, "region": region, "service": service, "after": after, "limit": limit},
    )
    return [_office(row).thing for row in rows]


async def write_office(
    connection: AsyncConnection, office: Office, *, revision: int, seeded: str, now: datetime
) -> None:
    """Add or replace an office with its new revision."""
    await connection.execute(
        _WRITE_OFFICE,
        {
            "code": office.code,
            "kind": office.kind.value,
            "region": office.region,
            "name_ar": office.name.ar,
            "name_en": office.name.en,
            "address_ar": office.address.ar,
            "address_en": office.address.en,
            "zone": office.zone,
            "currency": office.currency,
            "closed_weekdays": sorted(int(each) for each in office.closed_weekdays),
            "services": list(office.services),
            "retired": office.retired,
            "revision": revision,
            "seeded": seeded,
            "now": now,
        },
    )


def _office(row: Any) -> Stored[Office]:
    office = Office(
        code=row.code,
        kind=OfficeKind(row.kind),
        region=row.region,
        name=Text(ar=row.name_ar, en=row.name_en),
        address=Text(ar=row.address_ar, en=row.address_en),
        zone=row.zone,
        currency=row.currency,
        closed_weekdays=frozenset(Weekday(each) for each in row.closed_weekdays),
        services=tuple(row.services),
        retired=row.retired,
    )
    return Stored(office, row.revision, row.seeded)
