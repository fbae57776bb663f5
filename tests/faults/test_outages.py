"""A part is away for a while: what needs it says so at once, everything else goes on, and nothing is lost or half done.

`DAWR_OUTAGE_SECONDS` says for how long the broker and booking's database are away (30).
Its servers are embedded ones of its own, also in a run that was given some: it kills them.
"""

import asyncio
import os
import time
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import httpx
import pytest
from tests.town import SLOW, Town, asked, someone, town

from dawr.servicekit.migrations import migrate
from dawr.servicekit.testing import until
from dawr.tools.cli.look import lag_of_groups
from dawr.tools.demo.cast import Wish
from dawr.tools.embedded.postgres import Postgres
from dawr.tools.platform.platform import Platform

OUTAGE_SECONDS = float(os.environ.get("DAWR_OUTAGE_SECONDS", "30"))
AT_ONCE_SECONDS = 2.0
"""What a quick no may take on a machine that is busy with other tests."""

pytestmark = [pytest.mark.xdist_group("outages"), pytest.mark.timeout(400)]


@pytest.fixture(scope="module")
async def bookings_database(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Postgres]:
    """A server of booking's own: in production it would not share one either."""
    folder = tmp_path_factory.mktemp("booking")
    folder.chmod(0o755)
    server = Postgres(folder / "postgres")
    await asyncio.to_thread(server.start)
    try:
        await asyncio.to_thread(server.create_database, "booking")
        await migrate(server.url("booking"), "dawr.booking")
        yield server
    finally:
        await asyncio.to_thread(server.stop)


@pytest.fixture(scope="module", name="where")
async def town_of_outages(tmp_path_factory: pytest.TempPathFactory, bookings_database: Postgres) -> AsyncIterator[Town]:
    root = tmp_path_factory.mktemp("outages")
    root.chmod(0o755)
    booking = bookings_database.url("booking")
    environment = {"BOOKING_DATABASE_URL": booking, "DAWR_KAFKA_SESSION_SECONDS": "4"}
    platform = Platform(root, ports="free", environment=environment)

    def database(service: str) -> str:
        return booking if service == "booking" else platform.database(service)

    async with platform, town(platform, root, database=database) as all_of_it:
        yield all_of_it


async def test_the_broker_is_away(where: Town) -> None:
    """Intake refuses quickly and keeps nothing; payments, cases and plans go on, and are told when it is back."""
    wish = await where.free_seats("DAM-01", "PASS_REN", 30, days_ahead=20)
    abroad = await where.free_seats("BER-01", "CSL_PASS", 5, days_ahead=20)
    payer = someone()
    held = await take(where, payer, wish)
    page = await where.checkout(held["payment"]["id"], payer)

    await where.platform.kill("kafka")
    gone_at = time.monotonic()
    await until(lambda: _says_no(where, wish), timeout=SLOW, what="intake notices that the broker is away")
    # From here on the answer is quick, says when to come again, and nothing stays behind.
    refused = {someone(): f"key-{number}" for number in range(12)}
    for person, key in refused.items():
        begin = time.monotonic()
        answer = await ask(where, person, wish, key=key)
        assert time.monotonic() - begin < AT_ONCE_SECONDS
        assert (answer.status_code, answer.json()["code"]) == (503, "intake-unavailable")
        assert int(answer.headers["retry-after"]) >= 1

    assert await where.left(wish) == 29
    assert await where.theatre.pay_at_bank(page, "approve") == "approved"
    expatriate = someone()
    case = await where.theatre.call("POST", "/api/consular/cases", expatriate, body={
        "service": abroad.service, "tier": abroad.tier, "mission": abroad.office, "date": abroad.date})  # fmt: skip
    assert case.status_code == 202
    await until(lambda: _payment_is(where, held["payment"]["id"], payer, "CAPTURED"), timeout=SLOW)
    assert (await where.theatre.until(held["id"], payer, "HELD"))["payment"]["paid"] is False

    await _lasts(gone_at)
    for person in refused:
        assert await turns_of(where, person) == []
    await where.platform.restart("kafka")

    await where.theatre.until(held["id"], payer, "CONFIRMED")
    await where.theatre.until(case.json()["turn_id"], expatriate, "HELD")
    await where.inbox(payer, "payment-captured", "turn-confirmed")
    # Who was refused has no turn; who asks again under the same key gets one.
    await until(lambda: _is_idle(where), timeout=SLOW, every=0.5)
    assert [person for person in refused if await turns_of(where, person)] == []
    for person, key in refused.items():
        await take(where, person, wish, key=key)
    assert await where.left(wish) == 30 - 1 - len(refused)
    await _nothing_set_aside(where)


async def test_bookings_database_is_away(where: Town, bookings_database: Postgres) -> None:
    """The log takes requests all the same; who wants to read is told to come again; then the line is settled."""
    wish = await where.free_seats("DAM-02", "PASS_REN", 8, days_ahead=20)
    early = await take(where, someone(), wish)

    await asyncio.to_thread(bookings_database.kill)
    gone_at = time.monotonic()
    people = [someone() for _ in range(12)]
    accepted = []
    for person in people:
        answer = await ask(where, person, wish, key="once")
        assert answer.status_code == 202, answer.text
        accepted.append(answer.json())
    assert len({(each["line"]["partition"], each["line"]["offset"]) for each in accepted}) == len(people)
    for path in (f"/api/booking/turns/{early['id']}", "/api/booking/turns", _availability(wish)):
        begin = time.monotonic()
        answer = await raw(where, "GET", path, people[0])
        assert answer.status_code == 503, f"{path}: {answer.text}"
        assert answer.headers["content-type"] == "application/problem+json"
        assert int(answer.headers["retry-after"]) >= 1
        assert time.monotonic() - begin < 3 * AT_ONCE_SECONDS
    # Nobody else is touched.
    assert (await raw(where, "GET", "/api/catalog/services", people[0])).status_code == 200
    assert (await raw(where, "GET", "/api/notifications/inbox", people[0])).status_code == 200
    assert (await raw(where, "GET", "/api/payments/payments", people[0])).status_code == 200

    await _lasts(gone_at)
    await asyncio.to_thread(bookings_database.start)
    settled = [await where.theatre.until(each["id"], person, "HELD", "REFUSED")
               for each, person in zip(accepted, people, strict=True)]  # fmt: skip
    # Seven seats were left, and the line decides who has them.
    in_line = sorted(settled, key=lambda turn: turn["line"]["offset"])
    assert [turn["state"] for turn in in_line] == ["HELD"] * 7 + ["REFUSED"] * 5
    for person in people:
        assert len(await turns_of(where, person)) == 1
    await until(lambda: _is_idle(where), timeout=SLOW, every=0.5)
    await _nothing_set_aside(where)


@pytest.mark.parametrize("service", ["catalog", "consular", "notifications"])
async def test_a_service_is_away_that_booking_does_not_need(where: Town, service: str) -> None:
    """A turn is taken, paid and confirmed without it; what it missed, it reads when it is back."""
    days = {"catalog": 21, "consular": 22, "notifications": 23}
    wish = await where.free_seats("ALP-01", "PASS_NEW", 3, days_ahead=days[service])
    me = someone()
    await where.platform.kill(service)
    try:
        await _is_unavailable(where, service)
        turn = await take(where, me, wish)
        page = await where.checkout(turn["payment"]["id"], me)
        assert await where.theatre.pay_at_bank(page, "approve") == "approved"
        await where.theatre.until(turn["id"], me, "CONFIRMED")
    finally:
        await where.platform.restart(service)
    await where.inbox(me, "turn-held", "payment-captured", "turn-confirmed")
    await until(lambda: _is_idle(where), timeout=SLOW, every=0.5)


async def test_payments_is_away(where: Town) -> None:
    """Seats are held; they can be paid for when it is back, and the money of a cancelled one goes back then."""
    wish = await where.free_seats("HMS-01", "PASS_NEW", 3, days_ahead=20)
    me, other = someone(), someone()
    paid = await take(where, other, wish)
    page = await where.checkout(paid["payment"]["id"], other)
    assert await where.theatre.pay_at_bank(page, "approve") == "approved"
    await where.theatre.until(paid["id"], other, "CONFIRMED")

    await where.platform.kill("payments")
    try:
        await _is_unavailable(where, "payments")
        turn = await take(where, me, wish)
        given_back = await where.theatre.call("POST", f"/api/booking/turns/{paid['id']}/cancellation", other, wait=10)
        assert given_back.status_code in {200, 202}, given_back.text
        cancelled = await where.theatre.until(paid["id"], other, "CANCELLED_BY_CITIZEN")
        assert cancelled["refund"]["state"] == "DUE"
    finally:
        await where.platform.restart("payments")
    page = await where.checkout(turn["payment"]["id"], me)
    assert await where.theatre.pay_at_bank(page, "approve") == "approved"
    await where.theatre.until(turn["id"], me, "CONFIRMED")
    await where.theatre.until_refunded(paid["id"], other)


async def test_booking_is_away(where: Town) -> None:
    """Cases are opened, and get their seat when it is back; everything that is not a turn is answered meanwhile."""
    wish = await where.free_seats("STO-01", "CSL_PASS", 3, days_ahead=20)
    me = someone()
    await where.platform.kill("booking")
    try:
        await _is_unavailable(where, "booking")
        case = await where.theatre.call("POST", "/api/consular/cases", me, body={
            "service": wish.service, "tier": wish.tier, "mission": wish.office, "date": wish.date})  # fmt: skip
        assert case.status_code == 202, case.text
        for path in ("/api/catalog/services", "/api/notifications/inbox", "/api/payments/payments"):
            assert (await raw(where, "GET", path, me)).status_code == 200
        await where.inbox(me, "case-opened")
    finally:
        await where.platform.restart("booking")
    await where.theatre.until(case.json()["turn_id"], me, "HELD")


async def test_the_gateway_is_away(where: Town) -> None:
    """Each service checks tokens by itself, so whoever reaches one of them goes on."""
    wish = await where.free_seats("ALP-01", "PASS_REN", 3, days_ahead=20)
    me = someone()
    await where.platform.kill("gateway")
    try:
        with pytest.raises(httpx.TransportError):
            await raw(where, "GET", "/api/catalog/services", me)
        booking = where.platform.url("booking")
        headers = where.theatre.as_(me) | {"idempotency-key": "straight", "prefer": "wait=10"}
        answer = await where.http.post(f"{booking}/api/booking/turns", json=asked(wish), headers=headers)
        assert answer.status_code in {201, 202}, answer.text
    finally:
        await where.platform.restart("gateway")
    await where.theatre.until(answer.json()["id"], me, "HELD")


async def raw(where: Town, method: str, path: str, person: UUID, **more: Any) -> httpx.Response:
    """One request through the gateway, and its first answer."""
    headers = where.theatre.as_(person) | more.pop("headers", {})
    return await where.http.request(method, where.platform.url("gateway") + path, headers=headers, **more)


async def ask(where: Town, person: UUID, wish: Wish, *, key: str = "once") -> httpx.Response:
    return await raw(where, "POST", "/api/booking/turns", person, json=asked(wish), headers={"idempotency-key": key})


async def take(where: Town, person: UUID, wish: Wish, *, key: str = "once") -> dict[str, Any]:
    """A turn whose seat is held."""
    answer = await ask(where, person, wish, key=key)
    assert answer.status_code == 202, answer.text
    return await where.theatre.until(answer.json()["id"], person, "HELD")


async def turns_of(where: Town, person: UUID) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = (await where.theatre.call("GET", "/api/booking/turns", person)).json()["items"]
    return items


def _availability(wish: Wish) -> str:
    return f"/api/booking/availability?service={wish.service}&tier={wish.tier}&office={wish.office}"


async def _lasts(since: float) -> None:
    """Returns when the outage is as long as it is to be."""
    await asyncio.sleep(max(0.0, since + OUTAGE_SECONDS - time.monotonic()))


async def _says_no(where: Town, wish: Wish) -> bool:
    return (await ask(where, someone(), wish)).status_code == 503


async def _payment_is(where: Town, id: str, payer: UUID, state: str) -> bool:
    return bool((await raw(where, "GET", f"/api/payments/payments/{id}", payer)).json()["state"] == state)


async def _is_unavailable(where: Town, service: str) -> None:
    """The gateway says at once that one service is away."""
    begin = time.monotonic()
    answer = await raw(where, "GET", f"/api/{service}/openapi.json", someone(), headers={"accept-language": "en"})
    assert time.monotonic() - begin < AT_ONCE_SECONDS
    assert answer.status_code in {502, 503}
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["service"] == service
    assert int(answer.headers["retry-after"]) >= 1


async def _is_idle(where: Town) -> bool:
    return not any(waiting for _, _, waiting in await lag_of_groups(where.platform.state))


async def _nothing_set_aside(where: Town) -> None:
    books = await where.reader.read([], [])
    assert (books.dead, books.ledger) == (0, dict.fromkeys(books.ledger, 0))
