"""A stage, a database and a booking on them, on which stories are performed and then looked at."""

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from uuid import UUID

from services.booking.tests.conftest import Booking, booking_on
from services.booking.tests.stories import Sent, TakenAway, topic_of

from dawr.contracts.topics import BOOKING_EVENTS, PAYMENTS_REQUESTS
from dawr.servicekit.replays import Outcome, Reader, outcome_of
from dawr.servicekit.service import Role
from dawr.servicekit.testing import FakeClock, Stage, headers_of, until

TABLES = {
    "turns": "SELECT to_jsonb(t) - ARRAY['place_partition', 'place_offset'] FROM turns t ORDER BY id",
    "quota_days": "SELECT to_jsonb(q) - 'max_in_use' FROM quota_days q ORDER BY pool",
    "day_cancellations": "SELECT to_jsonb(p) FROM day_cancellation_pools p ORDER BY cancellation_id, pool",
    "reschedules": "SELECT to_jsonb(r) FROM reschedules r ORDER BY id",
    "capacity_months": "SELECT to_jsonb(m) FROM capacity_months m ORDER BY key",
    "catalogue_items": "SELECT to_jsonb(c) FROM catalogue_items c ORDER BY kind, code",
}
"""What there is in the end. Left out: places in the line, which move when messages come twice, and how full a pool
was between batches."""


@dataclass
class Theatre:
    """A stage and a database of its own for one performance, and the booking that plays on it now."""

    stage: Stage
    url: str
    clock: FakeClock
    reader: Reader = field(init=False)
    booking: Booking | None = None

    def __post_init__(self) -> None:
        self.reader = Reader(self.stage, "booking")

    async def send(self, messages: Iterable[tuple[UUID, Sent]], *, times: int = 1) -> None:
        async with self.stage.raw_producer() as producer:
            for id, sent in messages:
                for _ in range(times):
                    await producer.send(
                        self.stage.platform.topic_prefix + topic_of(sent).name,
                        key=sent.key().encode(),
                        value=None if isinstance(sent, TakenAway) else sent.model_dump_json().encode(),
                        headers=headers_of(sent.described if isinstance(sent, TakenAway) else sent, id),
                    )
            await producer.flush()

    async def has_played(self) -> None:
        """Wait until every record was read and acknowledged, holds that ran out were swept, and all was sent."""
        booking = self.booking
        assert booking is not None

        async def quiet() -> bool:
            (waiting,) = await booking.rows(
                "SELECT (SELECT count(*) FROM outbox_messages WHERE sent_at IS NULL)"
                " + (SELECT count(*) FROM turns WHERE state = 'HELD' AND held_until <= :now)",
                now=self.clock(),
            )
            return not waiting[0] and await self.reader.has_read_all()

        await until(quiet, every=0.05, timeout=30, what="everything read and sent")

    @asynccontextmanager
    async def playing(self, **settings: object) -> AsyncIterator[Booking]:
        """Run booking, as one that only consumes."""
        async with (
            booking_on(
                self.stage,
                self.url,
                role=Role.CONSUME,
                clock=self.clock,
                sweep_seconds=0.05,
                without={"catalogue"},
                **settings,
            ) as booking,
            self.reader.watched(),
        ):
            self.booking = booking
            yield booking

    async def outcome(self) -> Outcome:
        assert self.booking is not None
        rows = {name: [row[0] for row in await self.booking.rows(query)] for name, query in TABLES.items()}
        # A message that comes twice moves the places in the line.
        return await outcome_of(self.stage, "booking", rows, BOOKING_EVENTS, PAYMENTS_REQUESTS, without={"place"})
