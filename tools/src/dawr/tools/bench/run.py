"""The whole benchmark: one run on one machine, a table of figures and ratios, and the same as JSON."""

import asyncio
import json
import os
import platform
import tempfile
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from dawr.tools.bench import measures
from dawr.tools.bench.stage import BenchStage
from dawr.tools.embedded.kafka import Kafka
from dawr.tools.embedded.postgres import Postgres, binary


@dataclass(frozen=True)
class Figure:
    """One line of the table."""

    name: str
    value: float
    unit: str
    against: str | None = None
    ratio: float | None = None
    goal: str | None = None

    @property
    def reached(self) -> bool | None:
        """Whether the goal is reached; none if there is none."""
        if self.goal is None:
            return None
        kind, _, bound = self.goal.partition(" ")
        measured = self.ratio if self.ratio is not None else self.value
        return measured >= float(bound) if kind == "≥" else measured <= float(bound)


async def measure(stage: BenchStage, pgbench: Path, *, scale: float, say: "Console") -> list[Figure]:
    """Every figure, in order; `scale` 1.0 takes about three minutes."""
    people = max(2000, int(20_000 * scale))
    seconds = max(2, int(5 * scale))
    figures: list[Figure] = []

    def note(
        name: str, value: float, unit: str, peer: tuple[str, float] | None = None, goal: str | None = None
    ) -> float:
        figure = Figure(
            name, value, unit, peer[0] if peer else None, value / peer[1] if peer and peer[1] else None, goal
        )
        figures.append(figure)
        shown = f"{figure.ratio:.2f} × {figure.against}" if figure.ratio is not None else ""
        say.print(f"  {name}: {value:,.1f} {unit}  {shown}", highlight=False)
        return value

    run = await stage.new_run()
    await measures.prepare_hot_row(run.database_url)
    hot = ("hot row", note(
        "pgbench, one hot row", await asyncio.to_thread(
            measures.hot_row, pgbench, run.database_url, stage.folder, seconds=seconds), "/s"))  # fmt: skip
    crowd = stage.people(people * 2 + 3000)
    plain = ("plain POST", note("plain FastAPI POST", await measures.plain_post(crowd[:people]), "/s"))

    async with run.booking("serve", "consume") as ports:
        await measures.until_capacity(run)
        await measures.end_to_end(run, ports["serve"], stage.people(people // 2))
        cold = await measures.end_to_end(run, ports["serve"], stage.people(people // 2))
        note("end to end, held, tokens never seen", cold, "/s", hot)
        known = stage.people(people)
        await measures.look(ports["serve"], known)
        rate = note("end to end, held", await measures.end_to_end(run, ports["serve"], known), "/s", hot, "≥ 2")
        half = stage.people(int(min(people, max(1000, rate / 2 * 8))))
        await measures.look(ports["serve"], half)
        p50, p99 = await measures.latencies(run, ports["serve"], half, per_second=rate / 2)
        note("request → held at half load, p50", p50, "ms", None, "≤ 25")
        note("request → held at half load, p99", p99, "ms", None, "≤ 60")

    fresh = await stage.new_run()
    async with fresh.booking("run"):
        await measures.until_capacity(fresh)
    async with fresh.booking("serve") as ports:
        await measures.intake(fresh, ports["serve"], crowd[:2000])
        await measures.look(ports["serve"], crowd[2000 : people + 2000])
        appended = await measures.intake(fresh, ports["serve"], crowd[2000 : people + 2000])
        note("intake until the broker has it", appended, "/s", plain, "≥ 1.0")

    alone = await stage.new_run()
    held = await measures.allocator_alone(alone, stage.people(people, signed_in=False))
    note("allocator alone, batches of 200", held, "/s", hot, "≥ 12")
    copied = await measures.copy_rows(alone, people)
    note("COPY of the same rows, by 200", copied, "/s")
    note("allocator against COPY", held, "/s", ("COPY", copied), "≥ 0.75")

    outbox = await stage.new_run()
    relayed, memory = await measures.relay_alone(outbox, stage.people(people, signed_in=False))
    note("producing from memory", memory, "/s")
    note("relay alone", relayed, "/s", ("memory", memory), "≥ 0.30")

    empty = await stage.new_run(seats=1)
    async with empty.booking("run") as ports:
        await measures.until_capacity(empty)
        note(
            "sold-out answers", await measures.sold_out(empty, ports["run"], stage.people(people)), "/s", plain, "≥ 0.9"
        )
    return figures


def show(figures: list[Figure], console: Console) -> None:
    """The table."""
    table = Table(title="One run on one machine", title_justify="left")
    for column, justify in (
        ("measure", "left"),
        ("value", "right"),
        ("ratio", "right"),
        ("goal", "left"),
        ("", "left"),
    ):
        table.add_column(column, justify=justify)  # type: ignore[arg-type]
    for each in figures:
        ratio = f"{each.ratio:.2f} × {each.against}" if each.ratio is not None else ""
        mark = {True: "[green]✓[/]", False: "[red]✗[/]", None: ""}[each.reached]
        table.add_row(each.name, f"{each.value:,.1f} {each.unit}", ratio, each.goal or "", mark)
    console.print(table)
    console.print(
        "Producer: acks=all, idempotent, linger 2 ms. Consumers: batches of 200, manual commit after the "
        "database's. PostgreSQL: fsync on, synchronous_commit on. 64 connections, one request each at a time.",
        style="dim",
    )


async def _run(scale: float, json_file: Path | None, console: Console) -> None:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="dawr-bench-")))
        folder.chmod(0o755)
        console.print("Starting Kafka and PostgreSQL …")
        kafka = stack.enter_context(Kafka(folder / "kafka"))
        postgres = stack.enter_context(Postgres(folder / "postgres"))
        stage = measures.bench_stage(kafka.bootstrap, postgres.url("postgres"), folder)
        figures = await measure(stage, binary("pgbench"), scale=scale, say=console)
    show(figures, console)
    if json_file is not None:
        machine = {"cores": os.cpu_count(), "python": platform.python_version(), "system": platform.platform()}
        rows = [asdict(each) | {"reached": each.reached} for each in figures]
        json_file.write_text(json.dumps({"machine": machine, "figures": rows}, indent=2, ensure_ascii=False))


def bench(*, scale: float = 1.0, json_file: Path | None = None) -> None:
    """Run the benchmark and print its table."""
    asyncio.run(_run(scale, json_file, Console()))
