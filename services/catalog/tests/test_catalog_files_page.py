"""The page about the catalogue's files names what the code refuses, and its limits."""

import re
from pathlib import Path

import pytest
from services.catalog.tests.broken_corpus import ARCHIVES, CONTAINERS, SHEETS, Broken

from dawr.catalog.errors import CatalogueInvalid
from dawr.catalog.folder import archives, csv_files, parts, problems, workbook
from dawr.catalog.folder.catalogue import read_rows
from dawr.catalog.folder.files import source_of
from dawr.catalog.folder.problems import problems_of

PAGE = (Path(__file__).parents[3] / "docs/catalogue-files.md").read_text("utf-8")
TOLD_OF_CELLS = {"string-too-short", "string-pattern-mismatch", "twice"}


@pytest.mark.parametrize(
    "broken", [*SHEETS, *CONTAINERS, *ARCHIVES], ids=lambda each: each.name if isinstance(each, Broken) else ""
)
def test_it_names_whatever_is_refused(broken: Broken) -> None:
    with pytest.raises(CatalogueInvalid) as refused:
        read_rows(source_of(broken.make(), broken.form))
    codes = {each.code for each in problems_of(refused.value)} - TOLD_OF_CELLS
    assert {code for code in codes if f"`{code}`" not in PAGE} == set()


def test_what_it_names_is_refused_somewhere() -> None:
    sources = [
        Path(each.__file__ or "").read_text("utf-8") for each in (archives, csv_files, parts, problems, workbook)
    ]
    sources.append((Path(problems.__file__ or "").parent / "reading.py").read_text("utf-8"))
    named = [code for line in PAGE.splitlines() if line.startswith("| `") for code in re.findall("`([a-z-]+)`", line)]
    assert len(named) > 25
    assert [code for code in named if not any(f'"{code}"' in source for source in sources)] == []


def test_it_names_the_limits() -> None:
    limits = (parts.MOST_ROWS, parts.LONGEST_CELL, parts.MOST_ELEMENTS)
    assert [limit for limit in limits if f"{limit:,}" not in PAGE] == []
    assert f"{parts.MOST_COLUMNS} columns" in PAGE
    assert f"{archives.MOST_MEMBERS} parts" in PAGE
    assert f"{archives.HIGHEST_RATIO} to 1" in PAGE
    assert f"more than {problems.MOST_PROBLEMS}" in PAGE
    sizes = (archives.ARCHIVE_BYTES, archives.UNPACKED_BYTES, csv_files.FILE_BYTES)
    assert [size for size in sizes if f"{size // 1024**2} MiB" not in PAGE] == []
