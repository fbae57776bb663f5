"""Which port each process listens on, and whether it can."""

import contextlib
import os
from collections.abc import Iterable, Mapping
from typing import Literal

import psutil

from dawr.tools.embedded.ports import free_port, is_free
from dawr.tools.platform.errors import PlatformError
from dawr.tools.platform.parts import Member

PortChoice = Mapping[str, int] | Literal["free", "usual"]
"""By part or process name, the usual for those not named; or all free ones picked now; or all usual."""


def choose(rows: Iterable[Member], choice: PortChoice) -> dict[str, int]:
    """A port for each process by name. A usual port can be moved by the environment: BOOKING_PORT=9081."""
    named = choice if not isinstance(choice, str) else {}
    chosen: dict[str, int] = {}
    for member in rows:
        if member.name in named:
            chosen[member.name] = named[member.name]
        elif choice == "free" or not member.keeps_the_port:
            chosen[member.name] = _another(set(chosen.values()))
        elif member.part.name in named:
            chosen[member.name] = named[member.part.name]
        else:
            chosen[member.name] = _usual(member.part.name, member.part.port)
        if member.part.smtp_port is not None:
            name = f"{member.name}-smtp"
            free = _another(set(chosen.values())) if choice == "free" else _usual(name, member.part.smtp_port)
            chosen[name] = named.get(name, free)
    return chosen


def variable(part: str) -> str:
    """The environment variable that moves a part's usual port."""
    return f"{part.upper().replace('-', '_')}_PORT"


def check_free(ports: Mapping[str, int]) -> None:
    """Raises PlatformError port-in-use for the first port on which something listens."""
    for name, port in ports.items():
        if not is_free(port):
            raise PlatformError(
                "port-in-use",
                f"Port {port}, meant for {name}, is in use{_by_whom(port)}: "
                f"end that program, or choose another port with {variable(name)}=… .",
            )


def _usual(name: str, port: int) -> int:
    moved = os.environ.get(variable(name), str(port))
    if not moved.isdecimal() or not 0 < int(moved) < 65536:
        raise PlatformError(
            "bad-port", f"{variable(name)}={moved} is not a port: set a number up to 65535, or unset it."
        )
    return int(moved)


def _another(taken: set[int]) -> int:
    while (port := free_port()) in taken:
        pass
    return port


def _by_whom(port: int) -> str:
    """ " by process 42 (nginx)", or nothing where the system doesn't tell."""
    with contextlib.suppress(psutil.Error, OSError):
        for connection in psutil.net_connections("tcp"):
            if connection.status == psutil.CONN_LISTEN and connection.laddr.port == port and connection.pid:
                return f" by process {connection.pid} ({psutil.Process(connection.pid).name()})"
    return ""
