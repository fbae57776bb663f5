"""The way in by a ministry's identity provider: `/sign-in/oidc` leads there, `/sign-in/oidc/callback` comes back.

What belongs to one sign-in (state, nonce, PKCE verifier, where to go on) waits in a sealed cookie of the browser that
began it, for ten minutes, and is spent by the first return: whoever is made to open another's return address has no
such cookie, and whoever copies both comes second.
"""

import secrets
from collections.abc import Mapping, Sequence
from hmac import compare_digest
from typing import Any
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from dawr.gateway.api.staff import StaffDoor, begins
from dawr.gateway.domain.oidc import ClaimNames
from dawr.gateway.door import Door
from dawr.gateway.errors_staff import ProviderRefused
from dawr.gateway.portal.sealed import SealedCookie
from dawr.gateway.portal.security import own_path
from dawr.gateway.provider import Provider
from dawr.gateway.service import oidc as service
from dawr.gateway.service.oidc import CitizenCame, OidcRules
from dawr.gateway.sessions import How, Issued, Kind
from dawr.gateway.settings import GatewaySettings
from dawr.servicekit import telemetry
from dawr.servicekit.auth import Role
from dawr.servicekit.errors import Refusal
from dawr.servicekit.problems import NotFound

_log = telemetry.get_logger("dawr.gateway.oidc")

PATH = "/sign-in/oidc"
CALLBACK = "/sign-in/oidc/callback"
BACK_WITHIN_SECONDS = 600
_LONGEST_CODE = 2048


class Oidc:
    """The two routes, and what they work with."""

    def __init__(self, settings: GatewaySettings, door: Door, staff: StaffDoor) -> None:
        self._door = door
        self._staff = staff
        self._is_on = settings.oidc_is_on
        self._is_secure = settings.public_url.startswith("https://")
        self._provider = Provider(settings, redirect_uri=settings.public_url.rstrip("/") + CALLBACK)
        self._began = SealedCookie(
            "dawr-oidc", settings.session_keys, seconds=BACK_WITHIN_SECONDS, public_url=settings.public_url
        )
        self._rules = OidcRules(
            staff=staff.rules,
            seal=door.rules.seal,
            issuer=settings.oidc_issuer,
            names=ClaimNames(
                settings.oidc_number_claim,
                settings.oidc_login_claim,
                settings.oidc_roles_claim,
                settings.oidc_office_claim,
            ),
        )

    def routes(self) -> Sequence[Route]:
        """Both ways; a platform without a provider answers neither."""
        return (Route(PATH, self.begin, methods=["GET"]), Route(CALLBACK, self.come_back, methods=["GET"]))

    async def begin(self, request: Request) -> Response:
        """Send the browser to the provider."""
        if not self._is_on:
            raise NotFound
        state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(3))
        onward = own_path(request.query_params.get("next"))
        kept = self._began.keep({"state": state, "nonce": nonce, "verifier": verifier, "next": onward})
        if kept is None:  # an address too long for a cookie: the start page will do
            kept = self._began.keep({"state": state, "nonce": nonce, "verifier": verifier, "next": "/"})
        assert kept is not None  # noqa: S101
        try:
            url = await self._provider.authorization_url(state=state, nonce=nonce, verifier=verifier)
        except Refusal as refusal:
            return self._refused(refusal)
        response = RedirectResponse(url, 303, {"cache-control": "no-store", "referrer-policy": "no-referrer"})
        kept.put_on(response, is_secure=self._is_secure)
        return response

    async def come_back(self, request: Request) -> Response:
        """Sign in whoever the provider says came, and go on where they were."""
        if not self._is_on:
            raise NotFound
        try:
            began = self._began_here(request)
            claims = await self._claims(request, began)
            issued = await self._enter(request, claims)
        except Refusal as refusal:
            return self._refused(refusal)
        response = RedirectResponse(own_path(began["next"]), 303, {"cache-control": "no-store"})
        for cookie in (*issued.cookies, self._began.forget()):
            cookie.put_on(response, is_secure=self._is_secure)
        return response

    def _began_here(self, request: Request) -> Mapping[str, str]:
        """What this browser began, if it is what came back. Raises ProviderRefused."""
        began = self._began.open(request)
        state = request.query_params.get("state", "")
        if began is None or not compare_digest(began["state"].encode(), state.encode()):
            _log.warning("provider.refused", why="state")
            raise ProviderRefused
        return began

    async def _claims(self, request: Request, began: Mapping[str, str]) -> Mapping[str, Any]:
        async with self._door.database.transaction() as tx:
            await service.spend(tx, began["state"])
        code = request.query_params.get("code", "")
        if not 0 < len(code) <= _LONGEST_CODE:
            _log.info("provider.refused", why="no code")
            raise ProviderRefused
        return await self._provider.claims(code=code, nonce=began["nonce"], verifier=began["verifier"])

    async def _enter(self, request: Request, claims: Mapping[str, Any]) -> Issued:
        async with self._door.database.transaction() as tx:
            came = await service.come_in(tx, self._rules, claims)
            if isinstance(came, CitizenCame):
                issued = await self._door.sessions.begin(
                    tx,
                    person_id=came.person_id,
                    kind=Kind.CITIZEN,
                    roles=frozenset({Role.CITIZEN}),
                    how=How.OIDC,
                    request=request,
                )
            else:
                issued = await begins(self._staff.sessions, request, How.OIDC)(tx, came.account)
        if isinstance(came, CitizenCame):
            self._door.registrar.renew_later(came.person_id, came.identity_number)
        return issued

    def _refused(self, refusal: Refusal) -> Response:
        """Back to the page of signing in, which says why; what was begun is over."""
        response = RedirectResponse(
            f"/sign-in?{urlencode({'problem': refusal.code})}", 303, {"cache-control": "no-store"}
        )
        self._began.forget().put_on(response, is_secure=self._is_secure)
        return response
