"""A ministry's own identity provider (OpenID Connect Core 1.0, Discovery 1.0): asked, and believed only as far as its
signed answer goes.

The authorization code flow with PKCE (RFC 7636, S256). The identity token is checked as Core, section 3.1.3.7 and
RFC 8725 say: a pinned set of asymmetric algorithms, a key of the provider's own set, issuer, audience, `azp`, times and
the nonce that only the browser which began has.
"""

import time
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from hmac import compare_digest
from typing import Any

import httpx
import jwt
from authlib.common.errors import AuthlibBaseError
from authlib.deprecate import AuthlibDeprecationWarning

from dawr.gateway.behind import Kept
from dawr.gateway.errors_staff import ProviderAway, ProviderRefused
from dawr.gateway.settings import GatewaySettings
from dawr.servicekit import telemetry

with warnings.catch_warnings():
    # Authlib says at each start that it will want another client one day; until then this is the one it has.
    warnings.simplefilter("ignore", AuthlibDeprecationWarning)
    from authlib.integrations.httpx_client import AsyncOAuth2Client

_log = telemetry.get_logger("dawr.gateway.oidc")

ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")
"""Those that need a private key to forge."""
LEEWAY_SECONDS = 30
OLDEST_SECONDS = 600
"""An identity token that was made before is not of the sign-in that has just been."""
DISCOVERY_SECONDS = 3600.0
KEYS_SECONDS = 600.0
KEYS_RETRY_SECONDS = 10.0
"""A token with an unknown key makes us ask for the keys again, but not at every token."""

Claims = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Endpoints:
    """Where the provider's parts are, as its discovery document says."""

    authorization: str
    token: str
    keys: str


class Provider:
    """The provider as the settings name it. Nothing is asked before somebody wants to sign in."""

    def __init__(self, settings: GatewaySettings, *, redirect_uri: str) -> None:
        self._settings = settings
        self._redirect_uri = redirect_uri
        self._endpoints = Kept(self._discover, DISCOVERY_SECONDS)
        self._keys: dict[str | None, jwt.PyJWK] = {}
        self._asked_keys_at = float("-inf")

    async def authorization_url(self, *, state: str, nonce: str, verifier: str) -> str:
        """Where the browser is sent. Raises ProviderAway."""
        endpoints = await self._endpoints.value()
        async with self._client() as client:
            url, _ = client.create_authorization_url(
                endpoints.authorization, state=state, nonce=nonce, code_verifier=verifier
            )
        return str(url)

    async def claims(self, *, code: str, nonce: str, verifier: str) -> Claims:
        """What the provider says of whoever came back with a code. Raises ProviderAway, ProviderRefused."""
        endpoints = await self._endpoints.value()
        try:
            async with self._client() as client:
                tokens = await client.fetch_token(endpoints.token, code=code, code_verifier=verifier)
        except httpx.HTTPError as error:
            raise _away(error) from error
        except (AuthlibBaseError, ValueError) as error:
            raise _refused(error) from error
        id_token = tokens.get("id_token")
        if not isinstance(id_token, str):
            raise _refused("no identity token")
        return await self._verified(id_token, nonce, endpoints)

    async def _verified(self, id_token: str, nonce: str, endpoints: Endpoints) -> Claims:
        client_id = self._settings.oidc_client_id
        try:
            header = jwt.get_unverified_header(id_token)
            if header.get("alg") not in ALGORITHMS:
                raise _refused("algorithm")
            key = await self._key(header.get("kid"), endpoints)
            claims: dict[str, Any] = jwt.decode(
                id_token,
                key,
                algorithms=list(ALGORITHMS),
                issuer=self._settings.oidc_issuer,
                audience=client_id,
                leeway=LEEWAY_SECONDS,
                options={"require": ["exp", "iat", "sub", "iss", "aud"]},
            )
        except (jwt.PyJWTError, ValueError, TypeError, RecursionError) as error:
            raise _refused(error) from error
        if claims.get("azp", client_id) != client_id or (isinstance(claims["aud"], list) and len(claims["aud"]) > 1):
            raise _refused("another client's")
        said = claims.get("nonce")
        if not isinstance(said, str) or not compare_digest(said.encode(), nonce.encode()):
            raise _refused("nonce")
        if claims["iat"] < time.time() - OLDEST_SECONDS - LEEWAY_SECONDS:
            raise _refused("too old")
        return claims

    async def _key(self, kid: Any, endpoints: Endpoints) -> jwt.PyJWK:
        """The key that a token names; without a name, the only one there is. Raises ProviderRefused, ProviderAway."""
        age = time.monotonic() - self._asked_keys_at
        if age > KEYS_SECONDS or (self._named(kid) is None and age > KEYS_RETRY_SECONDS):
            document = await self._get(endpoints.keys)
            self._asked_keys_at = time.monotonic()
            self._keys = {key.key_id: key for key in jwt.PyJWKSet.from_dict(document).keys}
        found = self._named(kid)
        if found is None:
            raise _refused("unknown key")
        return found

    def _named(self, kid: Any) -> jwt.PyJWK | None:
        if kid is None and len(self._keys) == 1:
            return next(iter(self._keys.values()))
        return self._keys.get(kid) if isinstance(kid, str) else None

    async def _discover(self) -> Endpoints:
        issuer = self._settings.oidc_issuer
        document = await self._get(f"{issuer.rstrip('/')}/.well-known/openid-configuration")
        # Discovery, section 4.3: else one provider could speak for another (mix-up).
        if document.get("issuer") != issuer:
            raise _refused("issuer of the discovery document")
        named = [document.get(name) for name in ("authorization_endpoint", "token_endpoint", "jwks_uri")]
        begin = ("https://", "http://") if self._settings.is_development else ("https://",)
        authorization, token, keys = (str(each) for each in named)
        if not all(each.startswith(begin) for each in (authorization, token, keys)):
            raise _refused("addresses of the discovery document")
        return Endpoints(authorization, token, keys)

    async def _get(self, url: str) -> dict[str, Any]:
        try:
            async with httpx.AsyncClient(timeout=self._settings.oidc_seconds, trust_env=False) as client:
                document = (await client.get(url)).raise_for_status().json()
        except (httpx.HTTPError, ValueError) as error:
            raise _away(error) from error
        if not isinstance(document, dict):
            raise _away("not an object")
        return document

    def _client(self) -> AsyncOAuth2Client:
        return AsyncOAuth2Client(
            client_id=self._settings.oidc_client_id,
            client_secret=self._settings.oidc_client_secret or None,
            token_endpoint_auth_method="client_secret_basic" if self._settings.oidc_client_secret else "none",
            scope=self._settings.oidc_scopes,
            redirect_uri=self._redirect_uri,
            code_challenge_method="S256",
            timeout=self._settings.oidc_seconds,
            trust_env=False,
        )


def _refused(why: object) -> ProviderRefused:
    """Logged by what failed, never by what the provider said: that is personal."""
    _log.warning("provider.refused", why=why if isinstance(why, str) else type(why).__name__)
    return ProviderRefused()


def _away(why: object) -> ProviderAway:
    _log.warning("provider.away", why=why if isinstance(why, str) else type(why).__name__)
    return ProviderAway(retry_after_seconds=10)
