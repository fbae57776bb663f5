"""`Idempotency-Key` for requests that change state in this service's own database.

The answer is kept in the transaction of the change: the same key gives the same answer again, the same key with
another body is refused, and a twin that is still running is told so. (Taking a turn does without this table:
there the turn's id follows from person and key.)
"""

import hashlib
from collections.abc import Awaitable, Callable
from typing import Annotated, Any
from uuid import UUID

import orjson
from fastapi import Header
from sqlalchemy import text
from starlette.responses import Response

from dawr.contracts import Text
from dawr.servicekit.database import Database, Transaction
from dawr.servicekit.errors import Refusal

KEPT_HOURS = 48

Answer = tuple[int, dict[str, Any], dict[str, str]]
"""Status, JSON body, headers."""


class KeyMissing(Refusal):
    """The request makes or moves something, and a retry of it could not be told apart."""

    code = "idempotency-key-missing"
    status = 400
    title = Text(ar="يلزم ترويسة Idempotency-Key", en="The Idempotency-Key header is needed")


class KeyReused(Refusal):
    """The key was used for something else."""

    code = "idempotency-key-reused"
    status = 422
    title = Text(ar="استُعمل هذا المفتاح لطلب آخر", en="This Idempotency-Key was used for another request")


class StillRunning(Refusal):
    """A twin of this request has not ended yet."""

    code = "still-running"
    status = 409
    title = Text(ar="طلب مماثل قيد التنفيذ", en="The same request is still running")


KEY_REFUSALS = (KeyMissing, KeyReused, StillRunning)
"""What `answer_once` refuses."""

IdempotencyKey = Annotated[
    str | None, Header(alias="Idempotency-Key", min_length=1, max_length=128, pattern=r"^[\x21-\x7e]+$")
]
"""Any printable ASCII text that the caller makes up once per thing it wants, such as a UUID."""


def needed(key: str | None) -> str:
    """The key of a request; raises KeyMissing if there is none."""
    if not key:
        raise KeyMissing
    return key


def fingerprint(*parts: object) -> str:
    """A digest of what was asked, 32 hexadecimal digits: equal for a retry, another for another body."""
    return hashlib.blake2b(orjson.dumps(parts, default=str, option=orjson.OPT_SORT_KEYS), digest_size=16).hexdigest()


async def answer_once(
    database: Database,
    *,
    person_id: UUID,
    key: str | None,
    request: object,
    use_case: Callable[[Transaction], Awaitable[Answer]],
) -> Response:
    """Run a use case in a transaction and keep its answer, or give the answer of the first time again.

    Refusals are not kept: what was refused changed nothing and may be tried again.
    """
    key, print_ = needed(key), fingerprint(request)
    async with database.transaction() as tx:
        taken = await tx.connection.execute(
            text("SELECT pg_try_advisory_xact_lock(hashtextextended(:name, 0))"), {"name": f"{person_id}/{key}"}
        )
        if not taken.scalar():
            raise StillRunning(retry_after_seconds=1)
        found = (
            await tx.connection.execute(
                text("""
                    SELECT fingerprint, status, body, headers FROM idempotency_keys
                    WHERE person_id = :person AND key = :key AND created_at > now() - make_interval(hours => :hours)
                """),
                {"person": person_id, "key": key, "hours": KEPT_HOURS},
            )
        ).one_or_none()
        if found is not None:
            if found.fingerprint != print_:
                raise KeyReused
            return Response(found.body, found.status, found.headers, "application/json")
        status, body, headers = await use_case(tx)
        encoded = orjson.dumps(body)
        await tx.connection.execute(
            text("""
                INSERT INTO idempotency_keys (person_id, key, fingerprint, status, body, headers, created_at)
                VALUES (:person, :key, :fingerprint, :status, :body, CAST(:headers AS jsonb), now())
                ON CONFLICT (person_id, key) DO UPDATE SET fingerprint = excluded.fingerprint,
                    status = excluded.status, body = excluded.body, headers = excluded.headers, created_at = now()
            """),
            {
                "person": person_id,
                "key": key,
                "fingerprint": print_,
                "status": status,
                "body": encoded,
                "headers": orjson.dumps(headers).decode(),
            },
        )
    return Response(encoded, status, headers, "application/json")
