"""What each of the cast does, from asking for a turn to the end of it."""

import asyncio
import time
from datetime import UTC, datetime
from typing import Any

from dawr.tools.demo.cast import Part, Person
from dawr.tools.demo.theatre import Theatre, Trouble

PATIENCE_SECONDS = 90.0
_SETTLED = {"HELD", "CONFIRMED", "REFUSED", "EXPIRED", "CANCELLED_BY_CITIZEN", "CANCELLED_BY_OFFICE"}


async def play(person: Person, theatre: Theatre) -> None:
    """Play one person's part; what went wrong is kept in `trouble`."""
    try:
        await _introduce(person, theatre)
        turn = await (_ask_abroad(person, theatre) if person.abroad else _ask_at_home(person, theatre))
        if turn is None:
            return
        theatre.on_step("held")
        person.held = turn["state"] == "HELD" or turn["fee"]["minor"] > 0
        await _act(person, theatre, turn)
    except Exception as error:
        person.trouble = f"{type(error).__name__}: {error}"
        theatre.on_step("trouble")


async def _introduce(person: Person, theatre: Theatre) -> None:
    preferences = {"language": person.language, "email": person.email}
    answer = await theatre.call("PUT", "/api/notifications/preferences", person.id, body=preferences)
    _expect(answer.status_code in {200, 204}, f"preferences: {answer.status_code} {answer.text[:200]}")


async def _ask_at_home(person: Person, theatre: Theatre) -> dict[str, Any] | None:
    wish = {"service": person.wish.service, "tier": person.wish.tier, "office": person.wish.office,
            "date": person.wish.date}  # fmt: skip
    key = f"demo-{person.id}"
    begin = time.monotonic()
    presses = 2 if person.part is Part.PRESSES_TWICE else 1
    answers = await asyncio.gather(
        *(theatre.call("POST", "/api/booking/turns", person.id, body=wish, key=key, wait=10) for _ in range(presses))
    )
    theatre.on_step("asked")
    answer = answers[0]
    if presses == 2:
        person.twin_agreed = _same(answers[0].json(), answers[1].json())
    body = answer.json()
    if answer.status_code == 409:
        person.refusal = body["code"]
        theatre.on_step("refused")
        return None
    _expect(answer.status_code in {201, 202}, f"asking: {answer.status_code} {answer.text[:200]}")
    person.accepted, person.turn_id = True, body["id"]
    turn = body if answer.status_code == 201 else await theatre.until(
        body["id"], person.id, _SETTLED, seconds=PATIENCE_SECONDS)  # fmt: skip
    if turn["state"] == "REFUSED":
        person.refusal = turn["refusal"]["code"]
        theatre.on_step("refused")
        return None
    person.seconds["asked to held"] = time.monotonic() - begin
    return dict(turn)


def _same(one: dict[str, Any], other: dict[str, Any]) -> bool:
    """Two presses have one answer: one turn, or the same refusal."""
    return (one.get("id") or one.get("code")) == (other.get("id") or other.get("code"))


async def _ask_abroad(person: Person, theatre: Theatre) -> dict[str, Any] | None:
    mandate = await _mandate(person, theatre) if person.relative else None
    case: dict[str, Any] = {"service": person.wish.service, "tier": person.wish.tier, "mission": person.wish.office,
                            "date": person.wish.date}  # fmt: skip
    if mandate:
        case["mandate"] = mandate
    if person.pay_currency:
        case["pay_currency"] = person.pay_currency
    begin = time.monotonic()
    answer = await theatre.call("POST", "/api/consular/cases", person.id, body=case, key=f"demo-{person.id}", wait=10)
    theatre.on_step("asked")
    body = answer.json()
    if answer.status_code == 409:
        person.refusal = body["code"]
        theatre.on_step("refused")
        return None
    _expect(answer.status_code in {201, 202}, f"case: {answer.status_code} {answer.text[:200]}")
    person.accepted, person.turn_id = True, body["turn_id"]
    turn = await theatre.until(body["turn_id"], person.id, _SETTLED, seconds=PATIENCE_SECONDS)
    if turn["state"] == "REFUSED":
        person.refusal = turn["refusal"]["code"]
        theatre.on_step("refused")
        return None
    person.seconds["asked to held"] = time.monotonic() - begin
    return turn


async def _mandate(person: Person, theatre: Theatre) -> str:
    if person.relative is None:
        raise Trouble("nobody to act for")
    draft = await theatre.call("POST", "/api/consular/mandates", person.id,
                               body={"person_id": str(person.relative), "kinship": "spouse"})  # fmt: skip
    _expect(draft.status_code == 201, f"mandate: {draft.status_code} {draft.text[:200]}")
    id = str(draft.json()["id"])
    consent = await theatre.call("POST", f"/api/consular/mandates/{id}/consent", person.relative)
    _expect(consent.status_code in {200, 201}, f"consent: {consent.status_code} {consent.text[:200]}")
    return id


async def _act(person: Person, theatre: Theatre, turn: dict[str, Any]) -> None:
    id = str(turn["id"])
    if turn["state"] == "CONFIRMED":  # free of charge
        person.state = "CONFIRMED"
        theatre.on_step("confirmed")
        return
    person.payment_id = turn["payment"]["id"]
    if person.part is Part.LETS_RUN_OUT:
        await _let_run_out(person, theatre, id)
    elif person.part is Part.PAYS_LATE:
        await _pay_late(person, theatre, turn)
    elif person.part is Part.CANCELS_UNPAID:
        await _cancel(person, theatre, id)
    else:
        await _pay(person, theatre, id, declined_first=person.part is Part.DECLINED_FIRST)
        if person.part is Part.CANCELS_PAID:
            await _cancel(person, theatre, id)
            await _wait_for_refund(person, theatre, id)


async def _checkout(person: Person, theatre: Theatre) -> str:
    """The address of the bank's page. The payment is there a moment after the seat is held."""
    end = time.monotonic() + PATIENCE_SECONDS
    key = f"attempt-{person.payment_id}"
    while True:
        answer = await theatre.call("POST", f"/api/payments/payments/{person.payment_id}/attempts", person.id,
                                    body={"provider": "sandbox"}, key=key)  # fmt: skip
        if answer.status_code in {200, 201}:
            return str(answer.json()["checkout_url"])
        if answer.status_code != 404 or time.monotonic() > end:
            raise Trouble(f"attempt: {answer.status_code} {answer.text[:200]}")
        await asyncio.sleep(0.3)


async def _pay(person: Person, theatre: Theatre, id: str, *, declined_first: bool) -> None:
    url = await _checkout(person, theatre)
    if declined_first:
        await theatre.pay_at_bank(url, "decline")
    begin = time.monotonic()
    status = await theatre.pay_at_bank(url, "approve")
    _expect(status in {"approved", "captured"}, f"the bank says {status}")
    person.paid = True
    theatre.on_step("paid")
    turn = await theatre.until(id, person.id, {"CONFIRMED"}, seconds=PATIENCE_SECONDS)
    person.seconds["paid to confirmed"] = time.monotonic() - begin
    person.state = turn["state"]
    theatre.on_step("confirmed")


async def _let_run_out(person: Person, theatre: Theatre, id: str) -> None:
    turn = await theatre.until(id, person.id, {"EXPIRED"}, seconds=PATIENCE_SECONDS)
    person.state = turn["state"]
    theatre.on_step("expired")


async def _pay_late(person: Person, theatre: Theatre, turn: dict[str, Any]) -> None:
    url = await _checkout(person, theatre)
    held_until = datetime.fromisoformat(turn["held_until"])
    await asyncio.sleep(max(0.0, (held_until - datetime.now(UTC)).total_seconds()))
    await theatre.until(turn["id"], person.id, {"EXPIRED"}, seconds=PATIENCE_SECONDS)
    theatre.on_step("expired")
    status = await theatre.pay_at_bank(url, "approve")
    _expect(status in {"approved", "captured"}, f"the bank says {status}")
    person.paid = person.late = True
    theatre.on_step("paid")
    end = time.monotonic() + PATIENCE_SECONDS
    while True:
        answer = await theatre.call("GET", f"/api/booking/turns/{turn['id']}", person.id)
        now = answer.json()
        if now.get("state") == "CONFIRMED":
            person.state = "CONFIRMED"
            theatre.on_step("confirmed")
            return
        if now.get("refund"):
            await _wait_for_refund(person, theatre, turn["id"])
            person.state = now["state"]
            return
        if time.monotonic() > end:
            raise Trouble(f"a late payment of {turn['id']} was neither accepted nor given back")
        await asyncio.sleep(0.5)


async def _cancel(person: Person, theatre: Theatre, id: str) -> None:
    begin = time.monotonic()
    answer = await theatre.call("POST", f"/api/booking/turns/{id}/cancellation", person.id,
                                body={"reason": "changed-mind"}, key=f"cancel-{id}", wait=10)  # fmt: skip
    _expect(answer.status_code in {200, 202}, f"cancellation: {answer.status_code} {answer.text[:200]}")
    turn = await theatre.until(id, person.id, {"CANCELLED_BY_CITIZEN"}, seconds=PATIENCE_SECONDS)
    person.seconds["cancelled"] = time.monotonic() - begin
    person.state = turn["state"]
    theatre.on_step("cancelled")


async def _wait_for_refund(person: Person, theatre: Theatre, id: str) -> None:
    begin = time.monotonic()
    await theatre.until_refunded(id, person.id, seconds=PATIENCE_SECONDS)
    person.seconds["cancelled to refunded"] = time.monotonic() - begin
    theatre.on_step("refunded")


def _expect(holds: bool, what: str) -> None:
    if not holds:
        raise Trouble(what)
