"""One thing, as a form has it, put through the rules of the folder: what is typed in and what is imported can't differ.

A form's fields become the cells of rows, and stand beside the rows of what they refer to.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain

from dawr.catalog.folder.catalogue import Catalogue
from dawr.catalog.folder.checks import check
from dawr.catalog.folder.problems import Problem
from dawr.catalog.folder.reading import Cell, Rows
from dawr.catalog.folder.rows import FeeRow, Row, ServiceExtraRow
from dawr.catalog.folder.time_checks import check_hours
from dawr.catalog.folder.writing import tables
from dawr.contracts import Text

Cells = Mapping[str, str]
"""The cells of a row by their columns."""

_FIRST_ROW = 2
_BESIDE = 1_000_000
"""The number of the first row that stands beside the form's own."""

_MONEY = {"minor": "amount/minor", "currency": "amount/currency"}


@dataclass(frozen=True, slots=True)
class Given:
    """A form's row, and where in the form it is (`/documents/0`; empty: the form itself)."""

    kind: type[Row]
    pointer: str
    cells: Cells


@dataclass(frozen=True, slots=True)
class Broken:
    """A rule that a form breaks: a JSON pointer to the place, a stable code, and a text."""

    pointer: str
    code: str
    text: Text


class _Forms:
    """Rows of forms as a source of rows."""

    def __init__(self, own: Sequence[Given], beside: Catalogue) -> None:
        self._own = own
        self._beside = _beside(beside)

    def cells(self, kind: type[Row]) -> Iterator[tuple[int, list[Cell]]]:
        header = list(kind.model_fields)
        yield 1, list(header)
        own = [each.cells for each in self._own if each.kind is kind]
        for number, cells in enumerate(own, _FIRST_ROW):
            yield number, [cells[column] for column in header]
        yield from enumerate(self._beside[kind], _BESIDE)

    def surplus(self) -> Iterable[Problem]:
        return ()

    def called(self, file: str) -> str:
        return file


def read_given(own: Sequence[Given], beside: Catalogue) -> Rows | list[Broken]:
    """The rows of a form and of what stands beside it, or which rules the form breaks."""
    rows = Rows(_Forms(own, beside))
    problems = [each for each in rows.problems if each.row < _BESIDE]
    if not problems:
        problems = [each for each in chain(check(rows), check_hours(rows)) if each.row < _BESIDE]
    return [_broken(own, each) for each in problems] or rows


def _broken(own: Sequence[Given], problem: Problem) -> Broken:
    mine = [each for each in own if each.kind.file == problem.file]
    row = mine[problem.row - _FIRST_ROW]
    column = problem.column
    if row.kind in (FeeRow, ServiceExtraRow):
        column = _MONEY.get(column, column)
    if column.endswith(("_ar", "_en")):
        column = f"{column[:-3]}/{column[-2:]}"
    return Broken(f"{row.pointer}/{column}" if column else row.pointer, problem.code, problem.text)


def _beside(catalogue: Catalogue) -> dict[type[Row], list[list[Cell]]]:
    return {
        kind: [["" if cell is None else str(cell) for cell in row] for row in rows]
        for kind, rows in tables(catalogue).items()
    }


def text_cells(column: str, text: Text | None) -> dict[str, str]:
    """A text in both of its columns."""
    return {f"{column}_ar": text.ar if text else "", f"{column}_en": text.en if text else ""}


def flag(value: bool | None) -> str:
    """A flag as a cell has it; empty: not known."""
    return "" if value is None else "yes" if value else "no"


def optional(value: object) -> str:
    """A value that may be missing."""
    return "" if value is None else str(value)
