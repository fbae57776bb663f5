"""A form that came after its session had ended: kept in the browser, sealed, until its sender has signed in again."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from starlette.requests import Request

from dawr.gateway.cookies import Cookie
from dawr.gateway.portal.forms import CSRF_FIELD
from dawr.gateway.portal.sealed import SealedCookie

SECONDS = 30 * 60


@dataclass(frozen=True, slots=True)
class KeptForm:
    """What was typed, and where it was sent."""

    path: str
    fields: Mapping[str, str]


class KeptForms:
    """Seals forms into a cookie, and opens them."""

    def __init__(self, secrets: Sequence[bytes], public_url: str) -> None:
        self._sealed = SealedCookie("dawr-kept", secrets, seconds=SECONDS, public_url=public_url)

    def keep(self, path: str, fields: Mapping[str, str]) -> Cookie | None:
        """The cookie; none for a form too long to be kept."""
        plain = {name: value for name, value in fields.items() if name != CSRF_FIELD}
        return self._sealed.keep({"path": path, "fields": plain})

    def open(self, request: Request) -> KeptForm | None:
        """The form that a browser keeps, if it is one of ours and not too old."""
        content = self._sealed.open(request)
        return None if content is None else KeptForm(content["path"], content["fields"])

    def forget(self) -> Cookie:
        """The cookie that ends it."""
        return self._sealed.forget()
