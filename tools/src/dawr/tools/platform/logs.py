"""Every process's log in one stream, each line led by the process's name in its colour."""

import asyncio
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.text import Text

_LOOK_SECONDS = 0.1
_AT_ONCE_BYTES = 256_000


@dataclass
class _Tail:
    """One file, read from where it was last read to."""

    path: Path
    offset: int
    rest: bytes = b""

    def lines(self) -> list[str]:
        """The whole lines that were added. A file that was put aside is read from its new beginning."""
        try:
            size = self.path.stat().st_size
        except FileNotFoundError:
            return []
        if size < self.offset:
            self.offset, self.rest = 0, b""
        if size == self.offset:
            return []
        with self.path.open("rb") as file:
            file.seek(self.offset)
            added = file.read(_AT_ONCE_BYTES)
        self.offset += len(added)
        *whole, self.rest = (self.rest + added).split(b"\n")
        return [line.decode("utf-8", "replace").rstrip() for line in whole]


class LogStream:
    """Follows files that grow. What they hold when the stream is made is not shown."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._tails: dict[str, tuple[_Tail, str]] = {}

    def add(self, name: str, path: Path, colour: str) -> None:
        """Follows one more file, which need not be there yet."""
        self._tails[name] = (_Tail(path, path.stat().st_size if path.exists() else 0), colour)

    async def follow(self) -> None:
        """Prints until it is cancelled."""
        while True:
            self.print_new()
            await asyncio.sleep(_LOOK_SECONDS)

    def print_new(self) -> None:
        """Prints what was added since it last looked."""
        width = max(map(len, self._tails), default=0)
        for name, (tail, colour) in self._tails.items():
            for line in tail.lines():
                text = Text.assemble((f"{name:>{width}} │ ", colour), Text.from_ansi(line))
                self._console.print(text, soft_wrap=True, highlight=False)
