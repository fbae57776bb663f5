"""One running bank: its database, its routes, and the two tasks beside them (the courier and the sweeper)."""

import asyncio
import logging
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from fastapi import FastAPI
from fastapi.responses import JSONResponse, Response

from dawr.tools.bank import api, pages, problems, sandbox
from dawr.tools.bank.clock import Clock, utc_now
from dawr.tools.bank.faults import FaultBox
from dawr.tools.bank.parts import Parts
from dawr.tools.bank.service import Bank
from dawr.tools.bank.settings import BankSettings
from dawr.tools.bank.store import Database
from dawr.tools.bank.webhooks import Courier

SWEEP_SECONDS = 0.25
DISK_RETRY_SECONDS = 1.0

log = logging.getLogger(__name__)


async def _sweep(parts: Parts) -> None:
    """Write down checkouts that have run out, until cancelled."""
    while True:
        if await asyncio.to_thread(parts.bank.expire_due):
            parts.courier.wake()
        else:
            await asyncio.sleep(SWEEP_SECONDS)


async def _through_disk_errors(task: Callable[[], Awaitable[None]]) -> None:
    """A full or failing disk stops the task for a while, not for good."""
    while True:
        broken = False
        try:
            await task()
        except* sqlite3.Error:
            log.exception("the database can't be written; trying again")
            broken = True
        if not broken:
            return
        await asyncio.sleep(DISK_RETRY_SECONDS)


@asynccontextmanager
async def _running(app: FastAPI) -> AsyncIterator[None]:
    parts: Parts = app.state.parts
    tasks = [
        asyncio.create_task(_through_disk_errors(parts.courier.run)),
        asyncio.create_task(_through_disk_errors(lambda: _sweep(parts))),
    ]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        parts.database.close()


def create_app(settings: BankSettings, clock: Clock = utc_now) -> FastAPI:
    """Opens the database under `settings.data_path`, and makes it if it is not there."""
    database = Database(settings.data_path)
    box = FaultBox()
    bank = Bank(database, box, clock, settings.page_origin)
    courier = Courier(database, settings.webhook_url, settings.signing_secrets, clock)
    app = FastAPI(title="Sandbox bank", version="1", docs_url=None, redoc_url=None, lifespan=_running)
    app.state.parts = Parts(settings, database, box, bank, courier)
    app.state.templates = pages.page_templates()
    problems.install(app)
    for part in (api, sandbox, pages):
        app.include_router(part.router)

    @app.get("/healthz", include_in_schema=False)
    async def alive() -> Response:
        return JSONResponse({"status": "alive"})

    @app.get("/readyz", include_in_schema=False)
    async def ready() -> Response:
        """Ready when a transaction gets through."""
        try:
            await asyncio.to_thread(bank.expire_due)
        except sqlite3.Error as error:
            return JSONResponse({"status": "not ready", "database": str(error)}, 503)
        return JSONResponse({"status": "ready"})

    return app
