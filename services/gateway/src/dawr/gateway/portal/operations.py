"""For administrators: how the platform is, and what waits for a decision."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from starlette.responses import Response

from dawr.gateway.domain.dead_letters import REASON_CHARACTERS, Action, DecisionState
from dawr.gateway.errors import AlreadyProposed, DecisionOver, SameTwoEyes, StateNotReplayed
from dawr.gateway.portal.charts import HEIGHT, WIDTH, chart
from dawr.gateway.portal.forms import Form
from dawr.gateway.portal.pages import Page, uuid_of
from dawr.gateway.portal.visits import Visit
from dawr.gateway.service import dead_letters
from dawr.gateway.service.dead_letters import DeadLetters
from dawr.gateway.store import dead_letters as store
from dawr.gateway.watching import REMEMBERED, Watching
from dawr.servicekit.auth import Role
from dawr.servicekit.dead_letters import DeadLetter
from dawr.servicekit.errors import Refusal
from dawr.servicekit.problems import NotFound, say

ADMINISTRATOR = frozenset({Role.ADMINISTRATOR})
_SHOWN_DECISIONS = 50
_SHOWN_BYTES = 4000
_DECISIONS = {
    "approve": DecisionState.APPROVED,
    "reject": DecisionState.REJECTED,
    "withdraw": DecisionState.WITHDRAWN,
}
_AGAIN = "again"
"""What was approved and could not be done."""
_EXPLAINED = (AlreadyProposed, SameTwoEyes, DecisionOver, StateNotReplayed)


@dataclass(frozen=True, slots=True)
class Operations:
    """The pages of operators, and what they work with."""

    watching: Watching
    letters: DeadLetters

    def pages(self) -> tuple[Page, ...]:
        """The pages of this room."""
        return (
            Page("/operations", self.overview, ADMINISTRATOR),
            Page("/operations/live", self.live, ADMINISTRATOR),
            Page("/operations/dead-letters", self.dead_letters, ADMINISTRATOR),
            Page("/operations/dead-letters/{id}", self.dead_letter, ADMINISTRATOR),
            Page("/operations/dead-letters/{id}", self.propose, ADMINISTRATOR, ("POST",)),
            Page("/operations/decisions/{id}", self.decide, ADMINISTRATOR, ("POST",)),
        )

    async def overview(self, visit: Visit) -> Response:
        """Health, lag, outboxes, turns and rates, live."""
        return visit.page("operations/overview.html", **self._picture())

    async def live(self, visit: Visit) -> Response:
        """The part of the overview that changes."""
        return visit.page("operations/live.html", **self._picture())

    def _picture(self) -> dict[str, Any]:
        latest, curves = self.watching.latest, self.watching.curves
        return {
            "picture": latest,
            "outboxes": {each.service: each for each in latest.outboxes} if latest else {},
            "as_of": datetime.fromtimestamp(latest.at if latest else 0, UTC),
            "curves": [
                (name, chart(list(points), remembered=REMEMBERED))
                for name, points in (
                    ("requests", curves.requests),
                    ("messages", curves.messages),
                    ("waiting", curves.waiting),
                    ("unsent", curves.unsent),
                )
            ],
            "width": WIDTH,
            "height": HEIGHT,
        }

    async def dead_letters(self, visit: Visit) -> Response:
        """What was set aside, and what was proposed about it."""
        found = await self.letters.open()
        async with self.letters.database.reading() as connection:
            decisions = await store.newest(connection, _SHOWN_DECISIONS)
        proposed = {each.letter_id: each for each in decisions if each.state is DecisionState.PROPOSED}
        return visit.page("operations/dead_letters.html", letters=found, proposed=proposed, decisions=decisions)

    async def dead_letter(self, visit: Visit) -> Response:
        """One letter as it came, and what can be proposed."""
        return self._letter(visit, await self.letters.find(visit.param("id")), Form())

    def _letter(self, visit: Visit, letter: DeadLetter, form: Form, *, status: int = 200, why: str = "") -> Response:
        body = (letter.body or b"")[:_SHOWN_BYTES].decode(errors="backslashreplace")
        headers = [(name, (value or b"").decode(errors="backslashreplace")) for name, value in letter.headers]
        content = {"letter": letter, "body": body, "headers": headers, "form": form, "why": why}
        return visit.page("operations/dead_letter.html", status=status, **content)

    async def propose(self, visit: Visit) -> Response:
        """Propose what becomes of it."""
        letter, form = await self.letters.find(visit.param("id")), visit.form()
        shortest, longest = REASON_CHARACTERS
        form.check("action", form.get("action") in {each.value for each in Action}, visit.t("Choose what to do"))
        form.check(
            "reason",
            shortest <= len(form.get("reason")) <= longest,
            visit.t("Say why, in %(shortest)s to %(longest)s characters", shortest=shortest, longest=longest),
        )
        if not form.is_right or visit.person_id is None:
            return self._letter(visit, letter, form, status=422)
        try:
            async with self.letters.database.transaction() as tx:
                await dead_letters.propose(tx, letter, Action(form.get("action")), form.get("reason"), visit.person_id)
        except _EXPLAINED as error:
            return self._letter(visit, letter, form, status=error.status, why=_said(visit, error))
        return visit.redirect("/operations/dead-letters")

    async def decide(self, visit: Visit) -> Response:
        """Approve, reject or withdraw what was proposed; what was approved is done at once, or again if it failed."""
        said, id = visit.form().get("decision"), uuid_of(visit.param("id"))
        to = _DECISIONS.get(said)
        if visit.person_id is None or (to is None and said != _AGAIN):
            raise NotFound
        async with self.letters.database.transaction() as tx:
            if to is None:
                decision = await dead_letters.approved(tx, id)
            else:
                decision = await dead_letters.decide(tx, id, to, visit.person_id)
        if decision.state is DecisionState.APPROVED:
            await self.letters.carry_out(decision)
        return visit.redirect("/operations/dead-letters")


def _said(visit: Visit, error: Refusal) -> str:
    return say(error.title, visit.lang)
