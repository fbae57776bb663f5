"""Files to rows: headers and cells are checked here, each cell by itself. Where the cells come from is a Source's."""

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.resources.abc import Traversable
from typing import Protocol, TypeVar

from pydantic import ValidationError

from dawr.catalog.folder.problems import HEADER_ROW, Problem, of_cell
from dawr.catalog.folder.rows import FILES, Row

FILE_BYTES = 16 * 1024 * 1024
"""The largest file that is read: fifty times the shipped seed's largest."""

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
    """A file can't be read from a row on (0: at all)."""

    def __init__(self, row: int, code: str, en: str, ar: str) -> None:
        super().__init__(en)
        self.row, self.code, self.en, self.ar = row, code, en, ar


class Source(Protocol):
    """Something that holds the files of a catalogue: a folder, a workbook."""

    def cells(self, kind: type[Row]) -> Iterator[tuple[int, list[str]]]:
        """The rows of a file as they are, numbered as a spreadsheet shows them, its header first.

        Raises Missing, or Unreadable from the row on that can't be read.
        """
        ...


class CsvFolder:
    """A folder of CSV files in UTF-8."""

    def __init__(self, folder: Traversable) -> None:
        self._folder = folder

    def cells(self, kind: type[Row]) -> Iterator[tuple[int, list[str]]]:
        """As Source has it."""
        number = 0
        try:
            for number, cells in enumerate(
                csv.reader(io.StringIO(self._text(kind), newline=""), strict=True), HEADER_ROW
            ):
                if cells:
                    yield number, cells
        except csv.Error as error:
            raise Unreadable(number + 1, "not-csv", f"not CSV: {error}", f"ليس ملف CSV سليماً: {error}") from None

    def _text(self, kind: type[Row]) -> str:
        try:
            with (self._folder / kind.file).open("rb") as opened:
                body = opened.read(FILE_BYTES + 1)
        except FileNotFoundError:
            raise Missing from None
        except OSError:
            raise Unreadable(0, "file-unreadable", "the file can't be read", "لا يمكن قراءة الملف") from None
        if len(body) > FILE_BYTES:
            en, ar = f"the file is larger than {FILE_BYTES} bytes", f"الملف أكبر من {FILE_BYTES} بايت"
            raise Unreadable(0, "file-too-large", en, ar)
        try:
            return body.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            row = body[: error.start].count(b"\n") + 1
            raise Unreadable(row, "not-utf-8", "the file is not UTF-8 here", "ترميز الملف هنا ليس UTF-8") from None


class Rows:
    """The readable rows of a source, and what was wrong with the others."""

    def __init__(self, source: Source) -> None:
        self.problems: list[Problem] = []
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
                    header = [cell.strip() for cell in cells]
                    if not self._header_holds(number, header, kind):
                        return
                    continue
                row = self._row(number, header, cells, kind)
                if row is not None:
                    yield Numbered(number, row)
        except Missing:
            if not kind.optional:
                self._note(kind, 0, "", "file-missing", "the file is missing", "الملف غير موجود")
            return
        except Unreadable as why:
            self._note(kind, why.row, "", why.code, why.en, why.ar)
            return
        if not header:
            self._note(kind, HEADER_ROW, "", "empty", "the file is empty", "الملف فارغ")

    def _header_holds(self, number: int, header: list[str], kind: type[Row]) -> bool:
        wanted = list(kind.model_fields)
        for column in wanted:
            if column not in header:
                self._note(kind, number, column, "column-missing", "the column is missing", "العمود غير موجود")
        for column in dict.fromkeys(header):
            shown = column[:60]
            if column not in wanted:
                self._note(kind, number, shown, "column-unknown", "there is no such column", "لا يوجد عمود بهذا الاسم")
            elif header.count(column) > 1:
                self._note(kind, number, shown, "column-twice", "the column is there twice", "العمود مكرر")
        return sorted(header) == sorted(wanted)

    def _row(self, number: int, header: list[str], cells: list[str], kind: type[Row]) -> Row | None:
        if len(cells) != len(header):
            en = f"the row has {len(cells)} cells, not {len(header)}"
            ar = f"في الصف {len(cells)} خلية بدلاً من {len(header)}"
            self._note(kind, number, "", "cells", en, ar)
            return None
        try:
            return kind.model_validate(dict(zip(header, cells, strict=True)))
        except ValidationError as error:
            for each in error.errors(include_url=False, include_input=False):
                column = str(each["loc"][0]) if each["loc"] else ""
                self._note(kind, number, column, *of_cell(each["type"], each["msg"], each.get("ctx", {})))
            return None

    def _note(self, kind: type[Row], number: int, column: str, code: str, en: str, ar: str) -> None:
        self.problems.append(Problem(kind.file, number, column, code, en, ar))
