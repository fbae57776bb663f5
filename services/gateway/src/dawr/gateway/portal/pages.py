"""From a request to a page: who is there, whether they may come, and what is shown if they may not or it fails."""

import asyncio
import gzip
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from urllib.parse import quote
from uuid import UUID

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from dawr.gateway.cookies import CookieNames
from dawr.gateway.csrf import Csrf, comes_from_elsewhere, visitor
from dawr.gateway.portal.assets import Assets
from dawr.gateway.portal.forms import CSRF_FIELD
from dawr.gateway.portal.kept_forms import KeptForms
from dawr.gateway.portal.security import Headers
from dawr.gateway.portal.texts import Writing, chosen, direction, languages, own_name, said, texts_of, translations
from dawr.gateway.portal.upstream import Refused, Services
from dawr.gateway.portal.visits import LANGUAGE_COOKIE, Visit
from dawr.gateway.sessions import Sessions
from dawr.servicekit import telemetry
from dawr.servicekit.auth import NotAllowed, NotSignedIn, Role
from dawr.servicekit.errors import Refusal
from dawr.servicekit.problems import NotFound, refusal_for, say

_log = telemetry.get_logger("dawr.gateway.portal")

CITIZEN = frozenset({Role.CITIZEN})
STAFF = frozenset(Role) - CITIZEN
_ZIP_FROM_BYTES = 800
_UNAVAILABLE = {502, 503, 504}
_KEYS_SECONDS = 5

View = Callable[[Visit], Awaitable[Response]]


@dataclass(frozen=True, slots=True)
class Page:
    """A row of a room's table: where, what shows it, and who may come: everybody, unless roles are named."""

    path: str
    view: View
    who: frozenset[Role] | None = None
    methods: tuple[str, ...] = ("GET",)


@dataclass(frozen=True, slots=True)
class Platform:
    """What pages say of the platform itself."""

    public_url: str
    default_language: str
    mail_url: str | None
    """Where messages can be read; on a development platform only."""
    home_zone: str = "UTC"
    """Of moments that belong to no office."""
    territory: str = ""
    """Whose names of months and order of days are written, if the language knows it."""
    is_under_maintenance: bool = False


class Body:
    """A page as it is sent: made once for all who get the same one."""

    def __init__(self, plain: bytes) -> None:
        self.plain = plain

    @cached_property
    def zipped(self) -> bytes:
        """By gzip."""
        return gzip.compress(self.plain, 5, mtime=0)


class Portal:
    """Leads requests to views, and renders what they answer."""

    def __init__(
        self,
        *,
        sessions: Sessions,
        csrf: Csrf,
        services: Services,
        headers: Headers,
        kept_forms: KeptForms,
        platform: Platform,
    ) -> None:
        self.sessions = sessions
        self.csrf = csrf
        self.services = services
        self.kept_forms = kept_forms
        self.platform = platform
        self.assets = Assets()
        self._headers = headers
        self._cookie_names = CookieNames.at(platform.public_url)
        self._is_secure = platform.public_url.startswith("https://")
        self._templates = {lang: self._environment(lang) for lang in languages()}

    async def prepare(self) -> None:
        """Make ready what the first visitors would wait for; goes on until it is cancelled, as what serves does."""
        await asyncio.to_thread(self._compile)
        await self.assets.prepare()

    def _compile(self) -> None:
        """Templates are compiled when they are first used; that must not be when a line begins to move."""
        for made in self._templates.values():
            for name in made.list_templates():
                made.get_template(name)

    def routes(self, pages: Iterable[Page]) -> list[BaseRoute]:
        """The routes of the pages, and of what they load."""
        return [
            Route("/static/{name}", self.assets.serve),
            *(Route(page.path, self._endpoint(page), methods=list(page.methods)) for page in pages),
        ]

    def render(self, visit: Visit, template: str, *, status: int = 200, **content: Any) -> Response:
        """A page in the visitor's language. `visit` is known to every template, and what `_environment` gives."""
        return self.send(visit, self.made(visit, template, **content), status=status)

    def made(self, visit: Visit, template: str, **content: Any) -> Body:
        """A page, to be sent once or to many."""
        return Body(self.markup(visit, template, **content).encode())

    def send(self, visit: Visit, body: Body, *, status: int = 200) -> Response:
        """A page that was made before."""
        content, headers = body.plain, self._headers.for_page(visit.lang)
        if len(content) > _ZIP_FROM_BYTES and "gzip" in visit.request.headers.get("accept-encoding", ""):
            content, headers["content-encoding"] = body.zipped, "gzip"
        return Response(content, status, headers, "text/html; charset=utf-8")

    def markup(self, visit: Visit, template: str, **content: Any) -> Markup:
        """What a template makes, to be put into a page, or kept for the pages of many."""
        made = self._templates[visit.lang].get_template(template).render(visit=visit, w=visit.writing, **content)
        return Markup(made)  # noqa: S704 - templates escape

    def _environment(self, lang: str) -> Environment:
        made = Environment(
            loader=PackageLoader("dawr.gateway.portal", "templates"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,
            extensions=["jinja2.ext.i18n"],
        )
        made.install_gettext_translations(translations(lang), newstyle=True)  # type: ignore[attr-defined]
        made.globals |= {
            # Jinja's own look a text up, and fill it in, each time that a page says it.
            "_": texts_of(lang),
            "gettext": texts_of(lang),
            "lang": lang,
            "dir": direction(lang),
            "languages": [(each, own_name(each), direction(each)) for each in languages()],
            "asset": self.assets.path,
            "platform": self.platform,
            "Role": Role,
        }
        made.filters["said"] = lambda text: said(text, lang)
        return made

    def _endpoint(self, page: Page) -> Callable[[Request], Awaitable[Response]]:
        async def endpoint(request: Request) -> Response:
            visit = await self._visit(request)
            try:
                response = await self._answer(page, visit)
            except Exception as error:
                response = self.fault(visit, error)
            self._forget_kept(visit, response)
            for cookie in visit.cookies:
                cookie.put_on(response, is_secure=self._is_secure)
            return response

        return endpoint

    async def _visit(self, request: Request) -> Visit:
        look = await self.sessions.look(request)
        asked = request.query_params.get("lang")
        lang = chosen(
            asked or request.cookies.get(LANGUAGE_COOKIE),
            request.headers.get("accept-language"),
            self.platform.default_language,
        )
        browser = visitor(request, self._cookie_names)
        visit = Visit(self, request, lang, look.signed_in, look.ended, browser, list(look.cookies))
        if asked == lang and asked != request.cookies.get(LANGUAGE_COOKIE):
            visit.remember_language(lang)
        return visit

    async def _answer(self, page: Page, visit: Visit) -> Response:
        if self.platform.is_under_maintenance:
            return visit.page("faults/maintenance.html", status=503, retry_after=None)
        if visit.request.method == "POST":
            self._refuse_forged(page, visit)
        if page.who is not None:
            if visit.signed_in is None:
                return self._to_sign_in(visit, page.who)
            if visit.signed_in.roles.isdisjoint(page.who):
                raise NotAllowed
        if visit.request.method == "POST" and not self._holds(visit):
            return self._stale(visit)
        return await page.view(visit)

    def _refuse_forged(self, page: Page, visit: Visit) -> None:
        """A form that another site sent is refused before anything of it is read."""
        if comes_from_elsewhere(visit.request, self.platform.public_url):
            # Not the path as it came: that of an invitation opens an account.
            _log.warning("form.forged", page=page.path)
            raise NotAllowed

    def _holds(self, visit: Visit) -> bool:
        return self.csrf.holds(visit.binding, visit.form().get(CSRF_FIELD))

    def _stale(self, visit: Visit) -> Response:
        """The form is of a page from before its reader signed in, or out: it is shown again to be sent once more."""
        return visit.page("faults/stale.html", status=409, form=visit.form().to_show_again, path=visit.here)

    def _to_sign_in(self, visit: Visit, who: frozenset[Role]) -> Response:
        """Sign in first; what was typed is kept until then."""
        door = "/sign-in" if Role.CITIZEN in who else "/staff/sign-in"
        if visit.request.method == "GET":
            ended = "&ended=1" if visit.had_session else ""
            return visit.redirect(f"{door}?next={quote(visit.here, safe='')}{ended}")
        kept = self.kept_forms.keep(visit.here, visit.form())
        if kept is not None:
            visit.cookies.append(kept)
        return visit.page("faults/session_ended.html", status=401, door=door, is_kept=kept is not None)

    def _forget_kept(self, visit: Visit, response: Response) -> None:
        """A form that was kept and now went through is kept no longer."""
        if visit.request.method != "POST" or visit.signed_in is None or response.status_code >= 400:
            return
        kept = self.kept_forms.open(visit.request, visit.person_id)
        if kept is not None and kept.path == visit.here:
            visit.cookies.append(self.kept_forms.forget())

    def fault(self, visit: Visit, error: Exception) -> Response:
        """The page for what went wrong; the reference leads to the log."""
        if isinstance(error, Refused):
            if error.status == 401 and visit.signed_in is None:
                return self._to_sign_in(visit, CITIZEN)
            if error.status == 401:
                # A service that does not know our keys yet: signing in again would change nothing.
                return self._fault(visit, 503, error.code, error.title, error.detail, _KEYS_SECONDS)
            return self._fault(visit, error.status, error.code, error.title, error.detail, error.retry_after_seconds)
        refusal: Refusal = refusal_for(error)
        if isinstance(refusal, NotSignedIn):
            return self._to_sign_in(visit, CITIZEN)
        title, detail = say(refusal.title, visit.lang), say(refusal.detail, visit.lang)
        return self._fault(visit, refusal.status, refusal.code, title, detail, refusal.retry_after_seconds)

    def _fault(self, visit: Visit, status: int, code: str, title: str, detail: str, after: int | None) -> Response:
        template = {404: "not_found", 403: "not_allowed", 429: "too_many", 500: "bug"}.get(status, "refused")
        if status in _UNAVAILABLE:
            template = "maintenance"
        content = {"code": code, "title": title, "detail": detail if detail != title else "", "retry_after": after}
        response = visit.page(f"faults/{template}.html", status=status, trace=telemetry.trace_id(), **content)
        if after is not None:
            response.headers["retry-after"] = str(after)
        return response

    async def not_found(self, request: Request) -> Response:
        """The page where there is none."""
        visit = await self._visit(request)
        return self.fault(visit, NotFound())


def uuid_of(text: str) -> UUID:
    """An id in a path; NotFound for what is none."""
    try:
        return UUID(text)
    except ValueError as error:
        raise NotFound from error


__all__ = ["CITIZEN", "STAFF", "Page", "Platform", "Portal", "Writing", "uuid_of"]
