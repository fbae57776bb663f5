"""SIGKILL to one process after the other, at moments and for pauses that a seed decides."""

import asyncio
import random
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from dawr.tools.platform.platform import Platform

SERVERS = ("kafka", "postgres")
SANDBOXES = ("bank", "sms", "registry", "mail")
"""Companies that we don't own: they stay up."""


@dataclass(frozen=True)
class Kill:
    """One kill: so many seconds after the beginning, and how long its victim stays down."""

    at: float
    name: str
    down: float


@dataclass(frozen=True)
class Killed:
    """A kill that was done."""

    kill: Kill
    pid: int
    moment: datetime
    after: float
    """Seconds since the beginning: later than planned if the victim was still being brought back."""


def plan(seed: int, names: Sequence[str], *, kills: int, seconds: float) -> list[Kill]:
    """Each process at least once, the others drawn; servers stay down longer than processes that start in a moment."""
    dice = random.Random(seed)  # noqa: S311 - chance for tests, not for secrets
    victims = [*names, *dice.choices(names, k=max(0, kills - len(names)))]
    # A server takes some seconds to come back, and nothing moves meanwhile: two more kills of each are enough.
    for server in SERVERS:
        for extra in [place for place, name in enumerate(victims) if name == server][2:]:
            victims[extra] = dice.choice([name for name in names if name not in SERVERS])
    made = [
        Kill(round(dice.uniform(0, seconds), 2), name, round(dice.uniform(0.2, 4.0 if name in SERVERS else 2.0), 2))
        for name in victims
    ]
    return sorted(made, key=lambda kill: kill.at)


@dataclass
class Killer:
    """Carries out a plan on a platform, and notes what it did."""

    platform: Platform
    plan: list[Kill]
    done: list[Killed] = field(default_factory=list)
    _busy: dict[str, asyncio.Lock] = field(default_factory=dict)

    async def run(self) -> None:
        """Returns when each victim was started again; whether it is ready is the caller's question."""
        begin = time.monotonic()
        async with asyncio.TaskGroup() as group:
            for kill in self.plan:
                await asyncio.sleep(max(0.0, begin + kill.at - time.monotonic()))
                group.create_task(self._carry_out(kill, begin))

    async def _carry_out(self, kill: Kill, begin: float) -> None:
        async with self._busy.setdefault(kill.name, asyncio.Lock()):
            pid = self.platform.pid(kill.name)
            moment, after = datetime.now(UTC), time.monotonic() - begin
            await self.platform.kill(kill.name)
            if pid is not None:
                self.done.append(Killed(kill, pid, moment, after))
            await asyncio.sleep(kill.down)
            # Services are killed while they start as well; a server is let up before it is killed again.
            await self.platform.restart(kill.name, wait=False)

    def told(self) -> str:
        """The kills as a list for people."""
        return "\n".join(
            f"  {each.after:6.2f} s  {each.kill.name:<24} pid {each.pid:<7} down {each.kill.down:.2f} s"
            for each in self.done
        )

    def of(self, *names: str) -> list[datetime]:
        """When processes of these names were killed."""
        return [each.moment for each in self.done if each.kill.name in names]
