"""A provider's word, taken in: kept as it came, acted on once, in one transaction."""

from dawr.payments import metrics
from dawr.payments.domain.facts import Capture, Decline, Flag, Outcome, RefundOutcome, Word
from dawr.payments.providers import Checkout, Provider, UnreadableEvent
from dawr.payments.service.captures import record_capture, record_decline
from dawr.payments.service.refunds import record_refund
from dawr.payments.store import provider_events
from dawr.servicekit.database import Transaction


async def take_webhook(tx: Transaction, provider: Provider, webhook_id: str, body: bytes) -> Outcome:
    """What a webhook changes, once however often it comes. One that can't be read is kept for a person."""
    row = await provider_events.keep(
        tx.connection, provider=provider.name, event_id=webhook_id, source="told", body=body, now=tx.now
    )
    if row is None:
        return Outcome(Word.SEEN_BEFORE)
    try:
        event = provider.read_event(body)
    except UnreadableEvent:
        outcome = Outcome(Word.FLAGGED, Flag.UNREADABLE)
        await _settle(tx, row, provider.name, outcome)
        return outcome
    outcome = await _apply(tx, event.fact)
    await _settle(tx, row, provider.name, outcome, type=event.type, reference=event.reference)
    return outcome


async def _settle(
    tx: Transaction, row: int, provider: str, outcome: Outcome, *, type: str | None = None, reference: str | None = None
) -> None:
    await provider_events.settle(tx.connection, row, type=type, reference=reference, outcome=outcome)
    if outcome.flag is not None:
        metrics.FLAGGED.labels(provider, outcome.flag.value).inc()


async def _apply(tx: Transaction, fact: Capture | Decline | RefundOutcome | None) -> Outcome:
    match fact:
        case Capture():
            return await record_capture(tx, fact)
        case Decline():
            return await record_decline(tx, fact)
        case RefundOutcome():
            return await record_refund(tx, fact)
        case None:
            return Outcome(Word.NOTED)


async def take_checkout(tx: Transaction, checkout: Checkout) -> Outcome:
    """What the provider's answer to our question changes: declines and a capture of which no webhook came (yet).

    What is flagged is kept as if it had been told, with the answer's own words.
    """
    for number in range(1, checkout.declines + 1):
        await record_decline(tx, Decline(checkout.provider, checkout.id, checkout.reference, number))
    if checkout.capture is None:
        return Outcome(Word.NOTED)
    outcome = await record_capture(tx, checkout.capture)
    if outcome.word is Word.APPLIED:
        metrics.FOUND_BY_ASKING.labels(checkout.provider).inc()
    if outcome.word is Word.FLAGGED:
        row = await provider_events.keep(
            tx.connection,
            provider=checkout.provider,
            event_id=f"asked/{checkout.capture.id}",
            source="asked",
            body=checkout.answer,
            now=tx.now,
        )
        if row is not None:
            await _settle(tx, row, checkout.provider, outcome, type="checkout", reference=checkout.reference)
    return outcome
