"""`python -m dawr.tools.mutants [NAME …]`: break the code on purpose, and see the tests catch it."""

import argparse
import sys
from pathlib import Path

from rich.console import Console

from dawr.tools.errors import ToolError
from dawr.tools.mutants.plan import MutantError, read_plan
from dawr.tools.mutants.run import run_mutants

PLAN = Path("tests/mutants/mutants.toml")


def main() -> int:
    """Read the command line and do it; the exit code: 1 unless every mutant was caught."""
    parser = argparse.ArgumentParser(prog="python -m dawr.tools.mutants", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help="only these mutants")
    parser.add_argument("--jobs", type=int, default=2, help="how many at a time (2)")
    parser.add_argument("--unchecked", action="store_true", help="don't run the tests without a mutant first")
    arguments = parser.parse_args()
    console = Console()
    try:
        mutants = read_plan(PLAN)
        unknown = set(arguments.names) - {mutant.name for mutant in mutants}
        if unknown:
            raise MutantError("unknown-mutant", f"{PLAN} has no {', '.join(sorted(unknown))}.")
        chosen = [mutant for mutant in mutants if not arguments.names or mutant.name in arguments.names]
        return run_mutants(
            Path.cwd(), chosen, jobs=arguments.jobs, console=console, check_first=not arguments.unchecked
        )
    except ToolError as error:
        Console(stderr=True).print(f"[bold red]✗[/] {error}", highlight=False, soft_wrap=True)
        return 1


if __name__ == "__main__":
    sys.exit(main())
