"""For tests: a service as a process that kills itself around the commit of a batch. `replays.is_killed` runs it."""

import os
import signal
import sys
from collections.abc import Sequence
from enum import Enum
from importlib import import_module

from dawr.servicekit.database import Transaction
from dawr.servicekit.envelope import Received, Tombstone
from dawr.servicekit.process import main
from dawr.servicekit.subscriptions import ManualMessage, Subscription

SERVICE, MOMENT, TOPIC = "MORTAL_SERVICE", "MORTAL_MOMENT", "MORTAL_TOPIC"
"""Environment variables: who dies, when, and at a batch of which topic."""


class Moment(Enum):
    """When the process is gone."""

    BEFORE_COMMIT = "before-commit"
    """All of a batch is written to the database, and not committed."""
    BEFORE_ACKNOWLEDGEMENT = "before-acknowledgement"
    """A batch is committed, and the broker was not told."""


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def make_mortal(moment: Moment, topic: str) -> None:
    """From now on this process dies at that moment of the first batch of the topic."""
    apply, acknowledge = Subscription.apply, ManualMessage.ack

    async def apply_and_die(self: Subscription, batch: Sequence[Received | Tombstone], tx: Transaction) -> None:
        await apply(self, batch, tx)
        if self.topic.name == topic:
            await tx.flush()
            _die()

    async def acknowledge_or_die(self: ManualMessage) -> None:
        if self.raw_message[0].topic.endswith(topic):
            _die()
        await acknowledge(self)

    if moment is Moment.BEFORE_COMMIT:
        Subscription.apply = apply_and_die  # type: ignore[method-assign]
    else:
        ManualMessage.ack = acknowledge_or_die  # type: ignore[method-assign]


if __name__ == "__main__":
    make_mortal(Moment(os.environ[MOMENT]), os.environ[TOPIC])
    sys.exit(main(import_module(f"dawr.{os.environ[SERVICE]}.app").create_service))
