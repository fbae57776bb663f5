"""The XML parts of a workbook, looked through as a stream before anything is built of them.

What is found here by its place (merged and huge cells) would be hidden or too large afterwards.
"""

import re
from dataclasses import dataclass, field
from typing import IO
from xml.parsers import expat

from openpyxl.utils import column_index_from_string, get_column_letter

from dawr.catalog.folder.problems import MOST_PROBLEMS

MOST_ROWS = 20_000
"""Of a sheet: twenty times those of the shipped seed's longest."""
MOST_COLUMNS = 50
MOST_ELEMENTS = 1_500_000
"""Of a sheet: what 20,000 rows of 20 cells take, with room."""
MOST_STRINGS = 100_000
MOST_OTHER_ELEMENTS = 50_000
"""Of any other part, as styles."""
LONGEST_CELL = 32_767
"""Characters; a spreadsheet takes no more."""
_CHUNK = 64 * 1024
_REFERENCE = re.compile(r"([A-Z]{1,3})(\d{1,7})", re.ASCII)

_TEXTS = {"v", "t", "f"}
"""Elements that hold what a cell has: a value, a part of a text, a formula."""

Place = tuple[int, int]
"""Row and column, from 1 on."""


class Unfit(Exception):
    """A part can't be read; `code` says why: `damaged`, `entities`, `too-complex`."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass
class Sheet:
    """What a sheet has that a catalogue can't have, by its place."""

    merged: dict[Place, str] = field(default_factory=dict)
    """`B2:C4` by its first cell."""
    huge: list[Place] = field(default_factory=list)
    beyond: str = ""
    """`rows` or `columns`: what it has more of than it may."""
    too_complex: bool = False


class _Reading:
    """Feeds a part to expat; subclasses look at its elements."""

    most_elements = MOST_OTHER_ELEMENTS

    def __init__(self) -> None:
        self._parser = expat.ParserCreate()
        self._parser.StartDoctypeDeclHandler = self._doctype
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._count = 0

    def read(self, part: IO[bytes]) -> None:
        """Look through a part; raises Unfit."""
        try:
            while chunk := part.read(_CHUNK):
                self._parser.Parse(chunk, False)
            self._parser.Parse(b"", True)
        except (expat.ExpatError, ValueError) as error:
            raise Unfit("damaged") from error

    def _doctype(self, *_: object) -> None:
        # No workbook has a DTD; one that comes with it is there to be expanded.
        raise Unfit("entities")

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self._count += 1
        if self._count > self.most_elements:
            raise Unfit("too-complex")
        self.start(name.rpartition(":")[2], attributes)

    def _end(self, name: str) -> None:
        self.end(name.rpartition(":")[2])

    def start(self, name: str, attributes: dict[str, str]) -> None:
        """An element begins."""

    def end(self, name: str) -> None:
        """An element ends."""


def look_through(part: IO[bytes]) -> None:
    """Refuse a part with entities or with too many elements; raises Unfit."""
    _Reading().read(part)


class _Strings(_Reading):
    most_elements = 8 * MOST_STRINGS

    def __init__(self) -> None:
        super().__init__()
        self._parser.CharacterDataHandler = self._text
        self.huge: set[int] = set()
        self._index, self._length = -1, 0

    def start(self, name: str, attributes: dict[str, str]) -> None:
        if name == "si":
            self._index, self._length = self._index + 1, 0
            if self._index >= MOST_STRINGS:
                raise Unfit("too-complex")

    def _text(self, text: str) -> None:
        self._length += len(text)
        if self._length > LONGEST_CELL:
            self.huge.add(self._index)


def huge_strings(part: IO[bytes]) -> set[int]:
    """The numbers of shared strings that are longer than a cell can be; raises Unfit."""
    strings = _Strings()
    strings.read(part)
    return strings.huge


class _Cells(_Reading):
    most_elements = MOST_ELEMENTS

    def __init__(self, huge: set[int]) -> None:
        super().__init__()
        self._parser.CharacterDataHandler = self._text
        self._huge = huge
        self.sheet = Sheet()
        self._row = self._column = self._length = 0
        self._shared = self._in_value = False
        self._number = ""

    def start(self, name: str, attributes: dict[str, str]) -> None:
        if name == "row":
            self._row, self._column = _number(attributes.get("r"), self._row + 1), 0
        elif name == "c":
            self._place(attributes.get("r"))
            self._shared, self._length, self._number = attributes.get("t") == "s", 0, ""
        elif name == "mergeCell":
            self._merge(attributes.get("ref", ""))
        elif name in _TEXTS:
            self._in_value = True

    def end(self, name: str) -> None:
        if name in _TEXTS:
            self._in_value = False
        elif name == "c" and self._length:
            self._check_cell()

    def _place(self, reference: str | None) -> None:
        found = _REFERENCE.fullmatch(reference or "")
        if found is None:
            self._column += 1
        else:
            self._row, self._column = int(found[2]), column_index_from_string(found[1])

    def _merge(self, reference: str) -> None:
        found = _REFERENCE.match(reference)
        if found is not None and len(self.sheet.merged) <= MOST_PROBLEMS:
            self.sheet.merged[int(found[2]), column_index_from_string(found[1])] = reference[:30]

    def _text(self, text: str) -> None:
        if self._in_value:
            self._length += len(text)
            if self._shared and len(self._number) < 12:
                self._number += text

    def _check_cell(self) -> None:
        if self._row > MOST_ROWS:
            self.sheet.beyond = self.sheet.beyond or "rows"
        elif self._column > MOST_COLUMNS:
            self.sheet.beyond = self.sheet.beyond or "columns"
        shared = _number(self._number, -1) if self._shared else -1
        too_long = self._length > LONGEST_CELL or shared in self._huge
        if too_long and len(self.sheet.huge) <= MOST_PROBLEMS:
            self.sheet.huge.append((self._row, self._column))


def _number(text: str | None, otherwise: int) -> int:
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 10 else otherwise


def look_through_sheet(part: IO[bytes], huge: set[int]) -> Sheet:
    """What stands in the way of reading a sheet; `huge` are shared strings that are too long. Raises Unfit."""
    cells = _Cells(huge)
    try:
        cells.read(part)
    except Unfit as why:
        if why.code != "too-complex":
            raise
        cells.sheet.too_complex = True
    return cells.sheet


def letter(place: Place) -> str:
    """The column of a place as spreadsheets show it."""
    return str(get_column_letter(place[1]))
