"""Agencies, services and fees. Fees are only ever added: the database refuses to change one."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from pydantic import TypeAdapter
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from dawr.catalog.domain.services import Agency, FeeDecision, Origin, Service, Visit
from dawr.catalog.store.stored import Stored
from dawr.contracts import Channel, Money, Text
from dawr.contracts.catalog import Document, Fee, Tier

_TIERS = TypeAdapter(tuple[Tier, ...])
_DOCUMENTS = TypeAdapter(tuple[Document, ...])

_SERVICE = """code, agency, family, name_ar, name_en, description_ar, description_en, visit, channels,
CAST(tiers AS text) AS tiers, CAST(documents AS text) AS documents, duration_minutes, retired, revision, seeded"""

_WRITE_SERVICE = text("""
INSERT INTO services (code, agency, family, name_ar, name_en, description_ar, description_en, visit, channels,
                      tiers, documents, duration_minutes, retired, revision, changed_at, seeded)
VALUES (:code, :agency, :family, :name_ar, :name_en, :description_ar, :description_en, :visit, :channels,
        CAST(:tiers AS jsonb), CAST(:documents AS jsonb), :duration_minutes, :retired, :revision, :now, :seeded)
ON CONFLICT (code) DO UPDATE SET agency = excluded.agency, family = excluded.family, name_ar = excluded.name_ar,
    name_en = excluded.name_en, description_ar = excluded.description_ar, description_en = excluded.description_en,
    visit = excluded.visit, channels = excluded.channels, tiers = excluded.tiers, documents = excluded.documents,
    duration_minutes = excluded.duration_minutes, retired = excluded.retired, revision = excluded.revision,
    changed_at = excluded.changed_at, seeded = excluded.seeded
""")


async def agencies(connection: AsyncConnection) -> dict[str, Stored[Agency]]:
    """All agencies by code, in order. Their revision is always 1: nobody else keeps a copy of them."""
    rows = await connection.execute(text("SELECT code, name_ar, name_en, seeded FROM agencies ORDER BY code"))
    return {row.code: Stored(Agency(row.code, Text(ar=row.name_ar, en=row.name_en)), 1, row.seeded) for row in rows}


async def write_agency(connection: AsyncConnection, agency: Agency, seeded: str) -> None:
    """Add or replace an agency."""
    await connection.execute(
        text("""
            INSERT INTO agencies (code, name_ar, name_en, seeded) VALUES (:code, :ar, :en, :seeded)
            ON CONFLICT (code) DO UPDATE SET name_ar = excluded.name_ar, name_en = excluded.name_en,
                seeded = excluded.seeded
        """),
        {"code": agency.code, "ar": agency.name.ar, "en": agency.name.en, "seeded": seeded},
    )


async def services(
    connection: AsyncConnection, codes: Iterable[str] | None = None, *, lock: bool = False
) -> dict[str, Stored[Service]]:
    """Services by code, in order: all, or those with the codes; locked in that order if they are to be changed."""
    rows = await connection.execute(
        text(f"""
            SELECT {_SERVICE} FROM services
            WHERE CAST(:codes AS text[]) IS NULL OR code = ANY(CAST(:codes AS text[])) ORDER BY code
            {"FOR NO KEY UPDATE" if lock else ""}
        """),
        {"codes": None if codes is None else sorted(codes)},
    )
    return {row.code: _service(row) for row in rows}


async def find_services(
    connection: AsyncConnection, *, q: str | None, agency: str | None, channel: str | None, after: str, limit: int
) -> list[Service]:
    """Services in use whose name, description or code has `q` in it, of an agency, through a channel; by code."""
    rows = await connection.execute(
        text(f"""
            SELECT {_SERVICE} FROM services
            WHERE NOT retired AND code > :after
              AND (CAST(:agency AS text) IS NULL OR agency = :agency)
              AND (CAST(:channel AS text) IS NULL OR :channel = ANY(channels))
              AND (CAST(:q AS text) IS NULL
                   OR strpos(lower(concat_ws(' ', code, name_ar, name_en, description_ar, description_en)), lower(:q))
                      > 0)
            ORDER BY code LIMIT :limit
        """),
        {"q": q, "agency": agency, "channel": channel, "after": after, "limit": limit},
    )
    return [_service(row).thing for row in rows]


async def write_service(
    connection: AsyncConnection, service: Service, *, revision: int, seeded: str, now: datetime
) -> None:
    """Add or replace a service with its new revision."""
    await connection.execute(
        _WRITE_SERVICE,
        {
            "code": service.code,
            "agency": service.agency,
            "family": service.family,
            "name_ar": service.name.ar,
            "name_en": service.name.en,
            "description_ar": service.description.ar,
            "description_en": service.description.en,
            "visit": service.visit.value,
            "channels": [channel.value for channel in service.channels],
            "tiers": _TIERS.dump_json(service.tiers).decode(),
            "documents": _DOCUMENTS.dump_json(service.documents).decode(),
            "duration_minutes": service.duration_minutes,
            "retired": service.retired,
            "revision": revision,
            "seeded": seeded,
            "now": now,
        },
    )


async def fee_decisions(connection: AsyncConnection, codes: Iterable[str]) -> dict[str, list[FeeDecision]]:
    """Every fee that was ever decided for some services, by service, in the order of the decisions."""
    rows = await connection.execute(
        text("""
            SELECT service, tier, channel, minor, currency, effective_from, is_example, origin FROM fees
            WHERE service = ANY(CAST(:codes AS text[])) ORDER BY service, number
        """),
        {"codes": sorted(codes)},
    )
    decisions: dict[str, list[FeeDecision]] = defaultdict(list)
    for row in rows:
        fee = Fee(
            tier=row.tier,
            channel=Channel(row.channel),
            amount=Money(minor=row.minor, currency=row.currency),
            effective_from=row.effective_from,
            is_example=row.is_example,
        )
        decisions[row.service].append(FeeDecision(row.service, fee, Origin(row.origin)))
    return decisions


async def add_fees(connection: AsyncConnection, decisions: Sequence[FeeDecision], now: datetime) -> None:
    """Keep decisions about fees, in their order."""
    if not decisions:
        return
    await connection.execute(
        text("""
            INSERT INTO fees
                (service, tier, channel, minor, currency, effective_from, is_example, origin, decided_at)
            VALUES (:service, :tier, :channel, :minor, :currency, :effective_from, :is_example, :origin, :now)
        """),
        [
            {
                "service": each.service,
                "tier": each.fee.tier,
                "channel": each.fee.channel.value,
                "minor": each.fee.amount.minor,
                "currency": each.fee.amount.currency,
                "effective_from": each.fee.effective_from,
                "is_example": each.fee.is_example,
                "origin": each.origin.value,
                "now": now,
            }
            for each in decisions
        ],
    )


def _service(row: Any) -> Stored[Service]:
    service = Service(
        code=row.code,
        agency=row.agency,
        family=row.family,
        name=Text(ar=row.name_ar, en=row.name_en),
        description=Text(ar=row.description_ar, en=row.description_en),
        visit=Visit(row.visit),
        channels=tuple(Channel(each) for each in row.channels),
        tiers=_TIERS.validate_json(row.tiers),
        documents=_DOCUMENTS.validate_json(row.documents),
        duration_minutes=row.duration_minutes,
        retired=row.retired,
    )
    return Stored(service, row.revision, row.seeded)
