"""What a page remembers until the next one, and no address may hold: kept in the browser, sealed, for a short time."""

from base64 import urlsafe_b64encode
from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Any

import orjson
from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from starlette.requests import Request

from dawr.gateway.cookies import HOST, Cookie

_LONGEST = 3500
"""What browsers keep of a cookie is 4096 bytes, with its name."""


class SealedCookie:
    """A cookie that its browser can neither read nor change. What is sealed for one is worth nothing in another."""

    def __init__(self, name: str, secrets: Sequence[bytes], *, seconds: int, public_url: str) -> None:
        """The first of the secrets seals, all of them open."""
        self.name = f"{HOST}{name}" if public_url.startswith("https://") else name
        self.seconds = seconds
        self._fernet = MultiFernet(
            [Fernet(urlsafe_b64encode(sha256(name.encode() + b"\0" + secret).digest())) for secret in secrets]
        )

    def keep(self, content: Mapping[str, Any]) -> Cookie | None:
        """The cookie that holds the content; none if it is too long for one."""
        sealed = self._fernet.encrypt(orjson.dumps(content)).decode()
        return Cookie(self.name, sealed, self.seconds) if len(sealed) <= _LONGEST else None

    def open(self, request: Request) -> dict[str, Any] | None:
        """What the browser kept, if we sealed it and not too long ago."""
        sealed = request.cookies.get(self.name)
        if not sealed:
            return None
        try:
            content: dict[str, Any] = orjson.loads(self._fernet.decrypt(sealed.encode(), ttl=self.seconds))
        except (InvalidToken, UnicodeEncodeError):
            return None
        return content

    def forget(self) -> Cookie:
        """The cookie that takes it away."""
        return Cookie(self.name, "", 0)
