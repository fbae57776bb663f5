"""The README's table of settings is made from the settings. `DAWR_WRITE=1 pytest …` writes it anew."""

import os
import re
from pathlib import Path

from dawr.gateway.settings import GatewaySettings
from dawr.servicekit.settings import ServiceSettings

README = Path(__file__).parents[1] / "README.md"


def table() -> str:
    rows = ["| variable | default | meaning |", "|---|---|---|"]
    for name, field in GatewaySettings.model_fields.items():
        if name in ServiceSettings.model_fields and name != "http_port":
            continue
        default = "" if field.default in {None, ""} else f"`{field.default}`"
        if name in GatewaySettings.known_secrets:
            default = "for development only"
        meaning = " ".join((field.description or "").split())
        rows.append(f"| `GATEWAY_{name.upper()}` | {default} | {meaning} |")
    return "\n".join(rows) + "\n"


def test_the_readme_names_every_setting_as_it_is() -> None:
    text = README.read_text()
    written = re.sub(r"(?s)(<!-- settings -->\n).*(<!-- /settings -->)", lambda m: m[1] + table() + m[2], text)
    if os.environ.get("DAWR_WRITE"):
        README.write_text(written)
    assert README.read_text() == written
    assert all(row.count("|") == 4 and not row.endswith("|  |") for row in table().splitlines())
