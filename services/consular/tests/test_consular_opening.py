"""Opening cases on real servers: what is refused, who is answered what, at which rate, and for whom."""

import asyncio
import datetime as dt
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from services.consular.tests.conftest import DAY, NOON, Consulate, Words, replica_of
from sqlalchemy import text as sql

from dawr.consular.errors import CurrencyNotSupported
from dawr.contracts.booking import RefusalCode, RequestTurn
from dawr.contracts.consular import CaseOpened, MandateActivated, MandateDrafted
from dawr.servicekit.auth import Role as As
from dawr.servicekit.testing import until

CASES = "/api/consular/cases"


@pytest.mark.parametrize(
    ("wish", "status", "code"),
    [
        ({"mission": "ROM-01"}, 404, "unknown-mission"),
        ({"mission": "DAM-01"}, 404, "unknown-mission"),
        ({"service": "CSL_NONE"}, 404, "unknown-service"),
        ({"tier": "I"}, 409, "not-offered"),
        ({"date": "2025-01-31"}, 409, "no-fee"),
        ({"pay_currency": "CHF"}, 409, "no-rate"),
        ({"mandate": str(UUID(int=7))}, 404, "not-found"),
        ({"mission": "ber"}, 422, "invalid-request"),
        ({"window": "9 o'clock"}, 422, "invalid-request"),
        ({"person_id": str(UUID(int=7))}, 422, "invalid-request"),
    ],
)
async def test_what_can_t_be_had_is_refused_at_once(
    consulate: Consulate, wish: dict[str, Any], status: int, code: str
) -> None:
    person = uuid4()
    answer = await consulate.open(person, **wish)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.headers["content-type"] == "application/problem+json"
    assert (await consulate.get(CASES, person)).json()["items"] == []
    assert not [each for each in (await consulate.staged(RequestTurn)).values() if each.person_id == person]


async def test_refusals_speak_the_caller_s_language(consulate: Consulate) -> None:
    wish = {"service": "CSL_PASS", "tier": "N", "mission": "ROM-01", "date": DAY.isoformat()}
    arabic = await consulate.post(CASES, uuid4(), wish, accept_language="ar")
    assert (arabic.json()["title"], arabic.headers["content-language"]) == ("لا توجد بعثة بهذا الرمز", "ar")


async def test_who_waits_is_answered_when_booking_has_answered(consulate: Consulate) -> None:
    person = uuid4()
    waiting = asyncio.create_task(consulate.open(person, headers={"prefer": "wait=10"}))
    words = Words.on(await one_request(consulate, person))
    await consulate.say(words, words.held())
    answer = await waiting
    assert (answer.status_code, answer.json()["state"]) == (201, "HELD")
    assert answer.headers["preference-applied"] == "wait=10"
    assert answer.headers["location"] == answer.json()["links"]["self"]
    assert answer.json()["payment"]["links"]["attempts"].startswith("/api/payments/payments/")


@pytest.mark.parametrize("code", [RefusalCode.SOLD_OUT, RefusalCode.NOT_OPEN_YET])
async def test_who_waits_is_told_why_there_is_no_seat(consulate: Consulate, code: RefusalCode) -> None:
    person = uuid4()
    waiting = asyncio.create_task(consulate.open(person, headers={"prefer": "wait=10"}))
    words = Words.on(await one_request(consulate, person))
    opens_at = NOON + dt.timedelta(days=3) if code is RefusalCode.NOT_OPEN_YET else None
    await consulate.say(words, words.refused(code, opens_at))
    problem = (await waiting).json()
    assert (problem["status"], problem["code"], problem["case_id"]) == (409, code.value, str(words.case_id))
    assert problem.get("opens_at") == (opens_at.isoformat() if opens_at else None)
    shown = await consulate.case(str(words.case_id), person)
    assert (shown["state"], shown["refusal"]["code"]) == ("REFUSED", code.value)


async def test_nobody_waits_longer_than_they_said(consulate: Consulate) -> None:
    answer = await consulate.open(uuid4(), headers={"prefer": "respond-async, wait=1"})
    assert (answer.status_code, answer.json()["state"]) == (202, "OPENED")


async def test_when_too_many_wait_the_next_one_is_answered_at_once(consulate: Consulate) -> None:
    async with replica_of(consulate, wait_callers=0) as crowded:
        answer = await asyncio.wait_for(crowded.open(uuid4(), headers={"prefer": "wait=10"}), 5)
        assert answer.status_code == 202


async def one_request(consulate: Consulate, person: UUID) -> RequestTurn:
    """What booking is asked for a person, once it is."""

    async def asked() -> list[RequestTurn]:
        return [each for each in (await consulate.staged(RequestTurn)).values() if each.person_id == person]

    (request,) = await until(asked, what="the request for a turn")
    return request


async def test_racing_twins_open_one_case_and_get_one_answer(consulate: Consulate) -> None:
    person, key = uuid4(), "once"
    body = {"service": "CSL_PASS", "tier": "N", "mission": "BER-01", "date": DAY.isoformat()}
    headers = {**consulate.stage.signed_in(person), "idempotency-key": key, "accept-language": "en"}
    async with replica_of(consulate) as replica:

        async def ask(http: httpx.AsyncClient) -> httpx.Response:
            async def answered() -> list[httpx.Response]:
                answer = await http.post(CASES, json=body, headers=headers)
                if answer.status_code != 409:
                    return [answer]
                assert (answer.json()["code"], answer.headers["retry-after"]) == ("still-running", "1")
                return []

            (answer,) = await until(answered, what="an answer to a twin")
            return answer

        answers = await asyncio.gather(*(ask(each) for _ in range(25) for each in (consulate.http, replica.http)))
        changed = await replica.http.post(CASES, json={**body, "tier": "U"}, headers=headers)
    assert {each.status_code for each in answers} == {202}, {each.text for each in answers}
    assert len({each.content for each in answers}) == 1
    assert (changed.status_code, changed.json()["code"]) == (422, "idempotency-key-reused")
    case = answers[0].json()["id"]
    assert len(await consulate.staged(CaseOpened, of_case=case)) == 1
    assert len(await consulate.staged(RequestTurn, of_case=case)) == 1


async def test_a_key_names_its_case_even_when_its_first_answer_is_forgotten(consulate: Consulate) -> None:
    person = uuid4()
    first = await consulate.open(person, headers={"idempotency_key": "again"})
    async with consulate.service.database.transaction() as tx:
        await tx.connection.execute(sql("DELETE FROM idempotency_keys WHERE person_id = :who"), {"who": person})
    again = await consulate.open(person, headers={"idempotency_key": "again"})
    assert again.json()["id"] == first.json()["id"]
    assert len(await consulate.staged(RequestTurn, of_case=first.json()["id"])) == 1
    async with consulate.service.database.transaction() as tx:
        await tx.connection.execute(sql("DELETE FROM idempotency_keys WHERE person_id = :who"), {"who": person})
    changed = await consulate.open(person, headers={"idempotency_key": "again"}, tier="U")
    assert (changed.status_code, changed.json()["code"]) == (422, "idempotency-key-reused")


async def test_the_newest_rate_is_frozen_into_the_case(consulate: Consulate) -> None:
    today = NOON.date()
    for rate, day in (
        ("10.10", today - dt.timedelta(days=9)),
        ("10.4500", today),
        ("99", today + dt.timedelta(days=1)),
    ):
        assert (await consulate.set_rate(rate, quote="SEK", day=day)).status_code == 201
    person = uuid4()
    case, words = await consulate.opened(person, pay_currency="SEK")
    request = await consulate.asked_of_booking(case["turn_id"])
    assert request.fx is not None
    assert (request.fx.base, request.fx.quote, str(request.fx.rate), request.fx.dated) == ("USD", "SEK", "10.45", today)
    await consulate.say(words, words.held(), words.captured(), words.confirmed())
    shown = await consulate.case(case["id"], person)
    assert shown["fee"]["minor"] == 30_000
    assert (shown["payment"]["payable"]["minor"], shown["payment"]["payable"]["currency"]) == (313_500, "SEK")
    assert shown["payment"]["fx"] == {"base": "USD", "quote": "SEK", "rate": "10.45", "dated": today.isoformat()}

    corrected = await consulate.set_rate("10.5", quote="SEK", day=today)
    assert (corrected.status_code, corrected.json()["code"]) == (409, "rate-used")
    assert (await consulate.set_rate("10.4500", quote="SEK", day=today)).status_code == 200
    unused = await consulate.set_rate("10.2", quote="SEK", day=today - dt.timedelta(days=9))
    assert (unused.status_code, unused.json()["rate"]) == (200, "10.2")


@pytest.mark.parametrize("currency", [None, "USD"])
async def test_the_fee_s_own_currency_needs_no_rate(consulate: Consulate, currency: str | None) -> None:
    case, _ = await consulate.opened(uuid4(), pay_currency=currency)
    assert (await consulate.asked_of_booking(case["turn_id"])).fx is None


async def test_what_is_free_needs_no_rate_and_no_payment(consulate: Consulate) -> None:
    person = uuid4()
    case, words = await consulate.opened(person, service="CSL_REG", pay_currency="CHF")
    await consulate.say(words, words.confirmed(free=True))
    shown = await consulate.case(case["id"], person)
    assert (shown["state"], shown["fee"]["minor"], shown["payment"]) == ("CONFIRMED", 0, None)


async def test_a_relative_acts_for_an_expatriate(consulate: Consulate) -> None:
    omar, sister, stranger = uuid4(), uuid4(), uuid4()
    drafted = await consulate.post("/api/consular/mandates", sister, {"person_id": str(omar), "kinship": "sibling"})
    assert (drafted.status_code, drafted.json()["state"]) == (201, "DRAFT")
    path, mandate = drafted.json()["links"]["self"], drafted.json()["id"]
    asked = [each for each in (await consulate.staged(MandateDrafted)).values() if str(each.mandate_id) == mandate]
    assert [(each.person_id, each.agent_id, each.kinship) for each in asked] == [(omar, sister, "sibling")]
    assert asked[0].expires_at == dt.datetime.fromisoformat(drafted.json()["expires_at"])
    for side in (omar, sister):
        (listed,) = (await consulate.get("/api/consular/mandates", side)).json()["items"]
        assert (listed["id"], listed["state"]) == (mandate, "DRAFT")
        assert (listed["person_id"], listed["agent_id"]) == (str(omar), str(sister))

    early = await consulate.open(sister, mandate=mandate)
    assert (early.status_code, early.json()["code"]) == (409, "mandate-not-active")
    assert (await consulate.post(f"{path}/consent", sister)).status_code == 403
    assert (await consulate.post(f"{path}/consent", stranger)).status_code == 404
    assert (await consulate.get(path, stranger)).status_code == 404

    consented = await consulate.post(f"{path}/consent", omar)
    assert (consented.status_code, consented.json()["state"]) == (200, "ACTIVE")
    told = [each for each in (await consulate.staged(MandateActivated)).values() if str(each.mandate_id) == mandate]
    assert [(each.person_id, each.agent_id, each.kinship) for each in told] == [(omar, sister, "sibling")]
    assert (await consulate.open(stranger, mandate=mandate)).status_code == 404
    assert (await consulate.open(omar, mandate=mandate)).json()["code"] == "mandate-not-active"

    case, words = await consulate.opened(sister, mandate=mandate)
    assert (words.person_id, words.asked_by) == (omar, sister)
    assert case["person_id"] == str(omar)
    meanwhile = await consulate.open(sister, mandate=mandate)
    assert (meanwhile.status_code, meanwhile.json()["code"]) == (409, "mandate-in-use")
    await consulate.say(words, words.refused())
    assert (await consulate.get(path, sister)).json()["state"] == "ACTIVE"

    case, words = await consulate.opened(sister, mandate=mandate, date="2026-12-02")
    await consulate.say(words, words.held(), words.captured(), words.confirmed())
    for side in (omar, sister):
        shown = await consulate.case(case["id"], side)
        assert (shown["state"], shown["person_id"], shown["opened_by"]) == ("CONFIRMED", str(omar), str(sister))
        assert shown["links"]["turn"] == f"/api/booking/turns/{shown['turn_id']}"
        assert shown["links"]["payment"] == shown["payment"]["links"]["self"]
        assert (await consulate.get(path, side)).json()["state"] == "USED"
    assert (await consulate.open(sister, mandate=mandate)).json()["code"] == "mandate-not-active"
    assert (await consulate.post(f"{CASES}/{case['id']}/cancellation", omar)).status_code == 202
    listed = [(await consulate.get("/api/consular/mandates", side)).json()["items"] for side in (omar, sister)]
    assert [[each["id"] for each in items] for items in listed] == [[mandate], [mandate]]


@pytest.mark.parametrize("side", ["person", "agent"])
async def test_a_mandate_is_taken_back_by_either_side(consulate: Consulate, side: str) -> None:
    person, agent = uuid4(), uuid4()
    mandate = await consulate.mandate(person=person, agent=agent)
    case, words = await consulate.opened(agent, mandate=mandate)
    path = f"/api/consular/mandates/{mandate}"
    revoked = await consulate.post(f"{path}/revocation", person if side == "person" else agent)
    assert (revoked.status_code, revoked.json()["state"]) == (200, "REVOKED")
    await consulate.say(words, words.held(), words.captured(), words.confirmed())
    assert (await consulate.case(case["id"], agent))["state"] == "CONFIRMED"
    assert (await consulate.get(path, person)).json()["state"] == "REVOKED"
    again = await consulate.post(f"{path}/revocation", person)
    assert (again.status_code, again.json()["code"]) == (409, "mandate-not-active")


async def test_nobody_mandates_themselves(consulate: Consulate) -> None:
    person = uuid4()
    own = await consulate.post("/api/consular/mandates", person, {"person_id": str(person), "kinship": "spouse"})
    assert (own.status_code, own.json()["code"]) == (422, "mandate-for-oneself")


async def test_a_mandate_runs_out(consulate: Consulate) -> None:
    person, agent = uuid4(), uuid4()
    mandate = await consulate.mandate(person=person, agent=agent)
    async with replica_of(consulate) as later:
        later.clock.turn(days=90, seconds=-1)
        assert (await later.get(f"/api/consular/mandates/{mandate}", agent)).json()["state"] == "ACTIVE"
        later.clock.turn(seconds=1)
        assert (await later.open(agent, mandate=mandate)).json()["code"] == "mandate-not-active"
        assert (await later.get(f"/api/consular/mandates/{mandate}", agent)).json()["state"] == "EXPIRED"


async def test_the_staff_of_a_mission_see_its_cases_and_no_others(consulate: Consulate) -> None:
    case, words = await consulate.opened(uuid4(), date="2027-01-11")
    await consulate.say(words, words.held())
    staff = uuid4()

    async def look(path: str, *roles: As, office: str = "BER-01") -> httpx.Response:
        return await consulate.get(f"/api/consular/missions/{path}", staff, *roles, office=office)

    found = await look("BER-01/cases?date=2027-01-11&state=HELD", As.MISSION)
    assert [each["id"] for each in found.json()["items"]] == [case["id"]]
    assert (await look("BER-01/cases?date=2027-01-11&state=CONFIRMED", As.MISSION)).json()["items"] == []
    assert (await look("BER-01/cases", As.MISSION, office="STO-01")).status_code == 404
    assert (await look("BER-01/cases")).json()["code"] == "not-allowed"


async def test_rates_are_set_by_finance_and_read_by_everybody(consulate: Consulate) -> None:
    citizen = uuid4()
    path = "/api/consular/fx-rates/USD/GBP/2026-10-01"
    signed_in = consulate.stage.signed_in(citizen)
    assert (await consulate.http.put(path, json={"rate": "0.79"}, headers=signed_in)).status_code == 403
    day = dt.date(2026, 10, 1)
    for wrong in ("0", "0.00", "-1", "0.123456789", "12345678901", "NaN", "x", "1e300", 0.79):
        assert (await consulate.set_rate(wrong, quote="GBP", day=day)).status_code == 422, wrong
    assert (await consulate.set_rate("1", quote="USD", day=day)).json()["code"] == "same-currency"
    made = await consulate.set_rate("0.7900", quote="GBP", day=day)
    assert (made.status_code, made.json()["rate"], made.json()["is_example"]) == (201, "0.79", False)
    stale = await consulate.set_rate("0.80", quote="GBP", day=day, if_match='"other"')
    assert (stale.status_code, stale.json()["code"]) == (412, "rate-changed")
    fixed = await consulate.set_rate("0.80", quote="GBP", day=day, if_match=made.headers["etag"])
    assert (fixed.status_code, fixed.json()["rate"]) == (200, "0.8")
    listed = (await consulate.get("/api/consular/fx-rates?quote=GBP", citizen)).json()["items"]
    assert [(each["dated"], each["rate"]) for each in listed] == [("2026-10-01", "0.8")]
    await consulate.set_rate("0.81", quote="GBP", day=dt.date(2026, 10, 2))
    first = await consulate.get("/api/consular/fx-rates?quote=GBP&limit=1", citizen)
    second = await consulate.get(first.links["next"]["url"], citizen)
    assert [each.json()["items"][0]["dated"] for each in (first, second)] == ["2026-10-02", "2026-10-01"]


@pytest.mark.parametrize(("base", "quote", "wrong"), [("USD", "JPY", "JPY"), ("KWD", "USD", "KWD")])
@pytest.mark.parametrize("language", ["ar", "en"])
async def test_a_currency_without_hundredths_gets_no_rate(
    consulate: Consulate, base: str, quote: str, wrong: str, language: str
) -> None:
    day = dt.date(2026, 10, 1)
    refused = await consulate.set_rate("1.5", base=base, quote=quote, day=day, accept_language=language)
    problem = refused.json()
    assert (refused.status_code, problem["code"], problem["currency"]) == (422, "currency-not-supported", wrong)
    assert problem["title"] == getattr(CurrencyNotSupported.title, language)
    assert (await consulate.get(f"/api/consular/fx-rates?base={base}&quote={quote}", uuid4())).json()["items"] == []
