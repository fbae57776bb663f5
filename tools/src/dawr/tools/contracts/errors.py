"""What the contracts' command can't do."""

from dawr.tools.errors import ToolError


class ContractsError(ToolError):
    """`no-repository`, `no-example`, `bad-example`."""
