"""`docker compose up --scale booking-consume=3` on a platform that runs: people ask for turns, and one replica dies.

It needs a platform in containers, so it runs only when told to:

    docker compose up -d --build --wait
    DAWR_COMPOSE=1 .venv/bin/pytest tests/containers/test_scaling.py
"""

import asyncio
import itertools
import os
import subprocess
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from dawr.contracts.booking import TurnHeld, TurnRefused
from dawr.contracts.topics import BOOKING_EVENTS, BOOKING_REQUESTS
from dawr.gateway.keys import thumbprint
from dawr.servicekit.auth import Role, make_token
from dawr.servicekit.testing import until
from dawr.tools.contracts.committed import repository

pytestmark = [
    pytest.mark.skipif("DAWR_COMPOSE" not in os.environ, reason="needs docker compose up, and DAWR_COMPOSE=1"),
    pytest.mark.timeout(600),
]
GATEWAY = os.environ.get("DAWR_COMPOSE_GATEWAY", "http://127.0.0.1:8080")
GROUP = BOOKING_REQUESTS.group("booking")
REPLICAS = 3
AT_ONCE = 8
BETWEEN_TWO_SECONDS = 0.5
MORE = 40
"""How many people come at least before, between and after what is done to the replicas."""


def docker(*arguments: str) -> str:
    """What `docker …` in the repository prints."""
    return subprocess.run(
        ["docker", *arguments], capture_output=True, text=True, check=True, cwd=repository(), timeout=300
    ).stdout


def scale(replicas: int) -> None:
    """Have so many containers of booking-consume, leaving everything else as it is."""
    options = ("--no-recreate", "--no-deps", "--scale", f"booking-consume={replicas}")
    docker("compose", "up", "-d", *options, "booking-consume")


def shares() -> list[int]:
    """How many partitions of the requests each member of booking's group has."""
    tool = "/opt/kafka/bin/kafka-consumer-groups.sh"
    asked = ("--bootstrap-server", "localhost:9092", "--describe", "--members", "--group", GROUP)
    lines = docker("compose", "exec", "-T", "kafka", tool, *asked).splitlines()
    return sorted(int(line.split()[-1]) for line in lines if line.startswith(GROUP))


def query(sql: str) -> list[list[str]]:
    """Rows of booking's database, as texts."""
    asked = ("psql", "-U", "postgres", "-d", "booking", "-XAt", "-F", "|", "-c", sql)
    return [line.split("|") for line in docker("compose", "exec", "-T", "postgres", *asked).splitlines() if line]


@pytest.fixture(scope="module")
def signing_key() -> Ed25519PrivateKey:
    """The gateway's, from its volume."""
    pem = docker("compose", "exec", "-T", "gateway-serve", "cat", "/data/keys/signing.pem")
    key = load_pem_private_key(pem.encode(), password=None)
    assert isinstance(key, Ed25519PrivateKey)
    return key


@pytest.fixture
def one_again() -> Iterator[None]:
    """Leaves one replica, as it was."""
    yield
    scale(1)


class Crowd:
    """People who ask for turns, a few at once, until there were enough; with the same key again when nobody answers."""

    def __init__(self, http: httpx.AsyncClient, key: Ed25519PrivateKey, wishes: list[dict[str, str]]) -> None:
        self._http, self._key, self._wishes = http, key, itertools.cycle(wishes)
        self.accepted: dict[str, UUID] = {}
        self.refused: Counter[str] = Counter()

    async def ask_until(self, enough: asyncio.Event) -> None:
        """Returns when everybody who came has their answer."""

        async def one_after_the_other() -> None:
            while not enough.is_set():
                await self._ask(uuid4(), next(self._wishes))
                with suppress(TimeoutError):
                    await asyncio.wait_for(enough.wait(), BETWEEN_TWO_SECONDS)

        await asyncio.gather(*(one_after_the_other() for _ in range(AT_ONCE)))

    async def more(self, people: int) -> None:
        """Returns when so many more were accepted."""
        goal = len(self.accepted) + people

        async def came() -> bool:
            return len(self.accepted) >= goal

        await until(came, timeout=120, every=0.2, what=f"{people} more who are accepted; refused {self.refused}")

    def headers(self, person: UUID) -> dict[str, str]:
        token = make_token(self._key, thumbprint(self._key), person, frozenset({Role.CITIZEN}))
        return {"authorization": f"Bearer {token}"}

    async def _ask(self, person: UUID, wish: dict[str, str]) -> None:
        headers = self.headers(person) | {"idempotency-key": str(uuid4()), "prefer": "wait=2"}

        async def answer() -> httpx.Response | None:
            try:
                got = await self._http.post("/api/booking/turns", json=wish, headers=headers)
            except httpx.TransportError:
                return None
            return got if got.status_code < 500 else None

        got = await until(answer, timeout=120, every=0.5, what="an answer to a request for a turn")
        if got.is_success:
            self.accepted[got.json()["id"]] = person
        else:
            self.refused[got.json()["code"]] += 1


async def wishes_of(http: httpx.AsyncClient) -> list[dict[str, str]]:
    """Days with seats at every office at home, so that all partitions have something to do."""
    first = datetime.now(UTC).date() + timedelta(days=2)
    found = []
    for service in ("PASS_REN", "PASS_NEW", "ID_NEW"):
        period = {"from": first.isoformat(), "to": (first + timedelta(days=14)).isoformat()}
        answer = await http.get("/api/booking/availability", params={"service": service, "tier": "N", **period})
        for day in answer.json().get("days", []):
            if day["left"]:
                found.append({"service": service, "tier": "N", "office": day["office"], "date": day["date"]})
    assert len(found) >= 12
    return found


async def test_replicas_share_the_work_and_one_that_dies_loses_nothing(
    signing_key: Ed25519PrivateKey, one_again: None
) -> None:
    async def shared(expected: list[int]) -> None:
        async def as_expected() -> bool:
            return await asyncio.to_thread(shares) == expected

        await until(as_expected, timeout=120, every=1, what=f"partitions shared as {expected}")

    partitions, enough = BOOKING_REQUESTS.partitions, asyncio.Event()
    async with httpx.AsyncClient(base_url=GATEWAY, timeout=30, trust_env=False) as http:
        await shared([partitions])
        crowd = Crowd(http, signing_key, await wishes_of(http))
        asking = asyncio.create_task(crowd.ask_until(enough))
        await crowd.more(MORE)
        await asyncio.to_thread(scale, REPLICAS)
        await shared([partitions // REPLICAS] * REPLICAS)
        await crowd.more(MORE)
        victim = (await asyncio.to_thread(docker, "compose", "ps", "-q", "booking-consume")).split()[-1]
        await asyncio.to_thread(docker, "kill", victim)  # SIGKILL, and Docker does not bring it back
        await shared([partitions // (REPLICAS - 1)] * (REPLICAS - 1))
        await crowd.more(MORE)
        enough.set()
        await asking
        last, person = list(crowd.accepted.items())[-1]
        assert (await http.get(f"/api/booking/turns/{last}", headers=crowd.headers(person))).status_code == 200
    told = await outcomes(crowd)
    assert set(told) == set(crowd.accepted), "every request that was accepted has an outcome"
    assert set(told.values()) == {"1"}, "and only one"
    assert query("SELECT pool, in_use, capacity FROM quota_days WHERE in_use > capacity") == []
    counted = """SELECT pool, in_use, (SELECT count(*) FROM turns WHERE turns.pool = quota_days.pool
                 AND state IN ('HELD', 'CONFIRMED')) AS live FROM quota_days"""
    assert query(f"SELECT * FROM ({counted}) AS pools WHERE in_use <> live") == []


async def outcomes(crowd: Crowd) -> dict[str, str]:
    """Once all are decided and told to the broker: how many times each of the crowd's turns was."""
    ids = ", ".join(f"'{turn}'" for turn in crowd.accepted)

    async def decided() -> bool:
        undecided = f"SELECT {len(crowd.accepted)} - count(*) FROM turns WHERE id IN ({ids})"
        unsent = "SELECT count(*) FROM outbox_messages WHERE sent_at IS NULL"
        return await asyncio.to_thread(query, f"{undecided} UNION ALL {unsent}") == [["0"], ["0"]]

    await until(decided, timeout=60, every=1, what="all turns decided and an empty outbox")
    rows = query(
        f"""SELECT convert_from(key, 'UTF8') AS turn, count(*) FROM outbox_messages
            WHERE topic = '{BOOKING_EVENTS.name}' AND convert_from(key, 'UTF8') IN ({ids})
            AND wire_type IN ('{TurnHeld.wire_type}', '{TurnRefused.wire_type}') GROUP BY turn"""
    )
    return {row[0]: row[1] for row in rows}
