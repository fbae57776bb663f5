"""Exchange rates: anyone signed in reads them, finance sets them."""

from datetime import date
from decimal import Decimal
from typing import Annotated

import orjson
from fastapi import APIRouter, Header, Path, Query, Request
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, TypeAdapter
from starlette.responses import Response

from dawr.consular.api.callers import Anyone, Finance
from dawr.consular.api.pages import page
from dawr.consular.api.views import RateList, ShownDayRate, shown_rate
from dawr.consular.domain.rate import Rate, fx_rate
from dawr.consular.errors import CurrencyNotSupported, RateChanged, RateUsed, SameCurrency
from dawr.consular.service.rates import set_rate
from dawr.consular.store import rates
from dawr.contracts.values import Currency
from dawr.servicekit.auth import NotAllowed
from dawr.servicekit.database import Database
from dawr.servicekit.idempotency import fingerprint
from dawr.servicekit.openapi import refusals
from dawr.servicekit.pages import Cursor, Limit, place_of

_CURRENCY: TypeAdapter[str] = TypeAdapter(Currency)


def _above_zero(rate: str) -> str:
    if not Decimal(rate):
        raise ValueError("a rate is above zero")
    return rate


class SetRate(BaseModel):
    """How many units of the quoted currency one unit of the base currency is: a text, so that nobody rounds it."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"rate": "0.9200"}]})

    rate: Annotated[str, Field(pattern=r"^[0-9]{1,10}(\.[0-9]{1,8})?$"), AfterValidator(_above_zero)]


class RateResource:
    """`/fx-rates`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def router(self) -> APIRouter:
        """The routes."""
        router = APIRouter(tags=["fx-rates"])
        router.get(
            "/fx-rates",
            operation_id="list_fx_rates",
            summary="Exchange rates, those of the latest days first",
            response_model=RateList,
        )(self.list_all)
        router.put(
            "/fx-rates/{base}/{quote}/{day}",
            operation_id="set_fx_rate",
            summary="Set the exchange rate of a day; one that was used stays",
            response_model=ShownDayRate,
            responses={
                201: {"model": ShownDayRate, "description": "The day had none before."},
                **refusals(NotAllowed, SameCurrency, CurrencyNotSupported, RateUsed, RateChanged),
            },
        )(self.put)
        return router

    async def list_all(
        self,
        request: Request,
        _caller: Anyone,
        base: Annotated[Currency | None, Query()] = None,
        quote: Annotated[Currency | None, Query()] = None,
        limit: Limit = 50,
        cursor: Cursor = None,
    ) -> Response:
        """Rates of all pairs, or of one base or quote."""
        before = place_of(cursor, _before)
        async with self._database.reading() as connection:
            found = await rates.page(connection, base=base, quote=quote, before=before, limit=limit + 1)
        return page(request, found, limit, shown=lambda each, _: shown_rate(each), place=_place)

    async def put(
        self,
        caller: Finance,
        base: Annotated[Currency, Path()],
        quote: Annotated[Currency, Path()],
        day: Annotated[date, Path(description="From which day on the rate is used, until there is a newer one.")],
        body: SetRate,
        if_match: Annotated[
            str | None, Header(max_length=100, description="The `ETag` of the rate that is corrected.")
        ] = None,
    ) -> Response:
        """Set a rate. The same one again changes nothing; another one corrects it, unless a case was opened at it."""
        if base == quote:
            raise SameCurrency
        fx = fx_rate(base, quote, Decimal(body.rate), day)

        def matches(old: Rate | None) -> bool:
            return if_match is None or (old is not None and if_match == _etag(old))

        async with self._database.transaction() as tx:
            rate, is_new = await set_rate(tx, fx, caller=caller, matches=matches)
        headers = {"etag": _etag(rate), "cache-control": "no-store"}
        return Response(orjson.dumps(shown_rate(rate)), 201 if is_new else 200, headers, "application/json")


def _etag(rate: Rate) -> str:
    return f'"{fingerprint(rate.fx.base, rate.fx.quote, rate.fx.dated, f"{rate.fx.rate:f}")}"'


def _place(rate: Rate) -> tuple[object, ...]:
    return rate.fx.dated, rate.fx.base, rate.fx.quote


def _before(dated: str, base: str, quote: str) -> tuple[date, str, str]:
    return date.fromisoformat(dated), _CURRENCY.validate_python(base), _CURRENCY.validate_python(quote)
