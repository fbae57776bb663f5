"""Folders of catalogue files: the shipped one holds, and a broken one is told by file, row and column."""

import csv
import shutil
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from dawr.catalog.domain.offices import OfficeKind
from dawr.catalog.domain.services import fees_in_force
from dawr.catalog.errors import CatalogueInvalid
from dawr.catalog.folder.catalogue import Catalogue, read_catalogue, shipped
from dawr.catalog.folder.problems import lines
from dawr.catalog.folder.reading import FILE_BYTES
from dawr.contracts import Channel

Edit = Callable[[Path], None]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the shipped folder, to be broken."""
    copy = tmp_path / "seed"
    shutil.copytree(str(shipped()), copy)
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


class TestTheShippedFolder:
    @pytest.fixture
    def catalogue(self) -> Catalogue:
        return read_catalogue(shipped())

    def test_it_has_the_services_and_offices_of_the_spine(self, catalogue: Catalogue) -> None:
        assert {each.code for each in catalogue.services if each.family == "PASSPORT"} == {
            "PASS_NEW", "PASS_REN", "PASS_MINOR", "PASS_LOST", "CSL_PASS",
        }  # fmt: skip
        assert {each.code for each in catalogue.services if each.family != "PASSPORT"} == {
            "ID_NEW", "FAM_BOOK", "CIV_CORR", "DL_NEW", "CRIM_REC",
        }  # fmt: skip
        assert sum(each.kind is OfficeKind.OFFICE for each in catalogue.offices) == 4
        assert {each.zone for each in catalogue.offices if each.kind is OfficeKind.MISSION} == {
            "Europe/Berlin",
            "Europe/Stockholm",
        }
        assert [each.code for each in catalogue.regions if not each.abroad] == ["ALP", "DAM", "HMS"]

    def test_passport_fees_are_those_that_were_reported_and_all_others_are_examples(self, catalogue: Catalogue) -> None:
        fees = {(each.service, each.fee.tier, each.fee.channel): each.fee for each in catalogue.fees}
        reported = {"N": 31_270_000, "U": 43_270_000, "I": 201_070_000}
        for service in ("PASS_NEW", "PASS_REN", "PASS_MINOR"):
            for tier, minor in reported.items():
                amount = fees[service, tier, Channel.ONLINE].amount
                assert (amount.minor, amount.currency) == (minor, "SYP")
        abroad = [fees["CSL_PASS", tier, Channel.MISSION].amount for tier in "NU"]
        assert [(each.minor, each.currency) for each in abroad] == [(30_000, "USD"), (80_000, "USD")]
        passports = {each.code for each in catalogue.services if each.family == "PASSPORT"}
        assert all(each.fee.is_example == (each.service not in passports) for each in catalogue.fees)

    def test_every_tier_and_channel_has_a_fee_by_now_and_one_is_free(self, catalogue: Catalogue) -> None:
        for service in catalogue.services:
            fees = fees_in_force(
                [each.fee for each in catalogue.fees if each.service == service.code], date(2026, 1, 1)
            )
            wanted = {(tier.code, channel) for tier in service.tiers for channel in service.channels}
            assert {(fee.tier, fee.channel) for fee in fees} == wanted
        free = {each.service for each in catalogue.fees if each.fee.amount.is_free}
        assert free == {"CIV_CORR"}

    def test_services_are_given_by_several_offices_some_with_windows(self, catalogue: Catalogue) -> None:
        offering = [each for each in catalogue.offices if "PASS_REN" in each.services]
        assert len(offering) == 4
        windows = [day.windows for each in catalogue.plans for day in each.days.values() if day.windows]
        assert windows

    def test_every_text_is_there_in_both_scripts(self, catalogue: Catalogue) -> None:
        texts = [each.name for each in catalogue.agencies]
        texts += [each.name for each in catalogue.regions]
        texts += [text for each in catalogue.offices for text in (each.name, each.address)]
        texts += [each.name for each in catalogue.services]
        texts += [each.description for each in catalogue.services]
        texts += [document.name for each in catalogue.services for document in each.documents]
        for text in texts:
            assert any("\u0600" <= character <= "\u06ff" for character in text.ar), text
            assert text.en.isascii(), text


BROKEN: list[tuple[Edit, str]] = [
    (remove("fees.csv"), "fees.csv: the file is missing or can't be read"),
    (put("fees.csv", b"x" * (FILE_BYTES + 1)), f"fees.csv: the file is larger than {FILE_BYTES} bytes"),
    (put("regions.csv", "code,name_ar\nDAM,دمشق".encode("cp1256")), "regions.csv, row 2: the file is not UTF-8 here"),
    (put("regions.csv", b""), "regions.csv, row 1: the file is empty"),
    (put("tiers.csv", b'code,name_ar,name_en\n"N,x,y\n'), "tiers.csv, row 2: not CSV: unexpected end of data"),
    (rewrite("fees.csv", "effective_from", "since"), "fees.csv, row 1, column since: there is no such column"),
    (rewrite("tiers.csv", "name_ar,", "name_en,"), "tiers.csv, row 1, column name_en: the column is there twice"),
    (append("tiers.csv", "X,eks"), "tiers.csv, row 7: the row has 2 cells, not 3"),
    (append("tiers.csv", "X,eks,ex,ix"), "tiers.csv, row 7: the row has 4 cells, not 3"),
    (change("agencies.csv", 2, name_ar=" "), "agencies.csv, row 2, column name_ar: String should have at least 1"),
    (change("agencies.csv", 2, name_en="a\0b"), "agencies.csv, row 2, column name_en: String should match pattern"),
    (change("services.csv", 2, code="pass new"), "services.csv, row 2, column code: String should match pattern"),
    (change("services.csv", 2, agency="XXX"), "services.csv, row 2, column agency: no agency has the code XXX"),
    (change("services.csv", 2, channels="fax"), "services.csv, row 2, column channels: Input should be 'online'"),
    (change("services.csv", 2, channels=""), "services.csv, row 2, column channels: Value should have at least 1"),
    (change("services.csv", 2, visit="maybe"), "services.csv, row 2, column visit: Input should be 'required'"),
    (change("services.csv", 2, duration_minutes="0"), "services.csv, row 2, column duration_minutes: Input should be"),
    (change("services.csv", 2, tiers="N U Q"), "services.csv, row 2, column tiers: no tier has the code Q"),
    (change("services.csv", 2, retired="nope"), "services.csv, row 2, column retired: Value error, yes or no is"),
    (change("services.csv", 3, code="PASS_NEW"), "services.csv, row 3, column code: the same code as in row 2"),
    (change("offices.csv", 2, zone="Asia/Nowhere"), "offices.csv, row 2, column zone: Value error, 'Asia/Nowhere'"),
    (change("offices.csv", 2, zone="../../etc/passwd"), "offices.csv, row 2, column zone: Value error, '../../etc"),
    (change("offices.csv", 2, region="LAT"), "offices.csv, row 2, column region: no region has the code LAT"),
    (change("offices.csv", 2, closed_weekdays="FRI XXX"), "offices.csv, row 2, column closed_weekdays: Value error"),
    (change("offices.csv", 2, closed_weekdays="SUN"), "capacity.csv, row 2, column weekdays: DAM-01 is closed on SUN"),
    (change("offices.csv", 2, currency="Lira"), "offices.csv, row 2, column currency: String should match pattern"),
    (change("offices.csv", 2, currency="JPY"), "offices.csv, row 2, column currency: JPY has no hundredths"),
    (change("fees.csv", 2, currency="KWD"), "fees.csv, row 2, column currency: KWD has no hundredths"),
    (change("fees.csv", 2, minor="-5"), "fees.csv, row 2, column minor: Input should be greater than or equal to 0"),
    (change("fees.csv", 2, minor="312700.50"), "fees.csv, row 2, column minor: Input should be a valid integer"),
    (change("fees.csv", 2, effective_from="1/2/25"), "fees.csv, row 2, column effective_from: Value error, a date"),
    (change("fees.csv", 2, currency="USD"), "fees.csv, row 2, column currency: offices of this channel take SYP"),
    (change("fees.csv", 2, channel="mission"), "fees.csv, row 2, column channel: PASS_NEW is not given through"),
    (change("fees.csv", 2, tier="F"), "services.csv, row 2, column tiers: no fee for tier N through online; a free"),
    (change("fees.csv", 2, service="NOPE"), "fees.csv, row 2, column service: no service has the code NOPE"),
    (change("fees.csv", 3, tier="N"), "fees.csv, row 3, column effective_from: the same service, tier, channel"),
    (change("documents.csv", 2, tiers="F"), "documents.csv, row 2, column tiers: PASS_NEW has no tier F"),
    (change("documents.csv", 2, service="NOPE"), "documents.csv, row 2, column service: no service has the code NOPE"),
    (change("capacity.csv", 2, capacity="41"), "capacity.csv, row 2, column windows: The windows' seats don't add up"),
    (change("capacity.csv", 2, windows="09:00-25:00=40"), "capacity.csv, row 2, column windows: Value error, '09:00-"),
    (change("capacity.csv", 2, windows="10:00-09:00=40"), "capacity.csv, row 2, column windows: The day's windows"),
    (change("capacity.csv", 2, office="NOPE"), "capacity.csv, row 2, column office: no office has the code NOPE"),
    (change("capacity.csv", 2, office="BER-01"), "capacity.csv, row 2, column office: PASS_NEW is not given through"),
    (change("capacity.csv", 2, tier="F"), "capacity.csv, row 2, column tier: PASS_NEW has no tier F"),
    (change("capacity.csv", 2, service="CRIM_REC"), "capacity.csv, row 2, column service: CRIM_REC needs no visit"),
    (change("capacity.csv", 2, weekdays="SUN SUN"), "capacity.csv, row 2, column weekdays: SUN is planned in row 2"),
    (change("capacity.csv", 3, tier="N"), "capacity.csv, row 3, column weekdays: SUN is planned in row 2 already"),
    (change("services.csv", 11, visit="required"), "services.csv, row 11, column tiers: no office plans capacity"),
]  # fmt: skip


@pytest.mark.parametrize(("edit", "told"), BROKEN, ids=[told[:60] for _, told in BROKEN])
def test_a_broken_folder_is_told_by_its_place(folder: Path, edit: Edit, told: str) -> None:
    edit(folder)
    found = problems(folder)
    assert any(each.startswith(told) for each in found), found


def test_all_problems_are_told_at_once_and_each_once(folder: Path) -> None:
    change("offices.csv", 2, region="LAT")(folder)
    change("services.csv", 2, agency="XXX")(folder)
    change("services.csv", 3, agency="XXX")(folder)
    assert problems(folder) == [
        "offices.csv, row 2, column region: no region has the code LAT",
        "services.csv, row 2, column agency: no agency has the code XXX",
        "services.csv, row 3, column agency: no agency has the code XXX",
    ]


def test_a_row_that_cannot_be_read_does_not_make_others_look_wrong(folder: Path) -> None:
    change("offices.csv", 2, currency="?")(folder)
    assert [each.split(":")[0] for each in problems(folder)] == ["offices.csv, row 2, column currency"]


def test_a_byte_order_mark_and_windows_line_ends_are_no_problem(folder: Path) -> None:
    path = folder / "services.csv"
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes().replace(b"\n", b"\r\n"))
    assert read_catalogue(folder) == read_catalogue(shipped())
