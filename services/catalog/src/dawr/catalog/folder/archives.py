"""ZIP archives from outside: looked at before anything in them is unpacked, so that none takes more than it may.

An XLSX workbook is such an archive, and so is a folder of CSV files that is sent as one file.
"""

import io
import zipfile
from collections import Counter
from collections.abc import Iterator
from pathlib import PurePosixPath

from dawr.catalog.folder.csv_files import FILE_BYTES, CsvFolder
from dawr.catalog.folder.problems import Problem, refuse

ARCHIVE_BYTES = 4 * 1024 * 1024
"""The largest archive: the shipped seed is a twentieth of it."""
UNPACKED_BYTES = 32 * 1024 * 1024
MOST_MEMBERS = 300
HIGHEST_RATIO = 200
"""By how much a part may be packed: sheets reach a tenth of it. Small parts are not looked at."""
_SMALL_BYTES = 256 * 1024

_CENTRAL = b"PK\x01\x02"
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_ENCRYPTED_PACKAGE = "EncryptedPackage".encode("utf-16-le")
_PACKED = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}


def whole(code: str, en: str, ar: str) -> Problem:
    """What is wrong with a file as a whole."""
    return Problem("", 0, "", code, en, ar)


def open_archive(body: bytes) -> zipfile.ZipFile:
    """An archive whose parts may be unpacked; raises CatalogueInvalid otherwise, with what it is instead."""
    refuse(_not_an_archive(body))
    try:
        archive = zipfile.ZipFile(io.BytesIO(body))
    except (zipfile.BadZipFile, ValueError, NotImplementedError, OSError):
        refuse([damaged()])
        raise  # never reached: refuse has raised
    refuse(_dangers(archive))
    return archive


def damaged() -> Problem:
    """The archive, or a part of it, is not what it says."""
    return whole("damaged", "the file is damaged", "الملف تالف")


def read_zip(body: bytes) -> CsvFolder:
    """The folder of CSV files in an archive, at its top or in one folder there; raises CatalogueInvalid."""
    archive = open_archive(body)
    tops = {PurePosixPath(name).parent.as_posix() for name in archive.namelist() if _is_csv(name)}
    if len(tops) > 1:
        refuse([whole("folders", "its CSV files are in more than one folder", "ملفات CSV فيه موزعة على أكثر من مجلد")])
    if not tops:
        refuse([whole("no-files", "there are no CSV files in it", "لا توجد فيه ملفات CSV")])
    top = tops.pop()
    if ".." in PurePosixPath(top).parts or top.startswith("/"):
        en, ar = "its CSV files are in a folder that they may not be in", "ملفات CSV فيه في مجلد غير مسموح"
        refuse([whole("folder-outside", en, ar)])
    return CsvFolder(zipfile.Path(archive, "" if top == "." else f"{top}/"))


def _is_csv(name: str) -> bool:
    return name.lower().endswith(".csv") and not name.startswith("__MACOSX/")


def _not_an_archive(body: bytes) -> Iterator[Problem]:
    if len(body) > ARCHIVE_BYTES:
        yield whole("too-large", f"more than {ARCHIVE_BYTES} bytes", f"أكثر من {ARCHIVE_BYTES} بايت")
    elif body.startswith(_OLE):
        if _ENCRYPTED_PACKAGE in body:
            yield encrypted()
        else:
            en, ar = "an old workbook (.xls); save it as .xlsx", "مصنف قديم (.xls)؛ احفظه بصيغة .xlsx"
            yield whole("legacy-workbook", en, ar)
    elif not body.startswith(b"PK"):
        yield whole("not-an-archive", "neither a workbook (.xlsx) nor a ZIP archive", "ليس مصنف .xlsx ولا أرشيف ZIP")
    elif body.count(_CENTRAL) > MOST_MEMBERS:
        # Counted before they are read: each costs memory by itself.
        yield whole("too-many-parts", f"more than {MOST_MEMBERS} parts", f"أكثر من {MOST_MEMBERS} جزء")


def encrypted() -> Problem:
    """It has a password."""
    return whole(
        "encrypted", "it is protected by a password; save it without one", "الملف محمي بكلمة مرور؛ احفظه دونها"
    )


def _dangers(archive: zipfile.ZipFile) -> Iterator[Problem]:
    parts = archive.infolist()
    if any(part.flag_bits & 0x1 for part in parts):
        yield encrypted()
    if any(part.compress_type not in _PACKED for part in parts):
        yield damaged()
    if sum(part.file_size for part in parts) > UNPACKED_BYTES or any(part.file_size > FILE_BYTES for part in parts):
        en, ar = (
            f"unpacked it is larger than {UNPACKED_BYTES} bytes",
            f"حجمه بعد فك الضغط أكبر من {UNPACKED_BYTES} بايت",
        )
        yield whole("unpacks-too-large", en, ar)
    elif any(_is_bomb(part) for part in parts):
        en = f"a part of it is packed by more than {HIGHEST_RATIO} to 1"
        yield whole("packed-too-tightly", en, f"جزء منه مضغوط بأكثر من {HIGHEST_RATIO} إلى 1")
    for name, count in Counter(part.filename for part in parts).items():
        if count > 1:
            yield whole("part-twice", f"{name[:60]} is in it twice", f"{name[:60]} مكرر فيه")


def _is_bomb(part: zipfile.ZipInfo) -> bool:
    return part.file_size > _SMALL_BYTES and part.file_size > HIGHEST_RATIO * max(part.compress_size, 1)
