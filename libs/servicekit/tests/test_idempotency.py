"""`Idempotency-Key`: one effect, one answer, however often and wherever it is asked."""

import asyncio
import json
from collections.abc import AsyncIterator
from uuid import UUID, uuid4

import pytest
from libs.servicekit.tests.ledger import Ledger, cancel
from sqlalchemy import text
from starlette.responses import Response

from dawr.contracts import Text
from dawr.servicekit.database import Database, Transaction
from dawr.servicekit.errors import Refusal
from dawr.servicekit.idempotency import Answer, KeyMissing, KeyReused, StillRunning, answer_once, fingerprint
from dawr.servicekit.testing import until

PERSON = uuid4()


@pytest.fixture
async def replicas(ledger: Ledger) -> AsyncIterator[list[Database]]:
    replicas = [Database(ledger.settings(), source="payments") for _ in range(2)]
    yield replicas
    for each in replicas:
        await each.close()


async def ask(
    database: Database, key: str | None, request: object = "a body", *, person: UUID = PERSON, refuse: bool = False
) -> Response:
    """A request whose effect is a note and a message, and whose answer is new each time it is made."""

    async def use_case(tx: Transaction) -> Answer:
        id = str(uuid4())
        await tx.connection.execute(text("INSERT INTO notes (subject) VALUES (:id)"), {"id": id})
        tx.stage(cancel())
        if refuse:
            raise Full
        return 201, {"id": id, "word": "دور"}, {"location": f"/things/{id}"}

    return await answer_once(database, person_id=person, key=key, request=request, use_case=use_case)


class Full(Refusal):
    code = "full"
    title = Text(ar="امتلأ", en="Full")


async def test_fifty_racing_twins_have_one_effect_and_one_answer(ledger: Ledger, replicas: list[Database]) -> None:
    refusals: list[StillRunning] = []

    async def twin(number: int) -> tuple[int, bytes, str]:
        async def answered() -> Response | None:
            try:
                return await ask(replicas[number % 2], "the-key")
            except StillRunning as refusal:
                refusals.append(refusal)
                return None

        answer = await until(answered, what="an answer")
        return answer.status_code, bytes(answer.body), answer.headers["location"]

    answers = await asyncio.gather(*(twin(number) for number in range(50)))
    assert {(each.status, each.retry_after_seconds) for each in refusals} <= {(409, 1)}
    assert len(set(answers)) == 1
    status, body, location = answers[0]
    notes = await ledger.notes()
    assert len(notes) == 1
    assert (status, json.loads(body), location) == (201, {"id": notes[0], "word": "دور"}, f"/things/{notes[0]}")
    assert len(await ledger.rows("SELECT 1 FROM outbox_messages")) == 1


async def test_the_same_key_with_another_body_is_refused(ledger: Ledger, replicas: list[Database]) -> None:
    await ask(replicas[0], "key", {"amount": 1})
    with pytest.raises(KeyReused) as refused:
        await ask(replicas[1], "key", {"amount": 2})
    assert refused.value.status == 422
    assert len(await ledger.notes()) == 1


async def test_a_key_is_one_persons(ledger: Ledger, replicas: list[Database]) -> None:
    await ask(replicas[0], "key")
    await ask(replicas[0], "key", person=uuid4())
    assert len(await ledger.notes()) == 2


async def test_a_request_without_a_key_is_refused(ledger: Ledger, replicas: list[Database]) -> None:
    for key in (None, ""):
        with pytest.raises(KeyMissing) as refused:
            await ask(replicas[0], key)
        assert refused.value.status == 400
    assert await ledger.notes() == []


async def test_what_was_refused_changed_nothing_and_may_be_tried_again(
    ledger: Ledger, replicas: list[Database]
) -> None:
    with pytest.raises(Full):
        await ask(replicas[0], "key", refuse=True)
    assert await ledger.notes() == []
    assert (await ask(replicas[1], "key")).status_code == 201


async def test_a_key_is_forgotten_after_two_days(ledger: Ledger, replicas: list[Database]) -> None:
    first = await ask(replicas[0], "key")
    async with replicas[0].transaction() as tx:
        await tx.connection.execute(text("UPDATE idempotency_keys SET created_at = now() - interval '47 hours'"))
    assert bytes((await ask(replicas[0], "key")).body) == bytes(first.body)
    async with replicas[0].transaction() as tx:
        await tx.connection.execute(text("UPDATE idempotency_keys SET created_at = now() - interval '49 hours'"))
    assert bytes((await ask(replicas[0], "key")).body) != bytes(first.body)
    assert len(await ledger.notes()) == 2


def test_a_fingerprint_is_of_the_content_not_of_the_order() -> None:
    assert fingerprint({"a": 1, "b": 2}) == fingerprint({"b": 2, "a": 1})
    assert fingerprint({"a": 1}) != fingerprint({"a": "1"})
    assert fingerprint("a", "b") != fingerprint("ab")
    assert len(fingerprint()) == 32
