"""The example rates, and the README that tells of the service."""

import os
import sys
from asyncio import create_subprocess_exec
from asyncio.subprocess import PIPE
from datetime import UTC, datetime
from pathlib import Path

import asyncpg
from services.consular.tests.conftest import Consulate

from dawr.consular.seed import example_rates, load_seed
from dawr.consular.settings import ConsularSettings
from dawr.contracts.topics import TOPICS
from dawr.servicekit.settings import ServiceSettings
from dawr.servicekit.testing import Stage

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")


def test_the_example_rates_are_of_the_past_and_of_the_missions_currencies() -> None:
    examples = example_rates()
    assert all(fx.dated < datetime.now(UTC).date() for fx in examples)
    assert {("USD", "EUR"), ("USD", "SEK"), ("USD", "GBP")} <= {(fx.base, fx.quote) for fx in examples}


async def test_the_seed_is_loaded_once_and_overwrites_nothing(consulate: Consulate) -> None:
    first = example_rates()[0]
    await consulate.set_rate("0.5", base=first.base, quote=first.quote, day=first.dated)
    for _ in range(2):
        await load_seed(consulate.service.database)
    async with consulate.service.database.reading() as connection:
        rows = (await connection.exec_driver_sql("SELECT base, quote, rate, is_example FROM fx_rates")).all()
    assert len(rows) == len(example_rates())
    assert {(row.base, row.quote): float(row.rate) for row in rows}[first.base, first.quote] == 0.5
    assert sum(not row.is_example for row in rows) == 1


async def test_the_command_loads_the_seed(the_stage: Stage) -> None:
    url = await the_stage.database("consular")
    platform = the_stage.platform
    environment = {
        "CONSULAR_DATABASE_URL": url,
        "DAWR_KAFKA": platform.kafka,
        "DAWR_TOPIC_PREFIX": platform.topic_prefix,
        "DAWR_JWKS": platform.jwks,
    }
    process = await create_subprocess_exec(
        sys.executable, "-m", "dawr.consular", "seed", env={**os.environ, **environment}, stdout=PIPE, stderr=PIPE
    )
    output = await process.communicate()
    assert process.returncode == 0, output
    connection = await asyncpg.connect(url)
    try:
        assert await connection.fetchval("SELECT count(*) FROM fx_rates WHERE is_example") == len(example_rates())
    finally:
        await connection.close()


def test_the_readme_names_every_setting_and_topic() -> None:
    own = set(ConsularSettings.model_fields) - set(ServiceSettings.model_fields)
    for name in own:
        assert f"`CONSULAR_{name.upper()}`" in README
    for topic in TOPICS:
        assert (f"`{topic.name}`" in README) == (
            "consular" in topic.readers or topic.owner == "consular" or topic.name == "dawr.booking.requests"
        ), topic.name
