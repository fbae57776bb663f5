"""For tests of the pages on which a turn is found and taken: a small catalogue and its free days, as services tell."""

from datetime import date, timedelta
from typing import Any
from urllib.parse import parse_qs

from services.gateway.tests.turning import FEE, refusal

TODAY = date(2026, 11, 20)
USD = {"minor": 30000, "currency": "USD", "text": "$300.00"}


def named(code: str, name: str) -> dict[str, Any]:
    return {"code": code, "name": name, "names": {"ar": name, "en": name}}


NORMAL, URGENT = named("N", "Normal"), named("U", "Urgent")
IMM, MFA = named("IMM", "Immigration and Passports"), named("MFA", "Foreign Affairs")


def service(code: str, name: str, **changed: Any) -> dict[str, Any]:
    """A service as the catalogue shows it in full; its lists show less of it, which pages don't mind."""
    shown = {
        **named(code, name),
        "agency": IMM,
        "family": "PASSPORT",
        "visit": "required",
        "audiences": ["citizen"],
        "channels": ["online", "assisted"],
        "tiers": [NORMAL, URGENT],
        "description": f"What {name} is for.",
        "duration_minutes": 10,
        "validity_months": 72,
        "eligibility": {"min_age": 18, "max_age": None, "one_per_family": True, "needs_service": None},
        "retired": False,
        "fees": [fee("N", "online", FEE), fee("U", "online", {**FEE, "minor": 43270000, "text": "SYP 432,700"})],
        "coming_fees": [],
        "documents": [{**named("OLD", "The old passport"), "tiers": [], "condition": "if there is one"}],
        "extras": [],
        "offices": [],
    }
    return shown | changed


def fee(tier: str, channel: str, amount: dict[str, Any], since: str = "2025-02-01") -> dict[str, Any]:
    return {"tier": tier, "channel": channel, "amount": amount, "effective_from": since, "is_example": False}


def office(code: str, region: str, place: tuple[float, float] | None, **changed: Any) -> dict[str, Any]:
    shown = {
        **named(code, f"Office {code}"),
        "kind": "office",
        "region": named(region, f"Region {region}"),
        "address": f"Street of {code}",
        "zone": "Asia/Damascus",
        "currency": "SYP",
        "place": {"latitude": place[0], "longitude": place[1]} if place else None,
        "wheelchair": True,
        "services": ["PASS_REN"],
        "distance_km": None,
    }
    return shown | changed


SERVICES = [
    service("PASS_REN", "Passport renewal"),
    service(
        "PASS_MINOR",
        "Passport for a minor",
        tiers=[NORMAL],
        eligibility={"min_age": None, "max_age": 17, "one_per_family": True, "needs_service": None},
    ),
    service("CRIM_REC", "Criminal record", visit="none", channels=["online"], tiers=[NORMAL], family="CRIME"),
    service(
        "CSL_PASS",
        "Passport through a mission",
        agency=MFA,
        channels=["mission"],
        tiers=[NORMAL],
        fees=[fee("N", "mission", USD)],
    ),
]
OFFICES = [
    office("DAM-01", "DAM", (33.51, 36.29)),
    office("ALP-01", "ALP", (36.21, 37.15)),
    office("RDM-01", "RDM", (33.57, 36.40), wheelchair=False),
    office("BER-01", "DE", (52.5, 13.4), kind="mission", zone="Europe/Berlin", currency="EUR", services=["CSL_PASS"]),
]
REGIONS = [
    {**named("DAM", "Region DAM"), "abroad": False},
    {**named("ALP", "Region ALP"), "abroad": False},
    {**named("RDM", "Region RDM"), "abroad": False},
    {**named("DE", "Region DE"), "abroad": True},
]


def day(code: str, on: date | str, left: int, state: str = "", **changed: Any) -> dict[str, Any]:
    shown = {
        "office": code,
        "date": str(on),
        "state": state or ("open" if left else "sold-out"),
        "left": left,
        "accessible": left,
        "opens_at": None,
        "reason": None,
        "windows": [],
    }
    return shown | changed


class Catalogue:
    """What the catalogue and booking answer to anybody: seats by office and date, all others are sold out."""

    def __init__(self) -> None:
        self.days: dict[tuple[str, str], dict[str, Any]] = {}

    def has(self, code: str, on: date | str, left: int, state: str = "", **changed: Any) -> None:
        """An office has so many seats on a day."""
        self.days[code, str(on)] = day(code, on, left, state, **changed)

    def answers(self) -> dict[str, Any]:
        """By method and path, for `Behind`."""
        return {
            "GET /api/catalog/services": self._services,
            "GET /api/catalog/offices": self._offices,
            "GET /api/catalog/regions": {"items": REGIONS},
            "GET /api/booking/availability": self._availability,
            **{f"GET /api/catalog/services/{each['code']}": each for each in SERVICES},
            **{f"GET /api/catalog/offices/{each['code']}": each for each in OFFICES},
        }

    def _services(self, asked: dict[str, Any]) -> dict[str, Any]:
        query = {name: each[0] for name, each in parse_qs(asked["query"]).items()}
        found = [
            each
            for each in SERVICES
            if query.get("q", "").lower() in each["name"].lower()
            and query.get("agency", each["agency"]["code"]) == each["agency"]["code"]
            and query.get("channel", each["channels"][0]) in each["channels"]
        ]
        return {"items": found, "next": None}

    def _offices(self, asked: dict[str, Any]) -> dict[str, Any]:
        query = {name: each[0] for name, each in parse_qs(asked["query"]).items()}
        found = [each for each in OFFICES if query.get("service", each["services"][0]) in each["services"]]
        if "near" in query:
            at = [float(each) for each in query["near"].split(",")]
            far = {
                each["code"]: round(
                    111 * abs(each["place"]["latitude"] - at[0]) + 90 * abs(each["place"]["longitude"] - at[1]), 1
                )
                for each in found
            }
            found = sorted(
                ({**each, "distance_km": far[each["code"]]} for each in found), key=lambda e: e["distance_km"]
            )
        return {"items": found, "next": None}

    def _availability(self, asked: dict[str, Any]) -> Any:
        query = {name: each[0] for name, each in parse_qs(asked["query"]).items()}
        if query["service"] not in {each["code"] for each in SERVICES}:
            return refusal(404, "unknown-service")
        first = date.fromisoformat(query["from"]) if "from" in query else TODAY
        last = date.fromisoformat(query["to"]) if "to" in query else first + timedelta(days=30)
        span = [(first + timedelta(days=each)).isoformat() for each in range((last - first).days + 1)]
        codes = (
            [query["office"]]
            if "office" in query
            else [e["code"] for e in OFFICES if query["service"] in e["services"]]
        )
        days = [
            self.days.get((code, on)) or day(code, on, 0, "over" if on < TODAY.isoformat() else "sold-out")
            for code in codes
            for on in span
        ]
        return {"service": query["service"], "tier": query["tier"], "first_free": None, "days": days}
