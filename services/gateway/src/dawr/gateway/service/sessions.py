"""Use cases of sessions: begin one, use its refresh token, end one or all."""

from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from dawr.gateway.domain import sessions as domain
from dawr.gateway.domain.sessions import How, Kind, Policy, Session, Use, Why
from dawr.gateway.store import sessions as store
from dawr.servicekit.clock import new_id
from dawr.servicekit.database import Transaction

Policies = Mapping[Kind, Policy]


async def begin(
    tx: Transaction,
    policies: Policies,
    *,
    person_id: UUID,
    kind: Kind,
    roles: frozenset[str],
    office: str | None,
    how: How,
    agent: str,
    not_after: datetime | None,
) -> Session:
    """Begin a session for somebody who has proved who they are."""
    session = domain.begin(
        new_id(),
        person_id,
        kind,
        roles,
        office=office,
        how=how,
        agent=agent,
        now=tx.now,
        policy=policies[kind],
        not_after=not_after,
    )
    await store.insert(tx, session)
    return session


async def use(tx: Transaction, policies: Policies, session_id: UUID, generation: int) -> Use | None:
    """Use a refresh token; nothing if there is no such session. An end must be committed too, so it is not raised."""
    session = await store.lock(tx, session_id)
    if session is None:
        return None
    used = domain.use(session, generation, tx.now, policies[session.kind])
    if used.is_changed:
        await store.save(tx, used.session)
    return used


async def end(tx: Transaction, session_id: UUID, why: Why, *, of: UUID | None = None) -> Session | None:
    """End a session, if it is there and is that person's; the session as it is now."""
    session = await store.lock(tx, session_id)
    if session is None or (of is not None and session.person_id != of):
        return None
    ended = domain.end(session, why, tx.now)
    if ended is not session:
        await store.save(tx, ended)
    return ended


async def end_everywhere(tx: Transaction, person_id: UUID) -> list[UUID]:
    """End all of a person's sessions; which were ended."""
    return await store.end_all(tx, person_id, Why.EVERYWHERE)


async def open_sessions(
    connection: AsyncConnection, policies: Policies, person_id: UUID, now: datetime
) -> list[Session]:
    """A person's sessions that go on, oldest first."""
    found = await store.open_of(connection, person_id)
    return [each for each in found if domain.over(each, now, policies[each.kind]) is None]
