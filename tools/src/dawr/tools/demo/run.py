"""`dawr demo`: set the scene, play, check the books, tell."""

import asyncio
import json
import secrets
import statistics
import tempfile
from collections import Counter
from collections.abc import Sequence
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.live import Live
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from dawr.servicekit.settings import PlatformSettings
from dawr.tools.demo.books import Books, Check, Reader, check, doubled
from dawr.tools.demo.cast import Person, cast_abroad, cast_at_home
from dawr.tools.demo.play import play
from dawr.tools.demo.scene import ABROAD, open_theatre, set_scene
from dawr.tools.demo.theatre import Theatre
from dawr.tools.platform import state as states
from dawr.tools.platform.folder import Folder
from dawr.tools.platform.platform import Platform

AT_ONCE = 80
"""How many of the cast act at the same time."""

STEPS = ("asked", "held", "refused", "paid", "confirmed", "expired", "cancelled", "refunded", "trouble")


def run_demo(root: Path, *, people: int, seed: int, json_file: Path | None) -> int:
    """Play on the platform of `root`, or on one made for it; the exit code: 1 if a check fails."""
    return asyncio.run(_demo(root, people, seed, json_file, Console()))


async def _demo(root: Path, people: int, seed: int, json_file: Path | None, console: Console) -> int:
    async with AsyncExitStack() as stack:
        state = states.running(Folder.of(root))
        if state is None:
            console.print("No platform runs from this folder: starting one for the demo, with data of its own …")
            root = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="dawr-demo-")))
            root.chmod(0o755)
            platform = await stack.enter_async_context(Platform(root, ports="free"))
            state = platform.state
        begin = datetime.now(UTC)
        settings = PlatformSettings(kafka=state.kafka, topic_prefix=state.topic_prefix)
        reader = Reader(state.database, settings, bank=state.url("bank"), mail=state.url("mail"), begin=begin)
        theatre = open_theatre(root, state)
        try:
            home, missions = await set_scene(theatre, reader, people, seed)
            run = secrets.token_hex(4)
            cast = cast_at_home(people, seed, run, home) + cast_abroad(ABROAD, seed, run, missions)
            await _perform(cast, theatre, console)
            await reader.settled()
            books = await reader.read(cast, [wish.pool for wish in home + missions])
        finally:
            await theatre.http.aclose()
    checks = check(cast, books)
    result = summary(cast, books, checks)
    _tell(cast, result, checks, console)
    if json_file is not None:
        json_file.write_text(json.dumps(result, indent=2, ensure_ascii=False))
    return 0 if all(each.ok for each in checks) else 1


async def _perform(cast: list[Person], theatre: Theatre, console: Console) -> None:
    progress = Progress(
        TextColumn("{task.description:<10}"), BarColumn(), TextColumn("{task.completed:>5}"), TimeElapsedColumn(),
        console=console,
    )  # fmt: skip
    bars = {step: progress.add_task(step, total=len(cast)) for step in STEPS}
    theatre.on_step = lambda step: progress.advance(bars[step])
    gate = asyncio.Semaphore(AT_ONCE)

    async def enter(person: Person) -> None:
        async with gate:
            await play(person, theatre)

    with Live(progress, console=console, refresh_per_second=4, transient=not console.is_terminal):
        await asyncio.gather(*(enter(person) for person in cast))


def summary(cast: Sequence[Person], books: Books, checks: Sequence[Check]) -> dict[str, Any]:
    """The result as data."""
    states_ = Counter(turn["state"] for turn in books.turns)
    return {
        "people": len(cast),
        "asked": sum(person.accepted or person.refusal is not None for person in cast),
        "held": sum(person.held for person in cast),
        "refused": dict(Counter(person.refusal for person in cast if person.refusal)),
        "confirmed": states_["CONFIRMED"],
        "expired": states_["EXPIRED"],
        "cancelled": states_["CANCELLED_BY_CITIZEN"] + states_["CANCELLED_BY_OFFICE"],
        "refunded": sum(turn["refund"] == "SUCCEEDED" for turn in books.turns),
        "late_paid": sum(person.late for person in cast),
        "captured": books.captured,
        "refunded_money": books.refunded,
        "pools": [
            {"pool": row["pool"], "capacity": row["capacity"], "in_use": row["in_use"], "max_in_use": row["max_in_use"]}
            for row in books.pools
        ],
        "messages_sent": books.messages_sent,
        "duplicates_applied": doubled(books),
        "mails": sum(books.mails.values()),
        "steps": {step: _percentiles(values) for step, values in _durations(cast).items()},
        "checks": [{"name": each.name, "ok": each.ok, "detail": each.detail} for each in checks],
    }


def _durations(cast: Sequence[Person]) -> dict[str, list[float]]:
    durations: dict[str, list[float]] = {}
    for person in cast:
        for step, seconds in person.seconds.items():
            durations.setdefault(step, []).append(seconds)
    return durations


def _percentiles(values: list[float]) -> dict[str, float]:
    values = sorted(values)
    p99 = values[min(len(values) - 1, int(len(values) * 0.99))]
    return {"count": len(values), "p50_seconds": round(statistics.median(values), 3), "p99_seconds": round(p99, 3)}


def _tell(cast: Sequence[Person], result: dict[str, Any], checks: Sequence[Check], console: Console) -> None:
    table = Table(title="\nWhat became of them", title_justify="left", show_header=False, box=None, padding=(0, 2))
    for name in ("people", "asked", "held", "confirmed", "expired", "cancelled", "refunded", "late_paid",
                 "messages_sent", "mails"):  # fmt: skip
        table.add_row(name.replace("_", " "), str(result[name]))
    for code, count in sorted(result["refused"].items()):
        table.add_row(f"refused: {code}", str(count))
    for name, totals in (("captured", result["captured"]), ("given back", result["refunded_money"])):
        for currency, minor in totals.items():
            table.add_row(name, f"{minor // 100:,} {currency}")
    console.print(table)
    steps = Table("step", "how many", "p50", "p99", box=None, padding=(0, 2), title="\nHow long", title_justify="left")
    for step, seen in result["steps"].items():
        steps.add_row(step, str(seen["count"]), f"{seen['p50_seconds']:.2f} s", f"{seen['p99_seconds']:.2f} s")
    console.print(steps)
    console.print("\nChecks")
    for each in checks:
        console.print(
            f"  {'[green]✓[/]' if each.ok else '[red]✗[/]'} {each.name}  [dim]{each.detail}[/]", highlight=False
        )
