"""What the services behind the gateway say about themselves: whether they are ready, and what they offer."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import httpx

from dawr.servicekit import telemetry

_log = telemetry.get_logger("dawr.gateway.behind")

READY_SECONDS = 2.0
"""How old an answer about readiness may be."""
DOCUMENT_SECONDS = 15.0
"""How old an answer about OpenAPI may be."""

T = TypeVar("T")
Document = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Standing:
    """How a service is."""

    name: str
    answers: bool
    is_ready: bool
    missing: tuple[str, ...] = ()
    """What it waits for (`database`, `broker`, …)."""


class Kept(Generic[T]):
    """A value that is asked for again when it has become old; many who want it at once ask once."""

    def __init__(self, ask: Callable[[], Awaitable[T]], seconds: float) -> None:
        self._ask = ask
        self._seconds = seconds
        self._value: T | None = None
        self._asked_at = float("-inf")
        self._asking = asyncio.Lock()

    async def value(self) -> T:
        """The value, at most `seconds` old."""
        async with self._asking:
            if self._value is None or time.monotonic() - self._asked_at > self._seconds:
                self._value = await self._ask()
                self._asked_at = time.monotonic()
            return self._value


class Behind:
    """Asks the services, each at its own address, none for longer than a second."""

    def __init__(
        self,
        services: dict[str, str],
        *,
        ready_seconds: float = READY_SECONDS,
        document_seconds: float = DOCUMENT_SECONDS,
    ) -> None:
        self._services = services
        self._client: httpx.AsyncClient | None = None
        self._known: dict[str, Document] = {}
        self._standings = Kept(self._ask_standings, ready_seconds)
        self._documents = Kept(self._ask_documents, document_seconds)

    async def standings(self) -> list[Standing]:
        """How each service is, in the order of the settings."""
        return await self._standings.value()

    async def documents(self) -> tuple[dict[str, Document], tuple[str, ...]]:
        """OpenAPI documents by service, and the services that gave none. One that is away now is told of as it was."""
        away = await self._documents.value()
        known = {name: self._known[name] for name in self._services if name in self._known}
        return known, tuple(name for name in away if name not in known)

    async def close(self) -> None:
        """Close the connections."""
        if self._client is not None:
            await self._client.aclose()

    async def _ask_standings(self) -> list[Standing]:
        return list(await asyncio.gather(*(self._standing(name) for name in self._services)))

    async def _ask_documents(self) -> tuple[str, ...]:
        answers = await asyncio.gather(*(self._get(name, "/openapi.json") for name in self._services))
        for name, answer in zip(self._services, answers, strict=True):
            if answer is not None and isinstance(answer.get("paths"), dict):
                self._known[name] = answer
        return tuple(name for name, answer in zip(self._services, answers, strict=True) if answer is None)

    async def _standing(self, name: str) -> Standing:
        answer = await self._get(name, "/readyz")
        if answer is None or "ready" not in answer:
            return Standing(name, answers=False, is_ready=False)
        missing = tuple(check for check, holds in answer.get("checks", {}).items() if not holds)
        return Standing(name, answers=True, is_ready=bool(answer.get("ready")), missing=missing)

    async def _get(self, name: str, path: str) -> Document | None:
        if self._client is None:
            self._client = httpx.AsyncClient(timeout=1.0, trust_env=False)
        try:
            content = (await self._client.get(self._services[name].rstrip("/") + path)).json()
        except (httpx.HTTPError, ValueError) as error:
            _log.debug("service.silent", asked=name, why=type(error).__name__)
            return None
        return content if isinstance(content, dict) else None
