"""The folder's rules for what a person sends: the rows of a form, beside those of what it refers to."""

from collections.abc import Iterable, Sequence
from typing import Any, TypeVar

from sqlalchemy.ext.asyncio import AsyncConnection

from dawr.catalog.domain.calendars import Calendar
from dawr.catalog.domain.offices import Office, Region
from dawr.catalog.domain.services import Agency, Extra, FeeDecision, Service
from dawr.catalog.errors import RulesBroken
from dawr.catalog.folder.catalogue import Catalogue, catalogue_of
from dawr.catalog.folder.given import Given, read_given
from dawr.catalog.store.things import Thing, things
from dawr.contracts.catalog import Tier

T = TypeVar("T", bound=Thing)

MOST_BROKEN_TOLD = 20


async def catalogue_of_form(
    connection: AsyncConnection,
    own: Sequence[Given],
    *,
    instead: tuple[type[Any], str] | None = None,
    offices: Iterable[Office] = (),
    fees: Iterable[FeeDecision] = (),
) -> Catalogue:
    """What the rows of a form say, with what they can refer to beside them.

    `instead` is the thing whose place the form takes; `offices` and `fees` are those that the rules need to know.
    Raises RulesBroken with each place of the form that breaks a rule, and a text of it in both languages.
    """

    async def others(kind: type[T]) -> tuple[T, ...]:
        every = await things(connection, kind)
        return tuple(each.thing for code, each in every.items() if (kind, code) != instead)

    beside = Catalogue(
        agencies=await others(Agency),
        regions=await others(Region),
        tiers=await others(Tier),
        extras=await others(Extra),
        calendars=await others(Calendar),
        services=await others(Service),
        offices=tuple(offices),
        fees=tuple(fees),
        plans=(),
        closures=(),
    )
    rows = read_given(own, beside)
    if isinstance(rows, list):
        listed = [
            {"pointer": f"#{each.pointer}", "code": each.code, "detail": each.text} for each in rows[:MOST_BROKEN_TOLD]
        ]
        raise RulesBroken(errors=listed)
    return catalogue_of(rows)
