"""A catalogue in one XLSX workbook: a sheet for each file, named as it without `.csv`, with the same columns.

A cell may be text as CSV has it, or a number, a date, a time or a truth value of the spreadsheet's. What can't be read
as one value is refused by its place: formulas, errors, merged cells. Macros and links to other workbooks are refused.
"""

import zipfile
import zlib
from collections.abc import Iterator, Mapping
from datetime import date, datetime, time
from pathlib import PurePosixPath
from typing import Any
from xml.etree.ElementTree import Element, ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring
from openpyxl import load_workbook
from openpyxl.utils.exceptions import InvalidFileException

from dawr.catalog.folder.archives import damaged, open_archive, whole
from dawr.catalog.folder.cells import WrongCell
from dawr.catalog.folder.parts import (
    LONGEST_CELL,
    MOST_COLUMNS,
    MOST_ROWS,
    Sheet,
    Unfit,
    huge_strings,
    letter,
    look_through,
    look_through_sheet,
)
from dawr.catalog.folder.problems import Problem, refuse
from dawr.catalog.folder.reading import Cell, Missing, Unreadable
from dawr.catalog.folder.rows import FILES, Row

_WORKBOOK = "xl/workbook.xml"
_STRINGS = "xl/sharedStrings.xml"
_BROKEN = (
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    OSError,
    ParseError,
    DefusedXmlException,
    InvalidFileException,
    KeyError,
    ValueError,
    TypeError,
    IndexError,
    AttributeError,
    NotImplementedError,
)
"""What openpyxl raises for parts that are not what they should be."""


def sheet_of(file: str) -> str:
    """The name of the sheet that stands for a file."""
    return file.removesuffix(".csv")


class Workbook:
    """The sheets of a workbook, as a Source; raises CatalogueInvalid if there is no reading it."""

    def __init__(self, body: bytes) -> None:
        archive = open_archive(body)
        refuse(_foreign(archive.namelist()))
        try:
            self._paths = _sheets(archive)
            found = _look_through(archive, self._paths)
            self._found: Mapping[str, Sheet] = found
            refuse(problem for name in found for problem in _unreadable(name, found[name]))
            # Values of formulas are not read: what was computed elsewhere is not what somebody decided.
            self._book: Any = load_workbook(archive.fp, read_only=True, data_only=False, keep_links=False)
        except Unfit as why:
            refuse([_whole(why)])
        except _BROKEN:
            refuse([damaged()])

    def cells(self, kind: type[Row]) -> Iterator[tuple[int, list[Cell]]]:
        """As Source has it. Cells that are empty at the end of a row are as many as the header has."""
        name = sheet_of(kind.file)
        if name not in self._paths or name not in self._book.sheetnames:
            raise Missing
        sheet = self._book[name]
        sheet.reset_dimensions()  # what a workbook says of its own size may be wrong
        merged, width = self._found[name].merged, 0
        number = 0
        try:
            for number, row in enumerate(sheet.iter_rows(max_row=MOST_ROWS, max_col=MOST_COLUMNS), 1):
                cells: list[Cell] = [_cell(each) for each in row]
                for column in (column for at, column in merged if at == number and column <= len(cells)):
                    cells[column - 1] = _merged(merged[number, column])
                while cells and cells[-1] == "":
                    cells.pop()
                if cells:
                    width = width or len(cells)
                    yield number, [*cells, *([""] * (width - len(cells)))]
        except _BROKEN:
            raise Unreadable(number + 1, "damaged", "the sheet is damaged here", "الورقة تالفة هنا") from None

    def surplus(self) -> Iterator[Problem]:
        """Sheets that are none of a catalogue's; one whose name begins with `_` is somebody's own."""
        known = {sheet_of(kind.file) for kind in FILES}
        for name in self._paths:
            if name not in known and not name.startswith("_"):
                en, ar = "no sheet of a catalogue has this name", "لا توجد في الدليل ورقة بهذا الاسم"
                yield Problem(name[:60], 0, "", "sheet-unknown", en, ar)

    def called(self, file: str) -> str:
        """By the name of its sheet."""
        return sheet_of(file)


def _foreign(names: list[str]) -> Iterator[Problem]:
    if _WORKBOOK not in names:
        yield whole("not-a-workbook", "not a workbook (.xlsx)", "ليس مصنف .xlsx")
    if any(name.lower().endswith("vbaproject.bin") for name in names):
        yield whole(
            "macros", "it has macros; save it as .xlsx without them", "فيه وحدات ماكرو؛ احفظه بصيغة .xlsx دونها"
        )
    if any(name.startswith("xl/externalLinks/") for name in names):
        yield whole("external-links", "it has links to other workbooks", "فيه روابط إلى مصنفات أخرى")


def _sheets(archive: zipfile.ZipFile) -> dict[str, str]:
    """The part of each sheet by the sheet's name. Raises what is in `_BROKEN`, and Unfit."""
    for part in (_WORKBOOK, "xl/_rels/workbook.xml.rels"):
        with archive.open(part) as opened:
            look_through(opened)
    workbook: Element = fromstring(archive.read(_WORKBOOK))
    relations: Element = fromstring(archive.read("xl/_rels/workbook.xml.rels"))
    targets = {each.get("Id"): each.get("Target", "") for each in relations}
    found: dict[str, str] = {}
    for sheet in (each for each in workbook.iter() if each.tag.endswith("}sheet")):
        relation = next((value for name, value in sheet.items() if name.endswith("}id")), None)
        target = PurePosixPath("/xl", targets[relation])
        found[sheet.get("name", "")] = target.as_posix().removeprefix("/")
    return found


def _look_through(archive: zipfile.ZipFile, paths: Mapping[str, str]) -> dict[str, Sheet]:
    """What stands in the way in each sheet; raises Unfit if it is in another part."""
    huge: set[int] = set()
    for name in archive.namelist():
        if not name.endswith((".xml", ".rels")) or name in paths.values():
            continue
        with archive.open(name) as part:
            if name == _STRINGS:
                huge = huge_strings(part)
            else:
                look_through(part)
    found: dict[str, Sheet] = {}
    for sheet, path in paths.items():
        with archive.open(path) as part:
            found[sheet] = look_through_sheet(part, huge)
    return found


def _unreadable(name: str, sheet: Sheet) -> Iterator[Problem]:
    """Why a sheet is not even begun."""
    for place in sheet.huge:
        en, ar = f"more than {LONGEST_CELL} characters", f"أكثر من {LONGEST_CELL} حرفاً"
        yield Problem(name[:60], place[0], letter(place), "cell-too-large", en, ar)
    if sheet.beyond == "rows":
        en, ar = f"the sheet has more than {MOST_ROWS} rows", f"في الورقة أكثر من {MOST_ROWS} صف"
        yield Problem(name[:60], MOST_ROWS + 1, "", "too-many-rows", en, ar)
    elif sheet.beyond == "columns":
        en, ar = f"the sheet has more than {MOST_COLUMNS} columns", f"في الورقة أكثر من {MOST_COLUMNS} عموداً"
        yield Problem(name[:60], 0, "", "too-many-columns", en, ar)
    elif sheet.too_complex:
        en, ar = "the sheet has more cells than are read", "في الورقة خلايا أكثر مما يُقرأ"
        yield Problem(name[:60], 0, "", "too-many-cells", en, ar)


def _whole(why: Unfit) -> Problem:
    if why.code == "entities":
        en, ar = "it defines entities of XML, which no workbook needs", "فيه تعريفات كيانات XML لا يحتاجها أي مصنف"
        return whole("entities", en, ar)
    if why.code == "too-complex":
        en, ar = "it has more styles, names or texts than are read", "فيه تنسيقات أو أسماء أو نصوص أكثر مما يُقرأ"
        return whole("too-complex", en, ar)
    return damaged()


def _merged(cells: str) -> WrongCell:
    return WrongCell("merged-cells", f"{cells} are merged into one", f"الخلايا {cells} مدموجة")


def _cell(cell: Any) -> Cell:
    """What a cell holds, as CSV would have it."""
    if cell.data_type == "f":
        return WrongCell("formula", "a formula; a value is expected", "صيغة حسابية؛ المتوقع قيمة")
    if cell.data_type == "e":
        return WrongCell("cell-error", f"the cell shows {cell.value}", f"الخلية تعرض {cell.value}")
    return _text(cell.value)


def _text(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, datetime):
        return value.date().isoformat() if value.time() == time() else value.isoformat(timespec="seconds")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, time):
        return value.isoformat(timespec="minutes" if value.second == 0 else "seconds")
    return str(value)
