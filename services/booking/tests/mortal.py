"""Booking as a process that dies between a commit and its acknowledgement, on the topic that BOOKING_DIES_ON names."""

import os
import signal
import sys

from dawr.booking.app import create_service
from dawr.servicekit.process import main
from dawr.servicekit.subscriptions import ManualMessage

if __name__ == "__main__":
    acknowledge = ManualMessage.ack

    async def acknowledge_or_die(message: ManualMessage) -> None:
        if message.raw_message[0].topic.endswith(os.environ["BOOKING_DIES_ON"]):
            os.kill(os.getpid(), signal.SIGKILL)
        await acknowledge(message)

    ManualMessage.ack = acknowledge_or_die  # type: ignore[assignment,method-assign]
    sys.exit(main(create_service))
