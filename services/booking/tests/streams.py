"""Booking behind a socket, and streams of events: httpx's ASGITransport gives an answer only when it has ended."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import uvicorn
from services.booking.tests.conftest import Booking

from dawr.servicekit.testing import until


@asynccontextmanager
async def listening(booking: Booking) -> AsyncIterator[httpx.AsyncClient]:
    """The same service behind a socket; its parts run already, so the application's own lifespan does not."""
    config = uvicorn.Config(
        booking.service.app(), host="127.0.0.1", port=0, lifespan="off", log_config=None, timeout_graceful_shutdown=5
    )
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve())

    async def started() -> bool:
        return server.started

    await until(started, what="a socket")
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=20, trust_env=False) as client:
            yield client
    finally:
        server.should_exit = True
        await asyncio.wait_for(serving, 10)


async def updates(response: httpx.Response) -> AsyncIterator[dict[str, Any]]:
    """The data of a stream's events."""
    async for line in response.aiter_lines():
        if line.startswith("data:"):
            yield json.loads(line.removeprefix("data:"))
