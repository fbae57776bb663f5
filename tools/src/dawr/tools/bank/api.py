"""The merchant's interface under /v1, behind the API key."""

import asyncio
import csv
import io
import secrets
from collections.abc import Iterator
from datetime import UTC, date, datetime, time
from typing import Annotated

from fastapi import APIRouter, Depends, Header, Query
from fastapi.responses import Response, StreamingResponse
from pydantic import AwareDatetime

from dawr.tools.bank.errors import IdempotencyKeyMissing, KeyRefused
from dawr.tools.bank.parts import Parts, parts_of
from dawr.tools.bank.problems import problem
from dawr.tools.bank.store import Answer, StatementLine
from dawr.tools.bank.wire import CheckoutAnswer, CheckoutOrder, RefundAnswer, RefundOrder

PartsDep = Annotated[Parts, Depends(parts_of)]


def require_api_key(parts: PartsDep, authorization: Annotated[str, Header()] = "") -> None:
    scheme, _, key = authorization.partition(" ")
    expected = parts.settings.api_key.get_secret_value().encode()
    if scheme.lower() != "bearer" or not secrets.compare_digest(key.strip().encode(), expected):
        raise KeyRefused


def idempotency_key(idempotency_key: Annotated[str, Header()] = "") -> str:
    if not 1 <= len(idempotency_key) <= 255:
        raise IdempotencyKeyMissing
    return idempotency_key


IdempotencyKey = Annotated[str, Depends(idempotency_key)]
ReferenceQuery = Annotated[str, Query(min_length=1, max_length=200)]
router = APIRouter(prefix="/v1", dependencies=[Depends(require_api_key)])


async def _answer(answer: Answer, late: bool, seconds: float) -> Response:
    """The answer, or what the merchant sees when a fault switch makes it late."""
    if late:
        await asyncio.sleep(seconds)
        return problem(504, "timed-out", "The answer came too late; what was asked for may have been done.")
    return Response(answer.body, answer.status, media_type="application/json")


@router.post("/checkouts", status_code=201, response_model=CheckoutAnswer)
async def open_checkout(order: CheckoutOrder, key: IdempotencyKey, parts: PartsDep) -> Response:
    answer = await asyncio.to_thread(parts.bank.open_checkout, order, key)
    return await _answer(answer, parts.box.checkout_answer_is_late(), parts.box.faults.timeouts.seconds)


@router.get("/checkouts")
async def checkout_of(reference: ReferenceQuery, parts: PartsDep) -> CheckoutAnswer:
    return await asyncio.to_thread(parts.bank.checkout_of, reference)


@router.get("/checkouts/{checkout_id}")
async def checkout(checkout_id: str, parts: PartsDep) -> CheckoutAnswer:
    return await asyncio.to_thread(parts.bank.checkout, checkout_id)


@router.post("/checkouts/{checkout_id}/cancel")
async def cancel(checkout_id: str, parts: PartsDep) -> CheckoutAnswer:
    return await asyncio.to_thread(parts.bank.cancel, checkout_id)


@router.post("/refunds", status_code=201, response_model=RefundAnswer)
async def refund(order: RefundOrder, key: IdempotencyKey, parts: PartsDep) -> Response:
    answer = await asyncio.to_thread(parts.bank.refund, order, key)
    parts.courier.wake()
    return await _answer(answer, parts.box.refund_answer_is_late(), parts.box.faults.timeouts.seconds)


@router.get("/refunds")
async def refund_of(reference: ReferenceQuery, parts: PartsDep) -> RefundAnswer:
    return await asyncio.to_thread(parts.bank.refund_of, reference)


def _csv(lines: Iterator[StatementLine]) -> Iterator[str]:
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    writer.writerow(StatementLine._fields)
    for line in lines:
        writer.writerow(line)
        if buffer.tell() > 60_000:
            yield buffer.getvalue()
            buffer.seek(0)
            buffer.truncate()
    yield buffer.getvalue()


def _moment(bound: datetime | date | None) -> datetime | None:
    if bound is None or isinstance(bound, datetime):
        return bound
    return datetime.combine(bound, time(), UTC)


@router.get("/statement", response_class=StreamingResponse)
async def statement(
    parts: PartsDep,
    since: Annotated[AwareDatetime | date | None, Query(alias="from")] = None,
    until: Annotated[AwareDatetime | date | None, Query(alias="to")] = None,
) -> Response:
    """Captures and refunds with from ≤ time < to, as a CSV file. A date is the first moment of its day in UTC."""
    headers = {"Content-Disposition": 'attachment; filename="statement.csv"'}
    return StreamingResponse(
        _csv(parts.bank.statement(_moment(since), _moment(until))), media_type="text/csv", headers=headers
    )
