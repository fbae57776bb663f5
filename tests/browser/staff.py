"""How members of staff come in: an invitation from the command line, and what they sign in with."""

import asyncio
import secrets
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pyotp
from playwright.async_api import expect
from tests.browser.people import Places
from tests.browser.visitor import Visitor
from tests.town import SLOW, Town

from dawr.servicekit.testing import until
from dawr.tools.embedded.ports import free_port
from dawr.tools.platform.environment import Surroundings
from dawr.tools.platform.parts import PARTS, Member

PASSWORD = "seven quiet herons at the ford"


async def invited(town: Town, login: str, *more: str) -> str:
    """The path of a one-use invitation into a new account, an administrator's unless roles are named."""
    told = ("admin", "create", "--root", str(town.root), "--login", login, "--name", "رنا حداد", *more)
    dawr = Path(sys.executable).with_name("dawr")
    process = await asyncio.create_subprocess_exec(dawr, *told, stdout=asyncio.subprocess.PIPE)
    out, _ = await process.communicate()
    assert process.returncode == 0, out
    return urlsplit(out.decode().split()[-1]).path


def new_login() -> str:
    """A login that nobody has."""
    return f"r.haddad-{secrets.token_hex(3)}"


async def open_account(one: Visitor, invitation: str) -> pyotp.TOTP:
    """Accept an invitation with a password and an authenticator; the authenticator."""
    await one.open(invitation)
    await one.sees("Your invitation")
    app = pyotp.TOTP(await one.page.locator("li code").inner_text())
    await one.enter_text("Password", PASSWORD)
    await one.enter_text("Password once more", PASSWORD)
    await one.enter_text("Code of the app", app.now())
    await one.press("Open the account")
    await one.sees("Your recovery codes")
    return app


async def recovery_codes(one: Visitor) -> list[str]:
    """The codes that are shown, once."""
    await expect(one.page.locator("main ul.list code").first).to_be_visible()
    return await one.page.locator("main ul.list code").all_inner_texts()


@dataclass
class Account:
    """An account that is open, and the codes on paper that its owner has left: each is good once."""

    login: str
    codes: list[str]

    async def enter(self, one: Visitor) -> None:
        """Sign in."""
        await one.open("/staff/sign-in")
        await one.enter_text("Login", self.login)
        await one.enter_text("Password", PASSWORD)
        await one.enter_text("Code", self.codes.pop())
        await one.press("Sign in")
        await one.sees("Operations")


@dataclass(frozen=True)
class ByName:
    """The parts of a platform, whose gateway is reached by a name: browsers take passkeys for names alone."""

    places: Places
    gateway: str

    def url(self, part: str) -> str:
        return self.gateway if part == "gateway" else self.places.url(part)


@asynccontextmanager
async def gateway_by_name(town: Town) -> AsyncIterator[ByName]:
    """One gateway more, on `localhost`."""
    port = free_port()
    address = f"http://localhost:{port}"
    more = {"GATEWAY_HTTP_PORT": str(port), "GATEWAY_PUBLIC_URL": address}
    around = Surroundings(town.platform.folder, town.platform.keys, town.platform.state, more)
    part = next(each for each in PARTS if each.name == "gateway")
    # Its role matters for its name alone, whose port is told above.
    environment = around.environment(Member("gateway", part))
    program = town.platform.program("gateway-by-name", ["-m", part.module, "serve"], environment)
    await asyncio.to_thread(program.start)
    try:
        await until(lambda: _is_ready(town, port), timeout=3 * SLOW, every=0.3, what="a gateway by name")
        yield ByName(town.platform, address)
    finally:
        await asyncio.to_thread(program.kill)


async def _is_ready(town: Town, port: int) -> bool:
    try:
        return (await town.http.get(f"http://127.0.0.1:{port}/readyz")).status_code == 200
    except httpx.TransportError:
        return False
