"""Whatever people did over HTTP, the catalogue that is exported then is taken back, and changes nothing."""

from datetime import date, time
from typing import Any
from uuid import uuid4

import pytest

from dawr.catalog.errors import CatalogueInvalid
from dawr.catalog.folder.catalogue import Catalogue, catalogue_of, read_rows
from dawr.catalog.folder.files import Format, source_of
from dawr.catalog.folder.problems import lines
from dawr.servicekit.auth import Role

from .broken_files import edited
from .conftest import Desk, problem
from .test_catalog_administering import CLOSURE
from .test_catalog_importing import changes, export, send
from .test_catalog_planning import Ministry, days
from .test_catalog_things import Office, fee, new_service

TODAY = date(2026, 11, 24)


async def present(desk: Desk, form: Format = Format.XLSX) -> Catalogue:
    """What an export says, once it is sure that to import it changes nothing."""
    body = await export(desk, form)
    answer = await send(desk, body, form, dry=True)
    assert changes(answer) == {}, answer.text
    return catalogue_of(read_rows(source_of(body, form)))


@pytest.mark.parametrize("form", Format)
class TestAfter:
    async def test_a_service_that_no_office_plans_yet(self, desk: Desk, form: Format) -> None:
        code = f"UNPLANNED_{form.name}"
        added = await Office(desk).add("services", new_service(code), fees=[fee()])
        assert added.status_code == 201, added.text
        assert code in {each.code for each in (await present(desk, form)).services}

    async def test_a_tier_that_is_given_no_more_and_its_fee(self, desk: Desk, form: Format) -> None:
        office, code = Office(desk), f"FEWER_{form.name}"
        await office.add("services", new_service(code, tiers=["N", "U"]), fees=[fee(), fee("U")])
        changed = await office.change(f"services/{code}", tiers=["N"])
        assert changed.status_code == 200, changed.text
        assert {each.fee.tier for each in (await present(desk, form)).fees if each.service == code} == {"N"}

    async def test_hours_that_end_before_what_is_planned(self, desk: Desk, form: Format) -> None:
        short = {"opens": "08:00", "closes": "09:30"}
        hours = [{"weekday": each, "hours": [short]} for each in ("SUN", "MON", "TUE")]
        changed = await Office(desk).change("offices/DAM-01", hours=hours)
        assert changed.status_code == 200, changed.text
        assert (await present(desk, form)).outside

    async def test_a_plan_that_is_over(self, desk: Desk, form: Format) -> None:
        ministry, offer = Ministry(desk), "HMS-01/PASS_REN/N"
        plan = await ministry.propose(offer, valid_from=TODAY.isoformat(), days=[days(30 + len(form.name))])
        approved = await ministry.move(plan, "approval", uuid4())
        published = await ministry.move(approved, "publication", uuid4())
        assert published.status_code == 200, published.text
        plans = [each for each in (await present(desk, form)).plans if each.offer.office == "HMS-01"]
        renewals = [each for each in plans if (each.offer.service, each.offer.tier) == ("PASS_REN", "N")]
        assert [each.valid_from for each in renewals] == [TODAY]

    async def test_the_same_days_closed_twice(self, desk: Desk, form: Format) -> None:
        signed = desk.stage.signed_in(uuid4(), Role.PLANNER)
        for reason in ("a storm", "a strike"):
            body = CLOSURE | {"reason": {"ar": "عاصفة", "en": reason}}
            headers = signed | {"idempotency-key": str(uuid4())}
            answer = await desk.client.post("/api/catalog/closures", json=body, headers=headers)
            assert answer.status_code == 201, answer.text
        assert sum(each.code == "DAM-02" for each in (await present(desk, form)).closures) == 1

    async def test_a_service_and_an_office_that_are_retired(self, desk: Desk, form: Format) -> None:
        await Office(desk).stand("services/DL_NEW", "retirement")
        await Office(desk).stand("offices/STO-01", "retirement")
        found = await present(desk, form)
        assert {each.code for each in found.services if each.retired} == {"DL_NEW"}
        assert {each.code for each in found.offices if each.retired} == {"STO-01"}


class TestHours:
    async def test_a_file_shortens_them_under_plans_that_stand(self, desk: Desk) -> None:
        def shorter(book: Any) -> None:
            _cell(book["offices"], "hours", code="BER-01").value = "MON=08:00-15:00"

        found = changes(await send(desk, edited(shorter), dry=True))
        assert [place for place, _, _ in found["office BER-01"][1]] == ["/hours/2", "/hours/3", "/hours/4", "/hours/5"]

    async def test_a_plan_that_a_file_adds_keeps_to_them(self, desk: Desk) -> None:
        rows = []

        def late(book: Any) -> None:
            book["capacity"].append(_plan("BER-01", "CSL_PASS", "N", "MON TUE", 8, "14:30-15:30=8"))
            rows.append(book["capacity"].max_row)

        answer = await send(desk, edited(late), dry=True)
        assert problem(answer) == (422, "catalogue-invalid")
        assert lines(CatalogueInvalid(problems=answer.json()["problems"])) == [
            f"capacity, row {rows[0]}, column windows: 14:30-15:30 is outside the hours of BER-01 on {day}"
            for day in ("MON", "TUE")
        ]


async def test_what_published_plans_build_on_is_told_place_by_place(desk: Desk) -> None:
    def another(book: Any) -> None:
        _cell(book["offices"], "zone", code="ALP-01").value = "Asia/Amman"
        _cell(book["services"], "allocation", code="FAM_BOOK").value = "open"
        for row in reversed(range(2, book["capacity"].max_row + 1)):
            if book["capacity"].cell(row, 2).value == "FAM_BOOK":
                book["capacity"].delete_rows(row)

    answer = await send(desk, edited(another), dry=True)
    assert problem(answer) == (422, "catalogue-invalid")
    assert [(each["file"], each["row"], each["column"], each["code"]) for each in answer.json()["problems"]] == [
        ("offices", 2, "zone", "fixed-while-offered"),
        ("services", 6, "allocation", "fixed-while-offered"),
    ]


def _cell(sheet: Any, column: str, **wanted: str) -> Any:
    """The cell of a column in the first row with these cells."""
    names = [cell.value for cell in sheet[1]]
    for row in sheet.iter_rows(min_row=2):
        found = dict(zip(names, row, strict=False))
        if all(found[name].value == value for name, value in wanted.items()):
            return found[column]
    raise AssertionError(wanted)


def _plan(office: str, service: str, tier: str, weekdays: str, capacity: int, windows: str) -> list[object]:
    return [office, service, tier, date(2027, 1, 1), weekdays, capacity, windows, 30, time(8), None, 0, 0, 0]
