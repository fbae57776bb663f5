"""Servers on free ports for the gateway's tests, and callers who write requests byte by byte."""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from typing import Any

import pytest
import uvicorn
import uvloop

from dawr.servicekit.settings import PlatformSettings
from dawr.servicekit.testing import until


class _Server(uvicorn.Server):
    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Signals are the test run's."""
        yield


@asynccontextmanager
async def _listening(app: Any) -> AsyncIterator[int]:
    """Serve an ASGI application (without its lifespan) as a service's process does; the port."""
    listener = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(
        app,
        http="httptools",
        lifespan="off",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        timeout_graceful_shutdown=1,
    )
    server = _Server(config)

    async def started() -> bool:
        return server.started

    serving = asyncio.create_task(server.serve([listener]))
    try:
        await until(started, every=0.005)
        yield listener.getsockname()[1]
    finally:
        server.should_exit = True
        await serving
        listener.close()


def _unused_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
    return port


async def _exchange(port: int, request: bytes) -> bytes:
    """Write a request as it is and read until the server hangs up."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(request)
        return await asyncio.wait_for(reader.read(), 10)
    finally:
        writer.close()


@pytest.fixture(scope="session")
def listening() -> Callable[[Any], AbstractAsyncContextManager[int]]:
    """Serves an application on a free port."""
    return _listening


@pytest.fixture
def unused_port() -> int:
    """A port on which nobody listens."""
    return _unused_port()


@pytest.fixture(scope="session")
def production() -> dict[str, Any]:
    """Settings with which a gateway starts in production: by https, and with secrets that nobody knows."""
    return {
        "platform": PlatformSettings(environment="production"),
        "public_url": "https://dawr.example",
        "identity_pepper": "a pepper",
        "sealing_key": "c29tZS1vdGhlci1zZWFsaW5nLWtleS1vZi0zMi1ieXQ=",
        "profile_keys": "c29tZS1vdGhlci1wcm9maWxlLWtleS1vZi0zMi1ieXQ=",
        "registry_key": "a registry's key",
        "session_secrets": "a session secret of thirty-two characters or more",
    }


@pytest.fixture(scope="session")
def exchange() -> Callable[[int, bytes], Awaitable[bytes]]:
    """Writes a request byte by byte."""
    return _exchange


def pytest_asyncio_loop_factories() -> dict[str, Callable[[], asyncio.AbstractEventLoop]]:
    """The loop of a service's process, whose transports are not asyncio's own."""
    return {"uvloop": uvloop.new_event_loop}
