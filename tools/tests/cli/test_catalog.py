"""`dawr catalog` on files and on a running catalog: what it prints, writes and refuses, and how it ends."""

import asyncio
import json
import os
import shutil
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, chdir
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
from typer.testing import CliRunner, Result

from dawr.catalog.folder.catalogue import read_catalogue
from dawr.servicekit.auth import Role
from dawr.servicekit.testing import Stage, until
from dawr.tools.cli.main import app
from dawr.tools.embedded.ports import free_port
from dawr.tools.errors import ToolError
from dawr.tools.platform import state as states
from dawr.tools.platform.folder import Folder

FOLDER = Path(__file__).parents[3] / "services/catalog/tests/folder"


@dataclass
class Terminal:
    """A folder from which commands are called, with an administrator's token."""

    root: Path
    environment: dict[str, str]

    async def dawr(self, *arguments: str, answer: str = "") -> tuple[int, str, str]:
        """The exit code of `dawr catalog …`, and what it printed and complained of."""

        def called() -> Result:
            with chdir(self.root):
                environment = self.environment | {"COLUMNS": "200"}
                return CliRunner(env=environment).invoke(app, ["catalog", *arguments], input=answer)

        done = await asyncio.to_thread(called)
        told = f"✗ {done.exception}\n" if isinstance(done.exception, ToolError) else ""
        return done.exit_code, done.stdout, done.stderr + told


@pytest.fixture
def alone(tmp_path: Path) -> Terminal:
    """A folder without a platform, with a copy of a catalogue."""
    shutil.copytree(FOLDER, tmp_path / "ours")
    return Terminal(tmp_path, {})


def rewrite(path: Path, old: str, new: str) -> None:
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), "utf-8")


class TestWithoutAPlatform:
    async def test_good_files_are_counted(self, alone: Terminal) -> None:
        code, out, err = await alone.dawr("validate", "ours")
        assert (code, err) == (0, "")
        assert "10 services" in out
        code, out, _ = await alone.dawr("validate", "ours", "--json")
        assert code == 0
        told = json.loads(out)
        assert (told["valid"], told["rows"]["offices"], told["problems"]) == (True, 7, [])

    async def test_each_problem_is_a_line_in_either_language(self, alone: Terminal) -> None:
        rewrite(alone.root / "ours/fees.csv", ",31270000,", ",-1,")
        rewrite(alone.root / "ours/tiers.csv", ",Normal", ",")
        code, out, err = await alone.dawr("validate", "ours")
        assert (code, out) == (1, "")
        assert err.splitlines() == [
            "✗ fees.csv, row 2, column minor: the number is less than 0",
            "✗ tiers.csv, row 2, column name_en: the cell is empty",
            "2 problems.",
        ]
        code, _, err = await alone.dawr("validate", "ours", "--lang", "ar")
        assert code == 1
        assert "✗ tiers.csv، صف 2، عمود name_en: الخلية فارغة" in err
        code, out, _ = await alone.dawr("validate", "ours", "--json")
        assert code == 1
        assert [(each["file"], each["row"], each["code"]) for each in json.loads(out)["problems"]] == [
            ("fees.csv", 2, "greater-than-equal"),
            ("tiers.csv", 2, "string-too-short"),
        ]

    async def test_what_is_no_catalogue_is_told_in_a_sentence(self, alone: Terminal) -> None:
        (alone.root / "old.xls").write_bytes(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1")
        code, _, err = await alone.dawr("validate", "old.xls")
        assert (code, "save it as .xlsx" in err) == (1, True)
        code, _, err = await alone.dawr("validate", "nowhere.xlsx")
        assert (code, "nowhere.xlsx can't be read" in err) == (1, True)

    async def test_all_else_needs_one(self, alone: Terminal) -> None:
        for arguments in (("diff", "ours"), ("import", "ours", "--reason", "why"), ("export", "new.xlsx")):
            code, out, err = await alone.dawr(*arguments)
            assert (code, out) == (1, "")
            assert "start one with `make up`" in err


@pytest.fixture(scope="module")
async def office(the_stage: Stage, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Terminal]:
    """A running catalog with the tests' folder as its seed, and a folder whose platform it is."""
    root, port = tmp_path_factory.mktemp("office"), free_port()
    platform = the_stage.platform
    environment = {
        "CATALOG_DATABASE_URL": await the_stage.database("catalog"),
        "CATALOG_SEED_FOLDER": str(FOLDER),
        "CATALOG_HTTP_PORT": str(port),
        "DAWR_KAFKA": platform.kafka,
        "DAWR_TOPIC_PREFIX": platform.topic_prefix,
        "DAWR_JWKS": platform.jwks,
        "DAWR_ENVIRONMENT": "development",
    }
    state = states.State.of_this_process()
    url = f"http://127.0.0.1:{port}"
    state.parts["gateway"] = states.PartState(part="gateway", role=None, port=port, url=url)
    folder = Folder.of(root)
    folder.path.mkdir(parents=True)
    states.write(folder, state)
    async with catalog(environment, "seed") as seeding:
        assert await asyncio.wait_for(seeding.wait(), 60) == 0
    async with catalog(environment, "serve"), httpx.AsyncClient(base_url=url, trust_env=False) as client:

        async def ready() -> bool:
            try:
                return (await client.get("/api/catalog/regions")).is_success
            except httpx.TransportError:
                return False

        await until(ready, timeout=30, what="a catalog that answers")
        yield Terminal(root, {"DAWR_TOKEN": the_stage.token(uuid4(), Role.ADMINISTRATOR)})


@asynccontextmanager
async def catalog(environment: dict[str, str], command: str) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "dawr.catalog", command, env=os.environ | environment, stderr=asyncio.subprocess.DEVNULL
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.terminate()
        await asyncio.wait_for(process.wait(), 20)


class TestWithAPlatform:
    @pytest.mark.parametrize("name", ["all.xlsx", "all.zip", "all"])
    async def test_what_is_exported_is_the_catalogue_and_differs_in_nothing(self, office: Terminal, name: str) -> None:
        code, out, err = await office.dawr("export", name)
        assert (code, out) == (0, f"✓ {name}\n"), err
        code, out, err = await office.dawr("validate", name)
        assert code == 0, err
        code, out, err = await office.dawr("diff", name)
        assert (code, out) == (0, "Nothing differs.\n"), err
        if name == "all":
            assert read_catalogue(office.root / name) == read_catalogue(FOLDER)
        code, _, err = await office.dawr("export", name, answer="n\n")
        assert (code, f"Write over {name}?" in err) == (1, True)

    async def test_what_would_change_is_shown_asked_for_and_imported(self, office: Terminal) -> None:
        ours = office.root / "ours"
        shutil.copytree(FOLDER, ours)
        rewrite(ours / "agencies.csv", "code,name_ar,name_en\n", "code,name_ar,name_en\nNEW,جهة,An agency\n")
        rewrite(ours / "tiers.csv", ",Normal", ",Ordinary")
        code, out, _ = await office.dawr("diff", "ours")
        assert code == 2
        shown = [line.split() for line in out.splitlines()]
        assert ["added", "agency", "NEW"] in shown
        assert ["changed", "tier", "N", "name/en:", "Normal", "→", "Ordinary"] in shown
        assert "1 added, 1 changed." in out

        code, out, err = await office.dawr("import", "ours", "--reason", "a new agency", answer="n\n")
        assert (code, "Import ours?" in err, "Imported" in out) == (1, True, False)
        assert (await office.dawr("diff", "ours"))[0] == 2, "nobody said yes"
        code, out, err = await office.dawr("import", "ours", "--reason", "a new agency", answer="y\n")
        assert (code, out.splitlines()[-1].strip()) == (0, "✓ Imported: 1 added, 1 changed."), err
        assert (await office.dawr("diff", "ours"))[0] == 0

        rewrite(ours / "tiers.csv", ",Ordinary", ",Plain")
        code, out, err = await office.dawr("import", "ours", "--reason", "plain words", "--yes", "--json")
        assert code == 0, err
        told: dict[str, Any] = json.loads(out)
        assert (told["dry_run"], told["counts"]["changed"]) == (False, 1)

    async def test_what_the_catalogue_refuses_is_told_by_its_places(self, office: Terminal) -> None:
        theirs = office.root / "theirs"
        shutil.copytree(FOLDER, theirs)
        rewrite(theirs / "fees.csv", ",31270000,", ",1,")
        for arguments in (("diff", "theirs"), ("import", "theirs", "--reason", "cheaper", "--yes")):
            code, out, err = await office.dawr(*arguments)
            assert (code, out) == (1, "")
            assert err.splitlines() == ["✗ fees.csv, row 2, column effective_from: That day is over", "1 problem."]

    async def test_a_caller_who_may_not_is_told_so(self, office: Terminal, the_stage: Stage) -> None:
        planner = the_stage.token(uuid4(), Role.PLANNER)
        code, out, err = await office.dawr("export", "new.xlsx", "--token", planner)
        assert (code, out, err.startswith("✗ ")) == (1, "", True)
        assert not (office.root / "new.xlsx").exists()
