"""A turn from the line to its end: place, payment, pass, another day, giving it back, the refund."""

from dawr.gateway.keys import Keys
from dawr.gateway.portal.pages import Page
from dawr.gateway.portal.sealed import SealedCookie
from dawr.gateway.portal.turns import giving_back, line, mine, moving, paying, refunds
from dawr.gateway.portal.turns.papers import Papers
from dawr.gateway.portal.turns.room import WAITING_COOKIE, WAITING_SECONDS, Room
from dawr.gateway.service.people import People
from dawr.gateway.settings import GatewaySettings
from dawr.servicekit.database import Database

__all__ = ["Room", "create_room", "pages"]


def create_room(settings: GatewaySettings, database: Database, people: People, pass_keys: Keys) -> Room:
    """What the pages of this room work with."""
    waiting = SealedCookie(
        WAITING_COOKIE, settings.session_keys, seconds=WAITING_SECONDS, public_url=settings.public_url
    )
    return Room(database, people, pass_keys, waiting, settings.public_url.rstrip("/"))


def pages(room: Room) -> tuple[Page, ...]:
    """The pages of this room."""
    return (
        *mine.pages(room),
        *line.pages(room),
        *paying.pages(room),
        *Papers(room).pages(),
        *moving.pages(room),
        *giving_back.pages(room),
        *refunds.pages(room),
    )
