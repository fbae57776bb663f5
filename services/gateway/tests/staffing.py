"""A running gateway for the stories of staff: who is on the staff, and what they hold in their hands."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from http.cookiejar import CookieJar, DefaultCookiePolicy
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import pyotp

from dawr.gateway.app import create_service, rules_of, staff_rules_of
from dawr.gateway.domain.staff import StaffRole
from dawr.gateway.keys import Keys
from dawr.gateway.passwords import Passwords
from dawr.gateway.service import staff
from dawr.gateway.service.staff import Invited, StaffRules
from dawr.gateway.sessions import Sessions
from dawr.gateway.settings import GatewaySettings
from dawr.servicekit.service import Role, Service
from dawr.servicekit.testing import FakeClock, Stage

PASSWORD = "violin-harvest-candle-42"
SITE = "http://localhost:8080"


@dataclass
class Member:
    """Somebody on the staff, and what they sign in with."""

    house: "House"
    id: str
    login: str
    totp: pyotp.TOTP
    password: str = PASSWORD
    recovery_codes: list[str] = field(default_factory=list)
    token: str = ""

    def code(self, steps: int = 0) -> str:
        """What the authenticator shows, so many steps of half a minute away."""
        return self.totp.generate_otp(self.totp.timecode(self.house.clock.now) + steps)

    async def sign_in(self, **other: str) -> httpx.Response:
        """Sign in, after the code before has run out."""
        self.house.clock.turn(seconds=30)
        answer = await self.house.sign_in(
            **{"login": self.login, "password": self.password, "code": self.code(), **other}
        )
        if answer.status_code == 200:
            self.token = answer.json()["access_token"]
        return answer

    async def asks(self, method: str, path: str, body: object = None, **headers: str) -> httpx.Response:
        """A request in their name."""
        headers = {"authorization": f"Bearer {self.token}", **headers}
        return await self.house.client.request(method, f"/api/staff{path}", json=body, headers=headers)


@dataclass
class House:
    """A gateway and its staff."""

    service: Service
    client: httpx.AsyncClient
    clock: FakeClock
    url: str
    stage: Stage
    rules: StaffRules
    """What staff's accounts go by; the test's own copy."""
    made: int = 0

    async def invited(self, *roles: StaffRole, office: str | None = None, login: str = "") -> Invited:
        """An account from the command line, whose owner has not come yet."""
        self.made += 1
        async with self.service.database.transaction() as tx:
            return await staff.make_account(
                tx,
                self.rules,
                by=None,
                login=login or f"member-{self.made}",
                name="رنا حداد",
                roles=frozenset(roles or {StaffRole.ADMINISTRATOR}),
                office=office,
            )

    async def post(self, path: str, **body: object) -> httpx.Response:
        """A request of somebody who is not signed in."""
        return await self.client.post(f"/api/staff{path}", json=body)

    async def sign_in(self, login: str, password: str, code: str) -> httpx.Response:
        """Try to sign in."""
        return await self.post("/session", login=login, password=password, code=code)

    async def looked(self, token: str) -> dict[str, Any]:
        """What an invitation shows."""
        shown: dict[str, Any] = (await self.post("/invitations/look", token=token)).json()
        return shown

    async def member(self, *roles: StaffRole, office: str | None = None) -> Member:
        """A member of staff who has taken the invitation with a password."""
        return await self.accepted(await self.invited(*roles, office=office))

    async def accepted(self, invited: Invited) -> Member:
        """The owner of an account takes its invitation with a password."""
        token = token_of(invited.address)
        totp = pyotp.TOTP((await self.looked(token))["totp_secret"])
        member = Member(self, str(invited.account.id), invited.account.login, totp)
        answer = await self.post("/invitations/password", token=token, password=PASSWORD, code=member.code())
        assert answer.status_code == 200, answer.text
        member.token = answer.json()["access_token"]
        member.recovery_codes = answer.json()["recovery_codes"]
        return member

    async def rows(self, query: str) -> list[asyncpg.Record]:
        """What a table holds."""
        connection = await asyncpg.connect(self.url)
        try:
            return list(await connection.fetch(query))
        finally:
            await connection.close()


def token_of(address: str) -> str:
    """The token of an invitation's address."""
    return address.rpartition("/")[2]


@asynccontextmanager
async def house_on(stage: Stage, folder: Path, **settings: object) -> AsyncIterator[House]:
    """Run a gateway with a database of its own."""
    url = await stage.database("gateway")
    clock = FakeClock()
    made = GatewaySettings(
        database_url=url,
        platform=stage.platform,
        keys_path=folder / "keys",
        public_url=SITE,
        **settings,  # type: ignore[arg-type]
    )
    service = create_service(made, clock=clock)
    transport = httpx.ASGITransport(service.app(), client=("192.0.2.7", 1234))
    async with (
        service.running(Role.RUN),
        httpx.AsyncClient(
            transport=transport,
            base_url="http://test",
            headers={"accept-language": "en"},
            # Many people share this client: it must not carry one's session into another's request.
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
        ) as client,
    ):
        passwords = Passwords(1, 4)
        sessions = Sessions(made, service.database, Keys(made.keys_path))
        try:
            yield House(service, client, clock, url, stage, staff_rules_of(made, rules_of(made), sessions, passwords))
        finally:
            await passwords.close()
