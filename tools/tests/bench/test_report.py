"""What the benchmark tells: figures, what failed, and the settings that it measured under."""

import inspect
import io
import json
import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import date
from pathlib import Path
from typing import ClassVar
from uuid import UUID

import asyncpg
import pytest
from rich.console import Console

from dawr.booking.settings import BookingSettings
from dawr.catalog.folder.catalogue import read_catalogue, shipped
from dawr.contracts import Pool
from dawr.servicekit.producer import Producer
from dawr.servicekit.testing import Stage
from dawr.tools.bench import finding, looking, measures, portal, run, waiting, whole
from dawr.tools.bench.report import Report
from dawr.tools.bench.stage import Person
from dawr.tools.bench.surroundings import settings_of
from dawr.tools.cli import main

RATES = {"hot_row": 1000.0, "end_to_end": 3000.0, "plain_post": 2000.0, "intake": 2500.0, "allocator_alone": 20000.0,
         "copy_rows": 10000.0, "sold_out": 1000.0}  # fmt: skip


POOL = Pool(office="OFF-01", service="PASS_REN", tier="N", date=date(2026, 12, 1))
WHOLE = "55 services × 60 offices × 3 tiers × 60 days"


class Run:
    database_url = ""

    @asynccontextmanager
    async def booking(self, *roles: str) -> AsyncIterator[dict[str, int]]:
        yield dict.fromkeys(roles, 0)

    @asynccontextmanager
    async def processes(self, _service: str, *roles: str) -> AsyncIterator[dict[str, int]]:
        yield dict.fromkeys(roles, 0)


class NoStage:
    """Where nothing runs: every measure gives a made-up rate."""

    folder = Path()

    def platform(self, _prefix: str) -> None:
        return None

    async def new_run(self, *, seats: int = 1) -> Run:
        return Run()

    async def bare_run(self, _service: str) -> Run:
        return Run()

    def people(self, count: int, *, signed_in: bool = True) -> range:
        return range(count)


class NoTown:
    ports: ClassVar[dict[str, int]] = {"gateway": 0}
    offices = tuple(f"OFF-{number:02}" for number in range(24))

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[int]:
        yield 0

    def people(self, count: int) -> list[Person]:
        return [Person(UUID(int=number), "token", POOL) for number in range(count)]


class Server:
    bootstrap = ""

    def __init__(self, _folder: Path) -> None:
        pass

    def __enter__(self) -> "Server":
        return self

    def __exit__(self, *_error: object) -> None:
        pass

    def url(self, _database: str) -> str:
        return ""


@pytest.fixture
def made_up(monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    """A benchmark of made-up rates on no servers."""

    def rated(rate: object) -> object:
        async def measured(*_given: object, **_options: object) -> object:
            return rate

        return measured

    for name in ("prepare_hot_row", "until_capacity", "look"):
        monkeypatch.setattr(measures, name, rated(None))
    for name, rate in RATES.items():
        monkeypatch.setattr(measures, name, rated(rate))
    monkeypatch.setattr(measures, "hot_row", lambda *_given, **_options: RATES["hot_row"])
    monkeypatch.setattr(measures, "latencies", rated((5.0, 90.0)))
    monkeypatch.setattr(measures, "relay_alone", rated((4000.0, 10000.0)))
    monkeypatch.setattr(whole, "publish_whole_catalogue", rated(None))
    monkeypatch.setattr(looking, "looks", rated((6000.0, 20_480)))
    monkeypatch.setattr(looking, "looks_all_over", rated(500.0))
    monkeypatch.setattr(looking, "plain_get", rated(4000.0))
    monkeypatch.setattr(finding, "load_shipped", rated(read_catalogue(shipped())))
    monkeypatch.setattr(finding, "waits", rated([4.0] * 98 + [21.0] * 2))
    monkeypatch.setattr(portal, "build", rated(NoTown()))
    monkeypatch.setattr(portal, "size_of", rated(10_240))
    monkeypatch.setattr(portal, "rate_of", rated(600.0))
    monkeypatch.setattr(waiting, "measure", rated(None))
    monkeypatch.setattr(portal, "plain_app", NoTown().serving)
    monkeypatch.setattr(measures, "bench_stage", lambda *_given: NoStage())
    monkeypatch.setattr(run, "settings_of", rated({"producer": {"acks": "all", "enable_idempotence": True}}))
    monkeypatch.setattr(run, "Kafka", Server)
    monkeypatch.setattr(run, "Postgres", Server)
    monkeypatch.setattr(run, "binary", Path)
    levels = {name: logging.getLogger(name).level for name in run.NOISY}
    yield monkeypatch
    for name, level in levels.items():
        logging.getLogger(name).setLevel(level)


def measured(folder: Path, **options: str) -> tuple[int, str, dict[str, object]]:
    """The exit code, what was printed, and what is in the file."""
    printed, file = io.StringIO(), folder / "bench.json"
    code = run.bench(json_file=file, console=Console(file=printed, width=200), **options)  # type: ignore[arg-type]
    return code, printed.getvalue(), json.loads(file.read_text("utf-8"))


def test_the_file_has_what_the_table_shows(made_up: pytest.MonkeyPatch, tmp_path: Path) -> None:
    code, printed, told = measured(tmp_path)
    assert (code, told["failed"]) == (0, [])
    figures = {each["name"]: each for each in told["figures"]}  # type: ignore[attr-defined]
    assert all(f"│ {name} " in printed for name in figures)
    assert (figures["end to end, held"]["ratio"], figures["end to end, held"]["reached"]) == (3.0, True)
    assert figures["request → held at half load, p50"]["reached"] is True
    assert figures["request → held at half load, p99"]["reached"] is False
    assert figures["sold-out answers"]["reached"] is False
    assert figures["availability of one office, 60 days"]["ratio"] == 1.5
    assert figures["search for a service, p50"]["value"] == 4.0
    assert figures["search for a service, p99"]["reached"] is False
    calendar = figures["calendar page of 10.0 KiB"]
    assert (calendar["value"], calendar["reached"]) == (600.0, True)
    assert figures["calendar page against a plain one"]["ratio"] == 1.0
    allocator = figures[f"allocator alone with {WHOLE}"]
    assert (allocator["ratio"], allocator["reached"]) == (1.0, True)
    assert told["settings"] == {"producer": {"acks": "all", "enable_idempotence": True}}
    assert "producer: acks all, enable_idempotence true" in printed
    assert f"Written to {tmp_path / 'bench.json'}." in printed
    for name in ("aiokafka.producer.sender", "dawr.faststream"):
        assert not logging.getLogger(name).isEnabledFor(logging.WARNING)
        assert logging.getLogger(name).isEnabledFor(logging.ERROR)


@pytest.mark.parametrize(
    ("broken", "failed", "lost"),
    [
        ("end_to_end", {"end to end, held, tokens never seen", "end to end"}, 4),
        ("latencies", {"request → held at half load"}, 2),
        ("relay_alone", {"relay alone"}, 2),
        ("plain_post", {"plain FastAPI POST"}, 1),
        ("intake", {"intake until the broker has it", f"intake with {WHOLE}"}, 2),
    ],
)
def test_a_measure_that_fails_is_named_and_the_others_are_shown(
    made_up: pytest.MonkeyPatch, tmp_path: Path, broken: str, failed: set[str], lost: int
) -> None:
    _, _, whole = measured(tmp_path)

    async def breaks(*_given: object, **_options: object) -> None:
        raise RuntimeError("expected 202, got [503]")

    made_up.setattr(measures, broken, breaks)
    code, printed, told = measured(tmp_path)
    assert code == 1
    assert {each["name"] for each in told["failed"]} == failed  # type: ignore[attr-defined]
    assert printed.count("RuntimeError: expected 202, got [503]") == 2 * len(failed)
    assert len(told["figures"]) == len(whole["figures"]) - lost  # type: ignore[arg-type]


def test_one_group_of_measures_can_be_had_alone(made_up: pytest.MonkeyPatch, tmp_path: Path) -> None:
    groups = [measured(tmp_path, only=each)[2]["figures"] for each in run.GROUPS]
    names = [{each["name"] for each in figures} for figures in groups]  # type: ignore[attr-defined]
    every = [each["name"] for each in measured(tmp_path)[2]["figures"]]  # type: ignore[attr-defined]
    assert all(names)
    assert set().union(*names) == set(every)
    assert sum(map(len, groups)) == len(every), "none is in two groups"


def test_without_its_peer_a_figure_reaches_no_goal() -> None:
    report = Report(Console(file=io.StringIO()))
    report.note("intake", 5000, "/s", against="plain POST", goal="≥ 1.0")
    assert (report.figures[0].ratio, report.figures[0].reached) == (None, None)


def test_the_command_ends_with_the_benchmark_s_exit_code(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "bench", lambda **_options: 1)
    monkeypatch.setattr("sys.argv", ["dawr", "bench"])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 1


async def test_settings_are_those_of_the_code_and_of_the_server(
    the_stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BOOKING_BATCH_RECORDS", "123")
    url = await the_stage.bare_database()
    connection = await asyncpg.connect(url)
    await connection.execute(f'ALTER DATABASE "{url.rpartition("/")[2]}" SET synchronous_commit = off')
    fsync = await connection.fetchval("SHOW fsync")
    await connection.close()
    told = await settings_of(url, the_stage.platform)
    assert (told["PostgreSQL"]["fsync"], told["PostgreSQL"]["synchronous_commit"]) == (fsync, "off")
    linger = inspect.signature(Producer).parameters["linger_ms"].default
    assert told["producer"] | {"acks": "all", "enable_idempotence": True, "linger_ms": linger} == told["producer"]
    assert told["consumer of requests"]["max_records"] == BookingSettings().batch_records == 123
    assert told["load"] == {"connections": measures.CONNECTIONS, "most_waiting": measures.WAITING}
