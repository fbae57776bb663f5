"""Files to rows: encoding, header and cells are checked here, each cell by itself."""

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.resources.abc import Traversable
from typing import TypeVar

from pydantic import ValidationError

from dawr.catalog.folder.problems import HEADER_ROW, Problem
from dawr.catalog.folder.rows import FILES, Row

FILE_BYTES = 4 * 1024 * 1024
"""The largest file that is read: 50 times the shipped seed's largest."""

R = TypeVar("R", bound=Row)


@dataclass(frozen=True, slots=True)
class Numbered:
    """A row with the number under which a spreadsheet shows it."""

    number: int
    row: Row

    def problem(self, column: str, code: str, text: str) -> Problem:
        """Something wrong in this row."""
        return Problem(self.row.file, self.number, column, code, text)


class Rows:
    """The readable rows of a folder, and what was wrong with the others."""

    def __init__(self, folder: Traversable) -> None:
        self.problems: list[Problem] = []
        self._by_file: dict[type[Row], list[Numbered]] = {}
        for kind in FILES:
            self._by_file[kind] = list(self._read(folder / kind.file, kind))

    def of(self, kind: type[R]) -> list[R]:
        """The rows of one file."""
        return [each.row for each in self._by_file[kind] if isinstance(each.row, kind)]

    def numbered(self, kind: type[R]) -> Iterator[tuple[Numbered, R]]:
        """The rows of one file with their numbers."""
        for each in self._by_file[kind]:
            if isinstance(each.row, kind):
                yield each, each.row

    def _read(self, file: Traversable, kind: type[Row]) -> Iterator[Numbered]:
        text = self._text(file, kind)
        if text is None:
            return
        number = 0
        header: list[str] = []
        try:
            for number, cells in enumerate(csv.reader(io.StringIO(text, newline=""), strict=True), HEADER_ROW):
                if number == HEADER_ROW:
                    header = cells
                    if not self._header_holds(header, kind):
                        return
                elif cells:
                    row = self._row(number, header, cells, kind)
                    if row is not None:
                        yield Numbered(number, row)
        except csv.Error as error:
            self._note(kind, number + 1, "", "not-csv", f"not CSV: {error}")
        if number == 0:
            self._note(kind, HEADER_ROW, "", "empty", "the file is empty")

    def _text(self, file: Traversable, kind: type[Row]) -> str | None:
        try:
            with file.open("rb") as opened:
                body = opened.read(FILE_BYTES + 1)
        except OSError:
            self._note(kind, 0, "", "file-missing", "the file is missing or can't be read")
            return None
        if len(body) > FILE_BYTES:
            self._note(kind, 0, "", "file-too-large", f"the file is larger than {FILE_BYTES} bytes")
            return None
        try:
            return body.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            row = body[: error.start].count(b"\n") + 1
            self._note(kind, row, "", "not-utf-8", "the file is not UTF-8 here")
            return None

    def _header_holds(self, header: list[str], kind: type[Row]) -> bool:
        wanted = list(kind.model_fields)
        for column in wanted:
            if column not in header:
                self._note(kind, HEADER_ROW, column, "column-missing", "the column is missing")
        for column in header:
            if column not in wanted:
                self._note(kind, HEADER_ROW, column, "column-unknown", "there is no such column")
            elif header.count(column) > 1:
                self._note(kind, HEADER_ROW, column, "column-twice", "the column is there twice")
        return sorted(header) == sorted(wanted)

    def _row(self, number: int, header: list[str], cells: list[str], kind: type[Row]) -> Row | None:
        if len(cells) != len(header):
            self._note(kind, number, "", "cells", f"the row has {len(cells)} cells, not {len(header)}")
            return None
        try:
            return kind.model_validate(dict(zip(header, cells, strict=True)))
        except ValidationError as error:
            for each in error.errors(include_url=False, include_context=False):
                column = str(each["loc"][0]) if each["loc"] else ""
                self._note(kind, number, column, each["type"].replace("_", "-"), each["msg"])
            return None

    def _note(self, kind: type[Row], number: int, column: str, code: str, text: str) -> None:
        self.problems.append(Problem(kind.file, number, column, code, text))
