"""Requests that another site makes a browser send: tokens in forms, and what the browser says of where it comes from.

Source: the OWASP cheat sheet on cross-site request forgery (signed double submit, bound to the session) and Fetch
Metadata (W3C).
"""

import secrets as random
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from starlette.requests import Request

from dawr.gateway.cookies import Cookie, CookieNames
from dawr.gateway.signatures import SIGNATURE_BYTES, Signatures, base64url, from_base64url

_SALT_BYTES = 16
_VISITOR_BYTES = 16
_VISITOR_SECONDS = 7 * 24 * 3600
_OWN = {"same-origin", "none"}


class Csrf:
    """Tokens for forms. Each is salted, so that no two are alike and none can be read out of a compressed page
    (BREACH); each is good for one binding: a session's id, or a visitor's where nobody is signed in. It also says for
    whom it was made, which holds when the session is over."""

    def __init__(self, secrets: Sequence[bytes]) -> None:
        self._signatures = Signatures(secrets, "csrf")
        self._owners = Signatures(secrets, "csrf-owner")

    def token(self, binding: str, owner: str = "") -> str:
        """A new token, 107 characters of base64url; `owner` is who is signed in, by their id."""
        salt = random.token_bytes(_SALT_BYTES)
        begun = salt + self._owners.sign(salt + owner.encode())
        return base64url(begun + self._signatures.sign(begun + binding.encode()))

    def holds(self, binding: str, token: str) -> bool:
        """Whether the token was made for the binding."""
        salt, owner, signature = _parts(token)
        return self._signatures.holds(salt + owner + binding.encode(), signature)

    def was_made_for(self, owner: str, token: str) -> bool:
        """Whether the token was on a page that its owner, by their id, was shown while they were signed in."""
        salt, signature, _ = _parts(token)
        return bool(owner) and self._owners.holds(salt + owner.encode(), signature)


def _parts(token: str) -> tuple[bytes, bytes, bytes]:
    """The salt, the owner's signature and that of all with the binding; empty for what is no token."""
    content = from_base64url(token)
    if content is None or len(content) != _SALT_BYTES + 2 * SIGNATURE_BYTES:
        return b"", b"", b""
    at = _SALT_BYTES + SIGNATURE_BYTES
    return content[:_SALT_BYTES], content[_SALT_BYTES:at], content[at:]


@dataclass(frozen=True, slots=True)
class Visitor:
    """A browser in which nobody is signed in."""

    id: str
    cookie: Cookie | None
    """To be set, if the browser has none yet."""


def visitor(request: Request, names: CookieNames) -> Visitor:
    """Which browser asks: as its cookie says, else a new one."""
    given = request.cookies.get(names.visitor, "")
    content = from_base64url(given)
    if content is not None and len(content) == _VISITOR_BYTES:
        return Visitor(given, None)
    new = base64url(random.token_bytes(_VISITOR_BYTES))
    return Visitor(new, Cookie(names.visitor, new, _VISITOR_SECONDS))


def comes_from_elsewhere(request: Request, public_url: str) -> bool:
    """Whether the browser says that another site made it ask. A program, and a browser too old to say, say nothing;
    those are left to SameSite and to the form's token."""
    site = request.headers.get("sec-fetch-site")
    if site is not None and site not in _OWN:
        return True
    origin = request.headers.get("origin")
    return origin is not None and origin != origin_of(public_url)


def origin_of(url: str) -> str:
    """`scheme://host[:port]` as browsers write it."""
    parts = urlsplit(url)
    default = {"http": 80, "https": 443}.get(parts.scheme)
    port = "" if parts.port in {None, default} else f":{parts.port}"
    return f"{parts.scheme}://{parts.hostname}{port}"
