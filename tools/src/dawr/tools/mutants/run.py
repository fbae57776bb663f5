"""Break, test, mend: every mutant on one broker and one database, several at a time, and a table at the end."""

import os
import queue
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from dawr.tools.embedded.kafka import Kafka
from dawr.tools.embedded.postgres import Postgres
from dawr.tools.mutants.plan import Mutant, MutantError
from dawr.tools.mutants.scratch import Scratch

SECONDS_EACH = 300.0
_FAILED = 1
"""pytest's exit code when tests ran and some failed. Others tell that they did not run: that catches nothing."""


@dataclass(frozen=True)
class Verdict:
    """What became of a mutant."""

    mutant: Mutant
    word: str
    """`caught`, `survived`, `does-not-apply`, `not-tested`."""
    detail: str
    """Which test noticed, or what is wrong."""
    seconds: float


def run_mutants(
    repository: Path, mutants: Sequence[Mutant], *, jobs: int, console: Console, check_first: bool = True
) -> int:
    """Try all mutants; the exit code: 1 if one survives, can't be planted, or the tests fail without any."""
    begin = time.monotonic()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="dawr-mutants-")))
        folder.chmod(0o755)
        environment = stack.enter_context(_servers(folder))
        copies: queue.SimpleQueue[Scratch] = queue.SimpleQueue()
        for number in range(jobs):
            copies.put(Scratch(repository, folder / f"copy-{number}"))
        if check_first and not _pass_unbroken(copies, mutants, environment, jobs, console):
            return 1
        with ThreadPoolExecutor(jobs) as pool:
            tried = [pool.submit(_try, mutant, copies, environment) for mutant in mutants]
            verdicts = []
            for future in as_completed(tried):
                verdicts.append(future.result())
                _tell(verdicts[-1], len(verdicts), len(mutants), console)
    verdicts.sort(key=lambda verdict: [mutant.name for mutant in mutants].index(verdict.mutant.name))
    console.print(_table(verdicts))
    caught = sum(verdict.word == "caught" for verdict in verdicts)
    console.print(f"{caught} of {len(verdicts)} caught, in {time.monotonic() - begin:.0f} s.")
    return 0 if caught == len(verdicts) else 1


@contextmanager
def _servers(folder: Path) -> Iterator[Mapping[str, str]]:
    """One broker and one database server for the whole run: those of the environment, or embedded ones."""
    if "DAWR_KAFKA" in os.environ and "DAWR_POSTGRES" in os.environ:
        yield {}
        return
    with Kafka(folder / "kafka") as kafka, Postgres(folder / "postgres") as postgres:
        yield {"DAWR_KAFKA": kafka.bootstrap, "DAWR_POSTGRES": postgres.url("postgres")}


def _pass_unbroken(
    copies: "queue.SimpleQueue[Scratch]",
    mutants: Sequence[Mutant],
    environment: Mapping[str, str],
    jobs: int,
    console: Console,
) -> bool:
    """Whether the named tests pass as long as nothing is broken: else their failure would prove nothing."""
    console.print("First the named tests on the code as it is …")
    tests = sorted({test for mutant in mutants for test in mutant.tests})
    copy = copies.get()
    outcome = copy.test(tests, environment, "-n", str(jobs), "--dist", "loadgroup", seconds=3 * SECONDS_EACH)
    copies.put(copy)
    if outcome.code != 0:
        console.print(outcome.output[-6000:], markup=False, highlight=False)
        console.print("[red]✗[/] They fail without any mutant: mend that first.")
    return outcome.code == 0


def _try(mutant: Mutant, copies: "queue.SimpleQueue[Scratch]", environment: Mapping[str, str]) -> Verdict:
    copy, begin = copies.get(), time.monotonic()
    try:
        with copy.broken_by(mutant):
            outcome = copy.test(mutant.tests, environment, seconds=SECONDS_EACH)
    except MutantError as error:
        return Verdict(mutant, "does-not-apply", str(error), time.monotonic() - begin)
    finally:
        copies.put(copy)
    took = time.monotonic() - begin
    if outcome.code == _FAILED and outcome.failed:
        return Verdict(mutant, "caught", outcome.failed[0].rpartition("/")[2], took)
    if outcome.code == 0:
        return Verdict(mutant, "survived", f"{', '.join(mutant.tests)} passed", took)
    return Verdict(mutant, "not-tested", f"exit code {outcome.code}: {outcome.output.strip()[-300:]}", took)


def _tell(verdict: Verdict, done: int, of: int, console: Console) -> None:
    mark = "[green]✓[/]" if verdict.word == "caught" else "[red]✗[/]"
    console.print(f"{done:>3}/{of} {mark} {verdict.mutant.name}  [dim]{verdict.seconds:.0f} s[/]", highlight=False)


def _table(verdicts: Sequence[Verdict]) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0))
    table.add_column("mutant", no_wrap=True)
    table.add_column("", no_wrap=True)
    table.add_column("noticed by", overflow="fold")
    table.add_column("seconds", justify="right")
    for verdict in verdicts:
        if verdict.word == "caught":
            word, detail = "[green]caught[/]", verdict.detail
        else:
            word, detail = f"[bold red]{verdict.word}[/]", f"{verdict.mutant.why}: {verdict.detail}"
        table.add_row(verdict.mutant.name, word, detail.replace("[", r"\["), f"{verdict.seconds:.0f}")
    return table
