"""What is broken, why that matters, and which tests must notice: read from a TOML file."""

import tomllib
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from dawr.tools.errors import ToolError


class MutantError(ToolError):
    """The plan can't be read, or what it breaks is no longer there."""


class Edit(BaseModel):
    """One place: `old` stands in the file one time, and `new` takes its place."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    file: str
    old: str
    new: str

    def apply(self, root: Path) -> None:
        """Break it; raises MutantError does-not-apply."""
        path = root / self.file
        text = path.read_text("utf-8") if path.exists() else ""
        if text.count(self.old) != 1:
            raise MutantError(
                "does-not-apply", f"{self.file} has {text.count(self.old)} places that read {self.old.strip()[:60]!r}."
            )
        path.write_text(text.replace(self.old, self.new), "utf-8")


class Mutant(BaseModel):
    """One way to break the code."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(pattern=r"^[a-z][a-z0-9-]+$")
    why: str
    """What goes wrong for people when the code is like this."""
    edits: tuple[Edit, ...] = Field(min_length=1)
    tests: tuple[str, ...] = Field(min_length=1)
    """As pytest takes them, from the repository's root."""


def read_plan(file: Path) -> list[Mutant]:
    """The mutants of a plan; raises MutantError bad-plan."""
    try:
        rows = tomllib.loads(file.read_text("utf-8"))["mutant"]
        mutants = [Mutant.model_validate(row) for row in rows]
    except (OSError, KeyError, ValueError) as error:
        raise MutantError("bad-plan", f"{file} can't be read: {error}") from error
    names = [mutant.name for mutant in mutants]
    if twice := {name for name in names if names.count(name) > 1}:
        raise MutantError("bad-plan", f"{file} names {', '.join(sorted(twice))} twice.")
    return mutants
