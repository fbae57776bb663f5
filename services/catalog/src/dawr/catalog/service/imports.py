"""A person imports a catalogue, or exports the one there is."""

from collections.abc import Iterable
from uuid import UUID

from dawr.catalog.domain.calendars import Calendar
from dawr.catalog.domain.offices import Office, Region
from dawr.catalog.domain.plans import PlanState, standing
from dawr.catalog.domain.services import Agency, Extra, FeeDecision, Origin, Service, standing_fees
from dawr.catalog.folder.catalogue import Catalogue, SaidClosure
from dawr.catalog.service.close_days import Horizon
from dawr.catalog.service.describe import Author
from dawr.catalog.service.load import Loaded, load_catalogue
from dawr.catalog.service.publish import publish_ahead
from dawr.catalog.store import stored
from dawr.catalog.store.closures import closures
from dawr.catalog.store.fees import fee_decisions
from dawr.catalog.store.plans import plans_of
from dawr.catalog.store.things import T, things
from dawr.contracts.catalog import Tier
from dawr.servicekit.database import Transaction


async def import_catalogue(tx: Transaction, catalogue: Catalogue, *, by: UUID, reason: str, horizon: Horizon) -> Loaded:
    """Bring the catalogue to what files say, in a person's name, and publish what follows at once; what that was.

    What the files have otherwise is changed, also what staff changed since; what they don't have stays. Fees are
    appended. Plans are only proposed: a second person approves them. Raises CatalogueInvalid with each place that
    decides what is over or too far ahead, and BelowUse if a day would have fewer seats than have turns.
    """
    loaded = await load_catalogue(tx, catalogue, Author(reason, by))
    if loaded:
        await publish_ahead(tx, days=horizon.days, keep_days=horizon.keep_days, keeps_use=True)
    return loaded


async def present_catalogue(tx: Transaction) -> Catalogue:
    """The whole catalogue as files have it: fees of the tiers and channels that there are, published plans that are not
    over, closures that were not withdrawn. To import it changes nothing."""
    await stored.hold_snapshot(tx.connection)
    services = await _all(tx, Service)
    decided = await fee_decisions(tx.connection, [each.code for each in services])
    ways = {(each.code, tier, channel) for each in services for tier in each.tiers for channel in each.channels}
    offices = await _all(tx, Office)
    today = {each.code: each.today(tx.now) for each in offices}
    plans = await plans_of(tx.connection, states=[PlanState.PUBLISHED])
    return Catalogue(
        agencies=await _all(tx, Agency),
        regions=await _all(tx, Region),
        tiers=await _all(tx, Tier),
        extras=await _all(tx, Extra),
        calendars=await _all(tx, Calendar),
        offices=offices,
        services=services,
        fees=tuple(
            FeeDecision(code, fee, Origin.SEED)
            for code in sorted(decided)
            for fee in standing_fees(decided[code])
            if (code, fee.tier, fee.channel) in ways
        ),
        plans=tuple(plan.week for offer in sorted(plans) for plan in standing(plans[offer], today[offer.office])),
        closures=_different(
            SaidClosure(each.scope, each.code, each.first_day, each.last_day, each.reason)
            for each in await closures(tx.connection)
        ),
    )


def _different(closed: Iterable[SaidClosure]) -> tuple[SaidClosure, ...]:
    """One closure of those with the same place and days: files tell them apart by nothing else."""
    return tuple({each.place: each for each in closed}.values())


async def _all(tx: Transaction, kind: type[T]) -> tuple[T, ...]:
    return tuple(each.thing for each in (await things(tx.connection, kind)).values())
