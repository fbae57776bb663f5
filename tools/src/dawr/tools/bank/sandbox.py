"""What only a sandbox has: fault switches, the books, and what became of the webhooks. No key is asked for."""

import asyncio
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Response

from dawr.tools.bank import webhooks
from dawr.tools.bank.faults import Faults
from dawr.tools.bank.parts import Parts, parts_of
from dawr.tools.bank.wire import BooksAnswer, WebhookRecord

PartsDep = Annotated[Parts, Depends(parts_of)]
router = APIRouter(prefix="/sandbox")


@router.get("/faults")
async def show_faults(parts: PartsDep) -> Faults:
    return parts.box.faults


@router.put("/faults")
async def set_faults(faults: Faults, parts: PartsDep) -> Faults:
    """Replaces all switches: what the body leaves out is off."""
    parts.box.set(faults)
    return parts.box.faults


@router.delete("/faults", status_code=204)
async def clear_faults(parts: PartsDep) -> Response:
    parts.box.set(Faults())
    return Response(status_code=204)


@router.get("/books")
async def books(parts: PartsDep) -> BooksAnswer:
    return await asyncio.to_thread(parts.bank.books)


@router.get("/webhooks")
async def list_webhooks(
    parts: PartsDep, reference: str | None = None, limit: Annotated[int, Query(ge=1, le=10_000)] = 100
) -> list[WebhookRecord]:
    def read() -> list[WebhookRecord]:
        with parts.database.reading() as tx:
            return webhooks.records(tx, reference, limit)

    return await asyncio.to_thread(read)


@router.post("/webhooks/replay/{webhook_id}", status_code=202)
async def replay(webhook_id: str, parts: PartsDep) -> Response:
    await asyncio.to_thread(parts.courier.replay, webhook_id)
    parts.courier.wake()
    return Response(status_code=202)
