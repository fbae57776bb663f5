"""Fixtures of payments' stories: a town with payments and a bank."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from dawr.servicekit.testing import Stage

from .town import Town, town_with


@pytest.fixture(scope="module")
async def the_town(the_stage: Stage, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Town]:
    """One payments and one bank for a test module."""
    async with town_with(the_stage, tmp_path_factory.mktemp("town")) as town:
        yield town


@pytest.fixture
async def town(the_town: Town) -> AsyncIterator[Town]:
    """The module's town with a new payer and turn, real time, and a bank without faults."""
    the_town.clock.ahead = timedelta(0)
    await the_town.bank.faults()
    yield Town(
        the_town.stage,
        the_town.bank,
        the_town.service,
        the_town.url,
        the_town.database_url,
        the_town.clock,
        the_town.http,
    )
    the_town.clock.ahead = timedelta(0)
