"""One request, as a view sees it: who is there, in which language, what they sent, and how to answer."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from dawr.gateway.cookies import Cookie
from dawr.gateway.csrf import Visitor
from dawr.gateway.portal.forms import Form, read_form
from dawr.gateway.portal.texts import Writing, translations
from dawr.gateway.portal.upstream import Asking, Query, Reply
from dawr.gateway.sessions import SignedIn
from dawr.servicekit.auth import Role
from dawr.servicekit.limits import body_of

if TYPE_CHECKING:
    from dawr.gateway.portal.pages import Portal

LANGUAGE_COOKIE, DIGITS_COOKIE = "dawr-language", "dawr-digits"
_YEAR_SECONDS = 365 * 24 * 3600


@dataclass
class Visit:
    """One request. `cookies` are put on the answer, whatever it is."""

    portal: "Portal"
    request: Request
    lang: str
    signed_in: SignedIn | None
    had_session: bool
    """Signed in before, and not any more."""
    visitor: Visitor
    """This browser, which forms are bound to before anybody has signed in."""
    cookies: list[Cookie] = field(default_factory=list)
    writing: Writing = field(init=False)

    def __post_init__(self) -> None:
        digits = self.request.cookies.get(DIGITS_COOKIE)
        territory = self.portal.platform.territory
        self.writing = Writing(self.lang, territory=territory, arabic_digits=digits == "arab")

    # What was asked

    @property
    def path(self) -> str:
        """The path, without the query. It is never read as another site's address (`//host`)."""
        return "/" + self.request.url.path.lstrip("/\\")

    @property
    def here(self) -> str:
        """The path with its query, but for `lang`: where a link back leads."""
        query = "&".join(each for each in self.request.url.query.split("&") if each and not each.startswith("lang="))
        return f"{self.path}?{query}" if query else self.path

    def param(self, name: str, otherwise: str = "") -> str:
        """A part of the path, or of the query."""
        if name in self.request.path_params:
            return str(self.request.path_params[name])
        return self.request.query_params.get(name, otherwise).strip()

    def form(self) -> Form:
        """What was sent."""
        return read_form(body_of(self.request))

    @property
    def wants_fragment(self) -> bool:
        """Whether htmx asks, for a part of the page."""
        return self.request.headers.get("hx-request") == "true"

    # Who is there

    @property
    def person_id(self) -> UUID | None:
        """The opaque id of who is signed in."""
        return self.signed_in.person_id if self.signed_in else None

    def has_role(self, *roles: Role) -> bool:
        """Whether somebody with one of the roles is signed in."""
        return self.signed_in is not None and not self.signed_in.roles.isdisjoint(roles)

    @property
    def csrf(self) -> str:
        """The token that a form of this page carries; what it is bound to is set with the answer."""
        if self.signed_in is None and self.visitor.cookie is not None and self.visitor.cookie not in self.cookies:
            self.cookies.append(self.visitor.cookie)
        return self.portal.csrf.token(self.binding, str(self.person_id or ""))

    @property
    def binding(self) -> str:
        """What forms are bound to: the session, or before there is one the browser."""
        return str(self.signed_in.session_id) if self.signed_in else self.visitor.id

    def new_key(self) -> str:
        """An idempotency key for a form: sent twice, it is one request."""
        return str(uuid4())

    # Asking the services in the visitor's name

    @property
    def asking(self) -> Asking:
        """In whose name services are asked."""
        return Asking(self.lang, self.signed_in.token if self.signed_in else None)

    async def get(self, path: str, query: Query | None = None) -> Reply:
        """What a service has; raises Refused and what `Services.get` raises."""
        return await self.portal.services.get(self.asking, path, query)

    async def post(self, path: str, body: Any = None, *, key: str | None = None, wait: int | None = None) -> Reply:
        """Ask a service for a change."""
        return await self.portal.services.post(self.asking, path, body, key=key, wait=wait)

    async def put(self, path: str, body: Any) -> Reply:
        """Put something at a service in the place of what is there."""
        return await self.portal.services.put(self.asking, path, body)

    async def public(self, path: str, query: Query | None = None, *, seconds: float = 1.0) -> Reply:
        """What anybody may see, at most so many seconds old."""
        return await self.portal.services.public(self.lang, path, query, seconds=seconds)

    # Answering

    def t(self, text: str, **values: object) -> str:
        """A text in the visitor's language, its `%(names)s` filled in."""
        said = translations(self.lang).ugettext(text)
        return said % values if values else said

    def nt(self, one: str, many: str, number: int) -> str:
        """A text about a number of things, its `%(num)s` filled in."""
        return translations(self.lang).ungettext(one, many, number) % {"num": self.writing.figures(number)}

    def page(self, template: str, *, status: int = 200, **content: Any) -> Response:
        """A page."""
        return self.portal.render(self, template, status=status, **content)

    def redirect(self, path: str) -> Response:
        """Go on elsewhere (303: with a GET, whatever this was)."""
        return RedirectResponse(path, status_code=303)

    def remember_language(self, lang: str) -> None:
        """Show pages in this language from now on."""
        self.cookies.append(Cookie(LANGUAGE_COOKIE, lang, _YEAR_SECONDS))

    def remember_digits(self, digits: str) -> None:
        """Write Arabic numbers with these digits from now on: `latn` or `arab`."""
        self.cookies.append(Cookie(DIGITS_COOKIE, digits, _YEAR_SECONDS))
