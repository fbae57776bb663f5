"""What operators see of the platform: health, lag, outboxes, turns and rates, gathered every few seconds.

Each process that answers HTTP gathers for itself and remembers the last quarter of an hour; nothing of it is kept.
"""

import asyncio
import time
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import httpx
from prometheus_client.parser import text_string_to_metric_families

from dawr.gateway.behind import Behind, Standing
from dawr.servicekit import telemetry
from dawr.servicekit.lag import GroupLag, Lags
from dawr.servicekit.settings import PlatformSettings

_log = telemetry.get_logger("dawr.gateway.watching")

EVERY_SECONDS = 5.0
REMEMBERED = 180
"""Points of a curve: a quarter of an hour."""
_TOTALS = {
    "requests": "dawr_http_requests_total",
    "messages": "dawr_messages_handled_total",
}
"""What rates are made from, by what they are called here."""


@dataclass(frozen=True, slots=True)
class Outbox:
    """What waits in a service's outbox."""

    service: str
    unsent: int
    oldest_seconds: float
    refused: int
    """Messages that the broker would not take, which wait for a person."""


@dataclass(frozen=True, slots=True)
class Picture:
    """The platform at one moment."""

    at: float
    """Seconds since the epoch."""
    standings: tuple[Standing, ...]
    lags: tuple[GroupLag, ...] | None
    """None: the broker did not tell."""
    outboxes: tuple[Outbox, ...]
    turns: Mapping[str, int]
    """By state; empty if booking did not tell."""
    totals: Mapping[str, float]
    """Counters since their processes began."""

    @property
    def waiting(self) -> int | None:
        """Records that wait for any reader."""
        return None if self.lags is None else sum(each.waiting for each in self.lags)

    @property
    def unsent(self) -> int:
        """Messages that wait in any outbox."""
        return sum(each.unsent for each in self.outboxes)


@dataclass
class Curves:
    """The last quarter of an hour, a point every few seconds; None where nothing was known."""

    waiting: deque[float | None] = field(default_factory=lambda: deque(maxlen=REMEMBERED))
    unsent: deque[float | None] = field(default_factory=lambda: deque(maxlen=REMEMBERED))
    requests: deque[float | None] = field(default_factory=lambda: deque(maxlen=REMEMBERED))
    """A second."""
    messages: deque[float | None] = field(default_factory=lambda: deque(maxlen=REMEMBERED))
    """A second."""

    def add(self, before: Picture | None, now: Picture) -> None:
        """One more point."""
        self.waiting.append(now.waiting)
        self.unsent.append(now.unsent)
        for name, curve in (("requests", self.requests), ("messages", self.messages)):
            curve.append(None if before is None else rate(before, now, name))


def rate(before: Picture, now: Picture, name: str) -> float | None:
    """How often a second something happened between two pictures; None if a process began anew in between."""
    seconds = now.at - before.at
    more = now.totals.get(name, 0.0) - before.totals.get(name, 0.0)
    return more / seconds if seconds > 0 and more >= 0 else None


class Watching:
    """Gathers pictures for as long as the process answers."""

    def __init__(self, behind: Behind, services: Mapping[str, str], platform: PlatformSettings) -> None:
        self._behind = behind
        self._services = services
        self._platform = platform
        self._lags: Lags | None = None
        self.latest: Picture | None = None
        self.curves = Curves()

    async def gather(self) -> None:
        """Take a picture every few seconds, until cancelled."""
        async with httpx.AsyncClient(timeout=2.0, trust_env=False) as client:
            try:
                while True:
                    picture = await self._picture(client)
                    self.curves.add(self.latest, picture)
                    self.latest = picture
                    await asyncio.sleep(EVERY_SECONDS)
            finally:
                await self._close_lags()

    async def _picture(self, client: httpx.AsyncClient) -> Picture:
        telling = asyncio.gather(*(self._metrics(client, name) for name in self._services))
        standings, lags, told = await asyncio.gather(self._behind.standings(), self._read_lags(), telling)
        by_service = dict(zip(self._services, told, strict=True))
        turns = labelled(by_service.get("booking", []), "dawr_booking_turns", "state")
        return Picture(
            at=time.time(),
            standings=tuple(standings),
            lags=lags,
            outboxes=tuple(outbox_of(name, found) for name, found in by_service.items() if found),
            turns={state: int(value) for state, value in turns},
            totals={
                name: sum(value for found in told for sample, _, value in found if sample == metric)
                for name, metric in _TOTALS.items()
            },
        )

    async def _read_lags(self) -> tuple[GroupLag, ...] | None:
        if self._lags is None:
            self._lags = Lags(self._platform)
        try:
            return tuple(await asyncio.wait_for(self._lags.read(), 5))
        except Exception as error:
            # The client raises whatever the broker's absence makes of it; the next picture asks over new connections.
            _log.warning("lag.unknown", why=type(error).__name__)
            await self._close_lags()
            return None

    async def _close_lags(self) -> None:
        lags, self._lags = self._lags, None
        if lags is not None:
            await lags.close()

    async def _metrics(self, client: httpx.AsyncClient, name: str) -> "Samples":
        try:
            answer = (await client.get(f"{self._services[name].rstrip('/')}/metrics")).raise_for_status()
        except httpx.HTTPError as error:
            _log.debug("metrics.silent", asked=name, why=type(error).__name__)
            return []
        return samples_of(answer.text)


Samples = list[tuple[str, Mapping[str, str], float]]
"""Name, labels and value."""


def samples_of(text: str) -> Samples:
    """The samples of a page of metrics (Prometheus text format)."""
    return [
        (sample.name, sample.labels, sample.value)
        for metric in text_string_to_metric_families(text)
        for sample in metric.samples
    ]


def labelled(samples: Samples, name: str, label: str) -> Iterable[tuple[str, float]]:
    """The values of a metric by one of its labels."""
    return ((labels[label], value) for sample, labels, value in samples if sample == name)


def outbox_of(service: str, samples: Samples) -> Outbox:
    """What a service's metrics say of its outbox."""
    found = {name: value for name, labels, value in samples if not labels}
    return Outbox(
        service=service,
        unsent=int(found.get("dawr_outbox_unsent_messages", 0)),
        oldest_seconds=found.get("dawr_outbox_oldest_seconds", 0.0),
        refused=int(found.get("dawr_outbox_refused_messages", 0)),
    )
