"""The portal, put together: its parts, and the pages of all its rooms."""

from dataclasses import dataclass

from starlette.routing import BaseRoute

from dawr.gateway.api.staff import StaffDoor
from dawr.gateway.csrf import Csrf
from dawr.gateway.door import Door
from dawr.gateway.portal import about, account, doors, find, relatives, take, turns
from dawr.gateway.portal.kept_forms import KeptForms
from dawr.gateway.portal.operations import Operations
from dawr.gateway.portal.pages import Page, Platform, Portal
from dawr.gateway.portal.security import Headers
from dawr.gateway.portal.staff_accounts import StaffAccounts
from dawr.gateway.portal.staff_door import StaffPages
from dawr.gateway.portal.upstream import Services
from dawr.gateway.sessions import Sessions
from dawr.gateway.settings import GatewaySettings
from dawr.servicekit.database import Database


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


def all_pages(work: Work) -> tuple[Page, ...]:
    """The table of pages: where, who shows it, and who may come. What is not in it is not there."""
    return (
        *find.pages(),
        *take.pages(),
        *turns.pages(),
        *account.pages(),
        *relatives.pages(),
        *doors.pages(),
        *StaffPages(work.staff).pages(),
        *StaffAccounts(work.staff).pages(),
        *work.operations.pages(),
        *about.pages(),
    )


def takes_form(path: str) -> bool:
    """Whether a path is a page's, not the API's: what is sent to pages are forms."""
    return not path.startswith("/api/")


def routes(portal: Portal, work: Work) -> list[BaseRoute]:
    """The routes of the portal."""
    return portal.routes(all_pages(work))
