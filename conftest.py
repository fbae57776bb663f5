"""The stage on which every test plays: one broker and one database server for the whole run.

They are those that DAWR_KAFKA and DAWR_POSTGRES name; else containers with `--containers`; else embedded ones,
started once and shared by all workers. Each test module gets topics with a prefix and databases of its own.

The embedded ones are for the modules' stages only. Servers that were given carry the platform of tests/conftest.py too.
"""

import os
import re
import secrets
import tempfile
from collections.abc import AsyncIterator
from contextlib import ExitStack
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from dawr.servicekit.testing import Stage, stage

_servers = ExitStack()
_EMBEDDED = "DAWR_TEST_SERVERS_EMBEDDED"
"""Says to the workers, and to whatever the tests start, that nobody gave the servers that are in the environment."""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--containers", action="store_true", help="Kafka and PostgreSQL in containers (testcontainers)")


def pytest_configure(config: pytest.Config) -> None:
    """Start the servers in the controlling process; the workers inherit their addresses."""
    if hasattr(config, "workerinput") or config.option.collectonly:
        return
    if "DAWR_KAFKA" in os.environ and "DAWR_POSTGRES" in os.environ:
        return
    if config.getoption("--containers"):
        from dawr.tools.containers import containers
        from dawr.tools.errors import ToolError

        try:
            os.environ["DAWR_KAFKA"], os.environ["DAWR_POSTGRES"] = _servers.enter_context(containers())
        except ToolError as error:
            raise pytest.UsageError(str(error)) from error
        return
    from dawr.tools.embedded.kafka import Kafka
    from dawr.tools.embedded.postgres import Postgres

    folder = Path(_servers.enter_context(tempfile.TemporaryDirectory(prefix="dawr-test-")))
    folder.chmod(0o755)
    kafka = _servers.enter_context(Kafka(folder / "kafka"))
    postgres = _servers.enter_context(Postgres(folder / "postgres"))
    os.environ["DAWR_KAFKA"], os.environ["DAWR_POSTGRES"] = kafka.bootstrap, postgres.url("postgres")
    os.environ[_EMBEDDED] = "1"


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Give each worker whole files, and all files of an `xdist_group` to one: they share servers and fixtures.

    xdist 3.8 tells groups by a suffix of the node id that pytest 9.2 no longer lets it set: each test went its own way.
    """
    from xdist.scheduler import LoadScopeScheduling

    @cache
    def group(path: str) -> str:
        marked = re.search(r'xdist_group\("([^"]+)"\)', (config.rootpath / path).read_text("utf-8"))
        return marked[1] if marked else path

    class ByGroupOrFile(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return group(nodeid.partition("::")[0])

    return ByGroupOrFile(config, log)


def pytest_unconfigure(config: pytest.Config) -> None:
    """Stop what was started."""
    _servers.close()


@pytest.fixture(scope="session")
def kafka_address() -> str:
    """Bootstrap address of the run's broker."""
    return os.environ["DAWR_KAFKA"]


@pytest.fixture(scope="session")
def postgres_address() -> str:
    """Address of the run's database server (its administrative database)."""
    return os.environ["DAWR_POSTGRES"]


@pytest.fixture(scope="session")
def servers_are_given() -> bool:
    """Whether the run's servers are containers, or those that the environment named."""
    return _EMBEDDED not in os.environ


@pytest.fixture(scope="module")
async def the_stage(
    request: pytest.FixtureRequest, kafka_address: str, postgres_address: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Stage]:
    """A stage of the test module's own."""
    name = f"t{secrets.token_hex(4)}"
    folder = tmp_path_factory.mktemp(name)
    async with stage(name, kafka=kafka_address, postgres=postgres_address, folder=folder) as set_up:
        yield set_up


@pytest.fixture
async def empty_stage(kafka_address: str, postgres_address: str, tmp_path: Path) -> AsyncIterator[Stage]:
    """A stage of one test's own, whose topics hold nothing."""
    async with stage(
        f"t{secrets.token_hex(4)}", kafka=kafka_address, postgres=postgres_address, folder=tmp_path
    ) as own:
        yield own
