"""Passwords: hashed in threads of their own, few and of low priority, so that a flood of logins starves nobody else.

What a guess costs: argon2id with 64 MiB and three passes, the second choice of RFC 9106 (section 4) but for one lane,
as each hash has one thread here.
"""

import asyncio
import os
import sys
import threading
import unicodedata
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from argon2 import PasswordHasher, Type
from argon2.exceptions import InvalidHashError, VerifyMismatchError

from dawr.gateway.errors_staff import SignInBusy

MEMORY_KIB = 64 * 1024
PASSES = 3
WAIT_SECONDS = 5
"""When one who was turned away may come again."""
_NICE = 10

T = TypeVar("T")


class Passwords:
    """Hashes and checks passwords. One object a process; its threads begin when first used."""

    def __init__(self, threads: int, waiting: int) -> None:
        """So many at once, and so many more that wait; the next is refused."""
        self._hasher = PasswordHasher(time_cost=PASSES, memory_cost=MEMORY_KIB, parallelism=1, type=Type.ID)
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="passwords", initializer=_yield_to_others)
        self._most = threads + waiting
        self._held = 0
        self._counting = threading.Lock()
        self._nobodys: str | None = None
        self.checked = 0
        """How many hashes were worked out to check a password; for known and unknown logins alike."""

    async def hash(self, password: str) -> str:
        """What is kept of a password. Raises SignInBusy."""
        return await self._in_turn(lambda: self._hasher.hash(_normal(password)))

    async def is_right(self, kept: str | None, password: str) -> bool:
        """Whether a password is the one that is kept; with none kept the same work is done for nothing.

        Raises SignInBusy.
        """
        is_right = await self._in_turn(lambda: self._check(kept, password))
        self.checked += 1
        return is_right

    async def close(self) -> None:
        """Let the threads end; what waits is given up."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _check(self, kept: str | None, password: str) -> bool:
        if self._nobodys is None:
            self._nobodys = self._hasher.hash(os.urandom(16).hex())
        try:
            return self._hasher.verify(kept or self._nobodys, _normal(password)) and kept is not None
        except (VerifyMismatchError, InvalidHashError):
            return False

    async def _in_turn(self, work: Callable[[], T]) -> T:
        with self._counting:
            if self._held >= self._most:
                raise SignInBusy(retry_after_seconds=WAIT_SECONDS)
            self._held += 1
        running = self._pool.submit(work)
        # Counted until the thread is free again, not until the caller has left.
        running.add_done_callback(self._let_go)
        return await asyncio.wrap_future(running)

    def _let_go(self, _running: Future[T]) -> None:
        with self._counting:
            self._held -= 1


def _normal(password: str) -> str:
    """As it is compared: the same letters are the same password whatever keyboard composed them (RFC 8265)."""
    return unicodedata.normalize("NFC", password)


def _yield_to_others() -> None:
    """On Linux each thread has a priority of its own: whoever books goes before whoever signs in."""
    if sys.platform == "linux":
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICE)
