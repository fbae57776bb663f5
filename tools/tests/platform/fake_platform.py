"""A platform of fake parts. As a program, `python fake_platform.py ROOT`: runs one until it is told to stop."""

import asyncio
import sys
from pathlib import Path

from dawr.tools.platform.parts import Kind, Part
from dawr.tools.platform.platform import Platform

PARTS = tuple(
    Part(name, Kind.SERVICE, "stands still", port, "cyan", "fake_part")
    for name, port in (("fakeone", 28001), ("faketwo", 28002))
)
SEEN = {"PYTHONPATH": str(Path(__file__).parent)}


async def main(root: Path) -> None:
    async with Platform(root, ports="free", parts=PARTS, environment=SEEN) as platform:
        print(*(platform.pid(name) for name in ("fakeone", "faketwo")), flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
