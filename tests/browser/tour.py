"""All pages of the portal, and how somebody comes to each: what a tour of them needs is prepared over the API."""

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from aiokafka import AIOKafkaProducer
from starlette.routing import Route
from tests.browser import errands
from tests.browser.people import Registry
from tests.browser.visitor import Visitor
from tests.town import Town, asked, someone

from dawr.gateway.app import create_service
from dawr.gateway.settings import GatewaySettings
from dawr.servicekit.settings import PlatformSettings
from dawr.tools.demo.cast import Wish
from dawr.tools.demo.scene import give_seats
from dawr.tools.registry.people import Person

NO_PAGES = {
    "/static/{name}", "/worker.js", "/manifest.webmanifest", "/robots.txt", "/favicon.ico",  # what pages load
    "/turns/{id:uuid}/updates", "/turns/{id:uuid}/pass.svg", "/turns/{id:uuid}/calendar.ics", "/operations/live",
    "/turns/{id:uuid}/pay",  # leads on to the turn
    "/sign-in/oidc", "/sign-in/oidc/callback",  # leads on to an identity provider, where there is one
    "/{path:path}",
}  # fmt: skip
"""Addresses that show no page of their own."""
CITIZEN, STAFF = "citizen", "staff"
Deed = Callable[[Visitor], Awaitable[None]]


@dataclass(frozen=True)
class Stop:
    """A page as somebody sees it."""

    page: str
    """The page's row in the portal's table; empty for what is shown in the place of pages."""
    name: str
    """What its picture is called."""
    address: str
    who: str = ""
    """Who looks at it: nobody who is signed in, a citizen or an administrator."""
    follow: str = ""
    """A link on the page of the address that leads on to this one."""
    deed: Deed | None = None
    """What is done first."""


def pages() -> set[str]:
    """The portal's table of pages, as the gateway is put together."""
    development = PlatformSettings(environment="development")
    service = create_service(GatewaySettings(platform=development, database_url="postgresql://127.0.0.1:1/none"))
    listed = {each.path for each in service.routes if isinstance(each, Route) and "GET" in (each.methods or ())}
    return {path for path in listed if path not in NO_PAGES and not re.match(r"/api/(?!docs)|/\.well-known/", path)}


@dataclass(frozen=True)
class Mine:
    """What a citizen has."""

    person: Person
    held: str
    confirmed: str
    given_back: str
    refused: str
    expired: str
    case: str
    """At a mission, and refused."""
    moving: str
    """A wish to move the confirmed turn to a day that is full."""
    full: Wish


async def prepare(town: Town, registry: Registry) -> Mine:
    """Give somebody with a child turns in every state, a case and a mandate; and the operators a dead letter."""
    person = registry.parent()
    me = errands.id_of(town, person)
    full = await pool(town, "HMS-01", "PASS_REN", 21, seats=1)
    first = await town.theatre.call("POST", "/api/booking/turns", someone(), body=asked(full), wait=10)
    assert first.status_code == 201, first.text
    given_back = await errands.confirmed_turn(town, person, await pool(town, "HMS-01", "PASS_LOST", 21))
    await town.theatre.call("POST", f"/api/booking/turns/{given_back['id']}/cancellation", me, wait=10)
    await town.theatre.until_refunded(given_back["id"], me)
    expired = await errands.held_turn(town, person, await pool(town, "HMS-01", "PASS_NEW", 21, hold_seconds=15))
    await town.theatre.until(expired["id"], me, "EXPIRED")
    refused = await town.theatre.call("POST", "/api/booking/turns", me, body=asked(full))
    await town.theatre.until(refused.json()["id"], me, "REFUSED")
    confirmed = await errands.confirmed_turn(town, person, await pool(town, "HMS-01", "PASS_REN", 20))
    moving = await town.theatre.call(
        "POST", f"/api/booking/turns/{confirmed['id']}/reschedule", me, body={"date": full.date}
    )
    held = await errands.held_turn(town, person, await pool(town, "DAM-06", "DL_REN", 9))
    mission = await pool(town, "BER-01", "CSL_PASS", 22, seats=0)
    opened = {"service": mission.service, "tier": mission.tier, "mission": mission.office, "date": mission.date}
    case = await town.theatre.call("POST", "/api/consular/cases", me, body=opened)
    wanted = {"person_id": str(someone()), "kinship": "sibling"}
    await town.theatre.call("POST", "/api/consular/mandates", me, body=wanted)
    await town.inbox(me, "turn-confirmed")
    await spoil(town)
    return Mine(
        person=person,
        held=held["id"],
        confirmed=confirmed["id"],
        given_back=given_back["id"],
        refused=refused.json()["id"],
        expired=expired["id"],
        case=case.json()["id"],
        moving=moving.json()["id"],
        full=full,
    )


async def pool(
    town: Town, office: str, service: str, days_ahead: int, *, seats: int = 2, tier: str = "N", hold_seconds: int = 1800
) -> Wish:
    """A pool of a day with so many free seats, each held for so long."""
    day = datetime.now(UTC).date() + timedelta(days=days_ahead)
    wish = Wish(service, tier, office, day.isoformat())
    in_use = (await town.reader.in_use([wish.pool])).get(wish.pool, 0)
    await give_seats(town.theatre, wish, seats, in_use=in_use, hold_seconds=hold_seconds)
    return wish


async def spoil(town: Town) -> None:
    """Put a record on a topic that no reader can apply: it becomes a dead letter."""
    producer = AIOKafkaProducer(bootstrap_servers=town.platform.bootstrap)
    await producer.start()
    try:
        await producer.send_and_wait(f"{town.platform.state.topic_prefix}dawr.payments.events", b"{}", key=b"spoilt")
    finally:
        await producer.stop()
