"""The plan of mutants fits the code as it is, and the runner tells those that are caught from those that are not."""

import subprocess
from pathlib import Path

import pytest
from rich.console import Console

from dawr.tools.mutants.plan import Edit, Mutant, MutantError, read_plan
from dawr.tools.mutants.run import run_mutants
from dawr.tools.mutants.scratch import Scratch

REPOSITORY = Path(__file__).parents[2]
PLAN = read_plan(REPOSITORY / "tests" / "mutants" / "mutants.toml")


@pytest.mark.parametrize("mutant", PLAN, ids=lambda mutant: mutant.name)
def test_each_mutant_can_be_planted_and_names_tests_that_are_there(mutant: Mutant, tmp_path: Path) -> None:
    for file in {edit.file for edit in mutant.edits}:
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).write_text((REPOSITORY / file).read_text("utf-8"), "utf-8")
    for edit in mutant.edits:
        edit.apply(tmp_path)
        if edit.file.endswith(".py"):
            compile((tmp_path / edit.file).read_text("utf-8"), edit.file, "exec")
    for test in mutant.tests:
        file, _, path = test.partition("::")
        name = path.partition("[")[0].rpartition("::")[2]  # without its parameters, and the class that it is in
        assert f"def {name}(" in (REPOSITORY / file).read_text("utf-8") if name else Path(file).suffix


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository with one function, and a test that looks at half of what it does."""
    root = tmp_path / "toy"
    source, tests = root / "libs" / "toy" / "src" / "toy_of_a_test", root / "tests"
    source.mkdir(parents=True)
    tests.mkdir()
    (source / "__init__.py").write_text("def add(a, b):\n    return a + b\n\n\ndef take(a, b):\n    return a - b\n")
    (tests / "test_toy.py").write_text(
        "import os, subprocess, sys\nfrom toy_of_a_test import add\n\n\n"
        "def test_add():\n    assert add(1, 2) == 3\n\n\n"
        "def test_elsewhere():\n"
        "    code = 'from toy_of_a_test import add; raise SystemExit(add(1, 2) - 3)'\n"
        "    assert subprocess.run([sys.executable, '-c', code], env={'PATH': os.environ['PATH']}).returncode == 0\n"
    )
    subprocess.run(["git", "init", "-q", str(root)], check=True)
    return root


def mutant(name: str, old: str, new: str, test: str = "tests/test_toy.py") -> Mutant:
    file = "libs/toy/src/toy_of_a_test/__init__.py"
    return Mutant(name=name, why="-", edits=(Edit(file=file, old=old, new=new),), tests=(test,))


def test_what_is_caught_what_survives_and_what_does_not_apply(
    repository: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("DAWR_KAFKA", "not needed")
    monkeypatch.setenv("DAWR_POSTGRES", "not needed")
    caught = mutant("caught", "a + b", "a * b")
    # In a process that a test starts, with an environment of the test's own, it is the broken code that runs.
    elsewhere = mutant("caught-elsewhere", "a + b", "a * b", "tests/test_toy.py::test_elsewhere")
    survives = mutant("survives", "a - b", "a + 0")
    gone = mutant("gone", "a / b", "a")
    broken = mutant("not-tested", "def add", "def append")

    def run(*mutants: Mutant) -> tuple[int, str]:
        with (tmp_path / "told").open("w+") as told:
            console = Console(file=told, width=200)
            code = run_mutants(repository, mutants, jobs=1, console=console, check_first=len(mutants) == 1)
            told.seek(0)
            return code, told.read()

    code, told = run(caught)
    assert (code, "1 of 1 caught" in told, "test_toy.py::test_add" in told) == (0, True, True)
    code, told = run(caught, elsewhere, survives, gone, broken)
    assert (code, "2 of 5 caught" in told) == (1, True)
    for word in ("survived", "does-not-apply", "not-tested"):
        assert word in told
    assert "return a + b" in (repository / "libs/toy/src/toy_of_a_test/__init__.py").read_text()


def test_tests_that_fail_anyway_prove_nothing(
    repository: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("DAWR_KAFKA", "not needed")
    monkeypatch.setenv("DAWR_POSTGRES", "not needed")
    (repository / "tests" / "test_toy.py").write_text("def test_add():\n    assert False\n")
    with (tmp_path / "told").open("w") as told:
        code = run_mutants(repository, [mutant("any", "a + b", "a")], jobs=1, console=Console(file=told))
    assert code == 1
    assert "They fail without any mutant" in (tmp_path / "told").read_text()


def test_a_copy_is_as_it_was_when_its_mutant_is_gone(repository: Path, tmp_path: Path) -> None:
    copy = Scratch(repository, tmp_path / "scratch")
    file = copy.root / "libs/toy/src/toy_of_a_test/__init__.py"
    before = file.read_text()
    with copy.broken_by(mutant("one", "a + b", "a")):
        assert "return a\n" in file.read_text()
    assert file.read_text() == before
    with pytest.raises(MutantError), copy.broken_by(mutant("two", "nowhere", "a")):
        pass
    assert file.read_text() == before
