"""One platform for all tests that look from outside: what `make up` runs, on free ports, in a folder of its own.

It runs a Kafka and a PostgreSQL of its own, unless the run was given some: then it has its room on those.
tests/faults has no part in this: it kills servers, so its platforms always run their own.
"""

import secrets
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest
import pytest_asyncio
from tests.town import Town, town

from dawr.tools.platform.given import room_on
from dawr.tools.platform.platform import Platform


@pytest_asyncio.fixture(scope="session", loop_scope="session", name="town")
async def town_(
    tmp_path_factory: pytest.TempPathFactory, servers_are_given: bool, kafka_address: str, postgres_address: str
) -> AsyncIterator[Town]:
    """The platform, and the way to it. Tests that share it are marked `xdist_group("platform")`, run on the session's
    loop, and use people and days of their own."""
    root = tmp_path_factory.mktemp("platform")
    root.chmod(0o755)  # PostgreSQL may run under an account of its own
    async with AsyncExitStack() as stack:
        servers = None
        if servers_are_given:
            room = room_on(kafka_address, postgres_address, f"town{secrets.token_hex(4)}")
            servers = await stack.enter_async_context(room)
        platform = await stack.enter_async_context(Platform(root, ports="free", servers=servers))
        yield await stack.enter_async_context(town(platform, root))
