"""A form that came after its session had ended: kept in the browser, sealed, until its sender has signed in again.

Others use the same browser: a form is shown to nobody but the person whose page it came from, as its token says.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from starlette.requests import Request

from dawr.gateway.cookies import Cookie
from dawr.gateway.csrf import Csrf
from dawr.gateway.portal.forms import CSRF_FIELD, Form
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
        self._csrf = Csrf(secrets)
        self._sealed = SealedCookie("dawr-kept", secrets, seconds=SECONDS, public_url=public_url)

    def keep(self, path: str, form: Form) -> Cookie | None:
        """The cookie; none for a form too long to be kept."""
        return self._sealed.keep({"path": path, "fields": form.to_show_again, "token": form.get(CSRF_FIELD)})

    def open(self, request: Request, person_id: UUID | None) -> KeptForm | None:
        """The form that a browser keeps, if it is this person's and not too old."""
        content = self._sealed.open(request)
        if content is None or not self._csrf.was_made_for(str(person_id or ""), content.get("token", "")):
            return None
        return KeptForm(content["path"], content["fields"])

    def forget(self) -> Cookie:
        """The cookie that ends it."""
        return self._sealed.forget()
