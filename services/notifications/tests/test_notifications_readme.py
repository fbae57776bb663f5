"""The README says what the code does."""

import re
from pathlib import Path

from dawr.notifications.domain import TRANSITIONS, MessageState
from dawr.notifications.settings import NotificationsSettings
from dawr.servicekit.settings import ServiceSettings

README = (Path(__file__).parents[1] / "README.md").read_text()


def diagram() -> str:
    """The states as mermaid draws them."""
    lines = ["stateDiagram-v2", f"    [*] --> {MessageState.QUEUED}"]
    for state, moves in TRANSITIONS.items():
        for to, fact in moves.items():
            lines.append(f"    {state} --> {to}" + (f": {fact.__name__}" if fact else ""))
        if not moves:
            lines.append(f"    {state} --> [*]")
    return "```mermaid\n" + "\n".join(lines) + "\n```"


def test_the_states_are_drawn_from_the_table() -> None:
    assert README.split("<!-- states -->")[1].strip() == diagram()


def test_every_setting_is_named() -> None:
    own = set(NotificationsSettings.model_fields) - set(ServiceSettings.model_fields)
    named = set(re.findall(r"`([A-Z_]+)`", README))
    assert {name.upper() for name in own} <= named
