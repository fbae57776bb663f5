"""Taking a turn: whom it is for, the hour, what was chosen, once more before it is sent."""

from dawr.gateway.portal.pages import Page


def pages() -> tuple[Page, ...]:
    """The pages of this room."""
    return ()
