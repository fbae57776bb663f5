"""The staff's door, and their accounts."""

from dawr.gateway.portal.pages import Page


def pages() -> tuple[Page, ...]:
    """The pages of this room."""
    return ()
