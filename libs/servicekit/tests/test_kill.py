"""kill -9 at the two points that matter: before the database's commit, and between it and the broker's."""

import os
import signal
import subprocess
import sys
from pathlib import Path

from libs.servicekit.tests import ledger as ledger_module
from libs.servicekit.tests.ledger import Ledger, cancel, committed

from dawr.contracts.topics import PAYMENTS_EVENTS, PAYMENTS_REQUESTS
from dawr.servicekit.clock import new_id
from dawr.servicekit.testing import headers_of, until
from dawr.tools.embedded.ports import free_port

SESSION_SECONDS = 1.5
GROUP = PAYMENTS_REQUESTS.group("payments")


def start(ledger: Ledger, *, dies: str, log: Path) -> subprocess.Popen[bytes]:
    """A ledger as a process of its own."""
    platform = ledger.stage.platform
    root = Path(ledger_module.__file__).parents[3]
    with log.open("ab") as out:
        return subprocess.Popen(
            [sys.executable, ledger_module.__file__, "consume"],
            env={
                **os.environ,
                "PYTHONPATH": str(root),
                "DAWR_KAFKA": platform.kafka,
                "DAWR_TOPIC_PREFIX": platform.topic_prefix,
                "DAWR_KAFKA_SESSION_SECONDS": str(SESSION_SECONDS),
                "LEDGER_DATABASE_URL": ledger.url,
                "LEDGER_HTTP_PORT": str(free_port()),
                "LEDGER_DIES": dies,
            },
            stdout=out,
            stderr=subprocess.STDOUT,
        )


async def killed(process: subprocess.Popen[bytes], log: Path) -> None:
    async def is_dead() -> bool:
        return process.poll() is not None

    try:
        await until(is_dead, what="the death of the ledger", timeout=40)
    finally:
        if process.poll() is None:  # it was to die by itself; when the test fails, it must not live on
            process.kill()
    assert process.returncode == -signal.SIGKILL, log.read_text()


async def test_killed_processes_lose_nothing_and_repeat_nothing(ledger: Ledger, tmp_path: Path) -> None:
    messages = [cancel() for _ in range(5)]
    keys = sorted(each.key() for each in messages)
    log = tmp_path / "ledger.log"
    before = await committed(ledger.stage, PAYMENTS_REQUESTS.name, GROUP)
    async with ledger.stage.raw_producer() as producer:
        batch = producer.create_batch()
        for message in messages:
            headers = headers_of(message, new_id())
            batch.append(key=b"one", value=message.model_dump_json().encode(), timestamp=None, headers=headers)
        topic = ledger.stage.platform.topic_prefix + PAYMENTS_REQUESTS.name
        await (await producer.send_batch(batch, topic, partition=0))

    await killed(start(ledger, dies="in-handler", log=log), log)
    assert await ledger.notes() == []
    await killed(start(ledger, dies="after-commit", log=log), log)
    assert sorted(await ledger.notes()) == keys
    assert await committed(ledger.stage, PAYMENTS_REQUESTS.name, GROUP) == before, "the broker knows of nothing"

    heir = start(ledger, dies="", log=log)
    try:

        async def all_committed() -> bool:
            return await committed(ledger.stage, PAYMENTS_REQUESTS.name, GROUP) == before + 5

        await until(all_committed, what="the commit", timeout=40)

        async def told() -> list[str]:
            found = [each.message.key() for each in await ledger.stage.messages(PAYMENTS_EVENTS)]
            ours = [key for key in found if key in keys]
            return ours if len(ours) >= len(keys) else []

        assert sorted(await until(told, what="the events")) == keys
        assert sorted(await ledger.notes()) == keys, "delivered three times, applied once"
    finally:
        heir.send_signal(signal.SIGTERM)
        # uvicorn ends by the signal that it was sent, once it has drained.
        assert heir.wait(10) in {0, -signal.SIGTERM}, log.read_text()
    assert "Application shutdown complete" in log.read_text()
