"""A turn from the line to its end: place, payment, pass, another day, giving it back, the refund."""

from dawr.gateway.portal.pages import Page


def pages() -> tuple[Page, ...]:
    """The pages of this room."""
    return ()
