"""`dawr up`: the platform in a terminal, until Ctrl-C."""

import asyncio
import contextlib
import os
import signal
import sys
import time
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TaskID, TextColumn, TransferSpeedColumn
from rich.table import Table

from dawr.tools.errors import ToolError
from dawr.tools.platform.folder import Folder
from dawr.tools.platform.logs import LogStream
from dawr.tools.platform.parts import Kind
from dawr.tools.platform.platform import Platform
from dawr.tools.platform.ports import PortChoice
from dawr.tools.platform.seed import remember_seed, seed_environment

FAILED = 1
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def run_up(root: Path, *, ports: PortChoice = "usual", logs: bool = True, seed: Path | None = None) -> int:
    """Runs the platform of `root` until SIGINT or SIGTERM; the exit code. A failure is printed as one sentence.

    `seed`: the folder of the catalogue; none: the one that the platform was set up with, at first the shipped one.
    """
    console = Console()
    with asyncio.Runner() as runner:
        code, cut_short = runner.run(_up(root, console, ports=ports, logs=logs, seed=seed))
        if cut_short:
            # A download that hangs in its thread would keep Python from ending. Every process is gone by now.
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)
    return code


async def _up(root: Path, console: Console, *, ports: PortChoice, logs: bool, seed: Path | None) -> tuple[int, bool]:
    """The exit code, and whether the start was cut short."""
    try:
        seeded = seed_environment(Folder.of(root), seed)
        remember_seed(Folder.of(root), seeded)
    except ToolError as error:
        _print_failure(error)
        return FAILED, False
    began = time.monotonic()
    told = asyncio.Event()
    for number in _SIGNALS:
        asyncio.get_running_loop().add_signal_handler(number, told.set)
    terminal = Terminal(console)
    platform = Platform(root, ports=ports, reporter=terminal, environment=seeded)
    stream = LogStream(console)
    for member in platform.members:
        if member.part.kind is not Kind.SERVER:
            stream.add(member.name, platform.folder.log(member.name), member.part.colour)
    starting, asked = asyncio.create_task(platform.start()), asyncio.create_task(told.wait())
    await asyncio.wait((starting, asked), return_when=asyncio.FIRST_COMPLETED)
    cut_short = not starting.done()
    if cut_short:
        starting.cancel()
    try:
        await starting
    except asyncio.CancelledError:
        console.print("Stopped.")
        return 0, cut_short
    except ToolError as error:
        _print_failure(error)
        return FAILED, cut_short
    finally:
        terminal.close()
    console.print(_addresses(platform))
    console.print("\nTry next", _what_next(platform), "", sep="\n", highlight=False)
    console.print(f"[bold green]✓[/] Ready in {time.monotonic() - began:.1f} s. Ctrl-C stops everything.\n")
    following = asyncio.create_task(stream.follow()) if logs else None
    training = platform.program("kafka-aot", ["-m", "dawr.tools.embedded.aot"])  # the next start will be quicker
    training.start()
    await told.wait()
    training.stop(0.5)
    await _stop(platform, console, told)
    if following is not None:
        following.cancel()
        stream.print_new()
    console.print("Stopped.")
    return 0, False


def _print_failure(error: ToolError) -> None:
    Console(stderr=True).print(f"[bold red]✗[/] {error}", highlight=False, soft_wrap=True)


async def _stop(platform: Platform, console: Console, told: asyncio.Event) -> None:
    """Drains; a second Ctrl-C doesn't wait for that."""
    console.print("\nStopping: work in flight is finished first. Ctrl-C again kills at once.")
    told.clear()
    stopping, again = asyncio.create_task(platform.stop()), asyncio.create_task(told.wait())
    await asyncio.wait((stopping, again), return_when=asyncio.FIRST_COMPLETED)
    again.cancel()
    if not stopping.done():
        await platform.kill_all()
    await stopping


class Terminal:
    """Shows how the start goes on: a line per step, and a bar while jars arrive."""

    def __init__(self, console: Console) -> None:
        self._console = console
        columns = (TextColumn("  Kafka's jars"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
        self._jars = Progress(*columns, console=console, transient=True)
        self._bar: TaskID | None = None

    def step(self, text: str) -> None:
        """One step begins."""
        self._console.print(f"  [dim]{time.strftime('%H:%M:%S')}[/] {text}", highlight=False)

    def downloaded(self, done: int, total: int) -> None:
        """So many bytes of all jars are here."""
        if self._bar is None:
            self._bar = self._jars.add_task("jars", total=total)
            self._jars.start()
        self._jars.update(self._bar, completed=done)
        if done >= total:
            self.close()

    def notice(self, text: str) -> None:
        """Something that a person should know."""
        self._console.print(f"[bold yellow]![/] {text}", highlight=False, soft_wrap=True)

    def close(self) -> None:
        """Takes the bar away."""
        with contextlib.suppress(Exception):
            self._jars.stop()


def _addresses(platform: Platform) -> Table:
    table = Table(title="\nDawr", title_justify="left", show_header=False, box=None, padding=(0, 2, 0, 2))
    for member in platform.members:
        url = platform.url(member.name)
        documented = "[dim]/openapi.json[/]" if member.part.kind is Kind.SERVICE else ""
        table.add_row(f"[{member.part.colour}]{member.name}[/]", member.part.what, url + documented)
    return table


def _what_next(platform: Platform) -> str:
    running = {member.name: platform.url(member.name) for member in platform.members}
    tries = {
        running.get("gateway", ""): "the portal: open it in a browser",
        running.get("mail", ""): "sign-in codes and every other mail",
        "make demo": "a few hundred people compete for seats",
        ".venv/bin/dawr token --person 1": "a token, for the README's tour with curl",
        ".venv/bin/dawr status": "what runs, and whether it is ready",
    }
    return "\n".join(f"  [bold]{how:<34}[/] {what}" for how, what in tries.items() if how)
