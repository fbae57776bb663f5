"""A form that came after its session had ended: kept in the browser, sealed, until its sender has signed in again."""

from base64 import urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256

import orjson
from cryptography.fernet import Fernet, InvalidToken

from dawr.gateway.cookies import Cookie
from dawr.gateway.portal.forms import CSRF_FIELD

COOKIE = "dawr-kept"
SECONDS = 30 * 60
_LONGEST = 3500
"""What browsers keep of a cookie is 4096 bytes."""


@dataclass(frozen=True, slots=True)
class KeptForm:
    """What was typed, and where it was sent."""

    path: str
    fields: Mapping[str, str]


class KeptForms:
    """Seals forms into a cookie, and opens them."""

    def __init__(self, secret: bytes) -> None:
        self._fernet = Fernet(urlsafe_b64encode(sha256(b"kept-forms\0" + secret).digest()))

    def keep(self, path: str, fields: Mapping[str, str]) -> Cookie | None:
        """The cookie; none for a form too long to be kept."""
        plain = {name: value for name, value in fields.items() if name != CSRF_FIELD}
        sealed = self._fernet.encrypt(orjson.dumps({"path": path, "fields": plain})).decode()
        return Cookie(COOKIE, sealed, SECONDS) if len(sealed) <= _LONGEST else None

    def open(self, sealed: str | None) -> KeptForm | None:
        """The form that a cookie holds, if it is one of ours and not too old."""
        try:
            content = orjson.loads(self._fernet.decrypt((sealed or "").encode(), ttl=SECONDS))
        except InvalidToken:
            return None
        return KeptForm(content["path"], content["fields"])

    def forget(self) -> Cookie:
        """The cookie that ends it."""
        return Cookie(COOKIE, "", 0)
