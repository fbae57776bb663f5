"""The state diagrams in the READMEs show the tables that the code moves by."""

import re
from enum import StrEnum
from pathlib import Path

import pytest

from dawr.tools import diagrams
from dawr.tools.contracts.committed import repository
from dawr.tools.errors import ToolError

README = """# A service

<!-- states -->
old
<!-- /states -->

between

<!-- states turns.TRANSITIONS -->
<!-- /states -->
"""


class Light(StrEnum):
    RED = "RED"
    GREEN = "GREEN"
    BROKEN = "BROKEN"


class Switched:
    """An event of a light."""


def test_a_diagram_names_each_move_and_its_event() -> None:
    moves: diagrams.Moves = {
        Light.RED: {Light.GREEN: Switched},
        Light.GREEN: {Light.RED: None, Light.BROKEN: None},
    }
    assert diagrams.diagram(moves).splitlines() == [
        "stateDiagram-v2",
        "    [*] --> RED",
        "    RED --> GREEN: Switched",
        "    GREEN --> RED",
        "    GREEN --> BROKEN",
        "    BROKEN --> [*]",
    ]


def test_sections_are_drawn_and_the_rest_is_left_alone() -> None:
    new = diagrams.drawn("booking", README)
    assert new.startswith("# A service\n\n<!-- states -->\n```mermaid\nstateDiagram-v2\n    [*] --> REQUESTED\n")
    assert "    HELD --> EXPIRED: TurnExpired\n" in new
    assert "\n<!-- /states -->\n\nbetween\n\n<!-- states turns.TRANSITIONS -->\n```mermaid\n" in new
    assert "old" not in new
    assert diagrams.drawn("booking", new) == new


def test_a_table_that_is_not_there_is_named() -> None:
    with pytest.raises(ToolError, match=r"services/booking/README\.md draws dawr\.booking\.domain\.NO_SUCH"):
        diagrams.drawn("booking", README.replace("turns.TRANSITIONS", "NO_SUCH"))


def test_every_service_that_has_states_draws_them() -> None:
    services = repository() / "services"
    with_states = {
        path.relative_to(services).parts[0]
        for path in services.glob("*/src/**/*.py")
        if re.search(r"^TRANSITIONS\b.*=", path.read_text("utf-8"), re.MULTILINE)
    }
    assert {path.parent.name for path in diagrams.readmes(repository())} == with_states
    assert "booking" in with_states


def test_the_readmes_show_the_tables_as_they_are() -> None:
    assert diagrams.stale(repository()) == []


def test_check_fails_on_a_diagram_that_is_not_current(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    readme = tmp_path / "services" / "booking" / "README.md"
    readme.parent.mkdir(parents=True)
    readme.write_text(README, "utf-8")
    assert diagrams.main(["--check"], tmp_path) == 1
    assert "services/booking/README.md is not current" in capsys.readouterr().err
    assert readme.read_text("utf-8") == README
    assert diagrams.main([], tmp_path) == 0
    assert diagrams.main(["--check"], tmp_path) == 0
