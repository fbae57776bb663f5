"""What is said when a turn was refused: why, in a clear sentence, and each time a way on."""

from datetime import datetime

from starlette.responses import Response

from dawr.gateway.portal import catalogue
from dawr.gateway.portal.alternatives import alternatives
from dawr.gateway.portal.catalogue import Shown
from dawr.gateway.portal.upstream import Refused
from dawr.gateway.portal.visits import Visit
from dawr.gateway.portal.ways import Way

GONE = frozenset({"sold-out", "window-full", "window-unknown", "closed", "day-over", "not-open-yet", "too-far-ahead"})
"""Another day or office may do."""
EXPLAINED = GONE | {
    "one-live-turn",
    "catalogue-missing",
    "not-offered",
    "mission-only",
    "unknown-office",
    "unknown-service",
    "unknown-mission",
    "no-fee",
    "no-rate",
    "not-your-relative",
    "mandate-not-active",
    "mandate-in-use",
    "idempotency-key-reused",
    "too-many-requests",
    "intake-unavailable",
}
"""What this page has a sentence for."""
LIVE_STATES = frozenset({"HELD", "CONFIRMED"})
"""Of a turn, as booking shows it."""


async def refused(visit: Visit, way: Way, office: Shown, refusal: Refused, now: datetime) -> Response | None:
    """The page for a refusal; none if it has nothing better to say than any page has."""
    code = refusal.code
    if code not in EXPLAINED:
        return None
    others = await alternatives(visit, way, office, now) if code in GONE else ()
    response = visit.page(
        "take/refused.html",
        status=refusal.status,
        code=code,
        title=refusal.title,
        opens_at=refusal.problem.get("opens_at"),
        way=way,
        office=office,
        others=others,
        live=await _live_turn(visit, way) if code == "one-live-turn" else None,
        retry_after=refusal.retry_after_seconds,
    )
    if refusal.retry_after_seconds is not None:
        response.headers["retry-after"] = str(refusal.retry_after_seconds)
    return response


async def _live_turn(visit: Visit, way: Way) -> str | None:
    """Where the turn is that stands in the way: the live one of this family of services, if it is the visitor's own or
    one that they asked for."""
    family = (await catalogue.service(visit, way.service))["family"]
    of_family = {each["code"] for each in await catalogue.services(visit) if each["family"] == family}
    for each in (await visit.get("/api/booking/turns", {"limit": 50})).data["items"]:
        if each["state"] in LIVE_STATES and each["service"] in of_family:
            return f"/cases/{each['case_id']}" if each["case_id"] else f"/turns/{each['id']}"
    return None
