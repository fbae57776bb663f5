"""Finding a service, where it is given, and when there is room."""

from dawr.gateway.portal.pages import Page


def pages() -> tuple[Page, ...]:
    """The pages of this room."""
    return ()
