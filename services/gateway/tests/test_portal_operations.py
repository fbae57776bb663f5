"""What operators see and decide, on a real broker and a real database."""

import re
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from unittest.mock import AsyncMock
from uuid import uuid4

import httpx
import pytest
from services.gateway.tests.staffing import House, Member, house_on

from dawr.contracts.topics import BOOKING_REQUESTS, CATALOG_CAPACITY, Topic
from dawr.gateway.domain.dead_letters import Action, Decision, DecisionState, carried_out, decide
from dawr.gateway.domain.staff import StaffRole
from dawr.gateway.errors import DecisionOver, SameTwoEyes
from dawr.gateway.portal.charts import HEIGHT, chart
from dawr.gateway.watching import Picture, outbox_of, rate, samples_of
from dawr.servicekit.dead_letters import read_dead_letters, staged_dead_letter
from dawr.servicekit.envelope import Poison, PoisonReason
from dawr.servicekit.testing import Stage, until

NOW = datetime(2026, 12, 1, 9, tzinfo=UTC)
PROPOSED = Decision(
    id=uuid4(),
    letter_id="l",
    dead_topic="t.g.dead",
    action=Action.REPLAY,
    reason="mended",
    state=DecisionState.PROPOSED,
    proposed_by=uuid4(),
    proposed_at=NOW,
)


def test_whoever_proposed_can_withdraw_and_nothing_else() -> None:
    mine, others = PROPOSED.proposed_by, uuid4()
    assert decide(PROPOSED, DecisionState.APPROVED, others, NOW).decided_by == others
    assert decide(PROPOSED, DecisionState.WITHDRAWN, mine, NOW).state is DecisionState.WITHDRAWN
    for to, by in (
        (DecisionState.APPROVED, mine),
        (DecisionState.REJECTED, mine),
        (DecisionState.WITHDRAWN, others),
    ):
        with pytest.raises(SameTwoEyes):
            decide(PROPOSED, to, by, NOW)


def test_what_is_over_stays_over() -> None:
    for state in (DecisionState.REJECTED, DecisionState.WITHDRAWN, DecisionState.CARRIED_OUT):
        with pytest.raises(DecisionOver):
            decide(replace(PROPOSED, state=state), DecisionState.APPROVED, uuid4(), NOW)
    with pytest.raises(DecisionOver):
        carried_out(PROPOSED)


def test_rates_come_from_two_pictures_and_a_new_process_gives_none() -> None:
    def at(seconds: float, total: float) -> Picture:
        return Picture(seconds, (), (), (), {}, {"requests": total})

    assert rate(at(100, 50), at(105, 100), "requests") == 10
    assert rate(at(100, 50), at(105, 3), "requests") is None


def test_metrics_tell_what_waits_in_an_outbox() -> None:
    page = "# TYPE dawr_outbox_unsent_messages gauge\ndawr_outbox_unsent_messages 7.0\ndawr_outbox_oldest_seconds 1.5\n"
    found = outbox_of("booking", samples_of(page))
    assert (found.unsent, found.oldest_seconds, found.refused) == (7, 1.5, 0)


def test_a_curve_has_gaps_where_nothing_was_known() -> None:
    drawn = chart([0, 5, None, 10], remembered=4)
    assert drawn.line.count("M") == 2
    assert drawn.highest == "10"
    assert all(0 <= height <= HEIGHT for height, _ in drawn.marks)
    assert chart([], remembered=4).latest == "–"


@pytest.fixture(scope="module")
async def house(the_stage: Stage, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[House]:
    async with house_on(the_stage, tmp_path_factory.mktemp("gateway"), password_threads=2) as house:
        yield house


@dataclass(frozen=True)
class Broken:
    """A record that is no JSON, as the client gives it."""

    topic: str
    partition: int
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes]]


async def browser(house: House, member: Member) -> httpx.AsyncClient:
    """A browser in which a member of staff has signed in on the page."""
    house.clock.turn(seconds=30)
    client = httpx.AsyncClient(
        transport=httpx.ASGITransport(house.service.app()), base_url="http://localhost:8080", follow_redirects=True
    )
    client.headers["accept-language"] = "en"
    page = (await client.get("/staff/sign-in")).text
    form = {"login": member.login, "password": member.password, "code": member.code(), "form-token": token_in(page)}
    entered = await client.post("/staff/sign-in", data=form)
    assert entered.status_code == 200, entered.text
    return client


def token_in(page: str) -> str:
    """The token of the first form of a page."""
    found = re.search(r'name="form-token" value="([^"]+)"', page)
    assert found, page
    return found.group(1)


async def set_aside(house: House, topic: Topic, reader: str) -> str:
    """A record that a reader could not apply; the id of its dead letter."""
    record = Broken(
        topic=house.stage.platform.topic_prefix + topic.name,
        partition=0,
        offset=uuid4().int % 10**9,
        key=b"pool",
        value=b"{broken",
        headers=(("ce_type", b"booking.request-turn.v1"),),
        timestamp=0,
    )
    staged = staged_dead_letter(Poison(record, PoisonReason.BODY, "not JSON"), topic=topic, group=reader)
    async with house.stage.raw_producer() as producer:
        await producer.send_and_wait(
            house.stage.platform.topic_prefix + staged.topic,
            key=staged.key,
            value=staged.body,
            headers=list(staged.extra_headers),
        )
    return str(staged.id)


async def test_two_administrators_put_a_dead_letter_back(house: House) -> None:
    letter = await set_aside(house, BOOKING_REQUESTS, "booking")
    one, two = [await browser(house, await house.member()) for _ in range(2)]
    page = (await one.get(f"/operations/dead-letters/{letter}")).text
    assert "not JSON" in page
    assert "{broken" in page
    form = {"form-token": token_in(page), "action": "replay", "reason": "the reader was mended"}
    proposed = await one.post(f"/operations/dead-letters/{letter}", data=form)
    assert "the reader was mended" in proposed.text
    again = await two.post(
        f"/operations/dead-letters/{letter}", data=form | {"form-token": token_in((await two.get("/operations")).text)}
    )
    assert again.status_code == 409

    decision = re.search(r"/operations/decisions/([0-9a-f-]+)", proposed.text)
    assert decision
    path = f"/operations/decisions/{decision.group(1)}"
    refused = await one.post(path, data={"form-token": token_in(proposed.text), "decision": "approve"})
    assert refused.status_code == 403
    before = len(await house.stage.records(BOOKING_REQUESTS))
    page = (await two.get("/operations/dead-letters")).text
    approved = await two.post(path, data={"form-token": token_in(page), "decision": "approve"})
    assert approved.status_code == 200

    async def is_back() -> bool:
        return len(await house.stage.records(BOOKING_REQUESTS)) == before + 1

    await until(is_back, what="the record on its topic")
    resolved = {each.id: each.resolution for each in await read_dead_letters(house.stage.platform)}
    assert resolved[letter] == "replayed"
    rows = await house.rows("SELECT state, proposed_by <> decided_by AS two FROM dead_letter_decisions")
    assert [tuple(row) for row in rows] == [("CARRIED_OUT", True)]
    over = await two.post(path, data={"form-token": token_in(page), "decision": "reject"})
    assert over.status_code == 409


async def test_what_was_approved_and_could_not_be_done_is_done_later(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    letter = await set_aside(house, BOOKING_REQUESTS, "booking")
    one, two = [await browser(house, await house.member()) for _ in range(2)]
    token = token_in((await one.get(f"/operations/dead-letters/{letter}")).text)
    form = {"form-token": token, "action": "drop", "reason": "nobody needs it"}
    proposed = await one.post(f"/operations/dead-letters/{letter}", data=form)
    path = re.findall(r"/operations/decisions/[0-9a-f-]+", proposed.text)[0]
    page = (await two.get("/operations/dead-letters")).text
    early = await two.post(path, data={"form-token": token_in(page), "decision": "again"})
    assert early.status_code == 409, "nobody has approved it"
    with monkeypatch.context() as broken:
        broken.setattr("dawr.gateway.service.dead_letters.letters.drop", AsyncMock(side_effect=OSError))
        failed = await two.post(path, data={"form-token": token_in(page), "decision": "approve"})
        assert failed.status_code >= 500
    page = (await one.get("/operations/dead-letters")).text
    assert "Do it now" in page
    done = await one.post(path, data={"form-token": token_in(page), "decision": "again"})
    assert "Do it now" not in done.text
    resolved = {each.id: each.resolution for each in await read_dead_letters(house.stage.platform)}
    assert resolved[letter] == "dropped"


async def test_a_record_of_state_is_not_put_back_but_can_be_let_go(house: House) -> None:
    letter = await set_aside(house, CATALOG_CAPACITY, CATALOG_CAPACITY.readers[0])
    one = await browser(house, await house.member())
    page = (await one.get(f"/operations/dead-letters/{letter}")).text
    form = {"form-token": token_in(page), "action": "replay", "reason": "try it again"}
    refused = await one.post(f"/operations/dead-letters/{letter}", data=form)
    assert refused.status_code == 409
    assert "can&#39;t be put back" in refused.text
    dropped = await one.post(f"/operations/dead-letters/{letter}", data=form | {"action": "drop"})
    assert "let go" in dropped.text


async def test_a_proposal_says_what_and_why(house: House) -> None:
    letter = await set_aside(house, BOOKING_REQUESTS, "booking")
    one = await browser(house, await house.member())
    token = token_in((await one.get(f"/operations/dead-letters/{letter}")).text)
    empty = await one.post(f"/operations/dead-letters/{letter}", data={"form-token": token, "reason": "no"})
    assert empty.status_code == 422
    assert "Choose what to do" in empty.text
    assert "Say why" in empty.text
    assert (await one.get(f"/operations/dead-letters/{uuid4()}")).status_code == 404


async def test_the_overview_is_for_administrators_alone_and_tells_lag_and_health(house: House) -> None:
    desk = await browser(house, await house.member(StaffRole.AUDITOR))
    assert (await desk.get("/operations")).status_code == 403
    one = await browser(house, await house.member())

    async def told() -> str | None:
        page = (await one.get("/operations/live")).text
        return page if "Lag by topic and reader" in page else None

    page = await until(told, what="a picture")
    assert "dawr.booking.requests" in page
    assert "no answer" in page
    arabic = (await one.get("/operations/live?lang=ar")).text
    assert "الأدوار بحسب الحالة" in arabic
