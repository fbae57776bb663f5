"""Ports on loopback: whether one is taken, and picking a free one."""

import random
import socket

# Below the range from which systems take the local ports of outgoing connections (32768 and up on Linux,
# 49152 and up elsewhere). A server that goes down on a port inside it may find the port taken by a client's
# connection when it comes back, or worse: a client that dials the port is connected to itself.
_FIRST, _LAST = 20_000, 32_000


def is_free(port: int) -> bool:
    """Whether a server could listen on 127.0.0.1:`port` now; connections of yesterday in TIME_WAIT don't count."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def free_port() -> int:
    """A port on 127.0.0.1 that nothing listens on now; another process may still take it first."""
    while True:
        port = random.randrange(_FIRST, _LAST)  # noqa: S311 - no secret
        if is_free(port):
            return port
