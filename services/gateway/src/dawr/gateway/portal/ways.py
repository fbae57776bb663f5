"""The way to a turn: what somebody has chosen so far, carried from page to page in addresses, so that each of them can
be kept, sent on or opened anew, and nothing is lost by signing in on the way."""

import datetime as dt
import re
from dataclasses import dataclass, replace
from typing import Self
from urllib.parse import urlencode

from dawr.gateway.portal.upstream import segment
from dawr.gateway.portal.visits import Visit
from dawr.servicekit.problems import NotFound

ONESELF = "self"
MANDATE = "mandate."
_CODE = re.compile(r"[A-Z][A-Z0-9_-]{0,31}")
_WINDOW = re.compile(r"[0-2]\d:[0-5]\d")
_UUID = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_PERSON = re.compile(rf"{ONESELF}|{_UUID}|mandate\.{_UUID}")


@dataclass(frozen=True, slots=True)
class Way:
    """What has been chosen. Empty: not yet."""

    service: str = ""
    tier: str = ""
    region: str = ""
    """From where distances are shown."""
    office: str = ""
    date: str = ""
    window: str = ""
    """The hour, `09:00`; empty for any."""
    person: str = ""
    """For whom: `self`, the id of a child, or `mandate.` and the id of a mandate."""

    @classmethod
    def of(cls, visit: Visit) -> Self:
        """What the address says. Raises NotFound for codes and days in the path that can't be, and forgets what the
        query has of such."""
        return cls(
            service=_needed(visit, "code", _CODE) if "code" in visit.request.path_params else _known(visit, "service"),
            tier=_known(visit, "tier"),
            region=_known(visit, "region"),
            office=_needed(visit, "office", _CODE)
            if "office" in visit.request.path_params
            else _known(visit, "office"),
            date=_day(visit),
            window=_known(visit, "window", _WINDOW),
            person=_known(visit, "person", _PERSON),
        )

    def at(self, office: str) -> Self:
        """To another office."""
        return replace(self, office=office)

    def on(self, day: dt.date | str, window: str = "") -> Self:
        """On a day."""
        return replace(self, date=str(day), window=window)

    def with_(self, **chosen: str) -> Self:
        """With something chosen, or no longer."""
        return replace(self, **chosen)

    # Where its pages are

    @property
    def service_page(self) -> str:
        """What the service is."""
        return self._to(f"/services/{segment(self.service)}", "person")

    @property
    def services_page(self) -> str:
        """Which service."""
        return self._to("/services", "person")

    @property
    def start(self) -> str:
        """The first question, or what comes after it."""
        return self._to(f"/services/{segment(self.service)}/start", "person")

    @property
    def offices(self) -> str:
        """Where to go."""
        return self._to(f"/services/{segment(self.service)}/offices", "tier", "region", "person")

    def calendar(self, month: dt.date | None = None) -> str:
        """Which day: the days of a month, the present one unless another is named."""
        path = f"/services/{segment(self.service)}/offices/{segment(self.office)}/calendar"
        return self._to(path, "tier", "region", "person", month=month.strftime("%Y-%m") if month else "")

    @property
    def day(self) -> str:
        """Which hour."""
        path = f"/services/{segment(self.service)}/offices/{segment(self.office)}/days/{segment(self.date)}"
        return self._to(path, "tier", "region", "person")

    @property
    def take(self) -> str:
        """The answers, to be checked."""
        return self._to("/take", *self.chosen)

    @property
    def sold_out(self) -> str:
        """What else there is, when this is gone."""
        return self._to("/sold-out", *self.chosen)

    @property
    def chosen(self) -> dict[str, str]:
        """All that has been chosen, by the names of the fields."""
        fields = ("service", "tier", "region", "office", "date", "window", "person")
        return {name: value for name in fields if (value := getattr(self, name))}

    def _to(self, path: str, *names: str, **more: str) -> str:
        asked = {name: getattr(self, name) for name in names} | more
        query = urlencode({name: value for name, value in asked.items() if value})
        return f"{path}?{query}" if query else path


def month_asked(text: str) -> dt.date | None:
    """The first day of `2026-12`; none for what is no month, or one after which no other comes."""
    try:
        first = dt.date.fromisoformat(f"{text}-01")
    except ValueError:
        return None
    return first if first.year < dt.MAXYEAR else None


def _needed(visit: Visit, name: str, pattern: re.Pattern[str]) -> str:
    text = visit.param(name)
    if not pattern.fullmatch(text):
        raise NotFound
    return text


def _known(visit: Visit, name: str, pattern: re.Pattern[str] = _CODE) -> str:
    text = visit.param(name) or (visit.form().get(name) if visit.request.method == "POST" else "")
    return text if pattern.fullmatch(text) else ""


def _day(visit: Visit) -> str:
    text = visit.param("date") or (visit.form().get("date") if visit.request.method == "POST" else "")
    try:
        return dt.date.fromisoformat(text).isoformat() if text else ""
    except ValueError as error:
        raise NotFound from error
