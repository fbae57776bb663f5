"""Every refusal of payments, with its stable code; and what a provider may fail with.

Refusal
├── IllegalMove           409 illegal-move
├── NoSuchPayment         404 no-such-payment
├── NoSuchRefund          404 no-such-refund
├── UnknownProvider       404 unknown-provider
├── AmountNotPositive     422 amount-not-positive
├── TermsDiffer           409 terms-differ
├── AlreadyPaid           409 already-paid
├── PaymentOver           409 payment-over
├── NotCaptured           409 payment-not-captured
├── RefundTooLarge        409 refund-exceeds-capture
├── NotSetAside           409 refund-not-set-aside
├── FourEyes              403 four-eyes
├── WebhookRefused        401 webhook-refused
├── ProviderRefused       502 provider-refused
└── ProviderAway          503 provider-away
Transient
└── ProviderUnavailable   the provider gave no answer, or one that says nothing: what was asked may have been done
"""

from dawr.contracts import Text
from dawr.servicekit.errors import Refusal, Transient


class IllegalMove(Refusal):
    """The table of moves has no such edge."""

    code = "illegal-move"
    title = Text(ar="لا يمكن تنفيذ هذا في الحالة الحالية", en="This can't be done in the present state")


class NoSuchPayment(Refusal):
    """No payment has this id."""

    code = "no-such-payment"
    status = 404
    title = Text(ar="لا توجد دفعة بهذا الرقم", en="There is no such payment")


class NoSuchRefund(Refusal):
    """No refund has this id."""

    code = "no-such-refund"
    status = 404
    title = Text(ar="لا يوجد استرداد بهذا الرقم", en="There is no such refund")


class UnknownProvider(Refusal):
    """No provider of this name is connected."""

    code = "unknown-provider"
    status = 404
    title = Text(ar="مزود الدفع غير معروف", en="There is no such payment provider")


class AmountNotPositive(Refusal):
    """Nothing, or less, was asked to be paid or given back."""

    code = "amount-not-positive"
    status = 422
    title = Text(ar="يجب أن يكون المبلغ أكبر من صفر", en="The amount must be more than nothing")


class TermsDiffer(Refusal):
    """The id is taken by a payment or refund on other terms."""

    code = "terms-differ"
    title = Text(ar="يوجد طلب بالرقم نفسه وبشروط أخرى", en="The same id exists on other terms")


class AlreadyPaid(Refusal):
    """The money is with us; nothing is left to pay."""

    code = "already-paid"
    title = Text(ar="تم الدفع مسبقاً", en="This was paid already")


class PaymentOver(Refusal):
    """The payment ran out or was withdrawn."""

    code = "payment-over"
    title = Text(ar="انتهت مهلة الدفع", en="The time to pay is over")


class NotCaptured(Refusal):
    """No money was taken for this payment, so none can go back."""

    code = "payment-not-captured"
    title = Text(ar="لم تُقبض هذه الدفعة", en="This payment was not captured")


class RefundTooLarge(Refusal):
    """More would go back than is left of what was captured; `left` says how much that is."""

    code = "refund-exceeds-capture"
    title = Text(ar="المبلغ أكبر من المتبقي للاسترداد", en="The amount is more than is left to refund")


class NotSetAside(Refusal):
    """Only a refund that was set aside for a person can be started again by one."""

    code = "refund-not-set-aside"
    title = Text(ar="هذا الاسترداد لا ينتظر موافقة", en="This refund does not wait for an approval")


class FourEyes(Refusal):
    """Who asked for the money, or gets it, can't approve it."""

    code = "four-eyes"
    status = 403
    title = Text(ar="لا يوافق على الاسترداد من طلبه", en="Whoever asked for a refund can't approve it")


class WebhookRefused(Refusal):
    """The webhook's signature or time does not hold."""

    code = "webhook-refused"
    status = 401
    title = Text(ar="توقيع الإشعار غير صحيح", en="The webhook's signature does not hold")


class ProviderRefused(Refusal):
    """The provider says no; `provider_code` is its own word for why."""

    code = "provider-refused"
    status = 502
    title = Text(ar="رفض مزود الدفع الطلب", en="The payment provider refused the request")


class ProviderAway(Refusal):
    """The provider can't be reached; the same request may be sent again."""

    code = "provider-away"
    status = 503
    title = Text(ar="مزود الدفع غير متاح حالياً، حاول بعد قليل", en="The payment provider is away; try again shortly")


class ProviderUnavailable(Transient):
    """No answer from the provider, or one that says nothing: what was asked may or may not have been done."""
