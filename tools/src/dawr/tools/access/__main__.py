"""`python -m dawr.tools.access write | check`."""

import argparse
import sys
from pathlib import Path

from dawr.gateway.access import read_table
from dawr.tools.access.table import TABLE, documents, renewed, rows, written, wrong
from dawr.tools.contracts.committed import repository
from dawr.tools.errors import ToolError


def main(arguments: list[str] | None = None, *, root: Path | None = None) -> int:
    """0 if all is well; 1 if the table is not as the documents say, each difference named on stderr.

    `root` is the repository; the one that this code runs from unless given.
    """
    parser = argparse.ArgumentParser(prog="python -m dawr.tools.access", description="Who may ask what.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="command")
    commands.add_parser("write", help="make the table anew; owners and notes stay")
    commands.add_parser("check", help="fail if the table is not as the OpenAPI documents say")
    options = parser.parse_args(arguments)
    try:
        path = (root or repository()) / TABLE
        wanted = rows(documents())
        kept = read_table(path.read_text("utf-8")) if path.exists() else ()
        if options.command == "write":
            path.write_text(written(renewed(wanted, kept)), "utf-8")
            print(f"wrote {TABLE}")
            return 0
        found = wrong(wanted, kept)
    except (ToolError, ValueError) as error:
        found = [str(error)]
    for each in found:
        print(each, file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
