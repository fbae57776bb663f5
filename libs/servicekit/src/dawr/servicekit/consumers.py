"""How messages come in. Delivery is stated here once, for every subscriber of the platform:

- Batches: records are taken in batches; a batch is one transaction, with the inbox in it; only then is the
  offset committed. A crash at any point delivers again what was not committed, and the inbox skips it.
- Outage: while the database is away, the batch is tried again with capped back-off, and nobody is skipped.
- Bug or refusal: the batch is taken apart, each record in a savepoint of its own; the one that fails goes to
  the dead letters through the outbox, its neighbours are applied. So does one that asks to be tried again
  (a deadlock, a part that is away) more often than is bearable.
- Rebalance: partitions are handed over when the batch in flight is committed. At stop: drain, then leave.

FastStream carries the subscriptions; its own policy is manual, its parser and decoder are replaced by ones
that can't fail, so that a record that can't be read is a value (`Poison`) and not a lost batch.
"""

import asyncio
import logging
import random
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import cast

from aiokafka.errors import KafkaError
from faststream import AckPolicy
from faststream.kafka import KafkaBroker, KafkaMessage
from sqlalchemy import text

from dawr.contracts.topics import Kind, Topic
from dawr.servicekit import header_names, inbox, telemetry
from dawr.servicekit.database import Database, Transaction
from dawr.servicekit.dead_letters import staged_dead_letter
from dawr.servicekit.envelope import Poison, PoisonReason, Received, Record, Tombstone, positions_after
from dawr.servicekit.errors import Refusal, is_outage, is_transient, sqlstate, told
from dawr.servicekit.settings import PlatformSettings
from dawr.servicekit.subscriptions import HandOver, ManualMessage, Subscription, measure_lag

_log = telemetry.get_logger("dawr.consumers")

POLL_MS = 20
CONFLICTS = 10
"""How often a batch is run again after a deadlock or the like before it is taken apart, and again so before
those of its records that still ask for it are set aside."""

_POSITIONS = text("""
INSERT INTO consumer_positions (topic, partition, next_offset)
SELECT :topic, p, o FROM unnest(CAST(:partitions AS int[]), CAST(:offsets AS bigint[])) AS t(p, o) ORDER BY p
ON CONFLICT (topic, partition)
DO UPDATE SET next_offset = greatest(consumer_positions.next_offset, excluded.next_offset)
""")


class How(Enum):
    """How a batch is applied; each is tried when the one before did not do."""

    TOGETHER = 1
    APART = 2
    """Each record in a savepoint: what is refused or breaks is set aside."""
    AT_LAST = 3
    """So, and what still asks to be tried again is set aside too."""


@dataclass
class _Outcome:
    """What became of a batch, counted when it is committed."""

    applied: list[Received | Tombstone] = field(default_factory=list)
    skipped: int = 0
    aside: list[Poison] = field(default_factory=list)


class Consumers:
    """The subscriptions of one service, and the one place where delivery is decided."""

    def __init__(self, group: str, database: Database, platform: PlatformSettings) -> None:
        self.group = group
        self.subscriptions: list[Subscription] = []
        self.backoff_seconds = (0.05, 2.0)
        """The first and the longest pause before a batch is tried again."""
        self.hold_batch_seconds = 60.0
        """For how long one batch is tried through an outage before it is asked for anew: well below the broker's
        limit for members that do not poll."""
        self._database = database
        self._platform = platform
        self._brokers: list[KafkaBroker] = []
        self._stopping = False

    def topic(
        self,
        topic: Topic,
        *,
        purpose: str | None = None,
        max_records: int = 100,
        fetch_wait_ms: int = 100,
        keeps_position: bool = False,
        is_copy: bool = False,
    ) -> Subscription:
        """A subscription to a topic, in the service's group or in one of its own for a purpose.

        `fetch_wait_ms` is for how long the broker may hold a fetch back while there is nothing new. The client asks
        a broker for one thing at a time, so what comes to a partition that was just read waits for half of it.
        `is_copy` is for a topic of state of which the service keeps a copy that it decides from; see `copies`.
        """
        group = f"{self.group}.{purpose}" if purpose else self.group
        if group not in topic.readers:
            raise ValueError(f"{topic.name} does not name {group} among its readers")
        if is_copy and topic.kind is not Kind.STATE:
            raise ValueError(f"{topic.name} is no topic of state")
        subscription = Subscription(
            topic, group, max_records, fetch_wait_ms, keeps_position=keeps_position or is_copy, is_copy=is_copy
        )
        self.subscriptions.append(subscription)
        return subscription

    async def start(self) -> None:
        """Join the groups, all at once; raises while the broker is away."""
        self._stopping = False
        header_names.read_any()
        self._brokers = [self._subscribe(subscription) for subscription in self.subscriptions]
        started = await asyncio.gather(*(broker.start() for broker in self._brokers), return_exceptions=True)
        failed = [error for error in started if isinstance(error, BaseException)]
        if failed:
            await self._leave()
            raise failed[0]

    def _subscribe(self, subscription: Subscription) -> KafkaBroker:
        """A FastStream broker with one subscriber: FastStream drops a second topic in some settings, and starts
        the subscribers of a broker one after the other."""
        broker = KafkaBroker(
            self._platform.kafka,
            consumer_only=True,
            allow_auto_create_topics=False,
            ack_policy=AckPolicy.MANUAL,
            logger=logging.getLogger("dawr.faststream"),
            apply_types=False,
            graceful_timeout=None,
            client_id=f"dawr-{self.group}",
        )

        async def parse(records: tuple[Record, ...], _original: object) -> KafkaMessage:
            return ManualMessage(
                body=b"", raw_message=records, consumer=subscription.subscriber.consumer, headers={}, message_id=""
            )

        async def decode(message: KafkaMessage, _original: object) -> object:
            return message  # the handler acknowledges by itself

        subscription.subscriber = broker.subscriber(
            self._platform.topic_prefix + subscription.topic.name,
            batch=True,
            group_id=self._platform.topic_prefix + subscription.topic.group(subscription.group),
            auto_offset_reset="earliest",
            ack_policy=AckPolicy.MANUAL,
            max_records=subscription.max_records,
            batch_timeout_ms=POLL_MS,
            fetch_max_wait_ms=subscription.fetch_wait_ms,
            session_timeout_ms=int(self._platform.kafka_session_seconds * 1000),
            heartbeat_interval_ms=int(self._platform.kafka_session_seconds * 200),
            parser=parse,
            decoder=decode,
            listener=HandOver(subscription),
        )

        @subscription.subscriber  # type: ignore[untyped-decorator]
        async def consume(message: KafkaMessage) -> None:
            await self._consume(subscription, message)

        return broker

    async def _consume(self, subscription: Subscription, message: KafkaMessage) -> None:
        records = cast(Sequence[Record], message.raw_message)
        labels = (subscription.topic.name, subscription.group)
        async with subscription.busy:
            subscription.busy_since = time.monotonic()
            try:
                with telemetry.HANDLING_SECONDS.labels(*labels).time():
                    done = await self._until_applied(subscription, records)
                if done:
                    await message.ack()
                else:
                    await message.nack()
            except KafkaError as error:
                # The group moved on without us: whoever has the partitions now reads these again, and skips them.
                _log.warning("consumer.not-acknowledged", topic=subscription.topic.name, why=type(error).__name__)
            except Exception:
                # Not even taken apart could it be saved. It stays ours: the next batch must not commit over it.
                _log.exception("batch.failed", topic=subscription.topic.name)
                await asyncio.sleep(self.backoff_seconds[1])
                await message.nack()
            finally:
                subscription.busy_since = None
        telemetry.BATCH_SIZE.labels(*labels).observe(len(records))
        measure_lag(subscription)

    async def _until_applied(self, subscription: Subscription, records: Sequence[Record]) -> bool:
        """Apply a batch, again and again if need be; False if it has to be asked for anew."""
        attempt, conflicts, start = 0, 0, time.monotonic()
        how = How.TOGETHER
        while True:
            try:
                await self.apply(subscription, records, how)
                return True
            except Exception as error:
                outage, again = is_outage(error), is_transient(error)
                why = sqlstate(error) or type(error).__name__
                telemetry.RETRIES.labels(subscription.topic.name, subscription.group, why).inc()
                if not again or (not outage and conflicts >= CONFLICTS):
                    if how is How.AT_LAST or (how is How.APART and not again):
                        raise
                    how, conflicts = How(how.value + 1), 0
                    _log.warning("batch.taken-apart", topic=subscription.topic.name, why=why)
                    continue
                conflicts += not outage
                if self._stopping or time.monotonic() - start > self.hold_batch_seconds:
                    return False
                _log.warning("batch.again", topic=subscription.topic.name, why=why, attempt=attempt)
                low, high = self.backoff_seconds
                await asyncio.sleep(min(high, low * 2**attempt) * random.uniform(0.5, 1.0))  # noqa: S311
                attempt = min(attempt + 1, 10)

    async def apply(self, subscription: Subscription, records: Sequence[Record], how: How = How.TOGETHER) -> None:
        """Apply records in one transaction with the inbox. Apart: each in a savepoint, the bad ones set aside."""
        opened = [subscription.open(record) for record in records]
        good = [each for each in opened if isinstance(each, (Received, Tombstone))]
        outcome = _Outcome(aside=[each for each in opened if isinstance(each, Poison)])
        async with self._database.transaction() as tx:
            if how is How.TOGETHER:
                await self._apply_fresh(good, subscription, tx, outcome)
            else:
                for each in good:
                    await self._apply_alone(each, subscription, tx, outcome, how)
            for poison in outcome.aside:
                tx.stage_record(staged_dead_letter(poison, topic=subscription.topic, group=subscription.group))
            if subscription.keeps_position:
                positions = positions_after(records)
                await tx.connection.execute(
                    _POSITIONS,
                    {
                        "topic": subscription.topic.name,
                        "partitions": list(positions),
                        "offsets": list(positions.values()),
                    },
                )
        _count(outcome, subscription)

    async def _apply_fresh(
        self, batch: Sequence[Received | Tombstone], subscription: Subscription, tx: Transaction, outcome: _Outcome
    ) -> None:
        """Apply what of the batch was not applied before, each id once, in its order."""
        ids = [each.cause.id if isinstance(each, Received) else each.id for each in batch]
        claimed = await inbox.claim(tx.connection, subscription.group, [id for id in ids if id is not None])
        fresh: list[Received | Tombstone] = []
        for id, each in zip(ids, batch, strict=True):
            if id is None:
                fresh.append(each)
            elif id in claimed:
                claimed.discard(id)
                fresh.append(each)
        if fresh:
            await subscription.apply(fresh, tx)
        outcome.applied += fresh
        outcome.skipped += len(batch) - len(fresh)

    async def _apply_alone(
        self, each: Received | Tombstone, subscription: Subscription, tx: Transaction, outcome: _Outcome, how: How
    ) -> None:
        try:
            async with tx.savepoint():
                await self._apply_fresh([each], subscription, tx, outcome)
        except Exception as error:
            if is_outage(error) or (is_transient(error) and how is not How.AT_LAST):
                raise
            if is_transient(error):
                reason = PoisonReason.RETRIES_EXHAUSTED
            else:
                reason = PoisonReason.REFUSED if isinstance(error, Refusal) else PoisonReason.BUG
            if reason is PoisonReason.BUG:
                _log.exception("message.failed", topic=subscription.topic.name)
            outcome.aside.append(Poison(each.record, reason, told(error)))

    async def stop(self) -> None:
        """Drain: no new batch is begun, those in flight are committed, then the groups are left. Also in mid-start:
        the first batch may be here before the last group is joined."""
        self._stopping = True
        for subscription in self.subscriptions:
            if subscription.subscriber is not None:
                subscription.subscriber.running = False
        try:
            for subscription in self.subscriptions:
                async with subscription.busy:
                    pass
        finally:
            # Also when the drain took too long: what is in flight is cut off, and delivered again to others.
            await self._leave()

    async def _leave(self) -> None:
        brokers, self._brokers = self._brokers, []
        for outcome in await asyncio.gather(*(broker.stop() for broker in brokers), return_exceptions=True):
            if isinstance(outcome, BaseException):
                _log.warning("consumer.not-left", why=type(outcome).__name__)

    def has_died(self) -> bool:
        """Whether a consumer's own work has ended while it should go on: it then says the same error at each poll,
        for ever, and only a new one helps. aiokafka tells of it in no public way."""
        for subscription in self.subscriptions:
            consumer = subscription.subscriber.consumer if subscription.subscriber is not None else None
            coordinator = getattr(consumer, "_coordinator", None)
            fetcher = getattr(consumer, "_fetcher", None)
            tasks = (getattr(coordinator, "_coordination_task", None), getattr(fetcher, "_fetch_task", None))
            if any(task is not None and task.done() for task in tasks):
                return True
        return False

    def stuck_seconds(self) -> float:
        """For how long the oldest batch in flight has been worked on; 0 if there is none."""
        since = [each.busy_since for each in self.subscriptions if each.busy_since is not None]
        return time.monotonic() - min(since) if since else 0.0

    def silent_seconds(self) -> float:
        """How long ago the least recently polled partition was polled; 0 if none is assigned."""
        now = time.time() * 1000
        polls = []
        for subscription in self.subscriptions:
            consumer = subscription.subscriber.consumer if subscription.subscriber is not None else None
            if consumer is None or subscription.busy_since is not None:
                continue
            polls += [consumer.last_poll_timestamp(each) for each in consumer.assignment()]
        polls = [each for each in polls if each and each > 0]
        return max(0.0, (now - min(polls)) / 1000) if polls else 0.0

    def lag(self) -> dict[str, int]:
        """By topic: how many records wait."""
        return {each.topic.name: measure_lag(each) for each in self.subscriptions}


def _count(outcome: _Outcome, subscription: Subscription) -> None:
    labels = (subscription.topic.name, subscription.group)
    types = Counter(each.message.wire_type for each in outcome.applied if isinstance(each, Received))
    for wire_type, count in types.items():
        telemetry.HANDLED.labels(*labels, wire_type).inc(count)
    if outcome.skipped:
        telemetry.DUPLICATES.labels(*labels).inc(outcome.skipped)
    for poison in outcome.aside:
        telemetry.DEAD_LETTERS.labels(*labels, poison.reason.value).inc()
        _log.error(
            "message.dead",
            topic=subscription.topic.name,
            partition=poison.record.partition,
            offset=poison.record.offset,
            reason=poison.reason.value,
            detail=poison.detail,
        )
