"""The sender: takes messages that are due, hands them to providers outside of any transaction, saves the outcome.

A message is under a lease while it is being sent. A process that dies between a provider's yes and our record
of it leaves the lease to run out, and the message goes again, as the same mail (same Message-ID, same bytes) or
under the same idempotency key. Outcomes that come together are saved together.
"""

import asyncio
import random
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from prometheus_client import Counter

from dawr.notifications import domain
from dawr.notifications.domain import Answer, MessageState, Never, Notice, NotNow, Patience, Settled, Taken, Way
from dawr.notifications.providers.mail import MailServer, build_mail
from dawr.notifications.providers.sms import SmsProvider
from dawr.notifications.rendering import Style, Texts
from dawr.notifications.sealing import Seals
from dawr.notifications.service import sending
from dawr.notifications.service.sending import CatalogueCopy, Outcome, Outgoing
from dawr.notifications.service.telling import ASKED_FOR
from dawr.notifications.settings import NotificationsSettings
from dawr.notifications.store import messages
from dawr.notifications.store.messages import Attempt
from dawr.notifications.values import is_complete, values_of, zone_of
from dawr.servicekit import telemetry
from dawr.servicekit.clock import new_id
from dawr.servicekit.database import Database

_log = telemetry.get_logger("dawr.notifications")

ATTEMPTS = Counter("dawr_notifications_attempts_total", "Messages handed to providers", ["way", "outcome"])
SUPPRESSED = Counter("dawr_notifications_suppressed_total", "Messages that were not sent out", ["reason"])

_OUTCOMES = {Taken: "taken", NotNow: "not-now", Never: "never"}
_DETAILS_POLL = timedelta(milliseconds=250)
_RECORD_PAUSES = (0.1, 2.0)
_AHEAD = 4
"""How many messages a sender is ahead of each provider connection."""
_LOOK_OFTEN_SECONDS = 1.0
_LOOK_SELDOM = 10
"""An idle process looks so many times more seldom than one that was just told of messages."""


@dataclass(frozen=True)
class _Waiting:
    """An outcome that is about to be saved, and who waits for that."""

    outcome: Outcome
    saved: asyncio.Future[None]


class Sender:
    """Sends until it is cancelled; then it ends what is on its way and gives back the rest."""

    def __init__(
        self,
        database: Database,
        settings: NotificationsSettings,
        texts: Texts,
        seals: Seals,
        *,
        mail: MailServer,
        sms: SmsProvider,
    ) -> None:
        self._database = database
        self._settings = settings
        self._texts = texts
        self._seals = seals
        self._mail = mail
        self._sms = sms
        self._catalogue = CatalogueCopy()
        self._lease = new_id()
        self._patience = Patience(
            tries=settings.tries_count,
            base=timedelta(seconds=settings.retry_seconds),
            jitter=random.random,
            receipt=timedelta(seconds=settings.receipt_seconds),
        )
        self._waiting: list[_Waiting] = []
        self._to_save = asyncio.Event()
        self._room = asyncio.Event()
        self._wake = asyncio.Event()
        self._look_often_until = 0.0

    async def run(self) -> None:
        """Send what is due, again and again."""
        queue: asyncio.Queue[Outgoing] = asyncio.Queue()
        workers = [asyncio.create_task(self._work(queue)) for _ in range(self._settings.senders_count)]
        recorder = asyncio.create_task(self._record_all())
        try:
            await self._fill(queue)
        finally:
            await self._end(queue, workers, recorder)

    def wake(self) -> None:
        """Messages are about to be committed: look for them at once, and for a while more often."""
        self._look_often_until = time.monotonic() + _LOOK_OFTEN_SECONDS
        self._wake.set()

    async def _fill(self, queue: asyncio.Queue[Outgoing]) -> None:
        ahead = self._settings.senders_count * _AHEAD
        while True:
            self._room.clear()
            while queue.qsize() > ahead // 2:
                await self._room.wait()
                self._room.clear()
            taking = asyncio.create_task(self._take(ahead - queue.qsize(), queue))
            try:
                taken = await asyncio.shield(taking)
            except asyncio.CancelledError:
                await asyncio.wait([taking])  # what was taken must be known, to be given back
                raise
            if not taken:
                await self._pause()

    async def _pause(self) -> None:
        often = time.monotonic() < self._look_often_until
        with suppress(TimeoutError):
            seconds = self._settings.poll_seconds
            await asyncio.wait_for(self._wake.wait(), seconds if often else seconds * _LOOK_SELDOM)
        self._wake.clear()

    async def _take(self, limit: int, queue: asyncio.Queue[Outgoing]) -> int:
        lasts = timedelta(seconds=self._settings.lease_seconds)
        async with self._database.transaction() as tx:
            taken = await sending.take(tx, self._seals, self._catalogue, lease=self._lease, lasts=lasts, limit=limit)
        for each in taken:
            queue.put_nowait(each)
        return len(taken)

    async def _work(self, queue: asyncio.Queue[Outgoing]) -> None:
        longest = timedelta(seconds=2 * self._settings.send_seconds)
        while True:
            outgoing = await queue.get()
            self._room.set()
            try:
                # With too little of the lease left it is left alone: whoever takes it next has time for it.
                if self._database.clock() + longest < outgoing.until:
                    telemetry.traceparent.set(telemetry.new_traceparent(outgoing.notice.traceparent))
                    await self._save(await self._tried(outgoing))
            finally:
                queue.task_done()

    async def _tried(self, outgoing: Outgoing) -> Outcome:
        try:
            return await self._send(outgoing)
        except Exception as error:
            # A bug of ours: this message ends here, visibly, and the others go on.
            notice = outgoing.notice
            _log.exception("message.failed", message=str(notice.id), template=notice.template)
            if notice.state is MessageState.SENT:
                return Outcome(Settled(replace(notice, due_at=None)))
            return self._suppressed(notice, f"bug-{type(error).__name__}"[:64])

    async def _send(self, outgoing: Outgoing) -> Outcome:
        """Try one message one way."""
        notice, contact, now = outgoing.notice, outgoing.contact, self._database.clock()
        if notice.state is MessageState.SENT:
            has_arrived = await self._sms.has_arrived(str(notice.id))
            return Outcome(Settled(domain.follow(notice, has_arrived=has_arrived, now=now, patience=self._patience)))
        if notice.send_before is not None and now >= notice.send_before:
            return self._suppressed(notice, "too-late")
        addresses = contact.addresses(registered_only=notice.template in ASKED_FOR)
        may_wait = now < notice.created_at + self._settings.details_wait
        if may_wait and not (addresses and is_complete(notice, outgoing.known)):
            # Topics come in no order: the person's address, the turn or its office may be only a moment behind.
            return Outcome(Settled(replace(notice, due_at=now + _DETAILS_POLL)))
        way = domain.next_way(contact.ways, addresses, notice.failed)
        if way is Way.INBOX:
            return self._suppressed(notice, "inbox-only" if addresses else "no-address")
        answer = await self._hand_over(outgoing, way, addresses[way])
        return self._answered(outgoing, way, answer, addresses)

    async def _hand_over(self, outgoing: Outgoing, way: Way, address: str) -> Answer:
        try:
            content = self._render(outgoing, way, address)
        except Exception as error:
            # A bug of ours. Trying again makes the text no better; another way has another text.
            _log.exception("message.not-rendered", message=str(outgoing.notice.id), template=outgoing.notice.template)
            return Never(f"not-rendered-{type(error).__name__}"[:64])
        if isinstance(content, str):
            return await self._sms.send(str(outgoing.notice.id), address, content)
        return await self._mail.send(address, content)

    def _render(self, outgoing: Outgoing, way: Way, address: str) -> bytes | str:
        """A mail as bytes, or a short text. The moment of the message is its present, so that a repeat is the same."""
        notice, contact, known = outgoing.notice, outgoing.contact, outgoing.known
        style = Style(notice.language or contact.speaks(), contact.digits, zone_of(notice, known))
        secret = self._seals.open(notice.sealed) if notice.sealed else None
        values = values_of(notice, known, notice.created_at, secret=secret)
        if way is Way.SMS:
            return self._texts.sms(notice.template, style, values)
        return build_mail(
            str(notice.id),
            self._texts.mail(notice.template, style, values),
            style.language,
            sender=self._settings.mail_from,
            domain=self._settings.mail_domain,
            address=address,
            at=notice.created_at,
        )

    def _suppressed(self, notice: Notice, reason: str) -> Outcome:
        SUPPRESSED.labels(reason).inc()
        return Outcome(Settled(domain.suppress(notice, reason)))

    def _answered(self, outgoing: Outgoing, way: Way, answer: Answer, addresses: dict[Way, str]) -> Outcome:
        notice, now = outgoing.notice, self._database.clock()
        provider = self._sms.name if way is Way.SMS else self._mail.name
        settled = domain.settle(
            notice,
            way,
            answer,
            others=domain.next_way(outgoing.contact.ways, addresses, {*notice.failed, way}),
            provider=provider,
            now=now,
            patience=self._patience,
        )
        ATTEMPTS.labels(way.value, _OUTCOMES[type(answer)]).inc()
        attempt = Attempt(
            message_id=notice.id,
            person_id=notice.person_id,
            template=notice.template,
            way=way,
            provider=provider,
            attempt=settled.notice.attempt,
            outcome=_OUTCOMES[type(answer)],
            code=answer.code,
            reference=answer.reference if isinstance(answer, Taken) else None,
            at=now,
        )
        return Outcome(settled, attempt)

    async def _save(self, outcome: Outcome) -> None:
        waiting = _Waiting(outcome, asyncio.get_running_loop().create_future())
        self._waiting.append(waiting)
        self._to_save.set()
        await waiting.saved

    async def _record_all(self) -> None:
        """Save outcomes as they come, all that wait in one transaction; a database that is away is waited for."""
        pause, longest = _RECORD_PAUSES
        while True:
            await self._to_save.wait()
            self._to_save.clear()
            waiting, self._waiting = self._waiting, []
            while waiting:
                try:
                    async with self._database.transaction() as tx:
                        await sending.record(tx, self._lease, [each.outcome for each in waiting])
                except Exception as error:
                    _log.warning("outcomes.not-saved", count=len(waiting), why=type(error).__name__)
                    await asyncio.sleep(pause)
                    pause = min(pause * 2, longest)
                else:
                    pause = _RECORD_PAUSES[0]
                    for each in waiting:
                        each.saved.set_result(None)
                    break

    async def _end(
        self, queue: asyncio.Queue[Outgoing], workers: Sequence[asyncio.Task[None]], recorder: asyncio.Task[None]
    ) -> None:
        """Give back what was not begun, wait for what is on its way, then stop."""
        left: list[Outgoing] = []
        while not queue.empty():
            left.append(queue.get_nowait())
            queue.task_done()
        with suppress(TimeoutError):
            await asyncio.wait_for(queue.join(), self._settings.drain_seconds)
        for task in (*workers, recorder):
            task.cancel()
        await asyncio.gather(*workers, recorder, return_exceptions=True)
        await self._give_back(left)

    async def _give_back(self, left: Sequence[Outgoing]) -> None:
        if not left:
            return
        now: datetime = self._database.clock()
        try:
            async with self._database.transaction() as tx:
                await messages.release(tx.connection, self._lease, [each.notice.id for each in left], now)
        except Exception as error:
            # Their lease runs out, and then they go.
            _log.warning("messages.not-given-back", count=len(left), why=type(error).__name__)
