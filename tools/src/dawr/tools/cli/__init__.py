"""The `dawr` command: run the platform here, try it, look into it."""

from dawr.tools.cli.main import main

__all__ = ["main"]
