"""Who is signed in. Pages and the API begin, look up and end sessions through one object, `Sessions`."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy.ext.asyncio import AsyncConnection
from starlette.requests import Request

from dawr.gateway.agents import family
from dawr.gateway.cookies import Cookie, CookieNames
from dawr.gateway.domain import sessions as domain
from dawr.gateway.domain.sessions import How, Kind, Policy, Session, Why
from dawr.gateway.ended import REMEMBERED_SECONDS, Ended
from dawr.gateway.errors import SessionEnded
from dawr.gateway.keys import Keys
from dawr.gateway.refresh_tokens import RefreshTokens
from dawr.gateway.service import sessions as service
from dawr.gateway.service.people import People
from dawr.gateway.settings import GatewaySettings
from dawr.gateway.signatures import Signatures
from dawr.gateway.store import sessions as store
from dawr.servicekit import telemetry
from dawr.servicekit.auth import LEEWAY_SECONDS, LIFETIME, Caller, NotSignedIn, Role, Verifier, make_token
from dawr.servicekit.database import Database, Transaction

__all__ = ["Cookie", "How", "Issued", "Kind", "Look", "Sessions", "ShownSession", "SignedIn"]

_log = telemetry.get_logger("dawr.gateway.sessions")

ActsFor = Callable[[AsyncConnection, UUID, datetime], Awaitable[frozenset[UUID]]]
"""For whom a person acts at a moment: their minor children."""

INFORMED_EVERY_SECONDS = 5.0
"""How often a process asks which sessions ended elsewhere."""
_LONGEST_COMMIT = timedelta(minutes=2)
"""A transaction may have ended a session so long before anybody sees it, by clocks that differ a little."""
_TOLD_FOR = timedelta(days=1)
"""The cookie outlives its session by so much, so that whoever comes back is told that it ended."""


@dataclass(frozen=True, slots=True)
class SignedIn:
    """Somebody who is signed in."""

    person_id: UUID
    session_id: UUID
    kind: Kind
    roles: frozenset[Role]
    office: str | None
    acts_for: frozenset[UUID]
    token: str
    """The access token, in whose name services are asked."""
    how: How


@dataclass(frozen=True, slots=True)
class Issued:
    """A session that has begun or goes on, and what its owner is given."""

    signed_in: SignedIn
    access_token: str
    refresh_token: str
    cookies: list[Cookie]
    expires_in: int
    """For how many seconds the access token holds."""


@dataclass(frozen=True, slots=True)
class Look:
    """Who is there, by a request's cookies."""

    signed_in: SignedIn | None
    cookies: list[Cookie]
    """To be set by the answer, whatever it is."""
    ended: bool = False
    """There was a session, and it is over."""


@dataclass(frozen=True, slots=True)
class ShownSession:
    """A session, as its owner sees it in a list."""

    id: UUID
    how: How
    agent: str
    """The browser's family and system, in words; empty if not known."""
    begun_at: datetime
    seen_at: datetime
    """Up to ten minutes before it was last used: while an access token holds, nobody looks."""
    ends_at: datetime


async def nobody(_connection: AsyncConnection, _person_id: UUID, _now: datetime) -> frozenset[UUID]:
    """For whom people act where nothing is known of them."""
    return frozenset()


Cookies = list[Cookie]
ShownSessions = list[ShownSession]


def children_of(people: People, home: ZoneInfo) -> ActsFor:
    """For whom a person acts, as their profile says; a birthday begins in the zone `home`."""

    async def acts_for(connection: AsyncConnection, person_id: UUID, now: datetime) -> frozenset[UUID]:
        profile = await people.load_profile(connection, person_id)
        return frozenset() if profile is None else people.acts_for(profile, now.astimezone(home).date())

    return acts_for


class Sessions:
    """The sessions of the platform; one object a process."""

    def __init__(
        self, settings: GatewaySettings, database: Database, keys: Keys, *, acts_for: ActsFor = nobody
    ) -> None:
        self._database = database
        self._keys = keys
        self._acts_for = acts_for
        self._policies = policies_of(settings)
        self._tokens = RefreshTokens(Signatures(settings.session_keys, "refresh"))
        self.names = CookieNames.at(settings.public_url)

        def now() -> float:
            return database.clock().timestamp()

        self._ended = Ended(now)
        # Its own tokens are checked by its own keys, wherever other services get them from.
        self.verifier = Verifier(str(keys.jwks_path), now=now, is_called_back=self._ended.holds_not)

    async def begin(
        self,
        tx: Transaction,
        *,
        person_id: UUID,
        kind: Kind,
        roles: frozenset[Role],
        office: str | None = None,
        how: How,
        request: Request,
        not_after: datetime | None = None,
    ) -> Issued:
        """Begin a session in the caller's transaction, for somebody who has just proved who they are. A session that
        the same browser had before ends.

        ValueError if staff are given the role of citizens or citizens any other.
        """
        if (kind is Kind.CITIZEN) != (roles == {Role.CITIZEN}) or (kind is Kind.STAFF and Role.CITIZEN in roles):
            raise ValueError(f"roles of another kind than {kind}: {sorted(roles)}")
        before = self._tokens.read(request.cookies.get(self.names.session, ""))
        if before is not None:
            await service.end(tx, before[0], Why.REPLACED)
        session = await service.begin(
            tx,
            self._policies,
            person_id=person_id,
            kind=kind,
            roles=frozenset(roles),
            office=office,
            how=how,
            agent=family(request.headers.get("user-agent")),
            not_after=not_after,
        )
        _log.info("session.begun", session_id=str(session.id), person_id=str(person_id), how=how.value)
        return await self._issue(tx, session)

    async def look(self, request: Request) -> Look:
        """Who is signed in, by cookies. No query while the access token holds; then the refresh token is used."""
        access = await self._by_access(request.cookies.get(self.names.access))
        if access is not None:
            return Look(access, [])
        token = request.cookies.get(self.names.session)
        if token is None:
            return Look(None, [])
        try:
            issued = await self.refresh(token, request)
        except SessionEnded:
            return Look(None, self.goodbye(), ended=True)
        return Look(issued.signed_in, issued.cookies)

    async def refresh(self, token: str, request: Request) -> Issued:
        """Use a refresh token. Raises SessionEnded if it is none, is of a session that is over, or was used before."""
        named = self._tokens.read(token)
        if named is None:
            raise SessionEnded
        session_id, generation = named
        async with self._database.transaction() as tx:
            used = await service.use(tx, self._policies, session_id, generation)
            issued = await self._issue(tx, used.session) if used is not None and used.holds else None
        if issued is not None:
            return issued
        if used is not None and used.is_changed:
            self._note(used.session, by=family(request.headers.get("user-agent")))
        raise SessionEnded

    async def end(self, signed_in: SignedIn) -> Cookies:
        """Sign out here; gives the cookies that a browser's answer sets."""
        await self.end_one(signed_in.person_id, signed_in.session_id)
        return self.goodbye()

    async def end_one(self, person_id: UUID, session_id: UUID) -> bool:
        """End one of a person's sessions; whether they have such a one."""
        async with self._database.transaction() as tx:
            ended = await service.end(tx, session_id, Why.SIGNED_OUT, of=person_id)
        if ended is not None:
            self._note(ended)
        return ended is not None

    async def end_by_cookie(self, request: Request) -> UUID | None:
        """End the session that a browser's cookie names, with whatever access token; whose it was, if it is there.
        Raises NotSignedIn without such a cookie."""
        named = self._tokens.read(request.cookies.get(self.names.session, ""))
        if named is None:
            raise NotSignedIn
        async with self._database.transaction() as tx:
            ended = await service.end(tx, named[0], Why.SIGNED_OUT)
        if ended is None:
            return None
        self._note(ended)
        return ended.person_id

    async def end_everywhere(self, person_id: UUID, tx: Transaction | None = None) -> None:
        """End all sessions of a person, in the caller's transaction if one is given. Then this process, too, knows
        of it within `INFORMED_EVERY_SECONDS` only, as it might not be committed."""
        if tx is not None:
            await service.end_everywhere(tx, person_id)
            return
        async with self._database.transaction() as own:
            ended = await service.end_everywhere(own, person_id)
        for session_id in ended:
            self._ended.note(session_id)
        _log.info("session.ended-everywhere", person_id=str(person_id), sessions=len(ended))

    async def list(self, person_id: UUID) -> ShownSessions:
        """A person's sessions that go on, oldest first."""
        async with self._database.reading() as connection:
            found = await service.open_sessions(connection, self._policies, person_id, self._database.clock())
        return [
            ShownSession(each.id, each.how, each.agent, each.begun_at, each.seen_at, each.ends_at) for each in found
        ]

    def goodbye(self) -> Cookies:
        """The cookies that take a browser's session away."""
        return [Cookie(self.names.access, "", 0), Cookie(self.names.session, "", 0)]

    async def keep_informed(self) -> None:
        """Learn again and again which sessions ended at other replicas."""
        since = self._database.clock() - timedelta(seconds=REMEMBERED_SECONDS)
        while True:
            begun = self._database.clock()
            async with self._database.reading() as connection:
                ended = await store.ended_since(connection, since)
            self._ended.learn({session_id: at.timestamp() for session_id, at in ended})
            since = begun - _LONGEST_COMMIT
            await asyncio.sleep(INFORMED_EVERY_SECONDS)

    async def _by_access(self, token: str | None) -> SignedIn | None:
        if not token:
            return None
        try:
            caller = self.verifier.known(token) or await self.verifier.caller(f"Bearer {token}")
        except NotSignedIn:
            return None
        # A cookie is asked of its own browser: no leeway is needed, and a new token is a request away.
        if caller.expires_at - LEEWAY_SECONDS <= self._database.clock().timestamp():
            return None
        return _signed_in(caller, token)

    async def _issue(self, tx: Transaction, session: Session) -> Issued:
        key = await self._keys.signing()
        lifetime = domain.access_lifetime(session, tx.now, self._policies[session.kind], LIFETIME)
        is_citizen = session.kind is Kind.CITIZEN
        acts_for = await self._acts_for(tx.connection, session.person_id, tx.now) if is_citizen else frozenset()
        roles = frozenset(Role(each) for each in session.roles)
        access = make_token(
            key.private,
            key.kid,
            session.person_id,
            roles,
            office=session.office,
            acts_for=acts_for,
            session_id=session.id,
            how=session.how.value,
            now=tx.now,
            lifetime=lifetime,
        )
        refresh = self._tokens.make(session.id, session.generation)
        seconds = int(lifetime.total_seconds())
        kept = int((session.ends_at + _TOLD_FOR - tx.now).total_seconds())
        cookies = [Cookie(self.names.access, access, seconds), Cookie(self.names.session, refresh, kept)]
        signed_in = SignedIn(
            session.person_id, session.id, session.kind, roles, session.office, acts_for, access, session.how
        )
        return Issued(signed_in, access, refresh, cookies, seconds)

    def _note(self, session: Session, *, by: str | None = None) -> None:
        """Remember that a session is over, and say so; `by` whose use ended it."""
        self._ended.note(session.id)
        why = session.ended_why.value if session.ended_why is not None else ""
        say = _log.warning if session.ended_why is Why.REUSED else _log.info
        say("session.ended", session_id=str(session.id), person_id=str(session.person_id), why=why, by=by)


def policies_of(settings: GatewaySettings) -> dict[Kind, Policy]:
    """How long sessions last, as the settings say."""
    return {
        Kind.CITIZEN: Policy(
            timedelta(minutes=settings.citizen_idle_minutes), timedelta(minutes=settings.citizen_longest_minutes)
        ),
        Kind.STAFF: Policy(
            timedelta(minutes=settings.staff_idle_minutes), timedelta(minutes=settings.staff_longest_minutes)
        ),
    }


def _signed_in(caller: Caller, token: str) -> SignedIn | None:
    """What a token of a session says; nothing for a token of none (`dawr token`), which is no cookie's."""
    if caller.session_id is None or caller.how not in set(How):
        return None
    return SignedIn(
        person_id=caller.person_id,
        session_id=caller.session_id,
        kind=Kind.CITIZEN if Role.CITIZEN in caller.roles else Kind.STAFF,
        roles=caller.roles,
        office=caller.office,
        acts_for=caller.acts_for,
        token=token,
        how=How(caller.how),
    )
