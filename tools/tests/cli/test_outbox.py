"""`dawr outbox` on a real database: what the broker refuses is shown, and put back."""

from pathlib import Path

import asyncpg
from tools.tests.cli.test_dead import dawr

from dawr.servicekit.migrations import DELIVERY_TABLES
from dawr.servicekit.testing import Stage
from dawr.tools.platform import state as states
from dawr.tools.platform.folder import Folder
from dawr.tools.platform.parts import PARTS

REFUSED = """
INSERT INTO refused_messages
VALUES (7, gen_random_uuid(), 'dawr.booking.events', 'key', 'booking.turn-held.v1', 'body', NULL, NULL, 'booking',
        now(), 'MessageSizeTooLargeError', now())
"""


async def test_a_refused_message_is_shown_and_put_back(the_stage: Stage, tmp_path: Path) -> None:
    state = states.State.of_this_process()
    state.kafka, state.postgres, state.database_prefix = the_stage.platform.kafka, the_stage.postgres, "outboxes_"
    folder = Folder.of(tmp_path)
    folder.path.mkdir(parents=True, exist_ok=True)
    states.write(folder, state)
    services = [part.name for part in PARTS if part.database]
    admin = await asyncpg.connect(the_stage.postgres)
    try:
        for service in services:
            await admin.execute(f"CREATE DATABASE {state.database_prefix}{service}")
            database = await asyncpg.connect(state.database(service))
            for statement in DELIVERY_TABLES:
                await database.execute(statement)
            if service == "booking":
                await database.execute(REFUSED)
            await database.close()

        code, printed = await dawr(tmp_path, "outbox")
        assert code == 0
        assert "MessageSizeTooLargeError" in printed
        assert (await dawr(tmp_path, "outbox", "--put-back", "bookkeeping"))[0] != 0
        code, printed = await dawr(tmp_path, "outbox", "--put-back", "booking")
        assert code == 0
        assert printed.endswith("1 messages of booking are in its outbox again.\n")
        printed = (await dawr(tmp_path, "outbox"))[1]
        assert "MessageSizeTooLargeError" not in printed
        (row,) = [line.split() for line in printed.splitlines() if line.startswith("booking")]
        assert (row[1], row[-1]) == ("1", "0"), "unsent, and none refused"
    finally:
        for service in services:
            await admin.execute(f"DROP DATABASE IF EXISTS {state.database_prefix}{service} WITH (FORCE)")
        await admin.close()
