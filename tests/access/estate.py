"""Things that belong to somebody: a turn, its payment and refund, a case, a mandate, a plan, a session …"""

import asyncio
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from tests.access.asking import MISSION, OFFICE, Asking
from tests.town import SLOW, Town, asked, code_in, someone

from dawr.servicekit.auth import Role
from dawr.servicekit.testing import until

BEYOND = 170
"""Days ahead, further than plans are published, on a day of these tests' own."""
STORM = {"ar": "عاصفة رملية", "en": "A sandstorm"}


@dataclass(frozen=True)
class Estate:
    """Who owns what; nobody else has a part in it."""

    asking: Asking
    owner: UUID
    """A citizen."""
    relative: UUID
    """For whom the owner may act, under the mandate that is active."""
    planner: UUID
    session: str
    """The access token of a session that began with a code; its person owns nothing else."""
    ids: dict[str, str]
    """By the beginning of the paths under which a thing is found."""

    def id_of(self, path: str) -> str:
        """The thing that a path with a parameter is about."""
        return next(id for beginning, id in self.ids.items() if path.startswith(beginning + "{"))

    def owners_token(self, path: str) -> str:
        """A token of the citizen whose thing it is."""
        if path.startswith("/api/session"):
            return self.session
        return self.asking.token(Role.CITIZEN, person=self.owner)


async def settle(asking: Asking) -> Estate:
    """Make an estate; what takes its time is made side by side."""
    town, owner, relative, planner = asking.town, someone(), someone(), someone()
    turn, case, mandate, plan, session, closure, day = await asyncio.gather(
        _turn_given_back(town, owner),
        _case(town, owner),
        _mandate(town, owner, relative),
        _plan(town, planner),
        _session(town),
        _closure(asking),
        _cancelled_day(asking),
    )
    refunds = (await town.theatre.call("GET", "/api/payments/refunds", owner)).json()["items"]
    [message, *_] = await town.inbox(owner, "turn-held")
    mine = await asking.ask("GET", "/api/sessions", session)
    ids = {
        "/api/booking/turns/": turn["id"],
        f"/api/booking/offices/{OFFICE}/days/": day,
        "/api/payments/payments/": turn["payment"]["id"],
        "/api/payments/refunds/": refunds[0]["id"],
        "/api/consular/cases/": case,
        "/api/consular/mandates/": mandate,
        "/api/catalog/plans/": plan,
        "/api/catalog/closures/": closure,
        "/api/notifications/inbox/": message["id"],
        "/api/sessions/": mine.json()["sessions"][0]["id"],
    }
    return Estate(asking, owner, relative, planner, session, ids)


async def _turn_given_back(town: Town, owner: UUID) -> dict[str, Any]:
    wish = await town.free_seats(OFFICE, "PASS_LOST", 2, days_ahead=27)
    answer = await town.theatre.call("POST", "/api/booking/turns", owner, body=asked(wish))
    turn = await town.theatre.until(answer.json()["id"], owner, "HELD")
    page = await town.checkout(turn["payment"]["id"], owner)
    assert await town.theatre.pay_at_bank(page, "approve") == "approved"
    await town.theatre.until(turn["id"], owner, "CONFIRMED")
    await town.theatre.call("POST", f"/api/booking/turns/{turn['id']}/cancellation", owner)
    return await town.theatre.until_refunded(turn["id"], owner)


async def _case(town: Town, owner: UUID) -> str:
    # Of another family than the turn: a person has one live turn of a family.
    wish = await town.free_seats(MISSION, "CSL_POA", 2, days_ahead=27, tier="F")
    body = {"service": wish.service, "tier": wish.tier, "mission": wish.office, "date": wish.date}
    id = (await town.theatre.call("POST", "/api/consular/cases", owner, body=body)).json()["id"]

    async def is_answered() -> bool:
        case = (await town.theatre.call("GET", f"/api/consular/cases/{id}", owner)).json()
        return bool(case["state"] != "OPENED")

    await until(is_answered, timeout=SLOW, every=0.1, what="an answer to a case")
    return str(id)


async def _mandate(town: Town, owner: UUID, relative: UUID) -> str:
    body = {"person_id": str(relative), "kinship": "sibling"}
    answer = await town.theatre.call("POST", "/api/consular/mandates", owner, body=body)
    return str(answer.json()["id"])


async def _plan(town: Town, planner: UUID) -> str:
    first = (datetime.now(UTC).date() + timedelta(days=BEYOND)).isoformat()
    week = {"weekdays": ["SUN", "MON"], "capacity": 12, "opens_days_before": 30}
    offer = {"office": "HMS-01", "service": "PASS_LOST", "tier": "N"}
    body = {**offer, "valid_from": first, "reason": "more clerks", "days": [week]}
    answer = await town.theatre.call("POST", "/api/catalog/plans", planner, Role.PLANNER, body=body)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


async def _session(town: Town) -> str:
    gateway, address = town.platform.url("gateway"), f"rima-{secrets.token_hex(4)}@example.org"
    ask = {"identity_number": f"{secrets.randbelow(10**11):011d}", "email": address}
    await town.http.post(f"{gateway}/api/session/codes", json=ask)
    code = code_in((await town.mails_to(address))[0])
    body = {"identity_number": ask["identity_number"], "code": code}
    return str((await town.http.post(f"{gateway}/api/session", json=body)).json()["access_token"])


async def _closure(asking: Asking) -> str:
    day = (datetime.now(UTC).date() + timedelta(days=BEYOND)).isoformat()
    body = {"scope": "office", "code": OFFICE, "first_day": day, "last_day": day, "reason": STORM}
    answer = await asking.ask("POST", "/api/catalog/closures", asking.token(Role.OFFICE_MANAGER), body=body)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


async def _cancelled_day(asking: Asking) -> str:
    wish = await asking.town.free_seats(OFFICE, "PASS_NEW", 1, days_ahead=BEYOND + 1)
    path = f"/api/booking/offices/{OFFICE}/days/{wish.date}/cancellation"
    body = {"service": wish.service, "reason": STORM, "instead": "refund"}
    manager = asking.token(Role.OFFICE_MANAGER)
    path = (await asking.ask("POST", path, manager, body=body)).json()["links"]["self"]

    async def is_there() -> bool:
        return (await asking.ask("GET", path, manager)).status_code == 200

    await until(is_there, timeout=SLOW, what="a cancelled day")
    return path.removeprefix(f"/api/booking/offices/{OFFICE}/days/")
