"""What the catalogue holds, changed by staff: agencies, regions, tiers, extras, calendars, services, offices."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Generic, TypeVar

from fastapi import APIRouter, Path, Request, Response
from pydantic import Field

from dawr.catalog.api.callers import Keeper, reader
from dawr.catalog.api.conditional import IfMatch
from dawr.catalog.api.edits import EDIT_REFUSALS, Why, made, read_before, shown, told_in_language
from dawr.catalog.api.forms import Form, Reason
from dawr.catalog.api.shown import Shown
from dawr.catalog.api.thing_forms import (
    AgencyForm,
    CalendarForm,
    ExtraForm,
    FeeForm,
    OfficeForm,
    RegionForm,
    ServiceForm,
    ThingForm,
    TierForm,
)
from dawr.catalog.api.thing_states import form_of
from dawr.catalog.domain.calendars import Calendar
from dawr.catalog.domain.offices import Office, Region
from dawr.catalog.domain.services import Agency, Extra, Service
from dawr.catalog.errors import (
    BelowUse,
    CodeTaken,
    CurrencyNotSupported,
    DateOver,
    DateTooFar,
    FixedWhileOffered,
    NotOffered,
    NotRetired,
    RetiredAlready,
    RulesBroken,
    UnknownCode,
    UnknownOffice,
    UnknownService,
    WrongCurrency,
)
from dawr.catalog.service.administer import change_thing, create_thing, retire, unknown
from dawr.catalog.service.close_days import Horizon
from dawr.catalog.service.describe import Author
from dawr.catalog.store.stored import Stored
from dawr.catalog.store.things import thing
from dawr.contracts.catalog import Fee, Tier
from dawr.contracts.values import Code, TierCode
from dawr.servicekit.auth import NotAllowed
from dawr.servicekit.database import Database, Transaction
from dawr.servicekit.errors import Refusal
from dawr.servicekit.idempotency import KEY_REFUSALS, Answer, IdempotencyKey, answer_once
from dawr.servicekit.openapi import refusals

F = TypeVar("F", bound=ThingForm)


class Change(Form, Generic[F]):
    """A thing as it is to be, and why."""

    state: F
    reason: Reason

    def given_fees(self) -> Sequence[FeeForm]:
        """The fees that come with it."""
        return ()


class ServiceChange(Change[ServiceForm]):
    """A service as it is to be, and why."""

    fees: Annotated[tuple[FeeForm, ...], Field(max_length=100)] = ()
    """Each tier has one for each channel: those that a service does not have yet come with the change; free is 0."""

    def given_fees(self) -> Sequence[FeeForm]:
        return self.fees


class Kept(Shown, Generic[F]):
    """A thing as it is kept, in the form that changes it; `ETag` has its revision."""

    revision: int
    retired: bool
    state: F


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of thing over HTTP."""

    name: str
    path: str
    thing: type[Any]
    form: type[ThingForm]
    change: type[Any]
    code: Any
    unknown: type[Refusal] = UnknownCode
    fees: tuple[type[Refusal], ...] = ()
    """What its fees refuse."""


_FEES = (NotOffered, DateOver, CurrencyNotSupported, WrongCurrency, DateTooFar)

KINDS = (
    Kind("agency", "agencies", Agency, AgencyForm, Change[AgencyForm], Code),
    Kind("region", "regions", Region, RegionForm, Change[RegionForm], Code),
    Kind("tier", "tiers", Tier, TierForm, Change[TierForm], TierCode),
    Kind("extra", "extras", Extra, ExtraForm, Change[ExtraForm], Code),
    Kind("calendar", "calendars", Calendar, CalendarForm, Change[CalendarForm], Code),
    Kind("service", "services", Service, ServiceForm, ServiceChange, Code, UnknownService, _FEES),
    Kind("office", "offices", Office, OfficeForm, Change[OfficeForm], Code, UnknownOffice),
)


def create_things_router(database: Database, horizon: Horizon) -> APIRouter:
    """The resources that change things."""
    router = APIRouter(tags=["staff"])
    for kind in KINDS:
        _add_form(router, database, kind)
        _add_creation(router, database, kind)
        _add_change(router, database, horizon, kind)
        if kind.thing in (Service, Office):
            _add_standing(router, database, horizon, kind, retired=True)
            _add_standing(router, database, horizon, kind, retired=False)
    return router


def _add_form(router: APIRouter, database: Database, kind: Kind) -> None:
    code_type = kind.code

    @router.get(
        f"/{kind.path}/{{code}}/form",
        operation_id=f"get_{kind.name}_form",
        summary=f"A {kind.name} in the form that changes it",
        response_model=Kept[kind.form],  # type: ignore[name-defined]
        responses=refusals(NotAllowed, kind.unknown),
        dependencies=[reader],
    )
    async def get_form(code: Annotated[code_type, Path()]) -> Response:  # type: ignore[valid-type]
        async with database.reading() as connection:
            found = await thing(connection, kind.thing, code)
        if found is None:
            raise unknown(kind.thing, code)
        return shown(_kept(kind, found), found.revision)


def _add_creation(router: APIRouter, database: Database, kind: Kind) -> None:
    body_type = kind.change

    @router.post(
        f"/{kind.path}",
        status_code=201,
        operation_id=f"create_{kind.name}",
        summary=f"Add a {kind.name}",
        response_model=Kept[kind.form],  # type: ignore[name-defined]
        responses=refusals(*KEY_REFUSALS, NotAllowed, CodeTaken, RulesBroken, *kind.fees),
    )
    async def create(
        request: Request,
        body: body_type,  # type: ignore[valid-type]
        caller: Keeper,
        key: IdempotencyKey = None,
    ) -> Response:
        change: Change[ThingForm] = body
        code = change.state.code

        async def use_case(tx: Transaction) -> Answer:
            author = Author(change.reason, caller.person_id)
            made_thing = await create_thing(tx, kind.thing, code, _rows(change), author, fees=_fees(change))
            location = f"/api/catalog/{kind.path}/{code}/form"
            return made(_kept(kind, made_thing), made_thing.revision, status=201, location=location)

        asked = (f"create_{kind.name}", change.model_dump(mode="json"))
        with told_in_language(request):
            return await answer_once(database, person_id=caller.person_id, key=key, request=asked, use_case=use_case)


def _add_change(router: APIRouter, database: Database, horizon: Horizon, kind: Kind) -> None:
    body_type, code_type = kind.change, kind.code

    @router.put(
        f"/{kind.path}/{{code}}",
        operation_id=f"change_{kind.name}",
        summary=f"Change a {kind.name}",
        description="What follows from it is told with it: capacity from an office's hours or a calendar's days, and "
        "what carries its name. The same again is no new revision.",
        response_model=Kept[kind.form],  # type: ignore[name-defined]
        responses=refusals(
            *EDIT_REFUSALS, NotAllowed, kind.unknown, RulesBroken, FixedWhileOffered, BelowUse, *kind.fees
        ),
    )
    async def change(
        request: Request,
        code: Annotated[code_type, Path()],  # type: ignore[valid-type]
        body: body_type,  # type: ignore[valid-type]
        caller: Keeper,
        if_match: IfMatch = None,
    ) -> Response:
        seen = read_before(if_match)
        wanted: Change[ThingForm] = body
        if wanted.state.code != code:
            detail = "a code never changes"
            raise RulesBroken(errors=[{"pointer": "#/state/code", "code": "code-differs", "detail": detail}])
        with told_in_language(request):
            async with database.transaction() as tx:
                author = Author(wanted.reason, caller.person_id)
                kept = await change_thing(
                    tx, kind.thing, code, _rows(wanted), author, seen=seen, horizon=horizon, fees=_fees(wanted)
                )
        return shown(_kept(kind, kept), kept.revision)


def _add_standing(router: APIRouter, database: Database, horizon: Horizon, kind: Kind, *, retired: bool) -> None:
    step = "retirement" if retired else "reinstatement"
    code_type = kind.code
    name = f"{'retire' if retired else 'reinstate'}_{kind.name}"

    @router.post(
        f"/{kind.path}/{{code}}/{step}",
        operation_id=name,
        summary=f"{'Retire' if retired else 'Reinstate'} a {kind.name}",
        description="Its days to come close at once; turns stay, and their offices are asked what shall become of them."
        if retired
        else "Its days open again as its plans have them.",
        response_model=Kept[kind.form],  # type: ignore[name-defined]
        responses=refusals(
            *KEY_REFUSALS, *EDIT_REFUSALS, NotAllowed, kind.unknown, RetiredAlready if retired else NotRetired
        ),
    )
    async def stand(
        code: Annotated[code_type, Path()],  # type: ignore[valid-type]
        body: Why,
        caller: Keeper,
        key: IdempotencyKey = None,
        if_match: IfMatch = None,
    ) -> Response:
        seen = read_before(if_match)

        async def use_case(tx: Transaction) -> Answer:
            author = Author(body.reason, caller.person_id)
            kept = await retire(tx, kind.thing, code, author, retired=retired, seen=seen, horizon=horizon)
            return made(_kept(kind, kept), kept.revision)

        asked = (name, code, body.reason, sorted(seen))
        return await answer_once(database, person_id=caller.person_id, key=key, request=asked, use_case=use_case)


def _rows(change: Change[Any]) -> list[Any]:
    state: ThingForm = change.state
    fees = [each.row(state.code, f"/fees/{number}") for number, each in enumerate(change.given_fees())]
    return [*state.rows("/state"), *fees]


def _fees(change: Change[Any]) -> list[Fee]:
    return [each.fee() for each in change.given_fees()]


def _kept(kind: Kind, stored: Stored[Any]) -> Kept[Any]:
    retired = bool(getattr(stored.thing, "retired", False))
    return Kept[kind.form](  # type: ignore[name-defined]
        revision=stored.revision, retired=retired, state=form_of(stored.thing)
    )
