"""Broken workbooks and archives, each with all that has to be told of it."""

import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, time
from random import Random
from typing import Any

from services.catalog.tests.broken_files import (
    FEES,
    FOLDER,
    bent,
    cell,
    cells,
    edited,
    good,
    parts,
    put,
    sealed,
    strings,
    told,
    understated,
    with_entities,
    with_shared_string,
    zipped,
)

from dawr.catalog.folder.archives import ARCHIVE_BYTES, MOST_MEMBERS
from dawr.catalog.folder.csv_files import FILE_BYTES
from dawr.catalog.folder.files import Format
from dawr.catalog.folder.parts import LONGEST_CELL, MOST_COLUMNS, MOST_ROWS


@dataclass(frozen=True)
class Broken:
    """A file, and all that is told of it in English."""

    name: str
    make: Callable[[], bytes]
    lines: tuple[str, ...]
    form: Format = Format.XLSX


def _drop_column(book: Any) -> None:
    book["fees"].delete_cols(4)


def _clear(book: Any) -> None:
    book["fees"].delete_rows(1, 100)


def _only_a_stranger(book: Any) -> None:
    for name in book.sheetnames:
        del book[name]
    book.create_sheet("Sheet1")


def _many_problems(book: Any) -> None:
    for row in range(100, 1500):
        book["tiers"].append([f"not a code {row}", "", ""])


OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(504)
MISSING = "the file is missing"
REQUIRED = ("agencies", "calendars", "capacity", "fees", "offices", "regions", "services", "tiers")
NOT_A_DATE = "a date such as 2026-12-01 is expected"
NOT_LETTERS = "characters that don't belong here; ^[A-Z]{3}$ is expected"
DAMAGED = ("the file is damaged",)
DICE = Random(1)  # noqa: S311 - so that nothing is packed too tightly to be looked at
HUGE = "".join(DICE.choices("ابتثجحخدذرزسشصضطظعغفقكلمنهوي", k=1_500_000))
"""Three megabytes."""
TOO_LONG = f"more than {LONGEST_CELL} characters"
UNPACKED = ("unpacked it is larger than 33554432 bytes",)
ENTITIES = ("it defines entities of XML, which no workbook needs",)

CELLS = [
    Broken("a formula", put("D2", "=1+1"), told("2 minor", "a formula; a value is expected")),
    Broken("a formula for a code", put("A2", '="PASS"&"_NEW"'), told("2 service", "a formula; a value is expected")),
    Broken("an error", put("D2", "#REF!"), told("2 minor", "the cell shows #REF!")),
    Broken("a fee below zero", put("D2", -5), told("2 minor", "the number is less than 0")),
    Broken("a fee with a fraction", put("D2", 312700.5), told("2 minor", "a whole number is expected")),
    Broken("a truth value for a number", put("D2", True), told("2 minor", "a whole number is expected")),
    Broken("a number with commas", put("D2", "312,700"), told("2 minor", "a whole number is expected")),
    Broken("a date in another order", put("F2", "1/2/2025"), told("2 effective_from", NOT_A_DATE)),
    Broken("a bare number for a date", put("F2", 45689), told("2 effective_from", NOT_A_DATE)),
    Broken(
        "a date with a time",
        put("F2", datetime.fromisoformat("2025-02-01T09:00")),
        told("2 effective_from", NOT_A_DATE),
    ),
    Broken("a date that no calendar has", put("F2", "2025-02-30"), told("2 effective_from", NOT_A_DATE)),
    Broken(
        "a date out of all time",
        put("F2", 99_999_999, shown_as="yyyy-mm-dd"),
        told("2 effective_from", "the cell shows #VALUE!"),
    ),
    Broken("no currency", put("E2", None), told("2 currency", NOT_LETTERS)),
    Broken("a currency of other letters", put("E2", "ليرة"), told("2 currency", NOT_LETTERS)),
    Broken("one language missing", put("C2", None, "tiers"), told("2 name_en", "the cell is empty", "tiers")),
    Broken(
        "a share of a percent cell",
        put("K2", 0.1, "capacity", "0%"),
        told("2 kept_assisted", "a whole number is expected", "capacity"),
    ),
    Broken(
        "a day that became a date",
        put("F2", date(2026, 12, 25), "calendars", None),
        told("2 left_out", "'2026-12-25' is not a day such as 12-25", "calendars"),
    ),
    Broken(
        "a time with seconds",
        put("I2", time(8, 0, 30), "capacity"),
        told("2 opens_time", "a time such as 08:00 is expected", "capacity"),
    ),
    Broken("too long a name", put("B2", "ا" * 121, "tiers"), told("2 name_ar", "more than 120 characters", "tiers")),
    Broken("a cell beside the columns", put("H2", "a note"), ("fees, row 2: the row has 8 cells, not 7",)),
]

SHEETS = [
    Broken(
        "merged cells",
        lambda: edited(lambda book: book["special_days"].merge_cells("F2:G2")),
        (
            "special_days, row 2, column name_ar: F2:G2 are merged into one",
            "special_days, row 2, column name_en: the cell is empty",
        ),
    ),
    Broken(
        "a wrong header",
        put("F1", "since"),
        (
            "fees, row 1, column effective_from: the column is missing",
            "fees, row 1, column since: there is no such column",
        ),
    ),
    Broken(
        "a header twice",
        put("G1", "minor"),
        (
            "fees, row 1, column is_example: the column is missing",
            "fees, row 1, column minor: the column is there twice",
        ),
    ),
    Broken(
        "a header that is computed",
        put("D1", '="min"&"or"'),
        ("fees, row 1: a formula; a value is expected", "fees, row 1, column minor: the column is missing"),
    ),
    Broken("a column missing", lambda: edited(_drop_column), ("fees, row 1, column minor: the column is missing",)),
    Broken(
        "a code twice",
        lambda: edited(lambda book: book["tiers"].append(["N", "عادي", "Normal"])),
        ("tiers, row 7, column code: the same code as in row 4",),
    ),
    Broken("a sheet missing", lambda: edited(lambda book: book.remove(book["fees"])), (f"fees: {MISSING}",)),
    Broken("an empty sheet", lambda: edited(_clear), ("fees, row 1: the file is empty",)),
    Broken(
        "a sheet with another name",
        lambda: edited(lambda book: setattr(book["closures"], "title", "closure")),
        ("closure: no sheet of a catalogue has this name",),
    ),
    Broken(
        "another workbook",
        lambda: edited(_only_a_stranger),
        ("Sheet1: no sheet of a catalogue has this name", *(f"{name}: {MISSING}" for name in REQUIRED)),
    ),
    Broken("more problems than are told", lambda: edited(_many_problems), ()),
    Broken(
        "a huge cell",
        lambda: parts(
            {FEES: cells(f'<row r="1">{cell("A1", "service")}</row>', f'<row r="3">{cell("B3", HUGE)}</row>')}
        ),
        told("3 B", TOO_LONG),
    ),
    Broken(
        "a huge text that cells share",
        lambda: parts({FEES: with_shared_string, "xl/sharedStrings.xml": strings(HUGE)}),
        told("2 E", TOO_LONG),
    ),
    Broken(
        "too many rows",
        lambda: parts({FEES: cells(*(f'<row r="{n}">{cell(f"A{n}", "x")}</row>' for n in range(1, MOST_ROWS + 500)))}),
        (f"fees, row {MOST_ROWS + 1}: the sheet has more than {MOST_ROWS} rows",),
    ),
    Broken(
        "a cell in the last row of all",
        put("A1048576", "x"),
        (f"fees, row {MOST_ROWS + 1}: the sheet has more than {MOST_ROWS} rows",),
    ),
    Broken("too many columns", put("XFD1", "x"), (f"fees: the sheet has more than {MOST_COLUMNS} columns",)),
    Broken(
        "more cells than are read",
        lambda: parts({FEES: cells(*DICE.choices(("<c/>", "<d/>"), k=1_600_000))}),
        ("fees: the sheet has more cells than are read",),
    ),
]

CONTAINERS = [
    Broken("no file", lambda: b"", ("neither a workbook (.xlsx) nor a ZIP archive",)),
    Broken("a CSV file", (FOLDER / "fees.csv").read_bytes, ("neither a workbook (.xlsx) nor a ZIP archive",)),
    Broken("an old workbook", lambda: OLE + b"Workbook", ("an old workbook (.xls); save it as .xlsx",)),
    Broken(
        "a workbook with a password",
        lambda: OLE + "EncryptedPackage".encode("utf-16-le"),
        ("it is protected by a password; save it without one",),
    ),
    Broken(
        "an archive with a password",
        lambda: sealed(good(Format.XLSX)),
        ("it is protected by a password; save it without one",),
    ),
    Broken("half a file", lambda: good(Format.XLSX)[:3000], DAMAGED),
    Broken("turned bytes", lambda: bent(good(Format.XLSX)), DAMAGED),
    Broken("a size that is a lie", lambda: understated(good(Format.XLSX)), DAMAGED),
    Broken("packed in a way of its own", lambda: parts({}, pack=zipfile.ZIP_LZMA), DAMAGED),
    Broken("too large", lambda: b"PK" + bytes(ARCHIVE_BYTES), (f"more than {ARCHIVE_BYTES} bytes",)),
    Broken("a bomb", lambda: parts({FEES: lambda _: bytes(FILE_BYTES + 1)}), UNPACKED),
    Broken("a bomb in parts", lambda: parts({f"xl/media/{n}": lambda _: bytes(9_000_000) for n in range(4)}), UNPACKED),
    Broken(
        "a tight little bomb",
        lambda: parts({FEES: lambda _: bytes(FILE_BYTES - 1)}),
        ("a part of it is packed by more than 200 to 1",),
    ),
    Broken(
        "too many parts",
        lambda: zipped(*((str(n), b"") for n in range(MOST_MEMBERS + 1))),
        (f"more than {MOST_MEMBERS} parts",),
    ),
    Broken(
        "a part twice",
        lambda: zipped((FEES, b"<a/>"), (FEES, b"<b/>"), ("xl/workbook.xml", b"")),
        (f"{FEES} is in it twice",),
    ),
    Broken(
        "a document of another program",
        lambda: zipped(("mimetype", b"application/vnd.oasis"), ("content.xml", b"")),
        ("not a workbook (.xlsx)",),
    ),
    Broken(
        "macros",
        lambda: parts({"xl/vbaProject.bin": lambda _: OLE}),
        ("it has macros; save it as .xlsx without them",),
    ),
    Broken(
        "links to another workbook",
        lambda: parts({"xl/externalLinks/externalLink1.xml": lambda _: b"<a/>"}),
        ("it has links to other workbooks",),
    ),
    Broken("entities in a sheet", lambda: parts({FEES: with_entities}), ENTITIES),
    Broken("entities in the workbook", lambda: parts({"xl/workbook.xml": with_entities}), ENTITIES),
    Broken("entities in styles", lambda: parts({"xl/styles.xml": with_entities}), ENTITIES),
    Broken(
        "more styles than are read",
        lambda: parts({"xl/styles.xml": lambda _: b"<a>" + b"<b/>" * 60_000 + b"</a>"}),
        ("it has more styles, names or texts than are read",),
    ),
    Broken("a sheet that is no XML", lambda: parts({FEES: lambda content: content[:-20]}), DAMAGED),
    Broken(
        "a workbook without its list of parts", lambda: parts({"xl/_rels/workbook.xml.rels": lambda _: None}), DAMAGED
    ),
]

ARCHIVES = [
    Broken(name, make, lines, Format.CSV)
    for name, make, lines in (
        (
            "Arabic of an old Windows",
            lambda: parts({"regions.csv": lambda text: text.decode().encode("cp1256")}, Format.CSV),
            ("regions.csv, row 2: the file is not UTF-8 here",),
        ),
        (
            "UTF-16",
            lambda: parts({"regions.csv": lambda text: text.decode().encode("utf-16")}, Format.CSV),
            ("regions.csv, row 1: the file is not UTF-8 here",),
        ),
        (
            "semicolons",
            lambda: parts({"tiers.csv": lambda text: text.replace(b",", b";")}, Format.CSV),
            ("tiers.csv, row 1: the cells are apart by ; instead of ,",),
        ),
        (
            "a quote without an end",
            lambda: parts({"tiers.csv": lambda text: text + b'"X,y,z\n'}, Format.CSV),
            ("tiers.csv, row 7: not CSV: unexpected end of data",),
        ),
        (
            "a huge cell of CSV",
            lambda: parts({"tiers.csv": lambda text: text + b"X," + b"y" * 200_000 + b",z\n"}, Format.CSV),
            ("tiers.csv, row 7: not CSV: field larger than field limit (131072)",),
        ),
        (
            "a short row",
            lambda: parts({"tiers.csv": lambda text: text + b"X,y\n"}, Format.CSV),
            ("tiers.csv, row 7: the row has 2 cells, not 3",),
        ),
        (
            "a file with another name",
            lambda: parts({"closure.csv": lambda _: b"scope\n"}, Format.CSV),
            ("closure.csv: no file of a catalogue has this name",),
        ),
        (
            "files in two folders",
            lambda: parts({"old/fees.csv": lambda _: b"x"}, Format.CSV),
            ("its CSV files are in more than one folder",),
        ),
        (
            "a way out of the folder",
            lambda: zipped(("../../etc/fees.csv", b"service\n")),
            ("its CSV files are in a folder that they may not be in",),
        ),
        ("no CSV", lambda: zipped(("readme.txt", b"hello")), ("there are no CSV files in it",)),
    )
]

CORPUS = [*CELLS, *SHEETS, *CONTAINERS, *ARCHIVES]
