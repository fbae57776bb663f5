"""State diagrams in the services' READMEs, drawn from the tables that the code moves by.

`python -m dawr.tools.diagrams` draws every section anew; `--check` only says which are not current. A section is

    <!-- states -->                     the table TRANSITIONS of the service's domain
    <!-- states REFUND_TRANSITIONS -->  another one of it; `mandate.TRANSITIONS` is one of `domain.mandate`
    <!-- /states -->
"""

import argparse
import importlib
import re
import sys
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Any

from dawr.tools.contracts.committed import repository
from dawr.tools.errors import ToolError

_SECTION = re.compile(r"<!-- states(?: (?P<table>[\w.]+))? -->\n.*?<!-- /states -->", re.DOTALL)

Moves = Mapping[StrEnum, Mapping[StrEnum, type | None]]
"""For each state the next ones, each with the message that the move emits, if it does. The first state is the start."""


def diagram(moves: Moves) -> str:
    """A table of moves in mermaid's language; states that nothing follows are ends."""
    lines = ["stateDiagram-v2", f"    [*] --> {next(iter(moves))}"]
    for state, following in moves.items():
        lines += [f"    {state} --> {to}" + (f": {event.__name__}" if event else "") for to, event in following.items()]
    states = dict.fromkeys([*moves, *(to for following in moves.values() for to in following)])
    lines += [f"    {state} --> [*]" for state in states if not moves.get(state)]
    return "\n".join(lines)


def table(service: str, name: str) -> Moves:
    """The table that a section names; ToolError if the service's domain has none of that name."""
    module, _, attribute = f"dawr.{service}.domain.{name}".rpartition(".")
    try:
        found: Any = getattr(importlib.import_module(module), attribute)
    except (ImportError, AttributeError) as error:
        raise ToolError(
            "no-such-table", f"services/{service}/README.md draws {module}.{attribute}, which is not there."
        ) from error
    moves: Moves = found
    return moves


def drawn(service: str, readme: str) -> str:
    """The README of a service with its sections drawn from the tables of now."""

    def section(found: re.Match[str]) -> str:
        opening = found.group(0).partition("\n")[0]
        return (
            f"{opening}\n```mermaid\n{diagram(table(service, found['table'] or 'TRANSITIONS'))}\n```\n<!-- /states -->"
        )

    return _SECTION.sub(section, readme)


def readmes(root: Path) -> list[Path]:
    """The READMEs of services that have such a section."""
    return [path for path in sorted(root.glob("services/*/README.md")) if _SECTION.search(path.read_text("utf-8"))]


def stale(root: Path) -> list[Path]:
    """Those of them that do not show the tables as they are."""
    return [
        path for path in readmes(root) if drawn(path.parent.name, path.read_text("utf-8")) != path.read_text("utf-8")
    ]


def main(arguments: list[str] | None = None, root: Path | None = None) -> int:
    """0 if all is well; 1 if a diagram is not current (with `--check`) or names a table that is not there."""
    parser = argparse.ArgumentParser(prog="python -m dawr.tools.diagrams", description="State diagrams in READMEs.")
    parser.add_argument("--check", action="store_true", help="write nothing; fail if a diagram is not current")
    options = parser.parse_args(arguments)
    root = root or repository()
    try:
        found = stale(root)
    except ToolError as error:
        print(error, file=sys.stderr)
        return 1
    for path in found:
        shown = path.relative_to(root)
        if options.check:
            print(f"{shown} is not current: run python -m dawr.tools.diagrams", file=sys.stderr)
        else:
            path.write_text(drawn(path.parent.name, path.read_text("utf-8")), "utf-8")
            print(f"wrote {shown}")
    return 1 if found and options.check else 0


if __name__ == "__main__":
    sys.exit(main())
