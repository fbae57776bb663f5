"""Asking processes whether they are ready."""

import asyncio
import contextlib
from collections.abc import Mapping

from dawr.tools.platform.state import PartState, State

_SECONDS = 2.0


async def is_ready(part: PartState, ready_path: str | None) -> bool:
    """Whether one process answers as its part's row says, within two seconds.

    It is asked ten times a second while the platform starts, so without an HTTP client's machinery.
    """
    try:
        async with asyncio.timeout(_SECONDS):
            reader, writer = await asyncio.open_connection("127.0.0.1", part.port)
            try:
                if ready_path is None:
                    return True
                writer.write(f"GET {ready_path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n".encode())
                return (await reader.readline()).split()[1:2] == [b"200"]
            finally:
                writer.close()
                with contextlib.suppress(OSError):
                    await writer.wait_closed()
    except (OSError, TimeoutError):
        return False


async def ask_all(state: State, ready_paths: Mapping[str, str | None]) -> dict[str, bool]:
    """Whether each process is ready now, by name; `ready_paths` is by part."""
    asked = (is_ready(part, ready_paths[part.part]) for part in state.parts.values())
    return dict(zip(state.parts, await asyncio.gather(*asked), strict=True))
