"""A person closes days, or opens them again: published at once, whoever has a turn there."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from dawr.catalog.domain.calendars import Closure, ClosureScope, decide_closure, withdraw_closure
from dawr.catalog.domain.offices import Office, Region, earliest_date
from dawr.catalog.errors import ChangedMeanwhile, UnknownClosure, UnknownOffice, UnknownRegion
from dawr.catalog.service.closing import keep_closures
from dawr.catalog.service.describe import Author
from dawr.catalog.service.publish import publish_ahead
from dawr.catalog.service.use import turns_touched
from dawr.catalog.store import stored
from dawr.catalog.store.closures import closure as find_closure
from dawr.catalog.store.things import things
from dawr.contracts import Text
from dawr.servicekit.clock import new_id
from dawr.servicekit.database import Transaction


@dataclass(frozen=True, slots=True)
class Horizon:
    """How far capacity is published: so many days from today on, and months until so many days after their end."""

    days: int
    keep_days: int


@dataclass(frozen=True, slots=True)
class Closed:
    """A closure as it is kept now."""

    closure: Closure
    touches: int
    """How many turns are on its days, by the facts seen so far. None of them is deleted: booking asks their offices."""


async def close_days(
    tx: Transaction,
    scope: ClosureScope,
    code: str | None,
    days: tuple[date, date],
    reason: Text,
    *,
    by: UUID,
    horizon: Horizon,
) -> Closed:
    """Close days for everything, a region or an office, the first and the last included. Turns are no hindrance.

    Raises UnknownOffice, UnknownRegion, and what `domain.calendars.decide_closure` refuses.
    """
    await stored.hold_loading(tx.connection)
    concerned = await offices_within(tx.connection, scope, code)
    today = earliest_date(concerned.values(), tx.now)
    closure = decide_closure(new_id(), scope, code, days, reason, by=by, today=today, now=tx.now)
    await keep_closures(tx, [closure], Author(reason.en, by))
    await _publish(tx, concerned, horizon)
    return Closed(closure, await turns_touched(tx, closure))


async def open_again(
    tx: Transaction, closure_id: UUID, *, seen: Collection[int] | None, by: UUID, reason: str, horizon: Horizon
) -> Closed:
    """Withdraw a closure: what plans and staff decided for its days from today on counts again.

    `seen` are the revisions that the caller may have read, or none. Raises UnknownClosure, ChangedMeanwhile, and what
    `domain.calendars.withdraw_closure` refuses.
    """
    await stored.hold_loading(tx.connection)
    before = await find_closure(tx.connection, closure_id, lock=True)
    if before is None:
        raise UnknownClosure(closure=closure_id)
    if seen is not None and before.revision not in seen:
        raise ChangedMeanwhile(revision=before.revision)
    concerned = await offices_within(tx.connection, before.scope, before.code)
    today = earliest_date(concerned.values(), tx.now)
    withdrawn = withdraw_closure(before, by=by, reason=reason, today=today, now=tx.now)
    await keep_closures(tx, [withdrawn], Author(reason, by))
    await _publish(tx, concerned, horizon)
    return Closed(withdrawn, await turns_touched(tx, withdrawn))


async def offices_within(connection: AsyncConnection, scope: ClosureScope, code: str | None) -> dict[str, Office]:
    """The offices that a closure with such a scope closes; raises UnknownOffice, UnknownRegion."""
    offices = {found: each.thing for found, each in (await things(connection, Office)).items()}
    if scope is ClosureScope.EVERYTHING:
        return offices
    if scope is ClosureScope.REGION:
        if code not in await things(connection, Region):
            raise UnknownRegion(region=code)
        return {found: each for found, each in offices.items() if each.region == code}
    if code not in offices:
        raise UnknownOffice(office=code)
    return {found: each for found, each in offices.items() if found == code}


async def _publish(tx: Transaction, concerned: Collection[str], horizon: Horizon) -> None:
    await publish_ahead(tx, days=horizon.days, keep_days=horizon.keep_days, offices=concerned)
