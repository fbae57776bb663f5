"""The portal, put together: its parts, and the pages of all its rooms."""

from dataclasses import dataclass, field

from starlette.routing import BaseRoute, Match, Route
from starlette.types import Scope

from dawr.gateway.api.staff import StaffDoor
from dawr.gateway.csrf import Csrf
from dawr.gateway.door import Door
from dawr.gateway.portal import about, find, take, turns
from dawr.gateway.portal.account import Account
from dawr.gateway.portal.developers import Developers
from dawr.gateway.portal.doors import Doors
from dawr.gateway.portal.kept_forms import KeptForms
from dawr.gateway.portal.operations import Operations
from dawr.gateway.portal.pages import Page, Platform, Portal
from dawr.gateway.portal.relatives import Relatives
from dawr.gateway.portal.security import Headers
from dawr.gateway.portal.signing_up import SigningUp
from dawr.gateway.portal.staff_accounts import StaffAccounts
from dawr.gateway.portal.staff_door import StaffPages
from dawr.gateway.portal.upstream import Services
from dawr.gateway.sessions import Sessions
from dawr.gateway.settings import GatewaySettings
from dawr.servicekit.database import Database

_FOR_PROGRAMS = ("/api/", "/static/", "/.well-known/", "/healthz", "/readyz", "/metrics", "/openapi.json")
"""Paths below which nobody expects a page."""


def create_portal(settings: GatewaySettings, sessions: Sessions, csrf: Csrf) -> Portal:
    """The portal with its own way to the services."""
    return Portal(
        sessions=sessions,
        csrf=csrf,
        services=Services(settings),
        headers=Headers(settings.public_url, checkout_origins=settings.checkout_origins_listed),
        kept_forms=KeptForms(settings.session_keys, settings.public_url),
        platform=Platform(
            public_url=settings.public_url.rstrip("/"),
            default_language=settings.platform.default_language,
            mail_url=settings.mail_url if settings.is_development else None,
            home_zone=settings.home_zone,
            territory=settings.territory,
            is_under_maintenance=settings.maintenance,
        ),
    )


@dataclass(frozen=True, slots=True)
class Work:
    """What rooms work with, beside the services behind."""

    database: Database
    door: Door
    """Citizens' way in."""
    staff: StaffDoor
    """The staff's."""
    operations: Operations
    turns: turns.Room
    wanted: tuple[str, ...] = ()
    """Codes of the services that the start page names first."""
    developers: Developers = field(kw_only=True)
    settings: GatewaySettings = field(kw_only=True)


def all_pages(work: Work) -> tuple[Page, ...]:
    """The table of pages: where, who shows it, and who may come. What is not in it is not there."""
    return (
        *find.pages(find.Parts(work.database.clock, work.wanted, work.door.registrar.ready_made)),
        *take.pages(work.database, work.door.rules.people, work.database.clock),
        *turns.pages(work.turns),
        *Account(work.door).pages(),
        *Relatives(work.door).pages(),
        *_doors(work),
        *StaffPages(work.staff).pages(),
        *StaffAccounts(work.staff).pages(),
        *work.operations.pages(),
        *about.pages(),
        *work.developers.pages(),
    )


def _doors(work: Work) -> tuple[Page, ...]:
    """The pages by which citizens come in and go out."""
    settings = work.settings
    doors = Doors(work.door, settings.session_keys, settings.public_url, has_provider=settings.oidc_is_on)
    return (*doors.pages(), *SigningUp(doors, settings.session_keys, settings.public_url).pages())


def takes_form(path: str) -> bool:
    """Whether a path is a page's, not the API's: what is sent to pages are forms."""
    return not path.startswith("/api/")


def routes(portal: Portal, work: Work) -> list[BaseRoute]:
    """The routes of the portal. The last one takes what is nobody's, so none may come after it."""
    return [
        *portal.routes(all_pages(work)),
        *about.routes(portal.assets),
        *work.developers.routes(),
        Nowhere("/{path:path}", portal.not_found),
    ]


class Nowhere(Route):
    """Where there is no page: people are told so by one, programs by a problem document like everywhere."""

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """What browsers ask for, outside of what programs do."""
        is_ours = scope["type"] == "http" and scope["method"] in {"GET", "HEAD"}
        if not is_ours or scope["path"].startswith(_FOR_PROGRAMS) or not _wants_page(scope):
            return Match.NONE, {}
        return super().matches(scope)


def _wants_page(scope: Scope) -> bool:
    return any(name == b"accept" and b"text/html" in value for name, value in scope["headers"])
