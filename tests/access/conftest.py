"""The platform of the run, and what its documents say."""

import pytest_asyncio
from tests.access.asking import Asking, describe
from tests.town import Town


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def asking(town: Town) -> Asking:
    """Asks the platform as anybody."""
    return await describe(town)
