"""Asking processes whether they are ready."""

import asyncio
import contextlib

import httpx

from dawr.tools.platform.state import PartState, State


async def is_ready(part: PartState, ready_path: str | None) -> bool:
    """Whether one process answers as its part's row says, within two seconds."""
    try:
        if ready_path is None:
            async with asyncio.timeout(2):
                _, writer = await asyncio.open_connection("127.0.0.1", part.port)
                writer.close()
                with contextlib.suppress(OSError):
                    await writer.wait_closed()
            return True
        async with httpx.AsyncClient(timeout=2, trust_env=False) as client:
            return (await client.get(f"http://127.0.0.1:{part.port}{ready_path}")).status_code == 200
    except (OSError, TimeoutError, httpx.HTTPError):
        return False


async def ask_all(state: State, ready_paths: dict[str, str | None]) -> dict[str, bool]:
    """Whether each process is ready now, by name; `ready_paths` is by part."""
    asked = (is_ready(part, ready_paths[part.part]) for part in state.parts.values())
    return dict(zip(state.parts, await asyncio.gather(*asked), strict=True))
