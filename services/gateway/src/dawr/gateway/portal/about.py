"""Help, privacy, accessibility, and what browsers ask every site for."""

import orjson
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

from dawr.gateway.oidc import BACK_WITHIN_SECONDS
from dawr.gateway.portal.assets import Assets
from dawr.gateway.portal.doors import WAITING_SECONDS
from dawr.gateway.portal.kept_forms import SECONDS as KEPT_SECONDS
from dawr.gateway.portal.pages import Page, View
from dawr.gateway.portal.signing_up import SECONDS as SIGN_UP_SECONDS
from dawr.gateway.portal.texts import direction, languages, translations
from dawr.gateway.portal.turns.room import WAITING_COOKIE as TURN_COOKIE
from dawr.gateway.portal.turns.room import WAITING_SECONDS as TURN_SECONDS
from dawr.gateway.portal.visits import DIGITS_COOKIE, LANGUAGE_COOKIE, Visit

_CLOSED = ("/account", "/cases", "/continue", "/inbox", "/operations", "/preferences", "/relatives", "/sessions",
           "/sign-", "/staff", "/take", "/turns", "/api/")  # fmt: skip
"""What search engines leave alone: pages of one's own, and what is for programs."""
_DAY_SECONDS = 24 * 3600
_YEAR_SECONDS = 365 * _DAY_SECONDS
_DAY = "public, max-age=86400"


def pages() -> tuple[Page, ...]:
    """The pages of this room."""
    names = ("help", "accessibility", "offline")
    return (*(Page(f"/{name}", _shown(f"about/{name}.html")) for name in names), Page("/privacy", privacy))


async def privacy(visit: Visit) -> Response:
    """Which cookies are set, and what is kept for how long."""
    rows = [(name, why, _span(visit, seconds)) for name, why, seconds in cookies(visit)]
    return visit.page("about/privacy.html", cookies=rows)


def cookies(visit: Visit) -> tuple[tuple[str, str, int], ...]:
    """Every cookie that is set, what for, and for how many seconds at most; a test looks for others in the code."""
    return (
        ("dawr-access", visit.t("Shows who is signed in, for ten minutes at a time."), 10 * 60),
        ("dawr-session", visit.t("Keeps you signed in, and knows for a day more that you were."), 2 * _DAY_SECONDS),
        ("dawr-visitor", visit.t("Protects forms from other sites while nobody is signed in."), 7 * _DAY_SECONDS),
        ("dawr-code", visit.t("Who waits for a code, sealed."), WAITING_SECONDS),
        ("dawr-sign-up", visit.t("What you typed while registering, sealed."), SIGN_UP_SECONDS),
        ("dawr-kept", visit.t("A form that came after your session had ended, sealed."), KEPT_SECONDS),
        ("dawr-oidc", visit.t("That you go to an identity provider and come back, sealed."), BACK_WITHIN_SECONDS),
        (TURN_COOKIE, visit.t("A request for a turn that is being decided, sealed."), TURN_SECONDS),
        (LANGUAGE_COOKIE, visit.t("The language that you chose."), _YEAR_SECONDS),
        (DIGITS_COOKIE, visit.t("The digits that you chose."), _YEAR_SECONDS),
    )


def _span(visit: Visit, seconds: int) -> str:
    """A span of time in its largest unit."""
    if seconds >= _YEAR_SECONDS:
        return visit.nt("%(num)s year", "%(num)s years", seconds // _YEAR_SECONDS)
    if seconds >= _DAY_SECONDS:
        return visit.nt("%(num)s day", "%(num)s days", seconds // _DAY_SECONDS)
    if seconds >= 2 * 3600:
        return visit.nt("%(num)s hour", "%(num)s hours", seconds // 3600)
    return visit.nt("%(num)s minute", "%(num)s minutes", seconds // 60)


def routes(assets: Assets) -> list[BaseRoute]:
    """What browsers and search engines ask for by fixed names. None of it depends on who asks."""

    async def worker(_request: Request) -> Response:
        kept = orjson.dumps([assets.path(name) for name in ("dawr.css", "portal.js", "mark.svg")]).decode()
        tongues = orjson.dumps(languages()).decode()
        script = f"const KEPT = {kept};\nconst LANGUAGES = {tongues};\n{assets.content('worker.js')}"
        return Response(script, headers={"cache-control": "no-cache"}, media_type="text/javascript")

    async def manifest(request: Request) -> Response:
        asked = request.query_params.get("lang", "")
        lang = asked if asked in languages() else languages()[0]
        say = translations(lang).ugettext
        content = {
            "name": say("Dawr"),
            "short_name": say("Dawr"),
            "description": say("Dawr — your turn in line, kept."),
            "lang": lang,
            "dir": direction(lang),
            "id": "/",
            "start_url": "/",
            "scope": "/",
            "display": "standalone",
            "background_color": "#f7f5f0",
            "theme_color": "#0b5f57",
            "icons": [{"src": assets.path("mark.svg"), "sizes": "any", "type": "image/svg+xml", "purpose": "any"}],
        }
        return Response(orjson.dumps(content), headers={"cache-control": _DAY}, media_type="application/manifest+json")

    async def robots(_request: Request) -> Response:
        lines = ["User-agent: *", *(f"Disallow: {path}" for path in _CLOSED)]
        return PlainTextResponse("\n".join(lines) + "\n", headers={"cache-control": _DAY})

    async def icon(_request: Request) -> Response:
        return Response(assets.content("mark.svg"), headers={"cache-control": _DAY}, media_type="image/svg+xml")

    return [
        Route("/worker.js", worker),
        Route("/manifest.webmanifest", manifest),
        Route("/robots.txt", robots),
        Route("/favicon.ico", icon),
    ]


def _shown(template: str) -> View:
    """A page that says the same to everybody."""

    async def view(visit: Visit) -> Response:
        return visit.page(template)

    return view
