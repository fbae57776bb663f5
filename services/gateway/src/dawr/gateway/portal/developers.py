"""For developers: what runs, what can be asked, and what the problem codes mean."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from dawr.gateway.behind import Behind, Document, Standing
from dawr.gateway.documents import GATEWAY, merged
from dawr.gateway.portal.openapi import by_service
from dawr.gateway.portal.pages import Page
from dawr.gateway.portal.visits import Visit


@dataclass(frozen=True, slots=True)
class Developers:
    """The pages for developers."""

    behind: Behind
    own_checks: Callable[[], Awaitable[dict[str, bool]]]
    public_url: str

    def pages(self) -> tuple[Page, ...]:
        """The pages of this room."""
        return (
            Page("/docs", self.overview),
            Page("/docs/problems", self.problem_codes),
            Page("/api/docs", self.operations),
        )

    def routes(self) -> list[BaseRoute]:
        """What programs ask for."""
        return [Route("/api/openapi.json", self.openapi)]

    async def overview(self, visit: Visit) -> Response:
        """What runs now, and how to try it."""
        checks = await self.own_checks()
        own = Standing(GATEWAY, True, all(checks.values()), tuple(name for name, holds in checks.items() if not holds))
        standings = [own, *await self.behind.standings()]
        return visit.page("developers/overview.html", standings=standings, services=services(visit))

    async def operations(self, visit: Visit) -> Response:
        """What can be asked of the services."""
        document = await self._merged(visit.request)
        left_out = document["x-left-out"]
        operations = by_service(document)
        return visit.page(
            "developers/operations.html", operations=operations, services=services(visit), left_out=left_out
        )

    async def problem_codes(self, visit: Visit) -> Response:
        """What the codes mean; problem types link here."""
        document = await self._merged(visit.request)
        return visit.page("developers/problems.html", problems=document["x-problems"], left_out=document["x-left-out"])

    async def openapi(self, request: Request) -> Response:
        """All services in one document, for programs."""
        return Response(orjson.dumps(await self._merged(request)), media_type="application/json")

    async def _merged(self, request: Request) -> Document:
        services, left_out = await self.behind.documents()
        return merged(request.app.openapi(), services, left_out, public_url=self.public_url)


def services(visit: Visit) -> dict[str, str]:
    """What each service is for."""
    return {
        "gateway": visit.t("The gateway: sign-in, pages, and the way to the services"),
        "booking": visit.t("Turns: take one, follow it, give it back"),
        "catalog": visit.t("Services, offices and fees"),
        "payments": visit.t("Payments, refunds and receipts"),
        "consular": visit.t("Cases of people abroad, through missions"),
        "notifications": visit.t("Messages, inbox and preferences"),
    }
