"""Why the platform can't run here.

PlatformError
    codes: already-running, port-in-use, bad-port, disk-full, not-permitted, migration-failed, seed-failed,
    seed-missing, seed-invalid, other-seed, not-ready, server-refused
"""

from dawr.tools.errors import ToolError


class PlatformError(ToolError):
    """The platform can't be started, or not from this folder."""
