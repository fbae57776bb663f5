"""Who is calling: access tokens, verified by each service itself from cached public keys.

Source of the checks: RFC 8725 (JSON Web Token Best Current Practices): one pinned algorithm, an explicit `typ`,
issuer and audience, keys from our own set only; headers that name keys elsewhere are refused.
"""

import asyncio
import json
import math
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from jwt.algorithms import OKPAlgorithm

from dawr.contracts import Text
from dawr.servicekit import telemetry
from dawr.servicekit.clock import new_id
from dawr.servicekit.errors import Refusal

_log = telemetry.get_logger("dawr.auth")

ALGORITHM = "EdDSA"
TYPE = "at+jwt"
ISSUER = "dawr"
AUDIENCE = "dawr"
LIFETIME = timedelta(minutes=10)
LEEWAY_SECONDS = 30
_CACHED_TOKENS = 50_000
_CACHED_HEADERS = 16
"""Of tokens: one per key that is in use. A header can be written in endless ways, so the rest is not remembered."""
_KEYS_SECONDS = 300.0
_KEYS_RETRY_SECONDS = 2.0
_TOKEN_BYTES = 4096
_HEADER = {"alg", "typ", "kid"}


class Role(StrEnum):
    """What a caller may do; the letters of the design's access table."""

    CITIZEN = "citizen"
    DESK = "desk"
    OFFICE_MANAGER = "office-manager"
    PLANNER = "planner"
    APPROVER = "approver"
    FINANCE = "finance"
    MISSION = "mission"
    AUDITOR = "auditor"
    ADMINISTRATOR = "administrator"


@dataclass(frozen=True, slots=True)
class Caller:
    """The one who calls, as their token says."""

    person_id: UUID
    roles: frozenset[Role]
    office: str | None
    expires_at: float
    """Seconds since the epoch."""
    acts_for: frozenset[UUID] = frozenset()
    """Others for whom the caller may ask as for themselves: a parent for their minor children, as the registry says."""
    session_id: UUID | None = None
    """The session of the gateway in which the token was given."""
    how: str | None = None
    """How they proved who they are when that session began: `code`, `password`, `passkey`, `oidc`."""


class NotSignedIn(Refusal):
    """No token, or one that does not hold."""

    code = "not-signed-in"
    status = 401
    title = Text(ar="يجب تسجيل الدخول", en="Sign in first")


class NotAllowed(Refusal):
    """Signed in, but not as one who may do this."""

    code = "not-allowed"
    status = 403
    title = Text(ar="غير مسموح لك بهذا", en="You may not do this")


class KeysMissing(Refusal):
    """No public key could be had yet: nobody's token can be checked."""

    code = "keys-missing"
    status = 503
    title = Text(ar="تعذر التحقق من الدخول الآن", en="Sign-in can't be checked right now")


def _seconds_now() -> float:
    return time.time()


class Verifier:
    """Checks tokens: each is verified once and remembered until it expires; keys outlive the gateway."""

    def __init__(
        self,
        jwks: str,
        *,
        now: Callable[[], float] = _seconds_now,
        is_called_back: Callable[[Caller], bool] = lambda _caller: False,
    ) -> None:
        """`now` gives seconds since the epoch. `is_called_back` refuses tokens that would hold: whoever gives them
        out may know that their session is over."""
        self._source = jwks
        self._now = now
        self._is_called_back = is_called_back
        self._keys: dict[str, Any] = {}
        self._headers: dict[str, str] = {}
        self._next_look = 0.0
        self._next_ask = 0.0
        self._refreshing = asyncio.Lock()
        self._looking: asyncio.Task[None] | None = None
        self._callers: OrderedDict[str, Caller] = OrderedDict()

    def known(self, token: str) -> Caller | None:
        """The caller of a token that was verified before and still holds; costs one look-up."""
        caller = self._callers.get(token)
        if caller is None or caller.expires_at <= self._now() or self._is_called_back(caller):
            return None
        return caller

    async def caller(self, authorization: str | None) -> Caller:
        """The caller that an `Authorization` header names; raises NotSignedIn if it does not hold."""
        scheme, _, token = (authorization or "").partition(" ")
        if scheme.lower() != "bearer" or not token or len(token) > _TOKEN_BYTES:
            raise NotSignedIn
        caller = self.known(token)
        if caller is None:
            caller = await self._verify(token)
            if self._is_called_back(caller):
                raise NotSignedIn
            self._callers[token] = caller
            if len(self._callers) > _CACHED_TOKENS:
                self._callers.popitem(last=False)
        return caller

    async def _verify(self, token: str) -> Caller:
        try:
            claims = jwt.decode(
                token,
                await self._key(self._kid(token)),
                algorithms=[ALGORITHM],
                issuer=ISSUER,
                audience=AUDIENCE,
                options={
                    "require": ["exp", "iat", "sub", "iss", "aud", "jti"],
                    # By the clock that was passed in, below.
                    "verify_exp": False,
                    "verify_nbf": False,
                    "verify_iat": False,
                },
            )
            _check_times(claims, self._now())
            return _caller(claims)
        except (jwt.PyJWTError, ValueError, KeyError, TypeError, OverflowError, RecursionError) as error:
            raise NotSignedIn from error

    def _kid(self, token: str) -> str:
        """The key that a token names, if its header is one that we make. All tokens of a key share one header."""
        encoded = token.partition(".")[0]
        known = self._headers.get(encoded)
        if known is not None:
            return known
        header = jwt.get_unverified_header(token)
        if not set(header) <= _HEADER or header.get("typ") != TYPE or header.get("alg") != ALGORITHM:
            raise NotSignedIn
        kid = str(header.get("kid"))
        if kid in self._keys and len(self._headers) < _CACHED_HEADERS:
            self._headers[encoded] = kid
        return kid

    async def _key(self, kid: str) -> Any:
        if kid in self._keys:
            if self._is_due(kid) and (self._looking is None or self._looking.done()):
                # Nobody waits for it: a gateway that hangs must not slow down callers whose key is known.
                self._looking = asyncio.create_task(self._refresh(kid), name="keys")
        elif self._is_due(kid):
            await self._refresh(kid)
        if not self._keys:
            raise KeysMissing(retry_after_seconds=2)
        if kid not in self._keys:
            raise NotSignedIn
        return self._keys[kid]

    def _is_due(self, kid: str) -> bool:
        """An unknown key id may ask again soon, so that a rotation is seen at once, but not at every request."""
        return time.monotonic() > (self._next_look if kid in self._keys else self._next_ask)

    async def _refresh(self, kid: str) -> None:
        async with self._refreshing:
            if not self._is_due(kid):
                return
            try:
                document = await self._load()
                self._keys = {
                    key["kid"]: OKPAlgorithm.from_jwk(key) for key in document["keys"] if key.get("crv") == "Ed25519"
                }
                self._headers.clear()
                self._next_look = time.monotonic() + _KEYS_SECONDS
            except (OSError, httpx.HTTPError, ValueError, KeyError, TypeError, AttributeError, jwt.PyJWTError) as error:
                self._next_look = time.monotonic() + _KEYS_RETRY_SECONDS
                _log.warning("keys.unreachable", why=type(error).__name__, kept=len(self._keys))
            finally:
                # Only now: who comes while the keys are on their way waits for them above.
                self._next_ask = time.monotonic() + _KEYS_RETRY_SECONDS

    async def _load(self) -> Any:
        if not self._source.startswith(("http://", "https://")):
            return json.loads(await asyncio.to_thread(Path(self._source).read_text))
        async with httpx.AsyncClient(timeout=3, trust_env=False) as client:
            return (await client.get(self._source)).raise_for_status().json()


def _check_times(claims: dict[str, Any], now: float) -> None:
    """Raise ValueError unless the token holds now, give or take what clocks differ by."""
    moments = {name: claims[name] for name in ("exp", "iat", "nbf") if name in claims}
    for name, moment in moments.items():
        if isinstance(moment, bool) or not isinstance(moment, int | float) or not math.isfinite(moment):
            raise ValueError(f"{name} is no number")
    if not moments["exp"] > now - LEEWAY_SECONDS:
        raise ValueError("run out")
    if any(not moments[name] <= now + LEEWAY_SECONDS for name in ("iat", "nbf") if name in moments):
        raise ValueError("not yet")


def _caller(claims: dict[str, Any]) -> Caller:
    """Raises ValueError, KeyError or TypeError for claims of another form than `make_token` writes."""
    office = claims.get("office")
    return Caller(
        person_id=UUID(claims["sub"]),
        roles=frozenset(Role(role) for role in _texts(claims["roles"])),
        office=None if office is None else _text(office),
        expires_at=float(claims["exp"]) + LEEWAY_SECONDS,
        acts_for=frozenset(UUID(each) for each in _texts(claims.get("acts_for", []))),
        session_id=UUID(_text(claims["sid"])) if "sid" in claims else None,
        how=_first(claims.get("amr")),
    )


def _texts(listed: object) -> list[str]:
    if not isinstance(listed, list):
        raise TypeError("no list")
    return [_text(each) for each in listed]


def _text(claim: object) -> str:
    if not isinstance(claim, str):
        raise TypeError("no text")
    return claim


def _first(methods: object) -> str | None:
    """The claim `amr` (RFC 8176) as we write it: a list of one word."""
    return methods[0] if isinstance(methods, list) and methods and isinstance(methods[0], str) else None


def require(caller: Caller, *roles: Role) -> None:
    """Refuse a caller who has none of the roles."""
    if caller.roles.isdisjoint(roles):
        raise NotAllowed


def make_token(
    key: Ed25519PrivateKey,
    kid: str,
    person_id: UUID,
    roles: frozenset[Role],
    *,
    office: str | None = None,
    acts_for: frozenset[UUID] = frozenset(),
    session_id: UUID | None = None,
    how: str | None = None,
    now: datetime | None = None,
    lifetime: timedelta = LIFETIME,
) -> str:
    """A signed access token. Only the gateway holds the key (and, on a development platform, `dawr token`)."""
    now = now or datetime.now(UTC)
    claims: dict[str, Any] = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": str(person_id),
        "jti": str(new_id()),
        "iat": int(now.timestamp()),
        "exp": int((now + lifetime).timestamp()),
        "roles": sorted(roles),
    }
    if office:
        claims["office"] = office
    if acts_for:
        claims["acts_for"] = sorted(map(str, acts_for))
    if session_id is not None:
        claims["sid"] = str(session_id)
    if how:
        claims["amr"] = [how]
    return jwt.encode(claims, key, algorithm=ALGORITHM, headers={"kid": kid, "typ": TYPE})


def public_jwk(key: Ed25519PrivateKey, kid: str) -> dict[str, str]:
    """The public half, as a key of a JWKS."""
    jwk: dict[str, str] = OKPAlgorithm.to_jwk(key.public_key(), as_dict=True)
    return {"kty": jwk["kty"], "crv": jwk["crv"], "x": jwk["x"], "kid": kid, "use": "sig", "alg": ALGORITHM}
