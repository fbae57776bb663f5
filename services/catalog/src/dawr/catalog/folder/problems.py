"""What can be wrong in a folder, said so that a person finds the place."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass

from dawr.catalog.errors import CatalogueInvalid

HEADER_ROW = 1
"""Rows are counted as a spreadsheet shows them: the header is row 1."""


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One thing that is wrong, and where."""

    file: str
    row: int
    """0: the file as a whole."""
    column: str
    """Empty: the row as a whole."""
    code: str
    text: str

    def __str__(self) -> str:
        column = f", column {self.column}" if self.column else ""
        row = f", row {self.row}" if self.row else ""
        return f"{self.file}{row}{column}: {self.text}"


def refuse(problems: Sequence[Problem]) -> None:
    """Raise CatalogueInvalid with all problems, sorted by place; do nothing if there are none."""
    if problems:
        raise CatalogueInvalid(problems=[asdict(problem) for problem in sorted(set(problems))])


def lines(refusal: CatalogueInvalid) -> list[str]:
    """The problems of a refusal, one line each, for a terminal."""
    listed = refusal.data["problems"]
    assert isinstance(listed, list)  # noqa: S101
    return [str(Problem(**each)) for each in listed]
