"""What is one's own: account, preferences, sessions, inbox."""

from dawr.gateway.portal.pages import Page


def pages() -> tuple[Page, ...]:
    """The pages of this room."""
    return ()
