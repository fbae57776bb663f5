"""Asking processes whether they are ready."""

import asyncio
import contextlib
import json
from pathlib import Path

from dawr.tools.platform.folder import Folder
from dawr.tools.platform.parts import PARTS
from dawr.tools.platform.state import PartState, State, running

_SECONDS = 2.0


async def is_ready(part: PartState, ready_path: str | None) -> bool:
    """Whether one process answers as its part's row says, within two seconds."""
    answer = await _ask(part.port, ready_path)
    return answer is not None and (ready_path is None or answer.split()[1:2] == [b"200"])


async def what_it_lacks(part: PartState, ready_path: str | None) -> list[str]:
    """The conditions that a process itself says are not met; none if it doesn't answer."""
    answer = await _ask(part.port, ready_path)
    if answer is None or ready_path is None:
        return []
    try:
        checks = json.loads(answer.partition(b"\r\n\r\n")[2])["checks"]
        return [name for name, holds in checks.items() if not holds]
    except (ValueError, TypeError, KeyError, AttributeError):
        return []


async def _ask(port: int, path: str | None) -> bytes | None:
    """The raw answer to a GET; b"" if only the port is asked for; None if there is none within two seconds.

    Every process is asked ten times a second while the platform starts, so without an HTTP client's machinery.
    """
    try:
        async with asyncio.timeout(_SECONDS):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            try:
                if path is None:
                    return b""
                writer.write(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n".encode())
                return await reader.read()
            finally:
                writer.close()
                with contextlib.suppress(OSError):
                    await writer.wait_closed()
    except (OSError, TimeoutError):
        return None


async def look(root: Path) -> State | None:
    """The platform that runs from `root` with each process's readiness as it is now; None if none runs."""
    state = running(Folder.of(root))
    if state is None:
        return None
    paths = {part.name: part.ready_path for part in PARTS}
    parts = state.parts.values()
    answers = await asyncio.gather(*(is_ready(part, paths.get(part.part, "/readyz")) for part in parts))
    for part, answer in zip(parts, answers, strict=True):
        part.ready = answer
    return state
