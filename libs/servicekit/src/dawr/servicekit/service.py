"""How a service is put together: its parts in one object, started and drained in the right order."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from functools import cache
from typing import Any

import orjson
from fastapi import APIRouter, FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute, iter_route_contexts
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from dawr.servicekit import problems, telemetry
from dawr.servicekit.auth import Verifier
from dawr.servicekit.callers import Statement, statement_of
from dawr.servicekit.clock import Clock, utc_now
from dawr.servicekit.consumers import Consumers
from dawr.servicekit.database import Database
from dawr.servicekit.errors import is_transient
from dawr.servicekit.limits import Limits, Upload
from dawr.servicekit.openapi import completed, with_statements
from dawr.servicekit.producer import Producer
from dawr.servicekit.relay import Relay, tell_depth
from dawr.servicekit.settings import ServiceSettings

_log = telemetry.get_logger("dawr.service")

WATCH_SECONDS = 5.0
"""How often it is looked whether a consumer's own work has ended by an error of the client."""

Background = Callable[[], Awaitable[None]]
"""Work that goes on until it is cancelled; it is started again with back-off when it raises."""


class Role(StrEnum):
    """What a process of a service does."""

    RUN = "run"
    """Everything, in one process."""
    SERVE = "serve"
    """Answers HTTP."""
    CONSUME = "consume"
    """Takes from topics, sends the outbox, runs what has its own clock."""

    @property
    def serves(self) -> bool:
        """Whether the service's own HTTP resources are answered here."""
        return self is not Role.CONSUME

    @property
    def consumes(self) -> bool:
        """Whether topics are read, the outbox is sent and clocks run here."""
        return self is not Role.SERVE


@dataclass
class Service:
    """The parts of one service. `create_service` in its `app.py` makes it; nothing connects before it runs."""

    name: str
    title: str
    version: str
    settings: ServiceSettings
    clock: Clock = utc_now
    has_database: bool = True
    consumers: Consumers | None = None
    routers: Sequence[APIRouter] = ()
    prefix: str | None = None
    """Where the routers' paths begin; `/api/<name>` unless given."""
    routes: Sequence[BaseRoute] = ()
    """Plain Starlette routes, for paths where FastAPI's own work would cost too much."""
    background: dict[str, Background] = field(default_factory=dict)
    """Work with a clock of its own, where topics are consumed (a sweeper)."""
    serving: dict[str, Background] = field(default_factory=dict)
    """Work that answering HTTP needs (a cache that is kept fresh)."""
    closers: list[Callable[[], Awaitable[None]]] = field(default_factory=list)
    """Called last, to close clients."""
    ready: dict[str, Callable[[], Awaitable[bool]]] = field(default_factory=dict)
    """Further conditions of readiness, by name."""
    ready_to_serve: dict[str, Callable[[], Awaitable[bool]]] = field(default_factory=dict)
    """Those that hold only for processes that answer HTTP: what their `serving` work makes ready."""
    takes_form: Callable[[str], bool] | None = None
    """Whether a path takes an HTML form."""
    uploads: Mapping[str, Upload] = field(default_factory=dict)
    """Paths that take files, and how large."""
    is_operator: Callable[[Scope], bool] | None = None
    """Whose requests for `/readyz` and `/metrics` are answered; everybody's unless given. For a service in the open."""
    openapi: Callable[[dict[str, Any]], dict[str, Any]] | None = None
    """Completes the OpenAPI document with what FastAPI does not know of."""

    def __post_init__(self) -> None:
        platform = self.settings.platform
        self.verifier = Verifier(platform.jwks)
        self.database = Database(self.settings, source=self.name, clock=self.clock)
        self.producer = Producer(platform, client_id=f"dawr-{self.name}")
        self.relay = Relay(
            self.database,
            self.producer,
            keep=timedelta(days=self.settings.outbox_keep_days),
            keep_inbox=timedelta(days=self.settings.inbox_keep_days),
        )
        self._consuming: asyncio.Task[None] | None = None
        self._joined = asyncio.Event()
        self._role = Role.RUN

    def app(self, role: Role = Role.RUN) -> ASGIApp:
        """The ASGI application of a process with this role; its lifespan starts and drains the service."""
        app = self.fastapi(role)
        if not (role.serves and self.routes):
            return app
        return _Straight(app, self.routes, self._limited)

    def fastapi(self, role: Role = Role.RUN) -> FastAPI:
        """The FastAPI application within; it has every route, and the OpenAPI document.

        Raises ValueError for a route of a router that does not say who may call it.
        """
        self._role = role

        @asynccontextmanager
        async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
            async with self.running(role):
                yield

        app = FastAPI(
            title=self.title,
            version=self.version,
            lifespan=lifespan,
            docs_url=None,
            redoc_url=None,
            openapi_url=None,
            redirect_slashes=False,  # such a redirect goes where the caller's Host header says
            exception_handlers={
                RequestValidationError: problems.on_error,
                HTTPException: problems.on_error,
            },
        )
        app.state.default_language = self.settings.platform.default_language
        app.state.verifier = self.verifier
        statements: dict[tuple[str, str], Statement] = {}
        self._complete_document(app, statements)
        self._add_operations(app)
        if role.serves:
            app.router.routes[:0] = self.routes
            for router in self.routers:
                app.include_router(router, prefix=f"/api/{self.name}" if self.prefix is None else self.prefix)
        for route in iter_route_contexts(app.routes):
            if isinstance(route.original_route, APIRoute):
                said = statement_of(route)
                statements |= {(route.path_format or "", method.lower()): said for method in route.methods or ()}
        app.add_middleware(self._limited)
        return app

    def _limited(self, app: ASGIApp) -> Limits:
        return Limits(
            app,
            body_bytes=self.settings.http_body_bytes,
            default_language=self.settings.platform.default_language,
            takes_form=self.takes_form,
            uploads=self.uploads,
        )

    def _complete_document(self, app: FastAPI, statements: dict[tuple[str, str], Statement]) -> None:
        """Whoever asks the application for its OpenAPI document gets the whole of it."""
        of_fastapi = app.openapi

        @cache
        def openapi() -> dict[str, Any]:
            document = of_fastapi()
            if self.openapi is not None:
                document = self.openapi(document)
            document = with_statements(completed(document), statements)
            return {**document, "x-problems": problems.catalogue()}

        app.openapi = openapi  # type: ignore[method-assign]

    def _add_operations(self, app: FastAPI) -> None:
        async def openapi(_request: Request) -> Response:
            return Response(orjson.dumps(app.openapi()), media_type="application/json")

        async def healthz(_request: Request) -> Response:
            limit = self.settings.stuck_seconds
            stuck = self.consumers is not None and (
                self.consumers.stuck_seconds() > limit or self.consumers.silent_seconds() > limit
            )
            return JSONResponse({"status": "stuck" if stuck else "alive"}, 503 if stuck else 200)

        def for_operators(request: Request) -> None:
            if self.is_operator is not None and not self.is_operator(request.scope):
                raise HTTPException(404)

        async def readyz(request: Request) -> Response:
            for_operators(request)
            checks = await self.checks()
            return JSONResponse(
                {"ready": all(checks.values()), "role": self._role.value, "checks": checks},
                200 if all(checks.values()) else 503,
            )

        async def metrics(request: Request) -> Response:
            for_operators(request)
            if self.consumers is not None:
                self.consumers.lag()
            if self.has_database and not self._role.consumes:
                # Where the relay runs it has told already; here nobody else would.
                with suppress(Exception):
                    async with self.database.reading() as connection:
                        await tell_depth(connection)
            return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)

        for path, endpoint in (
            ("/healthz", healthz),
            ("/readyz", readyz),
            ("/metrics", metrics),
            ("/openapi.json", openapi),
            (f"/api/{self.name}/openapi.json", openapi),
        ):
            app.add_route(path, endpoint, include_in_schema=False)

    async def checks(self) -> dict[str, bool]:
        """What must hold for this process to do its work, by name."""
        checks: dict[str, bool] = {}
        if self.has_database:
            try:
                await asyncio.wait_for(self.database.ping(), 3)
                checks["database"] = True
            except Exception:
                checks["database"] = False
        checks["broker"] = self.producer.is_ready
        if self._role.consumes and self.consumers is not None:
            checks["consumers"] = self._joined.is_set()
        conditions = self.ready | (self.ready_to_serve if self._role.serves else {})
        for name, is_ready in conditions.items():
            checks[name] = await is_ready()
        return checks

    @asynccontextmanager
    async def running(self, role: Role = Role.RUN) -> AsyncIterator["Service"]:
        """Run the service's parts for a role; at the end drain them: consumers, then clocks, then the outbox."""
        self._role = role
        self.producer.start()
        tasks = [asyncio.create_task(_keep(name, work), name=name) for name, work in self._work(role).items()]
        relaying = asyncio.create_task(self.relay.run(), name="relay") if role.consumes and self.has_database else None
        if role.consumes and self.consumers is not None:
            self._consuming = asyncio.create_task(self._join(), name="consumers")
        try:
            yield self
        finally:
            await self._drain(tasks, relaying)

    def _work(self, role: Role) -> dict[str, Background]:
        work: dict[str, Background] = {}
        if role.consumes:
            work |= self.background
        if role.serves:
            work |= self.serving
        return work

    async def _join(self) -> None:
        assert self.consumers is not None  # noqa: S101
        pause = 0.2
        while True:
            try:
                await self.consumers.start()
            except Exception as error:
                _log.warning("consumers.wait", why=type(error).__name__)
                await asyncio.sleep(pause)
                pause = min(pause * 2, 3.0)
            else:
                self._joined.set()
                pause = 0.2
                while not self.consumers.has_died():  # noqa: ASYNC110 - aiokafka gives no event for it
                    await asyncio.sleep(WATCH_SECONDS)
                _log.error("consumers.anew")
                self._joined.clear()
                with suppress(TimeoutError):
                    await asyncio.wait_for(self.consumers.stop(), self.settings.drain_seconds)

    async def _drain(self, tasks: Sequence[asyncio.Task[None]], relaying: asyncio.Task[None] | None) -> None:
        seconds = self.settings.drain_seconds
        if self._consuming is not None:
            self._consuming.cancel()
            with suppress(asyncio.CancelledError):
                await self._consuming
        if self.consumers is not None and self._consuming is not None:
            with suppress(TimeoutError):
                await asyncio.wait_for(self.consumers.stop(), seconds)
            self._joined.clear()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if relaying is not None:
            self.relay.stop()
            with suppress(TimeoutError, asyncio.CancelledError):
                await asyncio.wait_for(relaying, seconds)
        for close in self.closers:
            await close()
        await self.producer.stop()
        await self.database.close()


async def _keep(name: str, work: Background) -> None:
    """Run work for as long as the process lives; when it raises, begin again after a pause that grows."""
    pause = 0.2
    loop = asyncio.get_running_loop()
    while True:
        start = loop.time()
        try:
            await work()
        except Exception as error:
            telemetry.BACKGROUND_FAILURES.labels(name, type(error).__name__).inc()
            if is_transient(error):
                _log.warning("background.again", work=name, why=type(error).__name__)
            else:
                _log.exception("background.failed", work=name)
        pause = 0.2 if loop.time() - start > 10 else min(pause * 2, 5.0)
        await asyncio.sleep(pause)


class _Straight:
    """Leads requests for the plain routes straight to their endpoints: FastAPI's layers are for the others."""

    def __init__(self, app: FastAPI, routes: Sequence[BaseRoute], limited: Callable[[ASGIApp], ASGIApp]) -> None:
        self._app = app
        self._routes = {
            (method, route.path): route
            for route in routes
            if isinstance(route, Route) and "{" not in route.path
            for method in route.methods or ()
        }
        self._answer_limited = limited(self._answer)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        route = self._routes.get((scope["method"], scope["path"])) if scope["type"] == "http" else None
        if route is None:
            await self._app(scope, receive, send)
            return
        scope["app"], scope["route"] = self._app, route
        await self._answer_limited(scope, receive, send)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        response = await scope["route"].endpoint(Request(scope, receive))
        await response(scope, receive, send)
