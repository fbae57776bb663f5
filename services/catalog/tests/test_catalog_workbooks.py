"""Files from outside: a broken one is told place by place and takes little, a good one loses nothing."""

import gc
import re
import tracemalloc
import zipfile
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from importlib.resources.abc import Traversable
from io import BytesIO
from typing import Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from openpyxl import load_workbook
from openpyxl.styles import Font
from services.catalog.tests.broken_corpus import CORPUS, Broken
from services.catalog.tests.broken_files import FOLDER, edited, good, zipped

from dawr.catalog.domain.calendars import Span, Weekday
from dawr.catalog.domain.services import Agency
from dawr.catalog.domain.weeks import ReleasePart, WeekdayPlan, WeekPlan
from dawr.catalog.errors import CatalogueInvalid
from dawr.catalog.folder.catalogue import Catalogue, catalogue_of, read_catalogue, read_rows, shipped
from dawr.catalog.folder.files import Format, source_of, written
from dawr.catalog.folder.formulas import guarded, unguarded
from dawr.catalog.folder.problems import MOST_PROBLEMS, lines
from dawr.contracts import Money, Text

MEGABYTE = 1024 * 1024
MOST_MEGABYTES = 6
"""What reading a broken file may take beside the file itself."""

formats = pytest.mark.parametrize("form", Format)


def read(body: bytes, form: Format) -> Catalogue:
    return catalogue_of(read_rows(source_of(body, form)))


def refused(body: bytes, form: Format) -> CatalogueInvalid:
    with pytest.raises(CatalogueInvalid) as caught:
        read(body, form)
    return caught.value


@pytest.mark.parametrize("broken", CORPUS, ids=lambda each: each.name)
def test_a_broken_file_is_told_place_by_place_in_both_languages_and_takes_little(broken: Broken) -> None:
    body = broken.make()
    good(broken.form)
    gc.collect()
    tracemalloc.start()
    try:
        refusal = refused(body, broken.form)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    if broken.lines:
        assert lines(refusal) == list(broken.lines)
    else:
        assert len(lines(refusal)) == MOST_PROBLEMS + 1
        assert lines(refusal)[0].startswith("there are more than")
    arabic = lines(refusal, "ar")
    assert len(arabic) == len(lines(refusal))
    assert all(re.search("[\u0621-\u064a]{2}", line) for line in arabic)
    assert peak < MOST_MEGABYTES * MEGABYTE


@formats
@pytest.mark.parametrize("folder", [FOLDER, shipped()], ids=["the tests' folder", "the shipped seed"])
def test_a_catalogue_is_the_same_after_it_was_written_and_read(folder: Traversable, form: Format) -> None:
    catalogue = read_catalogue(folder)
    assert read(written(catalogue, form), form) == catalogue


def test_the_same_catalogue_is_the_same_archive() -> None:
    catalogue = read_catalogue(FOLDER)
    assert written(catalogue, Format.CSV) == written(read(written(catalogue, Format.XLSX), Format.XLSX), Format.CSV)


texts = st.text(
    st.characters(exclude_categories=("Cc", "Cs", "Cn", "Zl", "Zp")) | st.sampled_from("=+-@'\",;_x0041_"),
    min_size=1,
    max_size=40,
).map(str.strip).filter(bool)  # fmt: skip
both = st.builds(Text, ar=texts, en=texts)
spans = st.tuples(st.integers(0, 700), st.integers(1, 700)).map(
    lambda pair: Span(_clock(pair[0]), _clock(pair[0] + pair[1]))
)
parts_of_a_day = st.sampled_from(["00:00=100%", "00:00=50% 12:30=50%", ""])


def _clock(minutes: int) -> str:
    return f"{minutes // 60:02}:{minutes % 60:02}"


def _releases(cell: str) -> tuple[ReleasePart, ...]:
    return tuple(ReleasePart(word[:5], int(word[6:-1])) for word in cell.split())


days = st.builds(
    WeekdayPlan,
    capacity=st.integers(0, 500),
    windows=st.just(()),
    opens_days_before=st.integers(0, 365),
    releases=parts_of_a_day.map(_releases),
    kept_assisted=st.integers(0, 30),
    kept_accessible=st.integers(0, 30),
    kept_urgent=st.integers(0, 30),
)
sunday_to_thursday = st.sampled_from([Weekday.SUN, Weekday.MON, Weekday.TUE, Weekday.WED, Weekday.THU])


@st.composite
def catalogues(draw: st.DrawFn) -> Catalogue:
    """The tests' folder with anything for what may be anything."""
    catalogue = read_catalogue(FOLDER)
    office, plan, fee, service = catalogue.offices[0], catalogue.plans[0], catalogue.fees[0], catalogue.services[0]
    office = replace(
        office,
        name=draw(both),
        address=draw(both),
        latitude=draw(st.floats(-90, 90)),
        longitude=draw(st.floats(-180, 180)),
        wheelchair=draw(st.sampled_from([True, False, None])),
    )
    calendar = replace(
        catalogue.calendars[0],
        name=draw(both),
        ramadan_hours=draw(st.none() | spans),
        left_out=tuple(sorted(draw(st.sets(st.sampled_from(["01-01", "02-29", "12-25"]))))),
    )
    service = replace(
        service,
        description=draw(both),
        keywords=tuple(draw(st.lists(texts.filter(lambda text: len(text.split()) == 1), unique=True, max_size=5))),
        validity_months=draw(st.none() | st.integers(1, 1200)),
    )
    plan = replace(
        plan,
        days=draw(st.dictionaries(sunday_to_thursday, days, max_size=5)),
        valid_from=draw(st.dates(date(2, 1, 1), date(2099, 1, 1))),
    )
    amount = Money(minor=draw(st.integers(0, 10**15)), currency=fee.fee.amount.currency)
    fee = replace(fee, fee=fee.fee.model_copy(update={"amount": amount}))
    return replace(
        catalogue,
        offices=(office, *catalogue.offices[1:]),
        calendars=(calendar, *catalogue.calendars[1:]),
        services=(service, *catalogue.services[1:]),
        plans=(plan, *catalogue.plans[1:]),
        fees=(fee, *catalogue.fees[1:]),
    )


@formats
@given(catalogue=catalogues())
@settings(max_examples=25, deadline=None, phases=[Phase.explicit, Phase.generate])
def test_nothing_is_lost_whatever_is_written(form: Format, catalogue: Catalogue) -> None:
    assert read(written(catalogue, form), form) == catalogue


@pytest.mark.parametrize("text", ["=1+1", "+1", "-x", "@SUM(A1)", "'=1", "''", "＝1", "-5", "'-5"])
def test_text_that_looks_like_a_formula_stays_text(text: str) -> None:
    cell = guarded(text)
    assert unguarded(cell) == text
    assert cell[0] not in "=+@＝"
    agency = Agency("IMM", Text(ar=text, en=text))
    catalogue = read_catalogue(FOLDER)
    catalogue = replace(
        catalogue, agencies=tuple(agency if each.code == "IMM" else each for each in catalogue.agencies)
    )
    for form in Format:
        assert read(written(catalogue, form), form) == catalogue
    book = load_workbook(BytesIO(written(catalogue, Format.XLSX)))
    (row,) = [row for row in book["agencies"].iter_rows() if row[0].value == "IMM"]
    assert [each.data_type for each in row] == ["s", "s", "s"]


def _with_dates_as_text(book: Any) -> None:
    for row in book["fees"].iter_rows(min_row=2, min_col=6, max_col=6):
        row[0].value = row[0].value.date().isoformat()


def _with_numbers_as_text(book: Any) -> None:
    for row in book["fees"].iter_rows(min_row=2, min_col=4, max_col=4):
        row[0].value = str(row[0].value)


def _with_room(book: Any) -> None:
    book["fees"].insert_rows(5, 3)
    book["fees"]["A900"].font = Font(bold=True)
    book["fees"]["Z2"].font = Font(bold=True)
    book.create_sheet("_notes")["A1"] = "=1+1"


def _with_truth(book: Any) -> None:
    for row in book["fees"].iter_rows(min_row=2, min_col=7, max_col=7):
        row[0].value = row[0].value == "yes"


@pytest.mark.parametrize(
    "edit", [_with_dates_as_text, _with_numbers_as_text, _with_room, _with_truth], ids=lambda edit: edit.__name__[1:]
)
def test_a_workbook_may_say_the_same_in_its_own_ways(edit: Callable[[Any], object]) -> None:
    assert read(edited(edit), Format.XLSX) == read_catalogue(FOLDER)


def test_an_archive_may_have_its_files_in_one_folder() -> None:
    with zipfile.ZipFile(BytesIO(good(Format.CSV))) as archive:
        files = [(f"catalogue/{name}", archive.read(name)) for name in archive.namelist()]
    body = zipped(("catalogue/README.md", b"ours"), ("__MACOSX/catalogue/._fees.csv", b"x"), *files)
    assert read(body, Format.CSV) == read_catalogue(FOLDER)


def test_a_plan_that_ends_an_offer_comes_back() -> None:
    catalogue = read_catalogue(FOLDER)
    ended = WeekPlan(catalogue.plans[0].offer, {}, date(2027, 1, 1))
    catalogue = replace(
        catalogue, plans=tuple(sorted((*catalogue.plans, ended), key=lambda each: (each.offer, each.valid_from)))
    )
    for form in Format:
        assert read(written(catalogue, form), form) == catalogue
