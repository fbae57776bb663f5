"""`python -m dawr.tools.contracts write | check [--against REF | --against-landed]`."""

import argparse
import sys
from pathlib import Path

from dawr.tools.contracts.asyncapi import document
from dawr.tools.contracts.changes import refusals
from dawr.tools.contracts.committed import example_of, landed, published, repository, stale, write
from dawr.tools.contracts.schemas import messages
from dawr.tools.errors import ToolError


def main(arguments: list[str] | None = None, *, root: Path | None = None) -> int:
    """0 if all is well; 1 if files are not current or a change is incompatible, each named on stderr.

    `root` is the repository; the one that this code runs from unless given.
    """
    parser = argparse.ArgumentParser(prog="python -m dawr.tools.contracts", description="Schemas and AsyncAPI.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="command")
    commands.add_parser("write", help="make the schemas and the AsyncAPI document anew")
    checking = commands.add_parser("check", help="fail if a committed file is not current")
    earlier = checking.add_mutually_exclusive_group()
    earlier.add_argument("--against", metavar="REF", help="and if what this commit holds is not understood any more")
    earlier.add_argument(
        "--against-landed",
        action="store_true",
        help="the same, of the newest release and of where this branch left origin/main; of HEAD~1 if there is neither",
    )
    options = parser.parse_args(arguments)
    try:
        root = root or repository()
        if options.command == "write":
            for path in write(root):
                print(f"wrote {path}")
            return 0
        found = stale(root)
        refs = landed(root) if options.against_landed else [options.against] if options.against else []
        for ref in refs:
            found += _against(root, ref)
    except ToolError as error:
        found = [str(error)]
    for each in found:
        print(each, file=sys.stderr)
    return 1 if found else 0


def _against(root: Path, ref: str) -> list[str]:
    before = published(root, ref)
    if before is None:
        print(f"{ref} is no commit of this repository, or has no contracts: there is nothing to compare with.")
        return []
    now = messages()
    found = refusals(before, now, document({wire_type: example_of(root, wire_type) for wire_type in now}))
    if not found:
        print(f"{len(before.schemas)} messages of {ref} and those of now are understood both ways.")
    return found


if __name__ == "__main__":
    sys.exit(main())
