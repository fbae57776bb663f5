"""Folders of catalogue files: a broken one is told by file, row and column, in both languages."""

import csv
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from dawr.catalog.errors import CatalogueInvalid
from dawr.catalog.folder.catalogue import read_catalogue
from dawr.catalog.folder.csv_files import FILE_BYTES
from dawr.catalog.folder.problems import lines

FOLDER = Path(__file__).parent / "folder"
Edit = Callable[[Path], None]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the tests' folder, to be broken."""
    copy = tmp_path / "seed"
    shutil.copytree(FOLDER, copy)
    return copy


def problems(folder: Path) -> list[str]:
    with pytest.raises(CatalogueInvalid) as refused:
        read_catalogue(folder)
    return lines(refused.value)


def change(file: str, row: int, **cells: str) -> Edit:
    """Change cells of a row; rows are counted as a spreadsheet shows them."""

    def edit(folder: Path) -> None:
        with (folder / file).open(encoding="utf-8", newline="") as opened:
            rows = list(csv.DictReader(opened))
        rows[row - 2].update(cells)
        with (folder / file).open("w", encoding="utf-8", newline="") as opened:
            writer = csv.DictWriter(opened, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)

    return edit


def append(file: str, line: str) -> Edit:
    def edit(folder: Path) -> None:
        path = folder / file
        path.write_text(path.read_text(encoding="utf-8") + line + "\n", encoding="utf-8")

    return edit


def rewrite(file: str, old: str, new: str) -> Edit:
    def edit(folder: Path) -> None:
        path = folder / file
        text = path.read_text(encoding="utf-8")
        assert old in text
        path.write_text(text.replace(old, new), encoding="utf-8")

    return edit


def remove(file: str) -> Edit:
    return lambda folder: (folder / file).unlink()


def put(file: str, body: bytes) -> Edit:
    def edit(folder: Path) -> None:
        (folder / file).write_bytes(body)

    return edit


MANY = " ".join(f"{9 + n // 60:02}:{n % 60:02}-{9 + (n + 1) // 60:02}:{(n + 1) % 60:02}=1" for n in range(97))
MANY_PARTS = " ".join(f"{n // 60:02}:{n % 60:02}=1%" for n in range(49))

BROKEN: list[tuple[Edit, str]] = [
    (remove("fees.csv"), "fees.csv: the file is missing"),
    (put("fees.csv", b"x" * (FILE_BYTES + 1)), f"fees.csv: the file is larger than {FILE_BYTES} bytes"),
    (put("regions.csv", "code,name_ar\nDAM,دمشق".encode("cp1256")), "regions.csv, row 2: the file is not UTF-8 here"),
    (put("regions.csv", b""), "regions.csv, row 1: the file is empty"),
    (put("tiers.csv", b'code,name_ar,name_en\n"N,x,y\n'), "tiers.csv, row 2: not CSV: unexpected end of data"),
    (rewrite("fees.csv", "effective_from", "since"), "fees.csv, row 1, column since: there is no such column"),
    (rewrite("tiers.csv", "name_ar,", "name_en,"), "tiers.csv, row 1, column name_en: the column is there twice"),
    (append("tiers.csv", "X,eks"), "tiers.csv, row 7: the row has 2 cells, not 3"),
    (append("tiers.csv", "X,eks,ex,ix"), "tiers.csv, row 7: the row has 4 cells, not 3"),
    (change("agencies.csv", 2, name_ar=" "), "agencies.csv, row 2, column name_ar: the cell is empty"),
    (change("agencies.csv", 2, name_en="a\0b"), "agencies.csv, row 2, column name_en: characters that don't belong"),
    (change("agencies.csv", 2, name_en="a" * 200), "agencies.csv, row 2, column name_en: more than 120 characters"),
    (change("services.csv", 2, code="pass new"), "services.csv, row 2, column code: characters that don't belong"),
    (change("services.csv", 2, agency="XXX"), "services.csv, row 2, column agency: nothing has the code XXX"),
    (change("services.csv", 2, channels="fax"), "services.csv, row 2, column channels: one of 'online', 'assisted'"),
    (change("services.csv", 2, channels=""), "services.csv, row 2, column channels: at least 1 is expected"),
    (change("services.csv", 2, channels="online online"), "services.csv, row 2, column channels: online is there"),
    (change("services.csv", 2, visit="maybe"), "services.csv, row 2, column visit: one of 'required', 'optional'"),
    (change("services.csv", 2, duration_minutes="0"), "services.csv, row 2, column duration_minutes: the number"),
    (change("services.csv", 2, tiers="N U Q"), "services.csv, row 2, column tiers: nothing has the code Q"),
    (change("services.csv", 2, retired="nope"), "services.csv, row 2, column retired: yes or no is expected"),
    (change("services.csv", 3, code="PASS_NEW"), "services.csv, row 3, column code: the same code as in row 2"),
    (change("services.csv", 2, audiences="everybody"), "services.csv, row 2, column audiences: one of 'citizen'"),
    (change("services.csv", 2, allocation="draw"), "services.csv, row 2, column allocation: draws are not held yet"),
    (change("services.csv", 2, min_age="20", max_age="18"), "services.csv, row 2, column max_age: less than min_age"),
    (change("services.csv", 2, min_age="old"), "services.csv, row 2, column min_age: a whole number is expected"),
    (change("services.csv", 2, needs_service="NOPE"), "services.csv, row 2, column needs_service: nothing has the"),
    (change("services.csv", 2, needs_service="PASS_NEW"), "services.csv, row 2, column needs_service: it needs itself"),
    (change("services.csv", 2, keywords="a a"), "services.csv, row 2, column keywords: a is there twice"),
    (change("services.csv", 2, allocation="open"), "capacity.csv, row 2, column service: PASS_NEW is open"),
    (change("services.csv", 2, validity_months="0"), "services.csv, row 2, column validity_months: the number is less"),
    (change("offices.csv", 2, zone="Asia/Nowhere"), "offices.csv, row 2, column zone: 'Asia/Nowhere' is not an IANA"),
    (change("offices.csv", 2, zone="../../etc/passwd"), "offices.csv, row 2, column zone: '../../etc/passwd' is not"),
    (change("offices.csv", 2, region="LAT"), "offices.csv, row 2, column region: nothing has the code LAT"),
    (change("offices.csv", 2, calendar="XX"), "offices.csv, row 2, column calendar: nothing has the code XX"),
    (change("offices.csv", 2, hours="XXX=08:00-15:00"), "offices.csv, row 2, column hours: 'XXX' is not one of MON"),
    (change("offices.csv", 2, hours="SUN=15:00-08:00"), "offices.csv, row 2, column hours: '15:00-08:00' are not"),
    (change("offices.csv", 2, hours="SUN=08:00-12:00,11:00-13:00"), "offices.csv, row 2, column hours: the hours"),
    (change("offices.csv", 2, hours="MON=08:00-15:00"), "capacity.csv, row 2, column weekdays: DAM-01 is closed on"),
    (change("offices.csv", 2, hours="SUN=10:00-15:00"), "capacity.csv, row 2, column windows: 09:00-10:00 is outside"),
    (change("offices.csv", 2, latitude=""), "offices.csv, row 2, column latitude: latitude and longitude go together"),
    (change("offices.csv", 2, longitude="181"), "offices.csv, row 2, column longitude: the number is more than 180"),
    (change("offices.csv", 2, languages="arabic"), "offices.csv, row 2, column languages: characters that don't"),
    (change("offices.csv", 2, currency="Lira"), "offices.csv, row 2, column currency: characters that don't belong"),
    (change("offices.csv", 2, currency="JPY"), "offices.csv, row 2, column currency: JPY has no hundredths"),
    (change("offices.csv", 2, kind="assistance"), "capacity.csv, row 2, column office: PASS_NEW is not given through"),
    (change("fees.csv", 2, currency="KWD"), "fees.csv, row 2, column currency: KWD has no hundredths"),
    (change("fees.csv", 2, minor="-5"), "fees.csv, row 2, column minor: the number is less than 0"),
    (change("fees.csv", 2, minor="312700.50"), "fees.csv, row 2, column minor: a whole number is expected"),
    (change("fees.csv", 2, effective_from="1/2/25"), "fees.csv, row 2, column effective_from: a date such as"),
    (change("fees.csv", 2, effective_from="20250201"), "fees.csv, row 2, column effective_from: a date such as"),
    (change("fees.csv", 2, currency="USD"), "fees.csv, row 2, column currency: offices of this channel take SYP"),
    (change("fees.csv", 2, channel="mission"), "fees.csv, row 2, column channel: PASS_NEW is not given through"),
    (change("fees.csv", 2, tier="F"), "services.csv, row 2, column tiers: no fee for tier N through online; a free"),
    (change("fees.csv", 2, service="NOPE"), "fees.csv, row 2, column service: nothing has the code NOPE"),
    (change("fees.csv", 3, tier="N"), "fees.csv, row 3, column effective_from: the same service, tier, channel"),
    (change("documents.csv", 2, tiers="F"), "documents.csv, row 2, column tiers: PASS_NEW has no tier F"),
    (change("documents.csv", 2, service="NOPE"), "documents.csv, row 2, column service: nothing has the code NOPE"),
    (change("documents.csv", 2, condition_en="Men"), "documents.csv, row 2, column condition_ar: a condition is told"),
    (change("service_extras.csv", 2, extra="NOPE"), "service_extras.csv, row 2, column extra: nothing has the code"),
    (change("service_extras.csv", 2, currency="KWD"), "service_extras.csv, row 2, column currency: KWD has no"),
    (change("calendars.csv", 2, holidays_of="XX"), "calendars.csv, row 2, column holidays_of: no holidays are known"),
    (change("calendars.csv", 2, left_out="31-12"), "calendars.csv, row 2, column left_out: '31-12' is not a day"),
    (change("calendars.csv", 2, ramadan_hours="9-14"), "calendars.csv, row 2, column ramadan_hours: '9-14' are not"),
    (change("special_days.csv", 2, calendar="XX"), "special_days.csv, row 2, column calendar: nothing has the code XX"),
    (change("special_days.csv", 2, kind="hours"), "special_days.csv, row 2, column hours: hours are expected"),
    (change("special_days.csv", 2, hours="09:00-10:00"), "special_days.csv, row 2, column hours: a closed day has no"),
    (change("special_days.csv", 2, last_day="2027-03-17"), "special_days.csv, row 2, column last_day: before the"),
    (change("closures.csv", 2, code="NOPE"), "closures.csv, row 2, column code: nothing has the code NOPE"),
    (change("closures.csv", 2, code=""), "closures.csv, row 2, column code: a code of a office is expected"),
    (change("closures.csv", 2, scope="everything"), "closures.csv, row 2, column code: a closure of everything names"),
    (change("closures.csv", 2, last_day="2027-02-01"), "closures.csv, row 2, column last_day: The closure ends before"),
    (change("capacity.csv", 2, capacity="41"), "capacity.csv, row 2, column windows: The windows' seats don't add up"),
    (change("capacity.csv", 2, windows="09:00-25:00=40"), "capacity.csv, row 2, column windows: '09:00-25:00=40' is"),
    (change("capacity.csv", 2, windows=MANY), "capacity.csv, row 2, column windows: at most 96 are expected"),
    (change("capacity.csv", 2, releases=MANY_PARTS), "capacity.csv, row 2, column releases: at most 48 are expected"),
    (change("capacity.csv", 2, windows="10:00-09:00=40"), "capacity.csv, row 2, column windows: The day's windows"),
    (change("capacity.csv", 2, office="NOPE"), "capacity.csv, row 2, column office: nothing has the code NOPE"),
    (change("capacity.csv", 2, office="BER-01"), "capacity.csv, row 2, column office: PASS_NEW is not given through"),
    (change("capacity.csv", 2, tier="F"), "capacity.csv, row 2, column tier: PASS_NEW has no tier F"),
    (change("capacity.csv", 2, service="CRIM_REC"), "capacity.csv, row 2, column service: CRIM_REC needs no visit"),
    (change("capacity.csv", 2, weekdays="SUN SUN"), "capacity.csv, row 2, column weekdays: SUN is planned in row 2"),
    (change("capacity.csv", 3, tier="N"), "capacity.csv, row 3, column weekdays: SUN is planned in row 2 already"),
    (change("capacity.csv", 2, opens_time="8"), "capacity.csv, row 2, column opens_time: a time such as 08:00"),
    (change("capacity.csv", 2, releases="half"), "capacity.csv, row 2, column releases: 'half' is not a part such as"),
    (change("capacity.csv", 2, releases="00:00=50%"), "capacity.csv, row 2, column releases: The parts in which seats"),
    (change("capacity.csv", 2, releases="08:00=100%"), "capacity.csv, row 2, column releases: The parts in which"),
    (change("capacity.csv", 2, kept_urgent="60", kept_assisted="50"), "capacity.csv, row 2, column kept_urgent: The"),
    (change("services.csv", 11, visit="required", allocation="first-come"), "services.csv, row 11, column tiers: no"),
]  # fmt: skip


@pytest.mark.parametrize(("edit", "told"), BROKEN, ids=[told[:60] for _, told in BROKEN])
def test_a_broken_folder_is_told_by_its_place(folder: Path, edit: Edit, told: str) -> None:
    edit(folder)
    found = problems(folder)
    assert any(each.startswith(told) for each in found), found


@pytest.mark.parametrize(("edit", "told"), BROKEN, ids=[told[:60] for _, told in BROKEN])
def test_every_problem_is_told_in_arabic_too(folder: Path, edit: Edit, told: str) -> None:
    edit(folder)
    with pytest.raises(CatalogueInvalid) as refused:
        read_catalogue(folder)
    arabic = re.compile("[\u0600-\u06ff]{2,}")
    for english, text in zip(lines(refused.value), lines(refused.value, "ar"), strict=True):
        place, _, said = text.partition(": ")
        assert arabic.search(said), text
        assert english.partition(":")[0].partition(",")[0] == place.partition("،")[0]


def test_files_that_nobody_needs_may_be_absent(folder: Path) -> None:
    for file in ("extras.csv", "service_extras.csv", "special_days.csv", "closures.csv", "documents.csv"):
        (folder / file).unlink()
    catalogue = read_catalogue(folder)
    assert (catalogue.extras, catalogue.closures) == ((), ())


def test_all_problems_are_told_at_once_and_each_once(folder: Path) -> None:
    change("offices.csv", 2, region="LAT")(folder)
    change("services.csv", 2, agency="XXX")(folder)
    change("services.csv", 3, agency="XXX")(folder)
    assert problems(folder) == [
        "offices.csv, row 2, column region: nothing has the code LAT",
        "services.csv, row 2, column agency: nothing has the code XXX",
        "services.csv, row 3, column agency: nothing has the code XXX",
    ]


def test_a_row_that_cannot_be_read_does_not_make_others_look_wrong(folder: Path) -> None:
    change("offices.csv", 2, currency="?")(folder)
    assert [each.split(":")[0] for each in problems(folder)] == ["offices.csv, row 2, column currency"]


def test_a_byte_order_mark_and_windows_line_ends_are_no_problem(folder: Path) -> None:
    path = folder / "services.csv"
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes().replace(b"\n", b"\r\n"))
    assert read_catalogue(folder) == read_catalogue(FOLDER)
