"""What each of the cast does, from asking for a turn to the end of it.

Nobody's part depends on the machine's speed: whoever comes too late to pay, because all of it took its time, is
treated as a late payer is, and that is an end of their part as well.
"""

import asyncio
import time
from datetime import UTC, datetime
from typing import Any

import httpx

from dawr.tools.demo.cast import Part, Person
from dawr.tools.demo.theatre import Theatre, Trouble

_SETTLED = ("HELD", "CONFIRMED", "REFUSED", "EXPIRED", "CANCELLED_BY_CITIZEN", "CANCELLED_BY_OFFICE")


async def play(person: Person, theatre: Theatre) -> None:
    """Play one person's part; what went wrong is kept in `trouble`."""
    try:
        await _introduce(person, theatre)
        turn = await (_ask_abroad(person, theatre) if person.abroad else _ask_at_home(person, theatre))
        if turn is not None:
            theatre.on_step("held")
            await _act(person, theatre, turn)
    except Exception as error:
        person.trouble = f"{type(error).__name__}: {error}"
        theatre.on_step("trouble")


async def _introduce(person: Person, theatre: Theatre) -> None:
    preferences = {"language": person.language, "email": person.email}
    answer = await theatre.call("PUT", "/api/notifications/preferences", person.id, body=preferences)
    _expect(answer, {200})


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
    refusals = [answer.json() for answer in answers if answer.status_code == 409]
    accepted = [answer for answer in answers if answer.status_code != 409]
    for answer in accepted:
        _expect(answer, {201, 202})
    if not accepted:
        person.turn_id = refusals[0].get("turn_id")
        codes = {each["code"] for each in refusals}
        person.twins_differ = None if len(codes) == 1 else f"{codes}"
        _refused(person, theatre, refusals[0]["code"], in_line=person.turn_id is not None)
        return None
    person.accepted = person.in_line = True
    person.turn_id = accepted[0].json()["id"]
    turn = await _follow_to_seat(person, theatre, accepted[0].json()["id"], begin)
    # One press may be answered while it waits and the other one later: what counts is that they end alike.
    same_turn = len({answer.json()["id"] for answer in accepted}) == 1
    if not same_turn or any(each["code"] != person.refusal for each in refusals):
        end = turn["state"] if turn is not None else person.refusal
        person.twins_differ = f"{[answer.json() for answer in answers]}, in the end {end}"
    return turn


def _refused(person: Person, theatre: Theatre, code: str, *, in_line: bool) -> None:
    person.refusal, person.in_line = code, in_line
    theatre.on_step("refused")


async def _follow_to_seat(person: Person, theatre: Theatre, turn_id: str, begin: float) -> dict[str, Any] | None:
    """The turn once the allocator has answered; None if there was no seat."""
    turn = await theatre.until(turn_id, person.id, *_SETTLED)
    if turn["state"] == "REFUSED":
        _refused(person, theatre, turn["refusal"]["code"], in_line=True)
        return None
    person.held = True
    person.seconds["asked to held"] = time.monotonic() - begin
    return turn


async def _ask_abroad(person: Person, theatre: Theatre) -> dict[str, Any] | None:
    case: dict[str, Any] = {"service": person.wish.service, "tier": person.wish.tier, "mission": person.wish.office,
                            "date": person.wish.date}  # fmt: skip
    if person.relative is not None:
        case["mandate"] = await _mandate(person, theatre)
    if person.pay_currency:
        case["pay_currency"] = person.pay_currency
    begin = time.monotonic()
    answer = await theatre.call("POST", "/api/consular/cases", person.id, body=case, key=f"demo-{person.id}")
    theatre.on_step("asked")
    body = answer.json()
    if answer.status_code == 409:
        _refused(person, theatre, body["code"], in_line=False)
        return None
    _expect(answer, {202})
    person.accepted = person.in_line = True
    person.turn_id = body["turn_id"]
    return await _follow_to_seat(person, theatre, body["turn_id"], begin)


async def _mandate(person: Person, theatre: Theatre) -> str:
    if person.relative is None:
        raise Trouble("nobody to act for")
    draft = await theatre.call("POST", "/api/consular/mandates", person.id,
                               body={"person_id": str(person.relative), "kinship": "spouse"})  # fmt: skip
    _expect(draft, {201})
    id = str(draft.json()["id"])
    _expect(await theatre.call("POST", f"/api/consular/mandates/{id}/consent", person.relative), {200})
    return id


async def _act(person: Person, theatre: Theatre, turn: dict[str, Any]) -> None:
    id = str(turn["id"])
    if turn["payment"] is None:  # free of charge
        _ended(person, theatre, turn)
        return
    person.payment_id = turn["payment"]["id"]
    if person.part is Part.LETS_RUN_OUT:
        _ended(person, theatre, await theatre.until(id, person.id, "EXPIRED"))
    elif person.part is Part.PAYS_LATE:
        await _pay_late(person, theatre, turn)
    elif person.part is Part.CANCELS_UNPAID:
        await _cancel(person, theatre, id)
    else:
        confirmed = await _pay(person, theatre, id, declined_first=person.part is Part.DECLINED_FIRST)
        if confirmed and person.part is Part.CANCELS_PAID:
            await _cancel(person, theatre, id)


async def _pay(person: Person, theatre: Theatre, id: str, *, declined_first: bool) -> bool:
    """Whether the turn is confirmed in the end. If not, its time was over, and what was taken is back."""
    url = await _checkout(person, theatre)
    if url and declined_first:
        await theatre.pay_at_bank(url, "decline")
    begin = time.monotonic()
    return await _approve(person, theatre, id, url, begin)


async def _checkout(person: Person, theatre: Theatre) -> str | None:
    """The address of the bank's page, None if the time to pay is over. The payment is there soon after the seat."""
    end = time.monotonic() + theatre.patience_seconds
    key = f"attempt-{person.payment_id}"
    while True:
        answer = await theatre.call("POST", f"/api/payments/payments/{person.payment_id}/attempts", person.id,
                                    body={"provider": "sandbox"}, key=key)  # fmt: skip
        if answer.status_code == 201:
            return str(answer.json()["checkout_url"])
        if answer.status_code == 409 and answer.json()["code"] == "payment-over":
            return None
        if answer.status_code != 404 or time.monotonic() > end:
            raise Trouble(f"attempt: {answer.status_code} {answer.text[:200]}")
        await asyncio.sleep(0.3)


async def _approve(person: Person, theatre: Theatre, id: str, url: str | None, begin: float) -> bool:
    """Press "pay", and follow the turn to where the payment takes it."""
    if url is None or await theatre.pay_at_bank(url, "approve") != "approved":
        _ended(person, theatre, await theatre.until(id, person.id, "EXPIRED"))
        return False
    person.paid = True
    theatre.on_step("paid")
    turn = await theatre.follow(id, person.id, _has_taken_the_money, "confirmed or given back")
    person.late = any(step["cause"] in {"paid-late", "paid-too-late"} for step in turn["history"])
    if turn["refund"] is not None:
        await _wait_for_refund(person, theatre, id)
        person.state = turn["state"]
        return False
    person.seconds["paid to confirmed"] = time.monotonic() - begin
    _ended(person, theatre, turn)
    return True


def _has_taken_the_money(turn: dict[str, Any]) -> bool:
    return turn["state"] == "CONFIRMED" or turn["refund"] is not None


async def _pay_late(person: Person, theatre: Theatre, turn: dict[str, Any]) -> None:
    url = await _checkout(person, theatre)
    if turn["held_until"] is not None:
        held_until = datetime.fromisoformat(turn["held_until"])
        await asyncio.sleep(max(0.0, (held_until - datetime.now(UTC)).total_seconds()))
    await theatre.until(turn["id"], person.id, "EXPIRED")
    theatre.on_step("expired")
    await _approve(person, theatre, turn["id"], url, time.monotonic())


async def _cancel(person: Person, theatre: Theatre, id: str) -> None:
    begin = time.monotonic()
    answer = await theatre.call("POST", f"/api/booking/turns/{id}/cancellation", person.id,
                                body={"reason": "changed-mind"}, key=f"cancel-{id}", wait=10)  # fmt: skip
    if answer.status_code != 409 or answer.json()["code"] != "not-cancellable":  # its hold ran out before
        _expect(answer, {200, 202})
    turn = await theatre.until(id, person.id, "CANCELLED_BY_CITIZEN", "EXPIRED")
    person.seconds["cancelled"] = time.monotonic() - begin
    _ended(person, theatre, turn)
    if person.paid:
        await _wait_for_refund(person, theatre, id)


async def _wait_for_refund(person: Person, theatre: Theatre, id: str) -> None:
    begin = time.monotonic()
    await theatre.until_refunded(id, person.id)
    person.seconds["given back"] = time.monotonic() - begin
    theatre.on_step("refunded")


def _ended(person: Person, theatre: Theatre, turn: dict[str, Any]) -> None:
    person.state = turn["state"]
    theatre.on_step({"CONFIRMED": "confirmed", "EXPIRED": "expired"}.get(turn["state"], "cancelled"))


def _expect(answer: httpx.Response, statuses: set[int]) -> None:
    if answer.status_code not in statuses:
        request = answer.request
        raise Trouble(f"{request.method} {request.url.path}: {answer.status_code} {answer.text[:200]}")
