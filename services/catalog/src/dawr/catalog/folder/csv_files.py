"""A folder of CSV files, on disk or in a ZIP archive."""

import csv
import io
import zlib
from collections.abc import Iterator
from importlib.resources.abc import Traversable
from zipfile import BadZipFile

from dawr.catalog.folder.formulas import unguarded
from dawr.catalog.folder.problems import HEADER_ROW, Problem
from dawr.catalog.folder.reading import Cell, Missing, Unreadable
from dawr.catalog.folder.rows import FILES, Row

FILE_BYTES = 16 * 1024 * 1024
"""The largest file that is read: two hundred times the shipped seed's largest."""


class CsvFolder:
    """A folder of CSV files in UTF-8, with commas."""

    def __init__(self, folder: Traversable) -> None:
        self._folder = folder

    def cells(self, kind: type[Row]) -> Iterator[tuple[int, list[Cell]]]:
        """As Source has it. A row of empty cells is none."""
        number, begun = 0, False
        try:
            for number, cells in enumerate(
                csv.reader(io.StringIO(self._text(kind), newline=""), strict=True), HEADER_ROW
            ):
                if not any(cell.strip() for cell in cells):
                    continue
                if not begun and len(cells) == 1 and ";" in cells[0]:
                    en, ar = "the cells are apart by ; instead of ,", "الخلايا مفصولة بـ ; بدلاً من ,"
                    raise Unreadable(number, "semicolons", en, ar)
                begun = True
                yield number, [unguarded(cell) for cell in cells]
        except csv.Error as error:
            raise Unreadable(number + 1, "not-csv", f"not CSV: {error}", f"ليس ملف CSV سليماً: {error}") from None

    def surplus(self) -> Iterator[Problem]:
        """CSV files that are none of a catalogue's."""
        known = {kind.file for kind in FILES}
        if not self._folder.is_dir():
            return  # each of its files is missing, which is told
        for name in sorted(each.name for each in self._folder.iterdir()):
            if name.lower().endswith(".csv") and name not in known:
                en, ar = "no file of a catalogue has this name", "لا يوجد في الدليل ملف بهذا الاسم"
                yield Problem(name[:60], 0, "", "file-unknown", en, ar)

    def called(self, file: str) -> str:
        """By its name."""
        return file

    def _text(self, kind: type[Row]) -> str:
        try:
            with (self._folder / kind.file).open("rb") as opened:
                body = opened.read(FILE_BYTES + 1)
        except FileNotFoundError:
            raise Missing from None
        except (OSError, BadZipFile, EOFError, zlib.error):
            raise Unreadable(0, "file-unreadable", "the file can't be read", "لا يمكن قراءة الملف") from None
        if len(body) > FILE_BYTES:
            en, ar = f"the file is larger than {FILE_BYTES} bytes", f"الملف أكبر من {FILE_BYTES} بايت"
            raise Unreadable(0, "file-too-large", en, ar)
        try:
            return body.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            row = body[: error.start].count(b"\n") + 1
            raise Unreadable(row, "not-utf-8", "the file is not UTF-8 here", "ترميز الملف هنا ليس UTF-8") from None
