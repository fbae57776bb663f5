"""Help, privacy, accessibility, what to do offline, and the pages for developers."""

from starlette.responses import Response

from dawr.gateway.portal.pages import Page
from dawr.gateway.portal.visits import Visit


async def home(visit: Visit) -> Response:
    """The start page."""
    return visit.page("about/offline.html")


def pages() -> tuple[Page, ...]:
    """The pages of this room."""
    return (Page("/offline", home),)
