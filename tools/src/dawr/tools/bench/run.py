"""The whole benchmark: one run on one machine, a table of figures and ratios, and the same as JSON."""

import asyncio
import json
import logging
import os
import platform
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from rich.console import Console

from dawr.booking.settings import BookingSettings
from dawr.tools.bench import finding, looking, measures, portal, whole
from dawr.tools.bench.report import Report
from dawr.tools.bench.stage import BenchStage, Person, Run
from dawr.tools.bench.surroundings import settings_of
from dawr.tools.embedded.kafka import Kafka
from dawr.tools.embedded.postgres import Postgres, binary

NOISY = ("aiokafka", "dawr.faststream")
HOT_ROW, PLAIN_POST, COPY, MEMORY = "hot row", "plain POST", "COPY", "memory"
INTAKE, ALLOCATOR = "small catalogue's intake", "small catalogue's allocator"
OFFICE_GET, REGION_GET = "plain GET", "plain GET of a region's size"


GROUPS = ("turns", "search", "portal")


async def measure(stage: BenchStage, pgbench: Path, report: Report, *, scale: float, only: str | None = None) -> None:
    """Every figure, in order, or those of one group of `GROUPS`; `scale` 1.0 takes about six minutes. A measure that
    fails does not stop the others."""
    if only in {None, "turns"}:
        await _turns(stage, pgbench, report, scale=scale)
    if only in {None, "search"}:
        with report.measuring("search"):
            await _search(stage, report)
    if only in {None, "portal"}:
        with report.measuring("portal"):
            await portal.measure(stage, report, scale=scale)


async def _turns(stage: BenchStage, pgbench: Path, report: Report, *, scale: float) -> None:
    """From a request to a held turn, each step of it, and answers about days."""
    people = max(2000, int(20_000 * scale))
    crowd = stage.people(people * 2 + 3000)
    with report.measuring("pgbench, one hot row"):
        run = await stage.new_run()
        await measures.prepare_hot_row(run.database_url)
        seconds = max(2, int(5 * scale))
        rate = await asyncio.to_thread(measures.hot_row, pgbench, run.database_url, stage.folder, seconds=seconds)
        report.peer(HOT_ROW, "pgbench, one hot row", rate, "/s")
    with report.measuring("plain FastAPI POST"):
        report.peer(PLAIN_POST, "plain FastAPI POST", await measures.plain_post(crowd[:people]), "/s")
    with report.measuring("end to end"):
        await _end_to_end(stage, report, people)
    with report.measuring("intake until the broker has it"):
        rate = await _intake(await stage.new_run(), crowd[: people + 2000])
        report.note("intake until the broker has it", rate, "/s", against=PLAIN_POST, goal="≥ 1.0", peer=INTAKE)
    with report.measuring("allocator alone"):
        await _allocator(stage, report, people)
    with report.measuring("relay alone"):
        run = await stage.new_run()
        relayed, memory = await measures.relay_alone(run, stage.people(people, signed_in=False))
        report.peer(MEMORY, "producing from memory", memory, "/s")
        report.note("relay alone", relayed, "/s", against=MEMORY, goal="≥ 0.30")
    with report.measuring("sold-out answers"):
        run = await stage.new_run(seats=1)
        async with run.booking("run") as ports:
            await measures.until_capacity(run)
            rate = await measures.sold_out(run, ports["run"], stage.people(people))
        report.note("sold-out answers", rate, "/s", against=PLAIN_POST, goal="≥ 0.9")
    with report.measuring("whole catalogue"):
        await whole_catalogue(stage, report, people, services=max(4, min(whole.SERVICES, int(whole.SERVICES * scale))))


async def whole_catalogue(stage: BenchStage, report: Report, people: int, *, services: int) -> None:
    """Answers about days, and what was measured with the small catalogue, with all days of a country in the tables."""
    run = await stage.new_run()
    await whole.publish_whole_catalogue(run, services_count=services)
    rows = f"{services} services × 60 offices × {len(whole.TIERS)} tiers × {whole.DAYS} days"
    async with run.booking("run") as ports:
        await measures.until_capacity(run)
        # Long enough that answers are made many times over: each is kept for a quarter of a second.
        with report.measuring("availability of one office"):
            rate, size = await looking.looks(ports["run"], looking.one_office(), people * 2)
            plain = await looking.plain_get(size, people)
            report.peer(OFFICE_GET, f"plain FastAPI GET of {size // 1024} KiB", plain, "/s")
            report.note("availability of one office, 60 days", rate, "/s", against=OFFICE_GET, goal="≥ 1.0")
        with report.measuring("availability of a region"):
            rate, size = await looking.looks(ports["run"], looking.one_region(), people)
            plain = await looking.plain_get(size, people // 2)
            report.peer(REGION_GET, f"plain FastAPI GET of {size // 1024} KiB", plain, "/s")
            report.note("availability of a region, 60 days", rate, "/s", against=REGION_GET, goal="≥ 1.0")
        with report.measuring("availability, everybody asks something else"):
            rate = await looking.looks_all_over(ports["run"], people // 4, services_count=services)
            report.note("availability, everybody asks something else", rate, "/s", against=OFFICE_GET)
    with report.measuring(f"intake with {rows}"):
        rate = await _intake(run, stage.people(people + 2000))
        report.note(f"intake with {rows}", rate, "/s", against=INTAKE, goal="≥ 0.9")
    with report.measuring(f"allocator alone with {rows}"):
        run = await stage.new_run()
        await whole.publish_whole_catalogue(run, services_count=services)
        held = await measures.allocator_alone(run, stage.people(people, signed_in=False))
        report.note(f"allocator alone with {rows}", held, "/s", against=ALLOCATOR, goal="≥ 0.9")


async def _search(stage: BenchStage, report: Report) -> None:
    """What people wait for a search of the shipped catalogue, in one process that serves."""
    run = await stage.bare_run("catalog")
    catalogue = await finding.load_shipped(run)
    searches = finding.service_paths(finding.questions(catalogue))
    nearest = finding.office_paths(catalogue, len(searches))
    async with run.processes("catalog", "serve") as ports:
        for name, paths in (("search for a service", searches), ("nearest offices with a service", nearest)):
            waits = await finding.waits(ports["serve"], paths)
            report.note(f"{name}, p50", waits[len(waits) // 2], "ms")
            report.note(f"{name}, p99", waits[int(len(waits) * 0.99)], "ms", goal="≤ 20")


async def _intake(run: Run, people: Sequence[Person]) -> float:
    """Requests per second into the log; the first 2,000 people warm up."""
    async with run.booking("run"):
        await measures.until_capacity(run)
    async with run.booking("serve") as ports:
        await measures.intake(run, ports["serve"], people[:2000])
        await measures.look(ports["serve"], people[2000:])
        return await measures.intake(run, ports["serve"], people[2000:])


async def _end_to_end(stage: BenchStage, report: Report, people: int) -> None:
    run = await stage.new_run()
    async with run.booking("serve", "consume") as ports:
        await measures.until_capacity(run)
        with report.measuring("end to end, held, tokens never seen"):
            await measures.end_to_end(run, ports["serve"], stage.people(people // 2))
            cold = await measures.end_to_end(run, ports["serve"], stage.people(people // 2))
            report.note("end to end, held, tokens never seen", cold, "/s", against=HOT_ROW)
        known = stage.people(people)
        await measures.look(ports["serve"], known)
        rate = await measures.end_to_end(run, ports["serve"], known)
        report.note("end to end, held", rate, "/s", against=HOT_ROW, goal="≥ 2")
        with report.measuring("request → held at half load"):
            half = stage.people(int(min(people, max(1000, rate / 2 * 8))))
            await measures.look(ports["serve"], half)
            p50, p99 = await measures.latencies(run, ports["serve"], half, per_second=rate / 2)
            report.note("request → held at half load, p50", p50, "ms", goal="≤ 25")
            report.note("request → held at half load, p99", p99, "ms", goal="≤ 60")


async def _allocator(stage: BenchStage, report: Report, people: int) -> None:
    run, batch = await stage.new_run(), BookingSettings().batch_records
    held = await measures.allocator_alone(run, stage.people(people, signed_in=False))
    report.note(f"allocator alone, batches of {batch}", held, "/s", against=HOT_ROW, goal="≥ 12", peer=ALLOCATOR)
    with report.measuring("COPY of the same rows"):
        copied = await measures.copy_rows(run, people, batch=batch)
        report.peer(COPY, f"COPY of the same rows, by {batch}", copied, "/s")
    report.note("allocator against COPY", held, "/s", against=COPY, goal="≥ 0.75")


async def _run(scale: float, report: Report, only: str | None) -> None:
    # Of a topic that is new, or a leader that is not known yet: the clients mend both by themselves.
    for noisy in NOISY:
        logging.getLogger(noisy).setLevel(logging.ERROR)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="dawr-bench-")))
        folder.chmod(0o755)
        report.console.print("Starting Kafka and PostgreSQL …")
        kafka = stack.enter_context(Kafka(folder / "kafka"))
        postgres = stack.enter_context(Postgres(folder / "postgres"))
        stage = measures.bench_stage(kafka.bootstrap, postgres.url("postgres"), folder)
        with report.measuring("settings"):
            report.settings = await settings_of(postgres.url("postgres"), stage.platform(""))
        await measure(stage, binary("pgbench"), report, scale=scale, only=only)


def bench(
    *, scale: float = 1.0, json_file: Path | None = None, console: Console | None = None, only: str | None = None
) -> int:
    """Run the benchmark, or one of `GROUPS`, and print its table; the exit code: 1 if a measure failed."""
    report = Report(console or Console())
    asyncio.run(_run(scale, report, only))
    report.show()
    if json_file is not None:
        machine = {"cores": os.cpu_count(), "python": platform.python_version(), "system": platform.platform()}
        json_file.write_text(json.dumps(report.as_json(machine), indent=2, ensure_ascii=False), "utf-8")
        report.console.print(f"Written to {json_file}.", highlight=False, markup=False)
    return 1 if report.failed else 0
