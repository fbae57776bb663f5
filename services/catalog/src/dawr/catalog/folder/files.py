"""Catalogues to files: a workbook, a ZIP archive of CSV, or a folder; and from whichever of them there is."""

import csv
import io
import re
import zipfile
from collections.abc import Iterator, Sequence
from datetime import date
from enum import StrEnum
from pathlib import Path
from typing import Any

from openpyxl import Workbook as Book
from openpyxl.cell import WriteOnlyCell
from openpyxl.styles import Font

from dawr.catalog.folder.archives import read_zip
from dawr.catalog.folder.catalogue import Catalogue
from dawr.catalog.folder.csv_files import CsvFolder
from dawr.catalog.folder.formulas import guarded
from dawr.catalog.folder.reading import Source
from dawr.catalog.folder.rows import Row
from dawr.catalog.folder.workbook import Workbook, sheet_of
from dawr.catalog.folder.writing import Plain, tables

_FIRST_DATE = date(1900, 3, 1)
"""Spreadsheets count days from 1900 on, and take that year for a leap year."""
_NOT_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_PACKED_AT = (2000, 1, 1, 0, 0, 0)
"""The time of every part of an archive, so that the same catalogue is the same bytes."""


class Format(StrEnum):
    """As what a catalogue can be sent, besides as a folder."""

    XLSX = "xlsx"
    CSV = "csv"
    """A ZIP archive of CSV files."""

    @property
    def media_type(self) -> str:
        """As HTTP names it."""
        return _MEDIA_TYPES[self]

    @property
    def suffix(self) -> str:
        """How the name of such a file ends."""
        return ".xlsx" if self is Format.XLSX else ".zip"


_MEDIA_TYPES = {
    Format.XLSX: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    Format.CSV: "application/zip",
}


def source_of(body: bytes, form: Format) -> Source:
    """What a file holds; raises CatalogueInvalid if there is no reading it."""
    return Workbook(body) if form is Format.XLSX else read_zip(body)


def source_at(path: Path) -> Source:
    """What a workbook, an archive or a folder holds; raises CatalogueInvalid, or OSError."""
    if path.is_dir():
        return CsvFolder(path)
    return source_of(path.read_bytes(), format_of(path))


def format_of(path: Path) -> Format:
    """What a file is by its name: an archive if it ends with `.zip`, else a workbook."""
    return Format.CSV if path.suffix.lower() == ".zip" else Format.XLSX


def written(catalogue: Catalogue, form: Format) -> bytes:
    """The catalogue as a file."""
    return _workbook(catalogue) if form is Format.XLSX else packed(csv_files(catalogue))


def csv_files(catalogue: Catalogue) -> Iterator[tuple[str, bytes]]:
    """The catalogue's CSV files: name and content of each."""
    for kind, rows in tables(catalogue).items():
        text = io.StringIO(newline="")
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(kind.model_fields)
        writer.writerows([guarded(str("" if cell is None else cell)) for cell in row] for row in rows)
        yield kind.file, text.getvalue().encode()


def packed(files: Iterator[tuple[str, bytes]]) -> bytes:
    """An archive of files."""
    body = io.BytesIO()
    with zipfile.ZipFile(body, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files:
            part = zipfile.ZipInfo(name, _PACKED_AT)
            part.external_attr = 0o644 << 16  # who unpacks it may read it
            archive.writestr(part, content, zipfile.ZIP_DEFLATED)
    return body.getvalue()


def _workbook(catalogue: Catalogue) -> bytes:
    book = Book(write_only=True)
    for kind, rows in tables(catalogue).items():
        _write_sheet(book.create_sheet(sheet_of(kind.file)), kind, rows)
    body = io.BytesIO()
    book.save(body)
    return body.getvalue()


def _write_sheet(sheet: Any, kind: type[Row], rows: Sequence[Sequence[Plain]]) -> None:
    sheet.freeze_panes = "A2"
    header = [_text(sheet, column) for column in kind.model_fields]
    for cell in header:
        cell.font = Font(bold=True)
    sheet.append(header)
    for row in rows:
        sheet.append([_cell(sheet, value) for value in row])


def _cell(sheet: Any, value: Plain) -> object:
    if isinstance(value, date) and value < _FIRST_DATE:
        value = value.isoformat()
    if isinstance(value, float) and float(f"{value:.15g}") != value:
        value = repr(value)  # a spreadsheet would keep fifteen digits of it
    return _text(sheet, value) if isinstance(value, str) else value


def _text(sheet: Any, text: str) -> Any:
    """A cell of text, whatever the text looks like, that stays text when somebody changes it."""
    cell = WriteOnlyCell(sheet, _NOT_XML.sub(" ", text))
    cell.data_type = "s"
    cell.number_format = "@"
    return cell
