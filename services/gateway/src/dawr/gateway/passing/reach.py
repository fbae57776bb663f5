"""One service within reach: its connections, and how it is asked. Passing on and the portal's pages both ask so."""

import ssl
from urllib.parse import urlsplit

from dawr.gateway.errors import BrokenAnswer, ServiceSlow, ServiceUnavailable
from dawr.gateway.passing.connections import Answer, Connection, HungUp, Pool, Silent, Unreachable
from dawr.gateway.settings import GatewaySettings
from dawr.servicekit import telemetry

_log = telemetry.get_logger("dawr.gateway.passing")

RETRY_AFTER_SECONDS = 2
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_IDLE_SECONDS = 30.0
"""For how long a connection is kept unused: shorter than the services keep theirs, so that they never hang up first."""


class Reach:
    """The way to one service. Event streams have connections of their own, so that they leave room to the others
    however many there are."""

    def __init__(self, service: str, settings: GatewaySettings) -> None:
        url = settings.services[service]
        behind = urlsplit(url)
        if behind.scheme not in {"http", "https"} or not behind.hostname:
            raise ValueError(f"{service}: not an address of a service: {url}")
        self.service = service
        self.host = behind.netloc.rpartition("@")[2]
        """What its `Host` header says."""
        host, secure = behind.hostname, behind.scheme == "https"

        def pool(limit: int, kept: int) -> Pool:
            return Pool(
                host,
                behind.port or (443 if secure else 80),
                tls=ssl.create_default_context() if secure else None,
                limit=limit,
                kept=kept,
                connect_seconds=settings.upstream_connect_seconds,
                read_seconds=settings.upstream_read_seconds,
                idle_seconds=_IDLE_SECONDS,
            )

        self.calls = pool(settings.upstream_connections, settings.upstream_connections)
        self.streams = pool(settings.upstream_streams, 0)

    async def ask(self, method: str, request: bytes, pool: Pool) -> tuple[Connection, Answer]:
        """The head of the service's answer, on a connection that is given back by who reads the rest.

        What is safe to ask twice is, once, on a connection of its own: a kept one may have been hung up a moment ago.
        Raises ServiceUnavailable, ServiceSlow, BrokenAnswer.
        """
        try:
            try:
                return await _asked(await pool.take(), method, request, pool)
            except HungUp:
                if method not in SAFE:
                    raise
                return await _asked(await pool.take(fresh=True), method, request, pool)
        except Unreachable as error:
            self._note(error)
            raise ServiceUnavailable(retry_after_seconds=RETRY_AFTER_SECONDS, service=self.service) from error
        except Silent as error:
            self._note(error)
            raise ServiceSlow(retry_after_seconds=RETRY_AFTER_SECONDS, service=self.service) from error
        except HungUp as error:
            self._note(error)
            raise BrokenAnswer(retry_after_seconds=RETRY_AFTER_SECONDS, service=self.service) from error

    def close(self) -> None:
        """Close the connections."""
        self.calls.close()
        self.streams.close()

    def _note(self, error: Exception) -> None:
        _log.warning("service.unanswered", service=self.service, why=type(error).__name__)


async def _asked(connection: Connection, method: str, request: bytes, pool: Pool) -> tuple[Connection, Answer]:
    try:
        return connection, await connection.ask(method, request)
    except BaseException:
        pool.give_back(connection)
        raise
