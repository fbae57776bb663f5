"""One platform for all tests that look from outside: what `make up` runs, on free ports, in a folder of its own."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from tests.town import Town, town

from dawr.tools.platform.platform import Platform


@pytest_asyncio.fixture(scope="session", loop_scope="session", name="town")
async def town_(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Town]:
    """The platform, and the way to it. Tests that share it are marked `xdist_group("platform")`, run on the session's
    loop, and use people and days of their own."""
    root = tmp_path_factory.mktemp("platform")
    root.chmod(0o755)  # PostgreSQL may run under an account of its own
    async with Platform(root, ports="free") as platform, town(platform, root) as all_of_it:
        yield all_of_it
