"""The HTTP side: what arrived, as JSON and as a page for people, and the fault switches."""

import asyncio
import os
import socket
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Annotated, cast

from fastapi import APIRouter, Depends, FastAPI, HTTPException, Query, Request
from fastapi.responses import FileResponse, HTMLResponse, JSONResponse, PlainTextResponse, Response
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from pydantic import BaseModel

from dawr.tools.mailsink.faults import FaultBox, Faults
from dawr.tools.mailsink.mailbox import Mail, Mailbox, text_of
from dawr.tools.mailsink.smtp import Door, listen

MAILS_ON_PAGE = 100
_FOLDER = Path(__file__).parent / "page"
_PAGE_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; form-action 'self'; frame-ancestors 'none'",
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
}
router = APIRouter()


@dataclass(frozen=True)
class Parts:
    mailbox: Mailbox
    box: FaultBox
    page: Environment


def parts_of(request: Request) -> Parts:
    return cast(Parts, request.app.state.parts)


PartsDep = Annotated[Parts, Depends(parts_of)]


class MailSummary(BaseModel):
    """One arrival, without its text."""

    number: int
    arrived_at: datetime
    message_id: str
    sender: str
    to: list[str]
    subject: str
    path: str

    @classmethod
    def of(cls, mail: Mail) -> "MailSummary":
        return cls(
            number=mail.number,
            arrived_at=mail.arrived_at,
            message_id=mail.message_id,
            sender=mail.sender,
            to=list(mail.recipients),
            subject=mail.subject,
            path=str(mail.path),
        )


class Delivery(BaseModel):
    """How many times a mail arrived; more than once is a repeat by the sender."""

    message_id: str
    count: int


@router.get("/messages")
async def messages(parts: PartsDep, to: str | None = None) -> list[MailSummary]:
    """In the order of arrival."""
    return [MailSummary.of(mail) for mail in parts.mailbox.all(to)]


@router.get("/messages/{number}", response_class=PlainTextResponse)
async def message(number: int, parts: PartsDep) -> Response:
    """The text that a person would read."""
    mail = parts.mailbox.one(number)
    if mail is None:
        raise HTTPException(404, f"No mail {number}.")
    content = await asyncio.to_thread(mail.path.read_bytes)
    return PlainTextResponse(text_of(content), headers={"X-Content-Type-Options": "nosniff"})


@router.get("/deliveries")
async def deliveries(
    parts: PartsDep, message_id: str | None = None, at_least: Annotated[int, Query(ge=1)] = 1
) -> list[Delivery]:
    """Arrivals by Message-ID, in the order of the first one."""
    counts = Counter(mail.message_id for mail in parts.mailbox.all())
    return [
        Delivery(message_id=name, count=count)
        for name, count in counts.items()
        if count >= at_least and message_id in {None, name}
    ]


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


@router.get("/", include_in_schema=False)
async def page(parts: PartsDep, to: str = "") -> Response:
    """The newest mails with their texts, for someone who looks for a code."""

    def rendered() -> str:
        newest = parts.mailbox.all(to or None)[: -MAILS_ON_PAGE - 1 : -1]
        shown = [(mail, text_of(mail.path.read_bytes())) for mail in newest]
        return parts.page.get_template("mails.html").render(mails=shown, to=to, folder=parts.mailbox.folder)

    return HTMLResponse(await asyncio.to_thread(rendered), headers=_PAGE_HEADERS)


@router.get("/mails.css", include_in_schema=False)
async def style_sheet() -> Response:
    return FileResponse(_FOLDER / "mails.css", media_type="text/css")


@router.get("/healthz", include_in_schema=False)
async def alive() -> Response:
    return JSONResponse({"status": "alive"})


@router.get("/readyz", include_in_schema=False)
async def ready(parts: PartsDep) -> Response:
    if os.access(parts.mailbox.folder, os.W_OK):
        return JSONResponse({"status": "ready"})
    return JSONResponse({"status": "not ready", "folder": "can't be written"}, 503)


def create_app(folder: Path, smtp: socket.socket) -> FastAPI:
    """Opens the folder; while the app runs, mails are taken at the bound socket `smtp`."""
    mailbox, box = Mailbox(folder), FaultBox()

    @asynccontextmanager
    async def running(_: FastAPI) -> AsyncIterator[None]:
        server = await listen(smtp, Door(mailbox, box))
        try:
            yield
        finally:
            server.close()

    app = FastAPI(title="Mail sink", version="1", docs_url=None, redoc_url=None, lifespan=running)
    page_texts = Environment(loader=FileSystemLoader(_FOLDER), autoescape=True, undefined=StrictUndefined)
    app.state.parts = Parts(mailbox, box, page_texts)
    app.include_router(router)
    return app
