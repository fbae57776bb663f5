"""A copy of the repository in which code can be broken, with a Python that runs the copy's code and no other."""

import os
import re
import shutil
import subprocess
import sysconfig
import venv
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from dawr.tools.mutants.plan import Mutant

_SUMMARY = re.compile(r"^(?:FAILED|ERROR) (\S+::.+?)(?: - .*)?$", re.MULTILINE)
_SOURCES = ("libs/*/src", "services/*/src", "tools/src")


@dataclass(frozen=True)
class Outcome:
    """What pytest said."""

    code: int
    failed: tuple[str, ...]
    """Tests that failed, as pytest names them."""
    output: str


class Scratch:
    """One copy. Its environment has this one's packages, but this repository's own come from the copy: also in the
    processes that tests start, whatever PYTHONPATH they are given."""

    def __init__(self, repository: Path, folder: Path) -> None:
        self.root = folder / "repository"
        self._python = folder / "venv" / "bin" / "python"
        _copy(repository, self.root)
        venv.EnvBuilder(symlinks=True, with_pip=False).create(folder / "venv")
        sources = [str(path) for pattern in _SOURCES for path in sorted(self.root.glob(pattern))]
        packages = sysconfig.get_path("purelib")
        own = sysconfig.get_path("purelib", vars={"base": str(folder / "venv"), "platbase": str(folder / "venv")})
        # A plain line adds a folder, but reads none of its own .pth files: those name the sources that are not broken.
        (Path(own) / "mutants.pth").write_text("\n".join([*sources, packages]) + "\n", "utf-8")

    @contextmanager
    def broken_by(self, mutant: Mutant) -> Iterator[None]:
        """The copy with a mutant in it; raises MutantError does-not-apply."""
        kept = {edit.file: (self.root / edit.file).read_bytes() for edit in mutant.edits if self._has(edit.file)}
        try:
            for edit in mutant.edits:
                edit.apply(self.root)
            yield
        finally:
            for file, content in kept.items():
                (self.root / file).write_bytes(content)

    def _has(self, file: str) -> bool:
        return (self.root / file).exists()

    def test(self, tests: Sequence[str], environment: Mapping[str, str], *options: str, seconds: float) -> Outcome:
        """Run some tests here. Code -1: they did not end in time."""
        command = [str(self._python), "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", "-rf", *options, *tests]
        process = subprocess.Popen(
            command,
            cwd=self.root,
            # Files change within the second that a compiled copy is told apart by.
            env={**os.environ, **environment, "PYTHONDONTWRITEBYTECODE": "1"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        try:
            output, _ = process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, 9)
            output, _ = process.communicate()
            return Outcome(-1, (), output)
        return Outcome(process.returncode, tuple(_SUMMARY.findall(output)), output)


def _copy(repository: Path, to: Path) -> None:
    """The files that git knows or would add, as they are now."""
    listed = subprocess.run(
        ["git", "-C", str(repository), "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        check=True,
        capture_output=True,
    ).stdout
    for name in listed.decode().split("\0"):
        source = repository / name
        if name and source.is_file():
            (to / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, to / name)
