"""For tests of the pages of turns: services behind that answer as they are told, and a citizen who has signed in."""

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx
import orjson
from starlette.types import Receive, Scope, Send

from dawr.contracts import Text
from dawr.gateway.app import create_service
from dawr.gateway.domain.people import Kinship, Profile, Relative
from dawr.gateway.identity import Seal
from dawr.gateway.keys import open_keys
from dawr.gateway.service.people import People, Reached
from dawr.gateway.settings import GatewaySettings
from dawr.servicekit.auth import Role, make_token
from dawr.servicekit.service import Service
from dawr.servicekit.settings import PlatformSettings
from dawr.servicekit.testing import FakeClock, Stage

NOW = datetime(2026, 11, 20, 11, 0, tzinfo=UTC)
PERSON, CHILD, OTHER = (UUID(int=each) for each in (1, 2, 3))
TURN, PAYMENT, CASE = (UUID(int=each) for each in (11, 12, 13))
ADDRESS = "شارع الثورة، دمشق"
FEE = {"minor": 31270000, "currency": "SYP", "text": "SYP 312,700"}
SERVICE = {
    "code": "PASS_REN",
    "name": "Passport renewal",
    "tiers": [{"code": "N", "name": "Normal"}, {"code": "U", "name": "Urgent"}],
    "documents": [
        {"code": "OLD", "name": "The old passport", "tiers": [], "condition": None},
        {"code": "FAST", "name": "Proof of urgency", "tiers": ["U"], "condition": None},
        {"code": "PHOTO", "name": "Two photographs", "tiers": ["N"], "condition": "if older than 12"},
    ],
}
OFFICE = {
    "code": "DAM-01",
    "name": "Damascus, Baramkeh",
    "address": ADDRESS,
    "zone": "Asia/Damascus",
    "kind": "office",
    "place": {"latitude": 33.51, "longitude": 36.29},
}


def step(state: str, cause: str, minutes: int = 0, **more: str) -> dict[str, str]:
    return {"state": state, "at": (NOW + timedelta(minutes=minutes)).isoformat(), "cause": cause, **more}


def turn(state: str = "CONFIRMED", **changed: Any) -> dict[str, Any]:
    """A turn as booking shows it."""
    shown = {
        "id": str(TURN),
        "state": state,
        "person_id": str(PERSON),
        "asked_by": str(PERSON),
        "service": "PASS_REN",
        "service_name": "Passport renewal",
        "tier": "N",
        "office": "DAM-01",
        "office_name": "Damascus, Baramkeh",
        "address": ADDRESS,
        "latitude": 33.51,
        "longitude": 36.29,
        "wheelchair": True,
        "date": "2026-12-01",
        "window": "09:00",
        "window_end": "09:30",
        "zone": "Asia/Damascus",
        "fee": FEE,
        "held_until": (NOW + timedelta(minutes=15)).isoformat() if state == "HELD" else None,
        "line": {"partition": 3, "offset": 41, "ahead": 0},
        "case_id": None,
        "payment": {"id": str(PAYMENT), "amount": FEE, "paid": state == "CONFIRMED", "fx": None, "links": {}},
        "refund": None,
        "refusal": None,
        "history": [step("HELD", "booking.request-turn.v1"), step(state, "paid", 5)],
        "can": {
            "cancel": state in {"HELD", "CONFIRMED"},
            "reschedule": state in {"HELD", "CONFIRMED"},
            "until": "2026-11-30T21:00:00+00:00",
            "why_not": None,
            "why_not_reschedule": None,
            "moves_left": 3,
            "refund_if_cancelled": FEE if state == "CONFIRMED" else None,
        },
        "links": {},
    }
    return shown | changed


def requested(ahead: int) -> dict[str, Any]:
    """A turn that waits in the line."""
    line = {"partition": 3, "offset": 41, "ahead": ahead}
    return {"id": str(TURN), "state": "REQUESTED", "line": line, "links": {}}


def payment(state: str = "CREATED") -> dict[str, Any]:
    return {"id": str(PAYMENT), "state": state, "amount": FEE, "expiry_reason": None}


def refund(*states: str, expected: str | None = "Usually within 5 working days") -> dict[str, Any]:
    history = [
        {"state": each, "at": (NOW + timedelta(minutes=i)).isoformat(), "reason": None} for i, each in enumerate(states)
    ]
    return {"id": str(UUID(int=14)), "state": states[-1], "amount": FEE, "history": history, "expected": expected}


def refusal(status: int, code: str, title: str = "No", **more: Any) -> tuple[int, dict[str, Any]]:
    return status, {"type": f"/docs/problems#{code}", "code": code, "title": title, "status": status, **more}


Answer = dict[str, Any] | tuple[int, dict[str, Any]] | Callable[[dict[str, Any]], Any]


@dataclass
class Behind:
    """All services at one address: answers by method and path, and notes what it was asked."""

    answers: dict[str, Answer] = field(default_factory=dict)
    asked: list[dict[str, Any]] = field(default_factory=list)
    told: "asyncio.Queue[dict[str, Any] | None]" = field(default_factory=asyncio.Queue)
    """What a stream of updates sends; None ends it."""
    streams: int = 0

    def begin(self, shown: dict[str, Any], **more: Answer) -> None:
        """Forget all, and know this turn."""
        self.asked.clear()
        self.told = asyncio.Queue()
        self.answers = {
            f"GET /api/booking/turns/{TURN}": shown,
            "GET /api/booking/turns": {"items": [shown], "next": None},
            f"GET /api/payments/payments/{PAYMENT}": payment(),
            "GET /api/payments/refunds": {"items": [], "next": None},
            "GET /api/catalog/services/PASS_REN": SERVICE,
            "GET /api/catalog/offices/DAM-01": OFFICE,
            **more,
        }

    def posts(self) -> list[dict[str, Any]]:
        return [each for each in self.asked if each["method"] == "POST"]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        body = b""
        while (message := await receive())["type"] == "http.request":
            body += message["body"]
            if not message["more_body"]:
                break
        asked = {
            "method": scope["method"],
            "path": scope["path"],
            "query": scope["query_string"].decode(),
            "headers": {name.decode(): value.decode("latin-1") for name, value in scope["headers"]},
            "body": orjson.loads(body) if body else None,
        }
        self.asked.append(asked)
        if scope["path"].endswith("/updates"):
            await self._stream(send)
            return
        answer: Any = self.answers.get(f"{scope['method']} {scope['path']}", refusal(404, "not-found"))
        if callable(answer):
            answer = answer(asked)
        status, content = answer if isinstance(answer, tuple) else (200, answer)
        await send(
            {"type": "http.response.start", "status": status, "headers": [(b"content-type", b"application/json")]}
        )
        await send({"type": "http.response.body", "body": orjson.dumps(content)})

    async def _stream(self, send: Send) -> None:
        self.streams += 1
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/event-stream")]})
        while (told := await self.told.get()) is not None:
            data = b": ping" if told == {} else b"event: turn\ndata: " + orjson.dumps(told)
            await send({"type": "http.response.body", "body": data + b"\n\n", "more_body": True})
        await send({"type": "http.response.body", "body": b""})


@dataclass
class Portal:
    """A gateway with those behind it, and a citizen's browser."""

    behind: Behind
    service: Service
    client: httpx.AsyncClient
    clock: FakeClock
    folder: Path

    async def page(self, path: str, *, lang: str = "en", status: int = 200, **headers: str) -> str:
        response = await self.client.get(path, headers={"accept-language": lang, **headers})
        assert response.status_code == status, response.text[:2000]
        return response.text

    async def send(self, path: str, page: str, **fields: str) -> httpx.Response:
        """Send the form of a page, with its token and key."""
        hidden = dict(re.findall(r'<input type="hidden" name="([\w-]+)" value="([^"]*)">', page))
        return await self.client.post(path, data={**hidden, **fields}, headers={"accept-language": "en"})


def citizen(folder: Path, now: datetime) -> str:
    """The access token of a citizen's session."""
    key = open_keys(folder).keys[0]
    roles = frozenset({Role.CITIZEN})
    return make_token(key.private, key.kid, PERSON, roles, session_id=uuid4(), how="code", now=now)


@asynccontextmanager
async def portal_on(
    stage: Stage, folder: Path, listening: Callable[[Any], AbstractAsyncContextManager[int]]
) -> AsyncIterator[Portal]:
    """A gateway in this process, on a database of its own in which the citizen and their child are known."""
    behind, clock = Behind(), FakeClock(NOW)
    async with listening(behind) as port:
        url = f"http://127.0.0.1:{port}"
        settings = GatewaySettings(
            database_url=await stage.database("gateway"),
            keys_path=folder,
            platform=PlatformSettings(environment="development"),
            booking_url=url,
            catalog_url=url,
            payments_url=url,
            consular_url=url,
            notifications_url=url,
        )
        service = create_service(settings, clock=clock)
        await _know(service, settings)
        cookies = {"dawr-access": citizen(folder, clock.now)}
        transport = httpx.ASGITransport(service.app())
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8080", cookies=cookies) as client:
            yield Portal(behind, service, client, clock, folder)
        for close in service.closers:
            await close()
        await service.database.close()


async def _know(service: Service, settings: GatewaySettings) -> None:
    child = Relative(
        person_id=CHILD,
        kinship=Kinship.CHILD,
        given=Text(ar="سلمى", en="Salma"),
        family=Text(ar="الحداد", en="Haddad"),
        born=date(2018, 3, 1),
    )
    profile = Profile(
        given=Text(ar="ليلى", en="Layla"),
        family=Text(ar="الحداد", en="Haddad"),
        born=date(1990, 1, 1),
        relatives=(child,),
    )
    people = People(settings.profile_keys, settings.minor_years)
    async with service.database.transaction() as tx:
        await people.register(tx, Seal(settings.sealing_key), PERSON, profile, Reached(email="layla@people.example"))


def plain(page: str) -> str:
    """What a page says, without its marks."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page))
