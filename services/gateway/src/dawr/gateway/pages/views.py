"""The pages over HTTP: rendered here, without scripts, in the reader's language."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from importlib import resources
from typing import Any
from urllib.parse import urlsplit

import orjson
from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

from dawr.contracts import Text
from dawr.gateway.behind import Behind, Document, Standing
from dawr.gateway.documents import GATEWAY, merged
from dawr.gateway.pages.operations import by_service
from dawr.gateway.pages.texts import SERVICES, TEXTS
from dawr.servicekit.problems import request_language, say

POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_HEADERS = {
    "content-security-policy": POLICY,
    "referrer-policy": "no-referrer",
    "x-frame-options": "DENY",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
    "cross-origin-opener-policy": "same-origin",
    "vary": "accept-language",
    "cache-control": "no-cache",
}
_YEAR_SECONDS = 365 * 24 * 3600


@dataclass(frozen=True, slots=True)
class Parts:
    """What the pages tell of."""

    behind: Behind
    own_checks: Callable[[], Awaitable[dict[str, bool]]]
    public_url: str
    mail_url: str | None
    """Where sign-in codes can be read; none in production."""


class Pages:
    """Renders the pages."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._templates = Environment(
            loader=PackageLoader("dawr.gateway.pages", "templates"), autoescape=True, undefined=StrictUndefined
        )

    def routes(self) -> list[BaseRoute]:
        """Where the pages are."""
        static = StaticFiles(directory=str(resources.files("dawr.gateway.pages") / "static"))
        return [
            Route("/api/docs", self.docs),
            Route("/api/openapi.json", self.openapi),
            Route("/docs/problems", self.problem_codes),
            Mount("/docs-static", static),
        ]

    async def home(self, request: Request) -> Response:
        """What runs, and how to try it."""
        checks = await self._parts.own_checks()
        own = Standing(GATEWAY, True, all(checks.values()), tuple(name for name, holds in checks.items() if not holds))
        standings = [own, *await self._parts.behind.standings()]
        return self._page(
            request,
            "home.html",
            standings=standings,
            services=SERVICES,
            public_url=self._parts.public_url,
            mail_url=self._parts.mail_url,
        )

    async def docs(self, request: Request) -> Response:
        """What can be asked of the services."""
        document = await self._merged(request)
        return self._page(
            request,
            "docs.html",
            operations=by_service(document),
            services=SERVICES,
            left_out=document["x-left-out"],
        )

    async def openapi(self, request: Request) -> Response:
        """The same, for programs."""
        return Response(orjson.dumps(await self._merged(request)), media_type="application/json")

    async def problem_codes(self, request: Request) -> Response:
        """What the codes mean; problem types link here."""
        document = await self._merged(request)
        return self._page(request, "problems.html", problems=document["x-problems"], left_out=document["x-left-out"])

    async def back(self, request: Request) -> Response:
        """Where a payer comes back to from the bank, and where messages lead. It tells nothing of the thing itself."""
        kind = request.url.path.split("/")[1]
        path = f"/api/{'booking/turns' if kind == 'turns' else 'consular/cases'}/{request.path_params['id']}"
        return self._page(request, "back.html", path=path)

    async def _merged(self, request: Request) -> Document:
        services, left_out = await self._parts.behind.documents()
        return merged(request.app.openapi(), services, left_out, public_url=self._parts.public_url)

    def _page(self, request: Request, template: str, **content: Any) -> Response:
        asked = request.query_params.get("lang")
        lang = asked if asked in {"ar", "en"} else request_language(request)

        def t(text: str | Text) -> str:
            return say(TEXTS[text] if isinstance(text, str) else text, lang)

        html = self._templates.get_template(template).render(
            t=t,
            lang=lang,
            dir="rtl" if lang == "ar" else "ltr",
            other_lang="en" if lang == "ar" else "ar",
            keep_lang=f"?lang={lang}" if asked == lang else "",
            here=request.url.path,
            **content,
        )
        headers = {**_HEADERS, "content-language": lang}
        if urlsplit(self._parts.public_url).scheme == "https":
            headers["strict-transport-security"] = f"max-age={_YEAR_SECONDS}"
        return Response(html, headers=headers, media_type="text/html")
