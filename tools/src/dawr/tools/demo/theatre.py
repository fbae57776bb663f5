"""Where the demo plays: the platform's public door, the bank's page, and how people speak to them."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

import httpx

from dawr.servicekit.auth import Role

Token = Callable[[UUID, frozenset[Role]], str]

POLL_SECONDS = 0.7
_AGAIN = {502, 503, 504}


class Trouble(Exception):
    """Something answered in a way that no part of the play expects."""


@dataclass
class Theatre:
    """The doors, with a client for each."""

    gateway: str
    bank: str
    token: Token
    on_step: Callable[[str], None] = lambda step: None
    patience_seconds: float = 90.0
    """How long people go on asking while something is away, and wait for what must come."""
    interruptions: int = 0
    """How often an answer did not come, or said that something is away."""
    http: httpx.AsyncClient = field(init=False)
    _tokens: dict[tuple[UUID, frozenset[Role]], str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        limits = httpx.Limits(max_connections=100, max_keepalive_connections=100)
        self.http = httpx.AsyncClient(timeout=30, limits=limits, trust_env=False)

    def as_(self, person: UUID, *roles: Role, language: str = "en") -> dict[str, str]:
        """The headers of a request by this person."""
        who = (person, frozenset(roles or {Role.CITIZEN}))
        if who not in self._tokens:
            self._tokens[who] = self.token(*who)
        return {"authorization": f"Bearer {self._tokens[who]}", "accept-language": language}

    async def call(
        self,
        method: str,
        path: str,
        person: UUID,
        *roles: Role,
        body: object = None,
        key: str | None = None,
        wait: int = 0,
    ) -> httpx.Response:
        """A request through the gateway. What is not answered, or by 502 to 504, is asked again under the same key."""
        headers = self.as_(person, *roles)
        if method == "POST":
            headers["idempotency-key"] = key or str(uuid4())
        if wait:
            headers["prefer"] = f"wait={wait}"
        end = time.monotonic() + self.patience_seconds
        while True:
            pause = 1.0
            try:
                answer = await self.http.request(method, self.gateway + path, json=body, headers=headers)
            except httpx.TransportError:
                if time.monotonic() > end:
                    raise
            else:
                if (answer.status_code not in _AGAIN and not _still_running(answer)) or time.monotonic() > end:
                    return answer
                pause = float(answer.headers.get("retry-after", pause))
            self.interruptions += 1
            await asyncio.sleep(pause)

    async def pay_at_bank(self, checkout_url: str, action: str) -> str:
        """Press a button on the bank's page: approve, decline. The status that the page tells."""
        answer = await self.http.post(checkout_url, data={"action": action}, headers={"accept": "application/json"})
        return str(answer.json().get("status", answer.status_code)) if answer.content else str(answer.status_code)

    async def until(self, turn_id: str, person: UUID, *states: str) -> dict[str, Any]:
        """Follow a turn until it is in one of the states; the turn."""
        return await self.follow(turn_id, person, lambda turn: turn["state"] in states, " or ".join(states))

    async def until_refunded(self, turn_id: str, person: UUID) -> dict[str, Any]:
        """Follow a turn until its money is back; the turn."""
        return await self.follow(
            turn_id, person, lambda turn: (turn["refund"] or {}).get("state") == "SUCCEEDED", "its refund"
        )

    async def follow(
        self, turn_id: str, person: UUID, is_there: Callable[[dict[str, Any]], bool], what: str
    ) -> dict[str, Any]:
        """Follow a turn until it is `what` it is to be, as `is_there` sees; raises Trouble when patience is over."""
        end = time.monotonic() + self.patience_seconds
        while True:
            answer = await self.call("GET", f"/api/booking/turns/{turn_id}", person)
            turn = answer.json()
            if answer.status_code == 200 and is_there(turn):
                return dict(turn)
            if time.monotonic() > end:
                raise Trouble(f"turn {turn_id} did not come to {what}: {turn.get('state') or turn.get('code')}")
            await asyncio.sleep(POLL_SECONDS)


def _still_running(answer: httpx.Response) -> bool:
    return answer.status_code == 409 and "still-running" in answer.text
