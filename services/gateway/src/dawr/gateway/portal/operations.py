"""For administrators: how the platform is, and what waits for a decision."""

from dawr.gateway.portal.pages import Page


def pages() -> tuple[Page, ...]:
    """The pages of this room."""
    return ()
