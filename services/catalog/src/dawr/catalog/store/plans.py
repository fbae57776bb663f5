"""Plans of capacity. A plan's steps are written into its row; `changes` keeps each of them for good."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

from pydantic import TypeAdapter
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from dawr.catalog.domain.calendars import Weekday
from dawr.catalog.domain.plans import Act, CapacityPlan, PlanState
from dawr.catalog.domain.services import Origin
from dawr.catalog.domain.weeks import Offer, WeekdayPlan, WeekPlan
from dawr.catalog.errors import ChangedMeanwhile

_WEEK: TypeAdapter[dict[Weekday, WeekdayPlan]] = TypeAdapter(dict[Weekday, WeekdayPlan])

_STEPS = ("proposed", "approved", "published", "ended")

_TYPES = {
    "id": "uuid",
    "office": "text",
    "service": "text",
    "tier": "text",
    "valid_from": "date",
    "state": "text",
    "revision": "int",
    "week": "text",
    "origin": "text",
    "based_on": "uuid",
    **{
        f"{step}_{part}": kind
        for step in _STEPS
        for part, kind in (("by", "uuid"), ("at", "timestamptz"), ("reason", "text"))
    },
    "superseded_at": "timestamptz",
}
"""Every column, and its type where it is sent; the week is jsonb in the table."""

_COLUMNS = ", ".join(_TYPES)
_READ = _COLUMNS.replace("week,", "CAST(week AS text) AS week,")
_SENT = ", ".join(f"CAST(:{name} AS {kind}[])" for name, kind in _TYPES.items())
_CHANGED = [name for name in _TYPES if name not in {"id", "office", "service", "tier", "origin"}]

_SAVE = text(f"""
INSERT INTO plans ({_COLUMNS})
SELECT {_COLUMNS.replace("week,", "CAST(week AS jsonb),")} FROM unnest({_SENT}) AS n({_COLUMNS})
ON CONFLICT (id) DO UPDATE SET {", ".join(f"{name} = excluded.{name}" for name in _CHANGED)}
WHERE plans.revision = excluded.revision - 1
""")


async def plans_of(
    connection: AsyncConnection,
    *,
    offers: Iterable[Offer] | None = None,
    offices: Iterable[str] | None = None,
    services: Iterable[str] | None = None,
    states: Iterable[PlanState] | None = None,
) -> dict[Offer, list[CapacityPlan]]:
    """Plans by offer, by the date from which they are in force: all, or those of some offers, offices, services,
    or in some states. Whoever is to change them holds `stored.hold_loading` before."""
    keys = None if offers is None else [f"{each.office}/{each.service}/{each.tier}" for each in offers]
    rows = await connection.execute(
        text(f"""
            SELECT {_READ} FROM plans
            WHERE (CAST(:offers AS text[]) IS NULL
                   OR office || '/' || service || '/' || tier = ANY(CAST(:offers AS text[])))
              AND (CAST(:offices AS text[]) IS NULL OR office = ANY(CAST(:offices AS text[])))
              AND (CAST(:services AS text[]) IS NULL OR service = ANY(CAST(:services AS text[])))
              AND (CAST(:states AS text[]) IS NULL OR state = ANY(CAST(:states AS text[])))
            ORDER BY office, service, tier, valid_from, proposed_at NULLS FIRST, id
        """),
        {
            "offers": keys,
            "offices": sorted({each.office for each in offers}) if offers is not None else _listed(offices),
            "services": _listed(services),
            "states": _listed(states),
        },
    )
    found: dict[Offer, list[CapacityPlan]] = defaultdict(list)
    for plan in map(_plan, rows):
        found[plan.offer].append(plan)
    return found


async def plan(connection: AsyncConnection, plan_id: UUID) -> CapacityPlan | None:
    """One plan; none if no plan has the id."""
    row = (await connection.execute(text(f"SELECT {_READ} FROM plans WHERE id = :id"), {"id": plan_id})).one_or_none()
    return None if row is None else _plan(row)


async def newest_plans(
    connection: AsyncConnection,
    *,
    office: str | None,
    service: str | None,
    state: PlanState | None,
    before: UUID | None,
    limit: int,
) -> list[CapacityPlan]:
    """Plans, those that were made last first: of an office, a service, in a state, and made before one of them."""
    rows = await connection.execute(
        text(f"""
            SELECT {_READ} FROM plans
            WHERE (CAST(:office AS text) IS NULL OR office = :office)
              AND (CAST(:service AS text) IS NULL OR service = :service)
              AND (CAST(:state AS text) IS NULL OR state = :state)
              AND (CAST(:before AS uuid) IS NULL OR id < :before)
            ORDER BY id DESC LIMIT :limit
        """),
        {
            "office": office,
            "service": service,
            "state": None if state is None else state.value,
            "before": before,
            "limit": limit,
        },
    )
    return [_plan(row) for row in rows]


async def is_offered(connection: AsyncConnection, offer: Offer) -> bool:
    """Whether an office gives a tier of a service: a plan for it is published."""
    found = await connection.execute(
        text("""
            SELECT 1 FROM plans WHERE office = :office AND service = :service AND tier = :tier AND state = 'PUBLISHED'
            LIMIT 1
        """),
        {"office": offer.office, "service": offer.service, "tier": offer.tier},
    )
    return found.scalar() is not None


async def save_plans(connection: AsyncConnection, changed: Sequence[CapacityPlan]) -> None:
    """Add new plans, or replace them by their next revision; first those that give way, so that none is in its place.

    Raises ChangedMeanwhile if one of them has another revision than the one before.
    """
    gone = [each for each in changed if each.state is not PlanState.PUBLISHED]
    for batch in (gone, [each for each in changed if each.state is PlanState.PUBLISHED]):
        if not batch:
            continue
        values = [_values(each) for each in batch]
        saved = await connection.execute(_SAVE, {name: [each[name] for each in values] for name in _TYPES})
        if saved.rowcount != len(batch):
            raise ChangedMeanwhile


def plan_document(plan: CapacityPlan) -> dict[str, Any]:
    """What a plan decides, as the plain values of JSON."""
    return {
        "office": plan.offer.office,
        "service": plan.offer.service,
        "tier": plan.offer.tier,
        "valid_from": plan.valid_from.isoformat(),
        "state": plan.state.value,
        "week": {each.name: day for each, day in _days(plan)},
    }


def _days(plan: CapacityPlan) -> Iterable[tuple[Weekday, Any]]:
    dumped = _WEEK.dump_python(dict(plan.week.days), mode="json")
    return [(Weekday(int(number)), day) for number, day in dumped.items()]


def _values(plan: CapacityPlan) -> dict[str, Any]:
    values: dict[str, Any] = {
        "id": plan.id,
        "office": plan.offer.office,
        "service": plan.offer.service,
        "tier": plan.offer.tier,
        "valid_from": plan.valid_from,
        "state": plan.state.value,
        "revision": plan.revision,
        "week": _WEEK.dump_json(dict(plan.week.days)).decode(),
        "origin": plan.origin.value,
        "based_on": plan.based_on,
        "superseded_at": plan.superseded_at,
    }
    for step in _STEPS:
        act: Act | None = getattr(plan, step)
        for part in ("by", "at", "reason"):
            values[f"{step}_{part}"] = None if act is None else getattr(act, part)
    return values


def _plan(row: Any) -> CapacityPlan:
    return CapacityPlan(
        id=row.id,
        week=WeekPlan(Offer(row.office, row.service, row.tier), _WEEK.validate_json(row.week), row.valid_from),
        state=PlanState(row.state),
        revision=row.revision,
        origin=Origin(row.origin),
        based_on=row.based_on,
        superseded_at=row.superseded_at,
        **{step: _act(row, step) for step in _STEPS},
    )


def _act(row: Any, step: str) -> Act | None:
    at = getattr(row, f"{step}_at")
    return None if at is None else Act(getattr(row, f"{step}_by"), at, getattr(row, f"{step}_reason"))


def _listed(values: Iterable[str] | None) -> list[str] | None:
    return None if values is None else sorted({str(value) for value in values})
