"""What can go wrong while the embedded servers are fetched or started.

EmbeddedError
    codes: no-network, broken-download, not-found, disk-full, port-in-use, already-running, not-permitted,
    no-wheel, kafka-failed, postgres-failed
"""

import errno

from dawr.tools.errors import ToolError


class EmbeddedError(ToolError):
    """Kafka, PostgreSQL or the broker's jars can't be had."""


def disk_full(error: OSError, where: object) -> EmbeddedError | None:
    """The disk-full error if that is what `error` means, else None."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return EmbeddedError("disk-full", f"The disk that holds {where} is full: free 1 GB there and try again.")
    return None
