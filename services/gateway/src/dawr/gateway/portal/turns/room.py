"""What the pages of turns work with, and whom a turn is for."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from dawr.contracts import Text
from dawr.gateway.keys import Keys
from dawr.gateway.portal.sealed import SealedCookie
from dawr.gateway.portal.texts import said
from dawr.gateway.portal.visits import Visit
from dawr.gateway.service.people import People
from dawr.servicekit.database import Database

Shown = Mapping[str, Any]
"""A thing as its service shows it."""

WAITING_COOKIE = "dawr-waiting"
WAITING_SECONDS = 3600
"""For how long a browser knows of a request in the line: booking has a row of it only once it is settled."""


@dataclass(frozen=True, slots=True)
class Room:
    """What views of this room share."""

    database: Database
    people: People
    pass_keys: Keys
    waiting: SealedCookie
    """The request that this browser waits for in the line, so that `My turns` leads back to it."""
    public_url: str

    def now(self) -> datetime:
        """The present moment."""
        return self.database.clock()

    async def names(self, visit: Visit) -> Mapping[str, str]:
        """The names of the visitor and their relatives, by person id, in the visitor's language; empty for somebody
        of whom no registry told anything."""
        if visit.person_id is None:
            return {}
        async with self.database.reading() as connection:
            profile = await self.people.load_profile(connection, visit.person_id)
        if profile is None:
            return {}
        known = {visit.person_id: (profile.given, profile.family)}
        known |= {each.person_id: (each.given, each.family) for each in profile.relatives}
        return {str(id): _name(names, visit.lang) for id, names in known.items()}


def for_whom(visit: Visit, turn: Shown, names: Mapping[str, str]) -> str:
    """For whom a turn is: a name where one is known, else what the person is to the visitor."""
    known = names.get(turn["person_id"])
    if known is not None:
        return known
    return visit.t("Yourself") if is_own(visit, turn) else visit.t("Somebody for whom you asked")


def is_own(visit: Visit, turn: Shown) -> bool:
    """Whether it is the visitor who comes."""
    return bool(turn["person_id"] == str(visit.person_id))


def pays(visit: Visit, turn: Shown) -> bool:
    """Whether it is the visitor who pays: the one who asked for it."""
    return bool(turn["asked_by"] == str(visit.person_id))


def turn_path(id: UUID | str, *more: str) -> str:
    """Where the pages of a turn are."""
    return "/".join(("/turns", str(id), *more))


def _name(names: tuple[Text, Text], lang: str) -> str:
    return " ".join(said(each, lang) for each in names)
