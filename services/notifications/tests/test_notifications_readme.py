"""The README says what the code does."""

import re
from pathlib import Path

from dawr.notifications.settings import NotificationsSettings
from dawr.servicekit.settings import ServiceSettings

README = (Path(__file__).parents[1] / "README.md").read_text()


def test_every_setting_is_named() -> None:
    own = set(NotificationsSettings.model_fields) - set(ServiceSettings.model_fields)
    named = set(re.findall(r"`([A-Z_]+)`", README))
    assert {name.upper() for name in own} <= named
