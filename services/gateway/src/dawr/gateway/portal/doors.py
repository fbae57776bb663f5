"""Signing in, signing up, signing out, and going on where one was."""

from dawr.gateway.portal.pages import Page


def pages() -> tuple[Page, ...]:
    """The pages of this room."""
    return ()
