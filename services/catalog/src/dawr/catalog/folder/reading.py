"""Files to rows: headers and cells are checked here, each cell by itself. Where the cells come from is a Source's."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol, TypeVar

from pydantic import ValidationError

from dawr.catalog.folder.cells import WrongCell
from dawr.catalog.folder.problems import HEADER_ROW, MOST_PROBLEMS, Problem, of_cell
from dawr.catalog.folder.rows import FILES, Row

Cell = str | WrongCell
"""What a source has in a cell: its text, or why it has none."""

R = TypeVar("R", bound=Row)


@dataclass(frozen=True, slots=True)
class Numbered:
    """A row with the number under which a spreadsheet shows it."""

    number: int
    row: Row

    def problem(self, column: str, code: str, en: str, ar: str) -> Problem:
        """Something wrong in this row."""
        return Problem(self.row.file, self.number, column, code, en, ar)


class Missing(Exception):
    """A source has no such file."""


class Unreadable(Exception):
    """A file can't be read from a row on (0: at all); `column` is where in it, if one can be named."""

    def __init__(self, row: int, code: str, en: str, ar: str, *, column: str = "") -> None:
        super().__init__(en)
        self.row, self.code, self.en, self.ar, self.column = row, code, en, ar, column


class Source(Protocol):
    """Something that holds the files of a catalogue: a folder, a workbook."""

    def cells(self, kind: type[Row]) -> Iterator[tuple[int, list[Cell]]]:
        """The rows of a file as they are, numbered as a spreadsheet shows them, its header first.

        Raises Missing, or Unreadable from the row on that can't be read.
        """
        ...

    def surplus(self) -> Iterable[Problem]:
        """What it has that belongs to no kind of row: most often a name that is mistyped."""
        ...

    def called(self, file: str) -> str:
        """What it calls a file that others call `fees.csv`."""
        ...


class Rows:
    """The readable rows of a source, and what was wrong with the others."""

    def __init__(self, source: Source) -> None:
        self.problems: list[Problem] = list(source.surplus())
        self._by_file: dict[type[Row], list[Numbered]] = {}
        for kind in FILES:
            self._by_file[kind] = list(self._read(source, kind))

    def of(self, kind: type[R]) -> list[R]:
        """The rows of one file."""
        return [each.row for each in self._by_file[kind] if isinstance(each.row, kind)]

    def numbered(self, kind: type[R]) -> Iterator[tuple[Numbered, R]]:
        """The rows of one file with their numbers."""
        for each in self._by_file[kind]:
            if isinstance(each.row, kind):
                yield each, each.row

    def _read(self, source: Source, kind: type[Row]) -> Iterator[Numbered]:
        header: list[str] = []
        try:
            for number, cells in source.cells(kind):
                if not header:
                    if not self._header_holds(number, cells, kind):
                        return
                    header = _names(cells)
                    continue
                row = self._row(number, header, cells, kind)
                if row is not None:
                    yield Numbered(number, row)
        except Missing:
            if not kind.optional:
                self._note(kind, 0, "", "file-missing", "the file is missing", "الملف غير موجود")
            return
        except Unreadable as why:
            self._note(kind, why.row, why.column, why.code, why.en, why.ar)
            return
        if not header:
            self._note(kind, HEADER_ROW, "", "empty", "the file is empty", "الملف فارغ")

    def _header_holds(self, number: int, cells: list[Cell], kind: type[Row]) -> bool:
        wanted, header = list(kind.model_fields), _names(cells)
        wrong = [cell for cell in cells if isinstance(cell, WrongCell)]
        for each in wrong:
            self._note(kind, number, "", each.code, each.en, each.ar)
        for column in wanted:
            if column not in header:
                self._note(kind, number, column, "column-missing", "the column is missing", "العمود غير موجود")
        for column in dict.fromkeys(header):
            shown = column[:60]
            if not column and wrong:
                continue  # it was told of already
            if column not in wanted:
                self._note(kind, number, shown, "column-unknown", "there is no such column", "لا يوجد عمود بهذا الاسم")
            elif header.count(column) > 1:
                self._note(kind, number, shown, "column-twice", "the column is there twice", "العمود مكرر")
        return sorted(header) == sorted(wanted)

    def _row(self, number: int, header: list[str], cells: list[Cell], kind: type[Row]) -> Row | None:
        if len(cells) != len(header):
            en = f"the row has {len(cells)} cells, not {len(header)}"
            ar = f"في الصف {len(cells)} خلية بدلاً من {len(header)}"
            self._note(kind, number, "", "cells", en, ar)
            return None
        texts = {column: cell for column, cell in zip(header, cells, strict=True) if isinstance(cell, str)}
        for column, cell in zip(header, cells, strict=True):
            if isinstance(cell, WrongCell):
                self._note(kind, number, column, cell.code, cell.en, cell.ar)
        try:
            return kind.model_validate(texts)
        except ValidationError as error:
            for each in error.errors(include_url=False, include_input=False):
                column = str(each["loc"][0]) if each["loc"] else ""
                # What has no text was told of already.
                if each["type"] != "missing":
                    self._note(kind, number, column, *of_cell(each["type"], each["msg"], each.get("ctx", {})))
            return None

    def _note(self, kind: type[Row], number: int, column: str, code: str, en: str, ar: str) -> None:
        # One more than are told, so that it can be said that there are more.
        if len(self.problems) <= MOST_PROBLEMS:
            self.problems.append(Problem(kind.file, number, column, code, en, ar))


def _names(header: list[Cell]) -> list[str]:
    return [cell.strip() if isinstance(cell, str) else "" for cell in header]
