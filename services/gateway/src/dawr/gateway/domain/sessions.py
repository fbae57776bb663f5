"""Sessions, decided purely: state and time in, new state out.

A session's refresh token has a generation. Using the newest makes the next one. The one before it gets the same
successor again for `grace`, as two tabs ask at once and answers are lost. Whatever is older, or comes later, was
copied: nobody can tell the owner from the thief, so the session ends for both.

What that bounds: whoever copies a token and uses it after the owner did, or whose use the owner's follows, is out at
the first use that lies more than `grace` after the other's; until then both go on. An access token that was given
before holds for its ten minutes.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID


class Kind(StrEnum):
    """Whose session."""

    CITIZEN = "citizen"
    STAFF = "staff"


class How(StrEnum):
    """How they proved who they are."""

    CODE = "code"
    PASSWORD = "password"  # noqa: S105
    PASSKEY = "passkey"
    OIDC = "oidc"


class Why(StrEnum):
    """Why a session is over."""

    SIGNED_OUT = "signed-out"
    EVERYWHERE = "everywhere"
    """Signed out from another session, or by an administrator."""
    REPLACED = "replaced"
    """Somebody signed in again in the same browser."""
    IDLE = "idle"
    LONGEST = "longest"
    REUSED = "reused"
    """An old refresh token was used again: somebody has a copy."""


@dataclass(frozen=True, slots=True)
class Policy:
    """The figures of the rule, for one kind of session."""

    idle: timedelta
    """Without a use for so long, it is over."""
    longest: timedelta
    """So long after it began it is over in any case."""
    grace: timedelta = timedelta(seconds=30)
    """For how long the generation before gets the same successor again."""


@dataclass(frozen=True, slots=True)
class Session:
    """One signing in, in one browser or program, until it ends."""

    id: UUID
    person_id: UUID
    kind: Kind
    roles: frozenset[str]
    office: str | None
    how: How
    agent: str
    """The browser's family in words."""
    generation: int
    """Of the refresh token that is the newest."""
    rotated_at: datetime
    """When the newest generation was made."""
    begun_at: datetime
    seen_at: datetime
    """When a refresh token was last used: while an access token holds, nobody looks here."""
    ends_at: datetime
    ended_at: datetime | None = None
    ended_why: Why | None = None


@dataclass(frozen=True, slots=True)
class Use:
    """What became of a refresh token that was used."""

    session: Session
    holds: bool
    is_changed: bool
    """Whether the session must be saved."""


def begin(
    id: UUID,
    person_id: UUID,
    kind: Kind,
    roles: frozenset[str],
    *,
    office: str | None,
    how: How,
    agent: str,
    now: datetime,
    policy: Policy,
    not_after: datetime | None,
) -> Session:
    """A new session; it ends no later than `not_after` (when an account runs out)."""
    ends_at = now + policy.longest
    return Session(
        id=id,
        person_id=person_id,
        kind=kind,
        roles=roles,
        office=office,
        how=how,
        agent=agent,
        generation=0,
        rotated_at=now,
        begun_at=now,
        seen_at=now,
        ends_at=ends_at if not_after is None else min(ends_at, not_after),
    )


def over(session: Session, now: datetime, policy: Policy) -> Why | None:
    """Why the session is over at this moment, if it is."""
    if session.ended_at is not None:
        return session.ended_why
    if now >= session.ends_at:
        return Why.LONGEST
    if now >= session.seen_at + policy.idle:
        return Why.IDLE
    return None


def end(session: Session, why: Why, now: datetime) -> Session:
    """The session, over. One that was over stays as it was."""
    return session if session.ended_at is not None else replace(session, ended_at=now, ended_why=why)


def use(session: Session, generation: int, now: datetime, policy: Policy) -> Use:
    """Use a refresh token of a generation: the session goes on with the next one, or it is over."""
    if session.ended_at is not None:
        return Use(session, holds=False, is_changed=False)
    why = over(session, now, policy)
    if why is not None:
        return Use(end(session, why, now), holds=False, is_changed=True)
    if generation == session.generation:
        fresh = replace(session, generation=generation + 1, rotated_at=now, seen_at=now)
        return Use(fresh, holds=True, is_changed=True)
    if generation == session.generation - 1 and now < session.rotated_at + policy.grace:
        return Use(session, holds=True, is_changed=False)
    # Older or later was copied; a newer one than the newest comes from before the tables were restored.
    return Use(end(session, Why.REUSED, now), holds=False, is_changed=True)


def access_lifetime(session: Session, now: datetime, policy: Policy, longest: timedelta) -> timedelta:
    """For how long an access token may hold: never longer than the session itself would without another use."""
    return max(timedelta(0), min(longest, policy.idle, session.ends_at - now))
