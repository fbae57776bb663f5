"""What the bank does: one method per use case, each one synced transaction. They block; call them in a thread."""

import hashlib
import logging
import secrets
from collections.abc import Iterator
from datetime import datetime

from pydantic import BaseModel

from dawr.tools.bank import store, webhooks
from dawr.tools.bank.clock import Clock
from dawr.tools.bank.domain import (
    LIVE,
    PAYABLE,
    Capture,
    Checkout,
    CheckoutStatus,
    Refund,
    RefundStatus,
    WebhookType,
    left_to_refund,
)
from dawr.tools.bank.errors import (
    AlreadyExpired,
    CheckoutClosed,
    CurrencyDiffers,
    IdempotencyKeyReused,
    NoSuchThing,
    ReferenceInUse,
    RefundExceedsCapture,
    Unavailable,
)
from dawr.tools.bank.faults import FaultBox
from dawr.tools.bank.store import Answer, Connection, Database
from dawr.tools.bank.wire import (
    BooksAnswer,
    CaptureAnswer,
    CheckoutAnswer,
    CheckoutOrder,
    CurrencyTotals,
    RefundAnswer,
    RefundOrder,
    WebhookData,
)

EXPIRED_AT_ONCE = 200

log = logging.getLogger(__name__)


def _new_id(prefix: str) -> str:
    return f"{prefix}_{secrets.token_hex(12)}"


def _fingerprint(kind: str, order: BaseModel) -> str:
    return hashlib.sha256(f"{kind} {order.model_dump_json()}".encode()).hexdigest()


class Bank:
    def __init__(self, database: Database, box: FaultBox, clock: Clock, page_origin: str) -> None:
        self._database = database
        self._box = box
        self._clock = clock
        self._page_origin = page_origin

    def open_checkout(self, order: CheckoutOrder, key: str) -> Answer:
        """201 with a new checkout, or 200 with the live one of the same reference and terms.

        Raises AlreadyExpired, IdempotencyKeyReused, ReferenceInUse.
        """
        fingerprint = _fingerprint("checkout", order)
        with self._database.writing() as tx:
            if answer := self._answered_before(tx, key, fingerprint):
                return answer
            now = self._clock()
            if order.expires_at <= now:
                raise AlreadyExpired(order.expires_at)
            live = self._live_checkout(tx, order.reference, now)
            if live and (live.amount, live.currency) != (order.amount, order.currency):
                raise ReferenceInUse(order.reference, live.id)
            checkout = live or Checkout(
                id=_new_id("chk"),
                reference=order.reference,
                amount=order.amount,
                currency=order.currency,
                description_ar=order.description.ar,
                description_en=order.description.en,
                return_url=order.return_url,
                language=order.language,
                expires_at=order.expires_at,
                created_at=now,
            )
            if not live:
                store.insert_checkout(tx, checkout)
            answer = Answer(200 if live else 201, self._told(tx, checkout).model_dump_json())
            store.keep_answer(tx, key, fingerprint, answer)
            return answer

    def _answered_before(self, tx: Connection, key: str, fingerprint: str) -> Answer | None:
        kept = store.kept_answer(tx, key)
        if kept is None:
            return None
        if kept[0] != fingerprint:
            raise IdempotencyKeyReused
        return kept[1]

    def _live_checkout(self, tx: Connection, reference: str, now: datetime) -> Checkout | None:
        newest = store.newest_checkout(tx, reference)
        if newest is None:
            return None
        current = self._brought_up_to(tx, newest, now)
        return current if current.status in LIVE else None

    def _brought_up_to(self, tx: Connection, checkout: Checkout, now: datetime) -> Checkout:
        """The checkout at `now`; one that has run out is written down as expired."""
        if checkout.at(now).status is checkout.status:
            return checkout
        return self._move(tx, checkout, CheckoutStatus.EXPIRED, now)

    def _move(
        self, tx: Connection, checkout: Checkout, to: CheckoutStatus, now: datetime, capture: Capture | None = None
    ) -> Checkout:
        moved, webhook = checkout.moved(to)
        store.update_checkout(tx, moved)
        if webhook:
            data = WebhookData(
                checkout=moved.id,
                reference=moved.reference,
                capture=capture.id if capture else None,
                amount=capture.amount if capture else moved.amount,
                currency=capture.currency if capture else moved.currency,
                captured_at=capture.captured_at if capture else None,
                attempt=moved.attempt,
            )
            webhooks.stage(tx, self._box, webhook, data, now)
        log.info("%s %s, attempt %d", moved.id, moved.status, moved.attempt)
        return moved

    def _told(self, tx: Connection, checkout: Checkout) -> CheckoutAnswer:
        capture = store.capture_of(tx, checkout.id)
        refunds = store.refunds_of(tx, capture.id) if capture else []
        return CheckoutAnswer.of(checkout.at(self._clock()), capture, refunds, self._page_origin)

    def _found(self, tx: Connection, checkout_id: str) -> Checkout:
        checkout = store.checkout_by_id(tx, checkout_id)
        if checkout is None:
            raise NoSuchThing("checkout", checkout_id)
        return checkout

    def checkout(self, checkout_id: str) -> CheckoutAnswer:
        """Raises NoSuchThing."""
        with self._database.reading() as tx:
            return self._told(tx, self._found(tx, checkout_id))

    def checkout_of(self, reference: str) -> CheckoutAnswer:
        """The newest checkout of a payment. Raises NoSuchThing."""
        with self._database.reading() as tx:
            checkout = store.newest_checkout(tx, reference)
            if checkout is None:
                raise NoSuchThing("checkout with reference", reference)
            return self._told(tx, checkout)

    def page(self, checkout_id: str) -> Checkout:
        """What the payer's page shows. Raises NoSuchThing."""
        with self._database.reading() as tx:
            return self._found(tx, checkout_id).at(self._clock())

    def approve(self, checkout_id: str) -> Checkout:
        """Take the money, once: a second approval answers as the first. Raises CheckoutClosed, NoSuchThing."""
        with self._database.writing() as tx:
            now = self._clock()
            checkout = self._brought_up_to(tx, self._found(tx, checkout_id), now)
            if checkout.status in PAYABLE:
                amount, currency = self._box.charged(checkout.amount, checkout.currency)
                capture = Capture(_new_id("cap"), checkout.id, checkout.reference, amount, currency, now)
                store.insert_capture(tx, capture)
                checkout = self._move(tx, checkout, CheckoutStatus.APPROVED, now, capture)
        if checkout.status is not CheckoutStatus.APPROVED:
            raise CheckoutClosed(checkout.status)
        return checkout

    def decline(self, checkout_id: str) -> Checkout:
        """One try that failed; the payer may try again. Raises CheckoutClosed, NoSuchThing."""
        with self._database.writing() as tx:
            now = self._clock()
            checkout = self._brought_up_to(tx, self._found(tx, checkout_id), now)
            if checkout.status in PAYABLE:
                checkout = self._move(tx, checkout, CheckoutStatus.DECLINED, now)
        if checkout.status is not CheckoutStatus.DECLINED:
            raise CheckoutClosed(checkout.status)
        return checkout

    def cancel(self, checkout_id: str) -> CheckoutAnswer:
        """Close it; one that is expired or cancelled is closed already. Raises CheckoutClosed if it was captured."""
        with self._database.writing() as tx:
            now = self._clock()
            checkout = self._brought_up_to(tx, self._found(tx, checkout_id), now)
            if checkout.status in PAYABLE:
                checkout = self._move(tx, checkout, CheckoutStatus.CANCELLED, now)
            elif checkout.status is CheckoutStatus.APPROVED:
                raise CheckoutClosed(checkout.status)
            return self._told(tx, checkout)

    def expire_due(self) -> bool:
        """Write down what has run out, and tell the merchant. True if there was something."""
        with self._database.writing() as tx:
            now = self._clock()
            run_out = store.payable_until(tx, now, EXPIRED_AT_ONCE)
            for checkout in run_out:
                self._move(tx, checkout, CheckoutStatus.EXPIRED, now)
        return bool(run_out)

    def refund(self, order: RefundOrder, key: str) -> Answer:
        """201 with a new refund, or 200 with the succeeded one of the same reference and terms.

        Raises CurrencyDiffers, IdempotencyKeyReused, NoSuchThing, ReferenceInUse, RefundExceedsCapture, Unavailable.
        """
        fingerprint = _fingerprint("refund", order)
        with self._database.writing() as tx:
            if answer := self._answered_before(tx, key, fingerprint):
                return answer
            refund = store.newest_refund(tx, order.reference)
            if made := refund is None or refund.status is RefundStatus.FAILED:
                refund = self._make_refund(tx, order)
            elif (refund.capture, refund.amount, refund.currency) != (order.capture, order.amount, order.currency):
                raise ReferenceInUse(order.reference, refund.id)
            answer = Answer(201 if made else 200, RefundAnswer.of(refund).model_dump_json())
            store.keep_answer(tx, key, fingerprint, answer)
            return answer

    def _make_refund(self, tx: Connection, order: RefundOrder) -> Refund:
        capture = store.capture_by_id(tx, order.capture)
        if capture is None:
            raise NoSuchThing("capture", order.capture)
        if capture.currency != order.currency:
            raise CurrencyDiffers(capture.currency, order.currency)
        left = left_to_refund(capture, store.refunds_of(tx, capture.id))
        if order.amount > left:
            raise RefundExceedsCapture(left, order.amount)
        status, webhook = RefundStatus.SUCCEEDED, WebhookType.REFUND_SUCCEEDED
        if self._box.refund_fails():
            if not self._box.faults.refunds.fail_permanently:
                raise Unavailable
            status, webhook = RefundStatus.FAILED, WebhookType.REFUND_FAILED
        now = self._clock()
        refund = Refund(
            id=_new_id("ref"),
            capture=capture.id,
            checkout=capture.checkout,
            reference=order.reference,
            amount=order.amount,
            currency=order.currency,
            status=status,
            created_at=now,
        )
        store.insert_refund(tx, refund)
        data = WebhookData(
            checkout=capture.checkout,
            reference=refund.reference,
            capture=capture.id,
            refund=refund.id,
            amount=refund.amount,
            currency=refund.currency,
            captured_at=capture.captured_at,
            attempt=self._found(tx, capture.checkout).attempt,
        )
        webhooks.stage(tx, self._box, webhook, data, now)
        log.info("%s %s", refund.id, refund.status)
        return refund

    def refund_of(self, reference: str) -> RefundAnswer:
        """The refund with this reference. Raises NoSuchThing."""
        with self._database.reading() as tx:
            refund = store.newest_refund(tx, reference)
            if refund is None:
                raise NoSuchThing("refund with reference", reference)
            return RefundAnswer.of(refund)

    def statement(self, since: datetime | None, until: datetime | None) -> Iterator[store.StatementLine]:
        """Lines one by one, as one view of the books: a statement may be long."""
        with self._database.reading() as tx:
            yield from store.statement(tx, since, until)

    def books(self) -> BooksAnswer:
        with self._database.reading() as tx:
            captures, refunds = store.all_captures(tx), store.all_refunds(tx)
        totals: dict[str, CurrencyTotals] = {}
        for capture in captures:
            total = totals.setdefault(capture.currency, CurrencyTotals())
            total.captured += capture.amount
            total.captures += 1
        for refund in refunds:
            if refund.status is RefundStatus.SUCCEEDED:
                total = totals[refund.currency]
                total.refunded += refund.amount
                total.refunds += 1
        return BooksAnswer(
            totals=totals,
            captures=[CaptureAnswer.of(capture) for capture in captures],
            refunds=[RefundAnswer.of(refund) for refund in refunds],
        )
