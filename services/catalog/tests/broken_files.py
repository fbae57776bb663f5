"""Workbooks and archives that break rules: the tests' folder, written as one of them, with one thing done to it."""

import io
import warnings
import zipfile
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from openpyxl import load_workbook

from dawr.catalog.folder.catalogue import read_catalogue
from dawr.catalog.folder.files import Format, written

FOLDER = Path(__file__).parent / "folder"
FEES = "xl/worksheets/sheet10.xml"
"""The part of the sheet `fees`."""


@cache
def good(form: Format) -> bytes:
    """The tests' folder as a file."""
    return written(read_catalogue(FOLDER), form)


def edited(edit: Callable[[Any], object]) -> bytes:
    """The workbook with something done to it, as a spreadsheet would save it."""
    book = load_workbook(io.BytesIO(good(Format.XLSX)))
    edit(book)
    body = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        book.save(body)
    return body.getvalue()


def parts(
    changes: Mapping[str, Callable[[bytes], bytes | None]],
    form: Format = Format.XLSX,
    pack: int = zipfile.ZIP_DEFLATED,
) -> bytes:
    """The file with some parts otherwise: a new part is made of nothing, one that becomes none goes."""
    body = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(good(form))) as before, zipfile.ZipFile(body, "w", pack) as after:
        names = [*before.namelist(), *(name for name in changes if name not in before.namelist())]
        for name in names:
            content: bytes | None = before.read(name) if name in before.namelist() else b""
            assert content is not None
            content = changes[name](content) if name in changes else content
            if content is not None:
                after.writestr(name, content)
    return body.getvalue()


def zipped(*files: tuple[str, bytes]) -> bytes:
    body = io.BytesIO()
    with warnings.catch_warnings(), zipfile.ZipFile(body, "w", zipfile.ZIP_DEFLATED) as archive:
        warnings.simplefilter("ignore", UserWarning)  # one name may be there twice
        for name, content in files:
            archive.writestr(name, content)
    return body.getvalue()


def put(cell: str, value: object, sheet: str = "fees", shown_as: str | None = "General") -> Callable[[], bytes]:
    """A cell with another value."""

    def edit(book: Any) -> None:
        book[sheet][cell] = value
        if shown_as:
            book[sheet][cell].number_format = shown_as

    return lambda: edited(edit)


def told(cell: str, text: str, sheet: str = "fees") -> tuple[str, ...]:
    """What is told of one cell: `row, column`, and the text."""
    row, _, column = cell.partition(" ")
    return (f"{sheet}, row {row}, column {column}: {text}",)


def with_entities(content: bytes) -> bytes:
    head, _, rest = content.partition(b"?>") if content.startswith(b"<?xml") else (b"", b"", content)
    bomb = b"".join(b'<!ENTITY e%d "%s">' % (n, b"&e%d;" % (n - 1) * 10) for n in range(1, 10))
    return head + (b"?>" if head else b"") + b'<!DOCTYPE a [<!ENTITY e0 "ha">' + bomb + b"]>" + rest


def cells(*xml: str) -> Callable[[bytes], bytes]:
    """A sheet of these rows of XML."""
    head = '<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>'
    return lambda _: (head + "".join(xml) + "</sheetData></worksheet>").encode()


def cell(reference: str, text: str) -> str:
    return f'<c r="{reference}" t="inlineStr"><is><t>{text}</t></is></c>'


def with_shared_string(content: bytes) -> bytes:
    """The first fee's currency is shared string 0."""
    start = content.index(b'<c r="E2"')
    return content[:start] + b'<c r="E2" t="s"><v>0</v></c>' + content[content.index(b"</c>", start) + 4 :]


def strings(text: str) -> Callable[[bytes], bytes]:
    head = '<sst xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main">'
    return lambda _: f"{head}<si><t>{text}</t></si></sst>".encode()


def sealed(body: bytes) -> bytes:
    """The archive with the mark of a password on each part."""
    marked = bytearray(body)
    for mark, flags in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = marked.find(mark)
        while at >= 0:
            marked[at + flags] |= 1
            at = marked.find(mark, at + 4)
    return bytes(marked)


def bent(body: bytes) -> bytes:
    """The archive with some bytes of a part turned: its checksum no longer fits."""
    with zipfile.ZipFile(io.BytesIO(body)) as archive:
        part = archive.getinfo(FEES)
    middle = part.header_offset + 30 + len(part.filename) + part.compress_size // 2
    return body[:middle] + bytes(255 - each for each in body[middle : middle + 8]) + body[middle + 8 :]


def understated(body: bytes) -> bytes:
    """The archive with a part that says that it is smaller than it is."""
    with zipfile.ZipFile(io.BytesIO(body)) as archive:
        size = archive.getinfo(FEES).file_size.to_bytes(4, "little")
    return body.replace(size, (1000).to_bytes(4, "little"))
