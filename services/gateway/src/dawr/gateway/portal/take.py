"""Taking a turn: whom it is for, what was chosen, once more before it is sent, and why it was refused."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from starlette.responses import Response

from dawr.gateway.domain.people import age
from dawr.gateway.portal import catalogue
from dawr.gateway.portal.alternatives import today_at
from dawr.gateway.portal.catalogue import Shown
from dawr.gateway.portal.forms import KEY_FIELD
from dawr.gateway.portal.months import first_of
from dawr.gateway.portal.pages import CITIZEN, Page
from dawr.gateway.portal.take_refused import refused
from dawr.gateway.portal.texts import said
from dawr.gateway.portal.upstream import Refused
from dawr.gateway.portal.visits import Visit
from dawr.gateway.portal.ways import MANDATE, ONESELF, Way
from dawr.gateway.service.people import People, Profile
from dawr.servicekit.clock import Clock
from dawr.servicekit.database import Database

WAIT_SECONDS = 1
"""For how long an answer is waited for before the line is shown: most come at once."""
_ACTIVE = "ACTIVE"


@dataclass(frozen=True, slots=True)
class Somebody:
    """One for whom a turn can be taken."""

    value: str
    """As a way has it."""
    name: str
    born: date | None = None


@dataclass(frozen=True, slots=True)
class Choice:
    """What is asked for, as its services show it."""

    way: Way
    service: Shown
    office: Shown
    tier: Shown
    day: Shown | None
    """None: nothing is told of that day."""

    @property
    def is_mission(self) -> bool:
        """Whether it goes through a mission, as a case."""
        return bool(self.office["kind"] == catalogue.MISSION)

    @property
    def fee(self) -> Shown | None:
        """What it costs on that day; none if it is not set."""
        return catalogue.fee_of(self.service, self.way.tier, catalogue.channel_of(self.office), self.way.date)

    @property
    def month(self) -> date:
        """The month of that day."""
        return first_of(date.fromisoformat(self.way.date))

    @property
    def window(self) -> Shown | None:
        """The hour that was chosen; none for any."""
        windows = self.day["windows"] if self.day else ()
        return next((each for each in windows if each["start"] == self.way.window), None)


@dataclass(frozen=True, slots=True)
class Take:
    """The views of this room."""

    database: Database
    people: People
    clock: Clock

    async def check(self, visit: Visit) -> Response:
        """What was chosen, to be checked; before that, for whom it is, if there is a choice."""
        chosen = await self._chosen(visit)
        if isinstance(chosen, Response):
            return chosen
        if chosen.day is None or not chosen.day["left"]:
            return visit.redirect(chosen.way.sold_out)
        everybody = await self._everybody(visit, chosen)
        person = next((each for each in everybody if each.value == chosen.way.person), None)
        if person is None and (len(everybody) > 1 or visit.param("ask")):
            is_sent = bool(chosen.way.person) or visit.param("asked") == "1"
            errors = {"person": visit.t("Choose who the turn is for")} if is_sent else {}
            fits = {each.value: self._fits(chosen, each) for each in everybody}
            everybody = sorted(everybody, key=lambda each: not fits[each.value])
            return visit.page("take/person.html", chosen=chosen, everybody=everybody, fits=fits, errors=errors)
        return await self._check_answers(visit, chosen, person or everybody[0], may_change=len(everybody) > 1)

    async def _check_answers(self, visit: Visit, chosen: Choice, person: Somebody, *, may_change: bool) -> Response:
        return visit.page(
            "take/check.html",
            chosen=chosen,
            way=chosen.way.with_(person=person.value),
            person=person,
            may_change=may_change,
            rates=await _rates(visit, chosen),
        )

    async def take(self, visit: Visit) -> Response:
        """Ask for the turn. The same form sent twice is one request, by its key."""
        chosen = await self._chosen(visit)
        if isinstance(chosen, Response):
            return chosen
        key = visit.form().get(KEY_FIELD) or visit.new_key()
        try:
            if chosen.is_mission:
                return await _open_case(visit, chosen, key)
            return await _take_turn(visit, chosen, key)
        except Refused as refusal:
            page = await refused(visit, chosen.way, chosen.office, refusal, self.clock())
            if page is None:
                raise
            return page

    async def _chosen(self, visit: Visit) -> Choice | Response:
        """What was chosen; the way on where something is missing."""
        way = Way.of(visit)
        if not way.service:
            return visit.redirect("/services")
        service = await catalogue.service(visit, way.service)
        tier = next((each for each in service["tiers"] if each["code"] == way.tier), None)
        if tier is None:
            return visit.redirect(way.start)
        if not way.office:
            return visit.redirect(way.offices)
        if not way.date:
            return visit.redirect(way.calendar())
        on = date.fromisoformat(way.date)
        office, days = await asyncio.gather(
            catalogue.office(visit, way.office),
            catalogue.days(visit, way.service, way.tier, office=way.office, first=on, last=on),
        )
        return Choice(way, service, office, tier, days[0] if days else None)

    async def _everybody(self, visit: Visit, chosen: Choice) -> list[Somebody]:
        """For whom the visitor may ask: themselves; their minor children at home, those who gave them a mandate at a
        mission."""
        profile = await self._profile(visit)
        oneself = Somebody(ONESELF, visit.t("Myself"), profile.born if profile else None)
        if chosen.is_mission:
            return [oneself, *await _by_mandate(visit, profile)]
        acts_for = visit.signed_in.acts_for if visit.signed_in else frozenset()
        children = [each for each in (profile.relatives if profile else ()) if each.person_id in acts_for]
        named = [
            Somebody(str(each.person_id), _name(visit, each.given, each.family), each.born)
            for each in sorted(children, key=lambda each: each.born)
        ]
        return [oneself, *named]

    async def _profile(self, visit: Visit) -> Profile | None:
        if visit.person_id is None:
            return None
        async with self.database.reading() as connection:
            return await self.people.load_profile(connection, visit.person_id)

    def _fits(self, chosen: Choice, somebody: Somebody) -> bool:
        """Whether the service is for people of their age, as far as is known."""
        rules = chosen.service["eligibility"]
        if somebody.born is None:
            return True
        years = age(somebody.born, today_at(chosen.office, self.clock()))
        return (rules["min_age"] or 0) <= years <= (rules["max_age"] if rules["max_age"] is not None else years)


def pages(database: Database, people: People, clock: Clock) -> tuple[Page, ...]:
    """The pages of this room."""
    take = Take(database, people, clock)
    return (
        Page("/take", take.check, who=CITIZEN),
        Page("/take", take.take, who=CITIZEN, methods=("POST",)),
    )


async def _take_turn(visit: Visit, chosen: Choice, key: str) -> Response:
    way = chosen.way
    body = {"service": way.service, "tier": way.tier, "office": way.office, "date": way.date}
    if way.window:
        body["window"] = way.window
    if way.person and way.person != ONESELF:
        body["person_id"] = way.person
    reply = await visit.post("/api/booking/turns", body, key=key, wait=WAIT_SECONDS)
    return visit.redirect(str(reply.data["links"]["self"]).removeprefix("/api/booking"))


async def _open_case(visit: Visit, chosen: Choice, key: str) -> Response:
    way = chosen.way
    body = {
        "service": way.service,
        "tier": way.tier,
        "mission": way.office,
        "date": way.date,
        "window": way.window or None,
        "mandate": way.person.removeprefix(MANDATE) if way.person.startswith(MANDATE) else None,
        "pay_currency": visit.form().get("pay_currency") or None,
    }
    reply = await visit.post("/api/consular/cases", body, key=key, wait=WAIT_SECONDS)
    return visit.redirect(f"/cases/{UUID(reply.data['id'])}")


async def _by_mandate(visit: Visit, profile: Profile | None) -> list[Somebody]:
    """Those who let the visitor act for them, by the names that the visitor's own profile has for them."""
    items = (await visit.get("/api/consular/mandates", {"limit": 50})).data["items"]
    active = [each for each in items if each["state"] == _ACTIVE and each["agent_id"] == str(visit.person_id)]
    known = {str(each.person_id): each for each in (profile.relatives if profile else ())}
    found = []
    for each in active:
        relative = known.get(each["person_id"])
        name = (
            _name(visit, relative.given, relative.family) if relative else visit.t("Somebody who let you act for them")
        )
        found.append(Somebody(MANDATE + each["id"], name, relative.born if relative else None))
    return found


async def _rates(visit: Visit, chosen: Choice) -> Sequence[Shown]:
    """In which other currencies a mission's fee can be paid: the newest rate of each."""
    fee = chosen.fee
    if not chosen.is_mission or fee is None or not fee["minor"]:
        return ()
    newest: dict[str, Shown] = {}
    for each in (await visit.get("/api/consular/fx-rates", {"limit": 100})).data["items"]:
        if each["base"] == fee["currency"] and each["quote"] != each["base"]:
            newest.setdefault(each["quote"], each)
    return sorted(newest.values(), key=lambda each: (each["quote"] != chosen.office["currency"], each["quote"]))


def _name(visit: Visit, *parts: object) -> str:
    return " ".join(said(each, visit.lang) for each in parts)  # type: ignore[arg-type]
