"""For whom one may ask: children as the registry says, others by a mandate."""

from dawr.gateway.portal.pages import Page


def pages() -> tuple[Page, ...]:
    """The pages of this room."""
    return ()
