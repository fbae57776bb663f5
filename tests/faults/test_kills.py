"""`kill -9` of every process, again and again, while people book, pay and cancel: nothing is lost, nothing comes twice.

`DAWR_CHAOS_SEED` chooses the run: who is killed when, who wants what, and when they come. It is printed.
Its servers are embedded ones of its own, also in a run that was given some: it kills them.
"""

import asyncio
import os
import random
import secrets
import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.faults.killer import SANDBOXES, SERVERS, Killer, plan
from tests.faults.log import TurnsInTheLog, turns_in_the_log
from tests.town import Town, town

from dawr.servicekit.settings import PlatformSettings
from dawr.servicekit.testing import until
from dawr.tools.cli.look import lag_of_groups
from dawr.tools.demo.books import Books, Check, check
from dawr.tools.demo.cast import Person, cast_abroad, cast_at_home
from dawr.tools.demo.play import play
from dawr.tools.demo.scene import ABROAD, set_scene
from dawr.tools.platform.platform import Platform

PEOPLE = 200
KILLS = 34
CHAOS_SECONDS = 75.0
HOLD_SECONDS = 20
PATIENCE_SECONDS = 240.0

ENVIRONMENT = {
    # A killed consumer's partitions go to others when its session is over, and its leases are taken over.
    "DAWR_KAFKA_SESSION_SECONDS": "4",
    "NOTIFICATIONS_SEND_SECONDS": "4",
    "NOTIFICATIONS_LEASE_SECONDS": "12",
    "PAYMENTS_BANK_TIMEOUT_SECONDS": "3",
    "PAYMENTS_LEASE_SECONDS": "12",
    "PAYMENTS_REFUND_RETRY_SECONDS": "1",
    "PAYMENTS_RECONCILE_AFTER_SECONDS": "5",
}
MAIL_REPEATERS = ("notifications-consume", "postgres")
"""Whose death between the provider's yes and our record of it makes a mail come again."""


@dataclass
class Aftermath:
    """What is left when everybody's part is played and every process is back."""

    people: list[Person]
    books: Books
    log: TurnsInTheLog
    waiting: list[tuple[str, str, int]]
    """Topic, group, and how many records wait for it."""
    arrivals: dict[str, list[datetime]]
    """By Message-ID: when the mail came."""
    told_twice: list[dict[str, Any]]
    """Messages of one fact to one person that were written more than once."""


@pytest.mark.timeout(900)
async def test_thirty_kills_lose_nothing_and_double_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    seed = int(os.environ.get("DAWR_CHAOS_SEED") or secrets.randbelow(2**31))
    tmp_path.chmod(0o755)
    begin = time.monotonic()
    platform = Platform(tmp_path, ports="free", roles="split", replicas={"booking-consume": 2}, environment=ENVIRONMENT)
    async with platform, town(platform, tmp_path) as where:
        started = time.monotonic()
        names = [member.name for member in platform.members if member.name not in SANDBOXES]
        killer = Killer(platform, plan(seed, names, kills=KILLS, seconds=CHAOS_SECONDS))
        where.theatre.patience_seconds = PATIENCE_SECONDS
        cast, pools = await _cast(where, seed)
        try:
            await asyncio.gather(killer.run(), _play_all(cast, where, seed))
            played = time.monotonic()
            aftermath = await _aftermath(where, cast, pools)
        finally:
            with capsys.disabled():
                sys.stdout.write(f"\nDAWR_CHAOS_SEED={seed}: {len(killer.done)} kills\n{killer.told()}\n")
        checks = _checks(aftermath, killer, names)
        with capsys.disabled():
            sys.stdout.write(_told(aftermath, checks, where.theatre.interruptions))
            sys.stdout.write(
                f"  up after {started - begin:.0f} s, played for {played - started:.0f} s, "
                f"all settled after {time.monotonic() - played:.0f} s\n"
            )
    failed = [f"{each.name}: {each.detail}" for each in checks if not each.ok]
    assert not failed, f"DAWR_CHAOS_SEED={seed}\n" + "\n".join(failed)


async def _cast(where: Town, seed: int) -> tuple[list[Person], list[str]]:
    home, missions = await set_scene(where.theatre, where.reader, PEOPLE, seed, hold_seconds=HOLD_SECONDS)
    run = secrets.token_hex(4)
    cast = cast_at_home(PEOPLE, seed, run, home) + cast_abroad(ABROAD, seed, run, missions)
    return cast, [wish.pool for wish in home + missions]


async def _play_all(cast: Sequence[Person], where: Town, seed: int) -> None:
    """Everybody comes at a moment of their own while the killer is at work."""
    dice = random.Random(seed)  # noqa: S311 - chance for tests, not for secrets

    async def come(person: Person, after: float) -> None:
        await asyncio.sleep(after)
        await play(person, where.theatre)

    async with asyncio.TaskGroup() as group:
        for person in cast:
            group.create_task(come(person, dice.uniform(0, CHAOS_SECONDS - 5)))


async def _aftermath(where: Town, cast: list[Person], pools: list[str]) -> Aftermath:
    """Wait until every process is ready and has nothing left to do, then read what is there."""
    platform = where.platform
    await asyncio.gather(*(platform.wait_ready(member.name) for member in platform.members))
    settings = PlatformSettings(kafka=platform.bootstrap)

    async def idle() -> bool:
        return not any(waiting for _, _, waiting in await lag_of_groups(platform.state))

    await where.reader.settled(seconds=90)
    try:
        await until(idle, timeout=60, every=0.5)
        await where.reader.settled(seconds=60)
    except TimeoutError:
        pass  # the checks tell who is behind
    arrived = (await where.http.get(f"{platform.url('mail')}/messages")).json()
    arrivals: dict[str, list[datetime]] = {}
    for mail in arrived:
        arrivals.setdefault(mail["message_id"], []).append(datetime.fromisoformat(mail["arrived_at"]))
    return Aftermath(
        people=cast,
        books=await where.reader.read(cast, pools),
        log=await turns_in_the_log(settings),
        waiting=[each for each in await lag_of_groups(platform.state) if each[2]],
        arrivals=arrivals,
        told_twice=await where.reader.all(
            "notifications",
            """
            SELECT person_id, template, subject_id, count(*) FROM messages
            WHERE template LIKE 'turn-%' OR template IN ('payment-captured', 'refund-succeeded', 'case-opened')
            GROUP BY person_id, template, subject_id HAVING count(*) > 1
            """,
        ),
    )


def _checks(after: Aftermath, killer: Killer, names: Sequence[str]) -> list[Check]:
    log, books = after.log, after.books
    ends = log.ends()
    differ = [str(turn["id"]) for turn in books.turns if ends.get(str(turn["id"])) != turn["state"]]
    unexplained = _unexplained(after.arrivals, killer.of(*MAIL_REPEATERS))
    doubled = log.with_two_outcomes()
    killed = Counter(each.kill.name for each in killer.done)
    return [
        *(each for each in check(after.people, books) if each.name != "no mail came twice"),
        Check("at least 30 kills, and everybody's turn to die came",
              sum(killed.values()) >= 30 and set(killed) == set(names),
              f"{sum(killed.values())} kills of {len(killed)} processes"),
        Check("the log tells one outcome of each turn", not doubled, "; ".join(doubled[:3]) or f"{len(ends)} turns"),
        Check("the log ends where the database does", not differ, f"{len(differ)} differ {differ[:3] or ''}"),
        Check("a mail came twice only around a kill, with its Message-ID", not unexplained,
              f"{_repeats(after.arrivals)} repeats, {len(unexplained)} unexplained {unexplained[:3] or ''}"),
        Check("no fact was told twice", not after.told_twice,
              f"{len(after.told_twice)} were {after.told_twice[:3] or ''}"),
        Check("consumers are caught up", not after.waiting, f"{after.waiting or 'nothing waits'}"),
    ]  # fmt: skip


def _repeats(arrivals: dict[str, list[datetime]]) -> int:
    return sum(len(moments) - 1 for moments in arrivals.values())


def _unexplained(arrivals: dict[str, list[datetime]], kills: Sequence[datetime]) -> list[str]:
    """Mails that came again though nobody who sends or notes them was killed between."""
    slack = timedelta(seconds=1)
    return [
        message_id
        for message_id, moments in arrivals.items()
        if len(moments) - 1 > sum(min(moments) - slack <= kill <= max(moments) for kill in kills)
    ]


def _told(after: Aftermath, checks: Sequence[Check], interruptions: int) -> str:
    states = Counter(turn["state"] for turn in after.books.turns)
    refused = Counter(person.refusal for person in after.people if person.refusal)
    lines = [
        f"{len(after.people)} people: {dict(states)}, refused {dict(refused)}, "
        f"{sum(person.late for person in after.people)} paid late",
        f"{interruptions} answers did not come at first, {after.log.repeated} facts were sent again by relays, "
        f"{_repeats(after.arrivals)} mails came again",
        *(f"{'✓' if each.ok else '✗'} {each.name}  ({each.detail})" for each in checks),
    ]
    return "".join(f"  {line}\n" for line in lines)


def test_a_plan_follows_from_its_seed_and_reaches_everybody() -> None:
    names = [*SERVERS, "booking-serve", "booking-consume", "booking-consume-2"]
    assert plan(7, names, kills=30, seconds=60) == plan(7, names, kills=30, seconds=60)
    for seed in range(50):
        kills = plan(seed, names, kills=30, seconds=60)
        counts = Counter(kill.name for kill in kills)
        assert set(counts) == set(names)
        assert sum(counts.values()) == 30
        assert all(counts[server] <= 2 for server in SERVERS)
        assert all(0 <= kill.at <= 60 for kill in kills)
