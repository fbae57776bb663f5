"""`dawr dead` on a real broker: what goes back on its topic, and what must not."""

import asyncio
import os
import sys
from pathlib import Path
from uuid import uuid4

from dawr.contracts import Message, Subject, Text
from dawr.contracts.catalog import OfficeDescribed
from dawr.contracts.payments import CancelPayment
from dawr.contracts.topics import CATALOG_OFFICES, PAYMENTS_REQUESTS, TOPIC_OF
from dawr.servicekit.dead_letters import DeadLetter, read_all, read_dead_letters, staged_dead_letter
from dawr.servicekit.envelope import Poison, PoisonReason
from dawr.servicekit.testing import Stage
from dawr.tools.platform import state as states
from dawr.tools.platform.folder import Folder


async def set_aside(stage: Stage, message: Message, reader: str) -> None:
    """Send a message, and set it aside as a reader that could not apply it does."""
    topic, prefix = TOPIC_OF[type(message)], stage.platform.topic_prefix
    await stage.send(message)
    (record,) = await read_all(stage.platform.kafka, [prefix + topic.name])
    staged = staged_dead_letter(Poison(record, PoisonReason.BUG, "a test"), topic=topic, group=reader)
    async with stage.raw_producer() as producer:
        await producer.send_and_wait(
            prefix + staged.topic, key=staged.key, value=staged.body, headers=staged.extra_headers
        )


async def dawr(root: Path, *arguments: str) -> tuple[int | None, str]:
    """The exit code of a command, and what it printed."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "dawr.tools.cli.main", *arguments, "--root", str(root)),
        env=os.environ | {"COLUMNS": "200"},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    printed, _ = await asyncio.wait_for(process.communicate(), 60)
    return process.returncode, printed.decode()


async def test_a_command_goes_back_on_its_topic_and_state_does_not(the_stage: Stage, tmp_path: Path) -> None:
    name = Text(ar="مكتب", en="Office")
    office = OfficeDescribed(
        code="DAM-01", revision=1, kind="office", region="DAMASCUS", region_name=name, name=name, address=name,
        zone="Asia/Damascus", currency="SYP", services=(),
    )  # fmt: skip
    subject = Subject(kind="turn", id=uuid4())
    await set_aside(the_stage, office, "booking")
    await set_aside(the_stage, CancelPayment(payment_id=uuid4(), subject=subject, reason="a test"), "payments")
    state = states.State.of_this_process()
    state.kafka, state.topic_prefix = the_stage.platform.kafka, the_stage.platform.topic_prefix
    folder = Folder.of(tmp_path)
    folder.path.mkdir(parents=True, exist_ok=True)
    states.write(folder, state)

    async def on_topics() -> tuple[int, int]:
        offices, requests = [
            len(await read_all(the_stage.platform.kafka, [the_stage.platform.topic_prefix + topic.name]))
            for topic in (CATALOG_OFFICES, PAYMENTS_REQUESTS)
        ]
        return offices, requests

    async def letter_of_state() -> DeadLetter:
        letters = await read_dead_letters(the_stage.platform)
        return next(each for each in letters if each.origin is CATALOG_OFFICES)

    assert await on_topics() == (1, 1)
    code, printed = await dawr(tmp_path, "dead", "replay", "all")
    assert code == 1
    assert "1 replayed." in printed
    assert "`python -m dawr.catalog republish`" in printed
    assert await on_topics() == (1, 2)
    letter = await letter_of_state()
    assert letter.resolution is None
    assert letter.id in printed

    code, printed = await dawr(tmp_path, "dead", "drop", letter.id[:8], "--yes")
    assert (code, "1 dropped." in printed) == (0, True)
    assert (await letter_of_state()).resolution == "dropped"
