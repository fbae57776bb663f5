"""Whole catalogues over HTTP: refused with every place and no trace, tried out, imported, approved by somebody else."""

import asyncio
import time
from dataclasses import replace
from datetime import date, timedelta
from io import BytesIO
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from openpyxl import load_workbook
from services.catalog.tests.broken_corpus import CORPUS, Broken
from services.catalog.tests.broken_files import FOLDER, edited, good, put
from services.catalog.tests.conftest import NOW, Desk, problem

from dawr.catalog.app import create_service
from dawr.catalog.domain.plans import PlanState
from dawr.catalog.domain.weeks import Offer
from dawr.catalog.errors import CatalogueInvalid
from dawr.catalog.folder.catalogue import catalogue_of, read_catalogue, read_rows, shipped
from dawr.catalog.folder.files import Format, source_of, written
from dawr.catalog.folder.problems import lines
from dawr.catalog.service.close_days import Horizon
from dawr.catalog.service.imports import import_catalogue, present_catalogue
from dawr.catalog.service.load import load_catalogue
from dawr.catalog.settings import CatalogSettings
from dawr.catalog.store.plans import plans_of
from dawr.contracts import Text
from dawr.servicekit.auth import Role
from dawr.servicekit.service import Role as ServiceRole
from dawr.servicekit.testing import FakeClock, Stage

KEEPER = uuid4()
RENEWAL = Offer("DAM-01", "PASS_REN", "N")


async def send(
    desk: Desk,
    body: bytes,
    form: Format = Format.XLSX,
    *,
    dry: bool = False,
    who: dict[str, str] | None = None,
    key: str | None = None,
    reason: str = "the new year",
) -> httpx.Response:
    signed = who if who is not None else desk.stage.signed_in(KEEPER, Role.ADMINISTRATOR)
    headers = signed | {"content-type": form.media_type, "accept-language": "en"}
    asked = {"dry_run": "true"} if dry else {"dry_run": "false", "reason": reason}
    if not dry:
        headers["idempotency-key"] = key or str(uuid4())
    return await desk.client.post("/api/catalog/import", params=asked, content=body, headers=headers)


async def export(desk: Desk, form: Format = Format.XLSX) -> bytes:
    headers = desk.stage.signed_in(KEEPER, Role.ADMINISTRATOR)
    answer = await desk.client.get("/api/catalog/export", params={"format": form.value}, headers=headers)
    assert (answer.status_code, answer.headers["content-type"]) == (200, form.media_type)
    assert answer.headers["content-disposition"] == f'attachment; filename="catalogue{form.suffix}"'
    return answer.content


async def trace(desk: Desk) -> tuple[int, ...]:
    """What each write leaves: rows of every table that an import may touch."""
    tables = ("things", "fees", "plans", "closures", "changes", "outbox_messages", "idempotency_keys")
    counts = ", ".join(f"(SELECT count(*) FROM {table})" for table in tables)
    asked = f"SELECT (SELECT revision FROM catalogue), (SELECT sum(revision) FROM things), {counts}"
    async with desk.service.database.reading() as connection:
        return tuple((await connection.exec_driver_sql(asked)).one())


def changes(answer: httpx.Response) -> dict[str, tuple[str, list[tuple[str, Any, Any]]]]:
    """What a report lists: by kind and code, what becomes of it and where."""
    assert answer.status_code == 200, answer.text
    return {
        f"{each['kind']} {each['code']}": (
            each["what"],
            [(place["path"], place["before"], place["after"]) for place in each["differences"]],
        )
        for each in answer.json()["changes"]
    }


@pytest.mark.parametrize("broken", CORPUS, ids=lambda each: each.name)
async def test_a_broken_file_is_refused_with_each_place_and_leaves_no_trace(desk: Desk, broken: Broken) -> None:
    before = await trace(desk)
    answer = await send(desk, broken.make(), broken.form)
    if answer.status_code == 413:
        assert problem(answer) == (413, "too-large")
    else:
        assert problem(answer) == (422, "catalogue-invalid")
        told = lines(CatalogueInvalid(problems=answer.json()["problems"]))
        assert told == list(broken.lines) or not broken.lines
    assert await trace(desk) == before


@pytest.mark.parametrize("form", Format)
async def test_what_was_exported_changes_nothing_when_it_is_imported(desk: Desk, form: Format) -> None:
    body = await export(desk, form)
    assert catalogue_of(read_rows(source_of(body, form))) == read_catalogue(FOLDER)
    before = await trace(desk)
    answer = await send(desk, body, form)
    assert changes(answer) == {}
    assert (await trace(desk))[:-1] == before[:-1], "its answer is kept, and nothing else"


class TestADryRun:
    async def test_it_tells_every_change_and_makes_none(self, desk: Desk) -> None:
        before = await trace(desk)
        book = edited(_next_year)
        answer = await send(desk, book, dry=True)
        assert changes(answer) == {
            "agency NEW": ("added", []),
            "office DAM-01": ("changed", [("/counters", 4, 6), ("/name/en", "Damascus Passport Office", "Central")]),
            "service DL_NEW": ("retired", [("/retired", False, True)]),
            "fee PASS_REN/N/online/2027-01-01": ("added", []),
            "plan DAM-01/PASS_REN/N/2027-01-01": ("proposed", _doubled()),
            "closure office/DAM-01/2027-02-01/2027-02-01": ("added", []),
        }
        assert answer.json()["dry_run"] is True
        assert answer.json()["counts"]["added"] == 3
        assert await trace(desk) == before

    async def test_what_is_over_is_told_by_sheet_row_and_column(self, desk: Desk) -> None:
        answer = await send(desk, edited(_in_the_past), dry=True)
        assert problem(answer) == (422, "catalogue-invalid")
        assert lines(CatalogueInvalid(problems=answer.json()["problems"])) == [
            "capacity, row 2, column valid_from: That day is over",
            "closures, row 2, column first_day: That day is over",
            "fees, row 2, column effective_from: That day is over",
        ]


def _rows(sheet: Any, **wanted: str) -> Any:
    """The first row of a sheet with these cells, by column."""
    names = [cell.value for cell in sheet[1]]
    for row in sheet.iter_rows(min_row=2):
        found = dict(zip(names, row, strict=False))
        if all(found[name].value == value for name, value in wanted.items()):
            return found
    raise AssertionError(wanted)


def _append(sheet: Any, like: dict[str, Any], **cells: object) -> None:
    sheet.append([cells.get(name, cell.value) for name, cell in like.items()])


def _next_year(book: Any) -> None:
    book["agencies"].append(["NEW", "جهة جديدة", "A new agency"])
    office = _rows(book["offices"], code="DAM-01")
    office["name_en"].value, office["counters"].value = "Central", 6
    _rows(book["services"], code="DL_NEW")["retired"].value = "yes"
    fee = _rows(book["fees"], service="PASS_REN", tier="N", channel="online")
    _append(book["fees"], fee, minor=33_000_000, effective_from=date(2027, 1, 1))
    plan = _rows(book["capacity"], office="DAM-01", service="PASS_REN", tier="N")
    _append(book["capacity"], plan, valid_from=date(2027, 1, 1), capacity=80, windows=None)
    book["closures"].append(["office", "DAM-01", date(2027, 2, 1), date(2027, 2, 1), "جرد", "Stocktaking"])


def _doubled() -> list[tuple[str, Any, Any]]:
    before = next(plan for plan in read_catalogue(FOLDER).plans if plan.offer == RENEWAL)
    windows = [each.model_dump(mode="json") for each in next(iter(before.days.values())).windows]
    found: list[tuple[str, Any, Any]] = []
    for day in sorted(weekday.name for weekday in before.days):
        found += [(f"/{day}/capacity", 40, 80), (f"/{day}/windows", windows, [])]
    return found


def _in_the_past(book: Any) -> None:
    book["fees"]["D2"] = 700
    book["capacity"]["F2"], book["capacity"]["G2"] = 3, None
    book["closures"]["C2"] = date(2026, 1, 1)


async def plan_of(desk: Desk, valid_from: date, offer: Offer = RENEWAL) -> tuple[UUID, PlanState, int]:
    async with desk.service.database.reading() as connection:
        plans = (await plans_of(connection, offers=[offer]))[offer]
    (found,) = [plan for plan in plans if plan.valid_from == valid_from]
    return found.id, found.state, found.revision


class TestAnImport:
    async def test_it_is_kept_told_once_and_its_plans_are_for_somebody_else_to_approve(self, desk: Desk) -> None:
        book, key = edited(_next_year), str(uuid4())
        answer = await send(desk, book, key=key)
        assert len(changes(answer)) == 6
        before = await trace(desk)
        again = await send(desk, book, key=key)
        assert again.json() == answer.json()
        assert problem(await send(desk, good(Format.XLSX), key=key)) == (422, "idempotency-key-reused")
        assert await trace(desk) == before
        assert changes(await send(desk, book, dry=True)) == {}, "a second time it changes nothing"
        assert (await desk.service_told("DL_NEW", 2)).retired

        plan, state, revision = await plan_of(desk, date(2027, 1, 1))
        assert state is PlanState.PROPOSED
        for roles in ((Role.APPROVER,), (Role.APPROVER, Role.ADMINISTRATOR, Role.PLANNER)):
            own = await approve(desk, KEEPER, plan, revision, *roles)
            assert problem(own) == (403, "own-proposal")
        assert (await plan_of(desk, date(2027, 1, 1)))[1] is PlanState.PROPOSED
        assert (await approve(desk, uuid4(), plan, revision, Role.APPROVER)).status_code == 200
        assert (await plan_of(desk, date(2027, 1, 1)))[1] is PlanState.APPROVED
        assert changes(await send(desk, book, dry=True)) == {}, "it is on its way already"

    async def test_what_staff_changed_is_only_overwritten_where_the_file_says_otherwise(self, desk: Desk) -> None:
        body = await export(desk)
        answer = await desk.fee(service="PASS_LOST", effective_from="2027-03-01")
        assert answer.status_code == 201, answer.text
        assert changes(await send(desk, body)) == {}, "the fee is not in the file: it stays"
        newer = await export(desk)
        assert len(catalogue_of(read_rows(source_of(newer, Format.XLSX))).fees) == len(read_catalogue(FOLDER).fees) + 2

    @pytest.mark.parametrize("role", [each for each in Role if each is not Role.ADMINISTRATOR])
    async def test_only_administrators_import_and_export(self, desk: Desk, role: Role) -> None:
        who = desk.stage.signed_in(KEEPER, role)
        for dry in (True, False):
            assert problem(await send(desk, good(Format.XLSX), dry=dry, who=who)) == (403, "not-allowed")
        answer = await desk.client.get("/api/catalog/export?format=csv", headers=who)
        assert problem(answer) == (403, "not-allowed")

    async def test_it_takes_a_key_a_reason_a_signature_and_one_of_two_types(self, desk: Desk) -> None:
        signed = desk.stage.signed_in(KEEPER, Role.ADMINISTRATOR)
        headers = signed | {"content-type": Format.XLSX.media_type}
        body, path = good(Format.XLSX), "/api/catalog/import"
        assert problem(await desk.client.post(f"{path}?reason=why", content=body, headers=headers)) == (
            400,
            "idempotency-key-missing",
        )
        keyed = headers | {"idempotency-key": "k"}
        answer = await desk.client.post(path, content=body, headers=keyed)
        assert problem(answer) == (422, "invalid-request")
        assert answer.json()["errors"][0]["pointer"] == "?reason"
        assert problem(await send(desk, body, dry=True, who={})) == (401, "not-signed-in")
        answer = await desk.client.post(path, json={}, headers=signed)
        assert problem(answer) == (415, "unsupported-media-type")
        swapped = await send(desk, good(Format.CSV), Format.XLSX, dry=True)
        assert [each["code"] for each in swapped.json()["problems"]] == ["not-a-workbook"]
        swapped = await send(desk, good(Format.XLSX), Format.CSV, dry=True)
        assert [each["code"] for each in swapped.json()["problems"]] == ["no-files"]

    async def test_two_at_once_are_one_after_the_other(self, desk: Desk) -> None:
        def renamed(name: str) -> bytes:
            return put("C2", name, "tiers")()

        answers = await asyncio.gather(*(send(desk, renamed(name)) for name in ("First", "Second", "Third")))
        assert [answer.status_code for answer in answers] == [200, 200, 200]
        (tier,) = [code for code in changes(answers[0]) if code.startswith("tier ")]
        assert [changes(answer)[tier][0] for answer in answers] == ["changed"] * 3


async def approve(desk: Desk, person: UUID, plan: UUID, revision: int, *roles: Role) -> httpx.Response:
    headers = desk.stage.signed_in(person, *roles) | {"if-match": f'"{revision}"', "idempotency-key": str(uuid4())}
    return await desk.client.post(f"/api/catalog/plans/{plan}/approval", json={"reason": "agreed"}, headers=headers)


async def test_thousands_of_rows_are_one_transaction_of_seconds(desk: Desk) -> None:
    catalogue = read_catalogue(FOLDER)
    base, fees = catalogue.services[0], [each for each in catalogue.fees if each.service == catalogue.services[0].code]
    made = [
        replace(base, code=f"NEW_{n:04}", name=Text(ar=f"خدمة {n}", en=f"Service {n}"), family=f"NEW_{n:04}")
        for n in range(1000)
    ]
    plan = next(each for each in catalogue.plans if each.offer == RENEWAL)
    large = replace(
        catalogue,
        services=(*catalogue.services, *made),
        fees=(*catalogue.fees, *(replace(fee, service=each.code) for each in made for fee in fees)),
        plans=(
            *catalogue.plans,
            *(
                replace(plan, offer=Offer(RENEWAL.office, each.code, tier), valid_from=date(2026, 12, 1) + timedelta(n))
                for each in made
                for n, tier in enumerate(base.tiers)
            ),
        ),
    )
    body = written(large, Format.XLSX)
    rows = sum(sheet.max_row for sheet in load_workbook(BytesIO(body)).worksheets)
    assert rows > 5000
    before = await trace(desk)
    start = time.monotonic()
    answer = await send(desk, body)
    assert time.monotonic() - start < 20
    assert answer.json()["counts"]["added"] == len(made) * (1 + len(fees))
    assert answer.json()["counts"]["proposed"] == len(made) * len(base.tiers)
    assert (await trace(desk))[2] == before[2] + len(made)
    assert changes(await send(desk, body, dry=True)) == {}


async def test_the_shipped_catalogue_goes_out_and_comes_in_without_a_change(empty_stage: Stage) -> None:
    settings = CatalogSettings(database_url=await empty_stage.database("catalog"), platform=empty_stage.platform)
    service = create_service(settings, clock=FakeClock(NOW))
    async with service.running(ServiceRole.SERVE):
        async with service.database.transaction() as tx:
            await load_catalogue(tx, read_catalogue(shipped()))
        async with service.database.transaction() as tx:
            present = await present_catalogue(tx)
        for form in Format:
            again = catalogue_of(read_rows(source_of(written(present, form), form)))
            assert again == read_catalogue(shipped())
            async with service.database.transaction() as tx:
                loaded = await import_catalogue(tx, again, by=KEEPER, reason="as it is", horizon=Horizon(60, 62))
                assert loaded.altered == []
                assert not loaded
