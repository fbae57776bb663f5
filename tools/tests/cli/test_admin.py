"""`dawr admin` on a platform's gateway: who is made, invited anew, listed and refused."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest
from typer.testing import CliRunner

from dawr.servicekit.migrations import migrate
from dawr.servicekit.testing import Stage
from dawr.tools.cli.admin import AdminError
from dawr.tools.cli.main import app
from dawr.tools.platform import state as states
from dawr.tools.platform.folder import Folder


@pytest.fixture
async def root(the_stage: Stage, tmp_path: Path) -> AsyncIterator[Path]:
    """A folder whose platform has a gateway's database."""
    state = states.State.of_this_process()
    state.kafka, state.topic_prefix = the_stage.platform.kafka, the_stage.platform.topic_prefix
    state.postgres, state.database_prefix = the_stage.postgres, f"admins_{the_stage.name}_".lower()
    state.ports = {"gateway": 8080}
    folder = Folder.of(tmp_path)
    folder.path.mkdir(parents=True)
    states.write(folder, state)
    server = await asyncpg.connect(the_stage.postgres)
    try:
        await server.execute(f'CREATE DATABASE "{state.database_prefix}gateway"')
        await migrate(state.database("gateway"), "dawr.gateway")
        yield tmp_path
    finally:
        await server.execute(f'DROP DATABASE IF EXISTS "{state.database_prefix}gateway" WITH (FORCE)')
        await server.close()


async def dawr(root: Path, *arguments: str) -> tuple[str, BaseException | None]:
    """What `dawr admin …` prints, and the error that ended it."""
    done = await asyncio.to_thread(CliRunner().invoke, app, ["admin", *arguments, "--root", str(root)])
    return done.stdout, done.exception


async def test_the_first_administrator_is_made_once_and_invited_anew(root: Path) -> None:
    made, error = await dawr(root, "create", "--login", "r.haddad", "--name", "رنا حداد")
    assert error is None
    address = made.strip()
    assert address.startswith("http://127.0.0.1:8080/staff/invitation/")
    _, error = await dawr(root, "create", "--login", "r.haddad", "--name", "رنا حداد")
    assert isinstance(error, AdminError)
    assert (error.code, str(error)) == ("admin-refused", "This login is taken")
    again, error = await dawr(root, "create", "--login", "r.haddad", "--again")
    assert error is None
    assert again.strip() not in {"", address}

    listed, _ = await dawr(root, "list", "--json")
    [account] = json.loads(listed)
    assert (account["login"], account["name"], account["roles"]) == ("r.haddad", "رنا حداد", ["administrator"])
    assert (account["state"], account["last_used_at"]) == ("INVITED", None)


async def test_what_a_rule_forbids_is_told_in_its_words(root: Path) -> None:
    for arguments, words in (
        (("--login", "d", "--name", "رنا حداد"), "A login has 3 to 40 small Latin letters, digits, dots or dashes"),
        (("--login", "desk-1", "--name", "رنا حداد", "--roles", "desk"), "needs the code of an office"),
        (("--login", "desk-1", "--name", "رنا حداد", "--roles", "king"), "Roles are some of"),
        (("--login", "nobody", "--again"), "There is no such account"),
    ):
        _, error = await dawr(root, "create", *arguments)
        assert isinstance(error, AdminError), arguments
        assert words in str(error)
