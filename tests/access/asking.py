"""How the access tests ask: as anybody, through the gateway, for what a row of the table names."""

import asyncio
import json
import secrets
from collections.abc import Awaitable, Iterable
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import httpx
from tests.http.documents import SERVICES, Operation, operations
from tests.town import SLOW, Town, someone

from dawr.gateway.access import Row, read_table
from dawr.servicekit.auth import Role, make_token
from dawr.tools.platform.folder import Folder
from dawr.tools.platform.keys import keys_of

TABLE = read_table()
OFFICE, MISSION = "DAM-01", "STO-01"
GARBAGE = {"nobody_asked_for": "this"}
BROKEN = "%21"
"""In the place of a parameter: no id, no code, no date."""
_AT_ONCE = 16
_OFFICES = {Role.DESK: OFFICE, Role.OFFICE_MANAGER: OFFICE, Role.MISSION: MISSION}
_PLACES = {"offices/{code}": OFFICE, "missions/{code}": MISSION}


@dataclass
class Asking:
    """The platform, with what its documents say of each row."""

    town: Town
    described: dict[str, Operation]
    """By name of the row; not for the documents themselves."""
    _slots: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(_AT_ONCE))

    def token(self, *roles: Role, person: UUID | None = None, office: str | None = None, **more: Any) -> str:
        """A token of somebody new, unless named; at the office that fits the role, or at none if it is empty."""
        keys = keys_of(Folder.of(self.town.root))
        offices = [_OFFICES[role] for role in roles if role in _OFFICES]
        place = (offices[0] if offices else None) if office is None else office or None
        return make_token(keys.signing, keys.kid, person or someone(), frozenset(roles), office=place, **more)

    async def ask(
        self, method: str, path: str, token: str | None, *, body: object = None, **headers: str
    ) -> httpx.Response:
        """A request through the gateway; the answer without waiting for the end of one that goes on."""
        made = {"accept-language": "en", "idempotency-key": secrets.token_hex(16), "if-match": '"1"', **headers}
        if token is not None:
            made["authorization"] = f"Bearer {token}"
        content = None
        if body is not None:
            content = body if isinstance(body, bytes) else json.dumps(body).encode()
            made.setdefault("content-type", "application/json")
        request = self.town.http.build_request(
            method, self.town.platform.url("gateway") + path, content=content, headers=made, timeout=SLOW
        )
        async with self._slots:
            answer = await self.town.http.send(request, stream=True)
            try:
                if "text/event-stream" not in answer.headers.get("content-type", ""):
                    await answer.aread()
            finally:
                await answer.aclose()
        return answer

    def path(self, row: Row, *, broken: bool = False) -> str:
        """The row's path, filled in with what is nobody's."""
        operation = self.described.get(row.name)
        return row.path if operation is None else _whole_path(operation, broken=broken)

    async def ask_for(self, row: Row, token: str | None, *, broken: bool = False) -> httpx.Response:
        """What a row names, of things that are nobody's, with a body that nobody reads if the caller may not ask."""
        operation = self.described.get(row.name)
        path, body, headers = self.path(row, broken=broken), None, {}
        if operation is not None:
            if operation.body() is not None:
                body = GARBAGE
            elif operation.files:
                body, headers = b"PK", {"content-type": operation.files[0]}
        return await self.ask(row.method, path, token, body=body, **headers)


async def describe(town: Town) -> Asking:
    """The documents of a platform that runs."""

    def read() -> dict[str, Operation]:
        with httpx.Client(timeout=SLOW, trust_env=False) as http:
            return {
                operation.name: operation
                for service in SERVICES
                for operation in operations(http, service, town.platform.url(service))
            }

    return Asking(town, await asyncio.to_thread(read))


async def all_of(asked: Iterable[Awaitable[str | None]]) -> None:
    """Ask everything at once, and fail with all that was wrong."""
    found = [each for each in await asyncio.gather(*asked) if each is not None]
    assert not found, "\n".join(found)


def _whole_path(operation: Operation, *, broken: bool) -> str:
    if broken:
        values = {each["name"]: BROKEN for each in operation.parameters("path")}
        return operation.address(values) + "?limit=none&cursor=%00"
    place = next((code for part, code in _PLACES.items() if part in operation.path), None)
    return operation.address({"code": place} if place else {})
