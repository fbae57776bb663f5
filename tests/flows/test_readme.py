"""The lines of "Try it" in the README, run as they stand: only the port differs, and who presses the bank's button."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from tests.town import Town

pytestmark = [
    pytest.mark.xdist_group("platform"),
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.timeout(300),
]
REPOSITORY = Path(__file__).parents[2]

PRESS_APPROVE = r"""
| xargs -I {} curl -sS -H 'accept: application/json' -d action=approve {}
for _ in $(seq 300); do api $G/booking/turns/$(echo "$TURN" | field id) | grep -q CONFIRMED && break; done
"""


def try_it() -> str:
    """The block of shell lines below the heading."""
    section = (REPOSITORY / "README.md").read_text("utf-8").split("## Try it")[1].split("\n## ")[0]
    found = re.search(r"```sh\n(.*?)```", section, re.DOTALL)
    assert found
    return found.group(1)


async def test_the_lines_of_the_readme_take_a_turn_and_give_it_back(town: Town) -> None:
    lines = try_it()
    assert lines.count("http://127.0.0.1:8080") == 1
    script = lines.replace("http://127.0.0.1:8080", town.platform.url("gateway"))
    script, pressed = re.subn(r"# open it, press approve\n", PRESS_APPROVE.lstrip(), script)
    assert pressed == 1
    # As in the repository's folder, which here is the platform's.
    (town.root / ".venv").symlink_to(sys.prefix)
    (town.root / "try-it.sh").write_text("set -eu\n" + script)
    done = subprocess.run(
        ["bash", "try-it.sh"], cwd=town.root, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    told = done.stdout
    assert '"state":"HELD"' in told
    assert '{"status":"approved"}' in told
    assert '"state":"CONFIRMED"' in told
    assert '"state":"CANCELLED_BY_CITIZEN"' in told
    assert "problem" not in told
