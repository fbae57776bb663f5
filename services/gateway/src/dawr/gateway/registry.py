"""The civil registry, as the gateway asks it: a port, and the ministry's (or the sandbox's) HTTP behind it."""

import asyncio
from typing import Protocol

import httpx
from pydantic import TypeAdapter, ValidationError

from dawr.contracts import Text
from dawr.contracts.message import Value
from dawr.gateway.domain.registration import Registered
from dawr.gateway.errors_people import RegistryAway
from dawr.servicekit import telemetry

_log = telemetry.get_logger("dawr.gateway.registry")

_CONNECTIONS = 32


class Sample(Value):
    """A ready-made person of the sandbox registry, and who that is in a few words."""

    label: Text
    person: Registered


_SAMPLES = TypeAdapter(tuple[Sample, ...])


class Registry(Protocol):
    """Who knows people and their documents."""

    async def find(self, identity_number: str) -> Registered | None:
        """The person of a number of eleven digits; none if it is nobody's. Raises RegistryAway."""
        ...

    async def samples(self) -> tuple[Sample, ...]:
        """Ready-made people to try the platform as; none of a ministry's registry. Raises RegistryAway."""
        ...


class HttpRegistry:
    """`POST {url}/v1/people/search {"identity_number"}` answers 200 with the person or 404; with a bearer key."""

    def __init__(self, url: str, key: str, seconds: float) -> None:
        """`seconds` bounds an answer from the first byte sent to the last one read."""
        self._url, self._key, self._seconds = url, key, seconds
        self._client: httpx.AsyncClient | None = None
        self._samples: tuple[Sample, ...] | None = None

    async def find(self, identity_number: str) -> Registered | None:
        """See Registry."""
        body = await self._answer("POST", "/v1/people/search", {"identity_number": identity_number})
        if body is None:
            return None
        try:
            return Registered.model_validate_json(body)
        except ValidationError:
            raise self._away("not-as-agreed") from None  # the error would quote the person

    async def samples(self) -> tuple[Sample, ...]:
        """See Registry. Asked once: they don't change."""
        if self._samples is None:
            body = await self._answer("GET", "/v1/samples")
            try:
                self._samples = () if body is None else _SAMPLES.validate_json(body)
            except ValidationError:
                raise self._away("not-as-agreed") from None
        return self._samples

    async def close(self) -> None:
        """Close the connections."""
        if self._client is not None:
            client, self._client = self._client, None
            await client.aclose()

    async def _answer(self, method: str, path: str, body: dict[str, str] | None = None) -> bytes | None:
        """The body of a 200; none for a 404."""
        try:
            async with asyncio.timeout(self._seconds):
                answer = await self._connected().request(method, path, json=body)
        except (httpx.HTTPError, TimeoutError) as error:
            raise self._away(type(error).__name__) from None
        if answer.status_code == httpx.codes.NOT_FOUND:
            return None
        if answer.status_code != httpx.codes.OK:
            raise self._away(f"status-{answer.status_code}")
        return answer.content

    def _away(self, why: str) -> RegistryAway:
        _log.warning("registry.away", why=why)
        return RegistryAway()

    def _connected(self) -> httpx.AsyncClient:
        if self._client is None:
            self._client = httpx.AsyncClient(
                base_url=self._url,
                timeout=self._seconds,
                headers={"Authorization": f"Bearer {self._key}"},
                trust_env=False,
                limits=httpx.Limits(max_connections=_CONNECTIONS),
            )
        return self._client
