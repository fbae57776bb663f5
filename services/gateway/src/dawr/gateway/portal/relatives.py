"""For whom one takes turns, and who does for oneself: minor children, and mandates between grown people."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from starlette.responses import Response

from dawr.gateway.door import Door
from dawr.gateway.portal.account import profile_of
from dawr.gateway.portal.doors import identity_number
from dawr.gateway.portal.forms import KEY_FIELD, Form
from dawr.gateway.portal.pages import CITIZEN, Page, uuid_of
from dawr.gateway.portal.upstream import Refused, segment
from dawr.gateway.portal.visits import Visit
from dawr.gateway.service.people import Profile

MANDATES = "/api/consular/mandates"
KINSHIPS = ("ascendant", "descendant", "spouse", "sibling", "legal-agent")
"""What one who acts is to the person for whom they act."""
GOING = frozenset({"DRAFT", "CONSENTED", "ACTIVE"})
_SHOWN = 100


WAITS = "DRAFT"
"""What consular calls a mandate whose person has not said yes."""


@dataclass(frozen=True, slots=True)
class Side:
    """A mandate, as one of its two sides sees it."""

    mandate: Mapping[str, Any]
    is_mine: bool
    """Whether the reader is the one who acts."""
    name: str | None
    """Of the other side, if they are of the reader's family; else the platform does not know it."""

    @property
    def id(self) -> str:
        """The mandate's."""
        return str(self.mandate["id"])

    @property
    def state(self) -> str:
        """Where it stands."""
        return str(self.mandate["state"])

    @property
    def waits_for_me(self) -> bool:
        """Whether the reader is asked to consent."""
        return self.state == WAITS and not self.is_mine

    @property
    def number(self) -> str:
        """What both sides can read to each other, to be sure that they speak of the same request: `3F7A-1C20`."""
        digits = self.id.replace("-", "")[-8:].upper()
        return f"{digits[:4]}-{digits[4:]}"


@dataclass(frozen=True, slots=True)
class Relatives:
    """The pages of relatives and mandates."""

    door: Door

    def pages(self) -> tuple[Page, ...]:
        """The pages of this room."""
        return (
            Page("/relatives", self.overview, CITIZEN),
            Page("/relatives/ask", self.question, CITIZEN),
            Page("/relatives/ask", self.ask, CITIZEN, ("POST",)),
            Page("/relatives/{id}", self.mandate, CITIZEN),
            Page("/relatives/{id}/consent", self.consent, CITIZEN, ("POST",)),
            Page("/relatives/{id}/revocation", self.revoke, CITIZEN, ("POST",)),
        )

    async def overview(self, visit: Visit) -> Response:
        """Children, mandates, and requests that wait for one's consent."""
        profile = await profile_of(self.door, visit)
        listed = (await visit.get(MANDATES, {"limit": _SHOWN})).data["items"]
        sides = [_side(visit, each, profile) for each in listed]
        going = [each for each in sides if each.state in GOING]
        minors = visit.signed_in.acts_for if visit.signed_in is not None else frozenset()
        return visit.page(
            "relatives/relatives.html",
            children=[each for each in profile.relatives if each.person_id in minors] if profile else [],
            asked=[each for each in going if each.waits_for_me],
            mine=[each for each in going if each.is_mine],
            given=[each for each in going if not each.is_mine and not each.waits_for_me],
            over=[each for each in sides if each.state not in GOING],
            was_asked=visit.param("asked") == "1",
            zone=visit.portal.platform.home_zone,
        )

    async def question(self, visit: Visit) -> Response:
        """Whom one wants to act for."""
        return self._question(visit, Form())

    def _question(self, visit: Visit, form: Form, *, status: int = 200) -> Response:
        return visit.page("relatives/ask.html", status=status, form=form, kinships=KINSHIPS)

    async def ask(self, visit: Visit) -> Response:
        """Ask them. Whether there is anybody with the number shows nowhere: a mandate waits for whoever has it."""
        form = visit.form()
        number = identity_number(visit, form)
        form.check("kinship", form.get("kinship") in KINSHIPS, visit.t("Choose what you are to them"))
        if not form.is_right:
            return self._question(visit, form, status=422)
        wanted = {"person_id": str(self.door.rules.identity.person_id(number)), "kinship": form.get("kinship")}
        try:
            await visit.post(MANDATES, wanted, key=form.get(KEY_FIELD) or None)
        except Refused as refused:
            if refused.code != "mandate-for-oneself":
                raise
            form.errors["number"] = refused.title
            return self._question(visit, form, status=422)
        return visit.redirect("/relatives?asked=1")

    async def mandate(self, visit: Visit) -> Response:
        """One mandate, and what can be done about it."""
        return await self._mandate(visit)

    async def _mandate(self, visit: Visit, *, status: int = 200, problem: str = "") -> Response:
        profile = await profile_of(self.door, visit)
        found = (await visit.get(_path(visit))).data
        side = _side(visit, found, profile)
        return visit.page(
            "relatives/mandate.html", status=status, side=side, problem=problem, zone=visit.portal.platform.home_zone
        )

    async def consent(self, visit: Visit) -> Response:
        """Let them act for oneself."""
        return await self._change(visit, "consent")

    async def revoke(self, visit: Visit) -> Response:
        """Refuse a request, or take a mandate back, from either side."""
        return await self._change(visit, "revocation")

    async def _change(self, visit: Visit, what: str) -> Response:
        try:
            await visit.post(f"{_path(visit)}/{what}", key=visit.form().get(KEY_FIELD) or None)
        except Refused as refused:
            if refused.status != 409:
                raise
            return await self._mandate(visit, status=409, problem=refused.title)
        return visit.redirect(f"/relatives/{visit.param('id')}")


def _path(visit: Visit) -> str:
    return f"{MANDATES}/{segment(uuid_of(visit.param('id')))}"


def _side(visit: Visit, mandate: Mapping[str, Any], profile: Profile | None) -> Side:
    is_mine = mandate["agent_id"] == str(visit.person_id)
    other = UUID(mandate["person_id"] if is_mine else mandate["agent_id"])
    known = profile.relatives if profile is not None else ()
    name = next((_name(visit, each.given, each.family) for each in known if each.person_id == other), None)
    return Side(mandate, is_mine, name)


def _name(visit: Visit, given: Any, family: Any) -> str:
    return f"{given.en} {family.en}" if visit.lang == "en" else f"{given.ar} {family.ar}"
