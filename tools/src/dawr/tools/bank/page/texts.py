"""What the payer's page says, in each of its languages."""

from dataclasses import dataclass

from dawr.tools.bank.domain import CheckoutStatus
from dawr.tools.bank.wire import Language


@dataclass(frozen=True)
class PageTexts:
    own_name: str
    bank: str
    sandbox: str
    title: str
    to_pay: str
    until: str
    reference: str
    approve: str
    decline: str
    later: str
    later_hint: str
    declined_before: str
    back: str
    unknown_title: str
    unknown: str
    closed: dict[CheckoutStatus, tuple[str, str]]
    """Heading and sentence for a checkout that can't be paid (any more)."""


TEXTS: dict[Language, PageTexts] = {
    "ar": PageTexts(
        own_name="العربية",
        bank="المصرف التجريبي",
        sandbox="بيئة تجريبية: لا تُنقل أي أموال حقيقية.",
        title="الدفع",
        to_pay="المبلغ المطلوب",
        until="صالح حتى",
        reference="المرجع",
        approve="ادفع الآن",
        decline="ارفض الدفع",
        later="ادفع لاحقًا",
        later_hint="يمكنك العودة إلى هذه الصفحة قبل انتهاء المهلة.",
        declined_before="رُفضت المحاولة السابقة ولم يُخصم أي مبلغ. يمكنك المحاولة مرة أخرى.",
        back="العودة إلى الموقع",
        unknown_title="لا توجد عملية دفع هنا",
        unknown="تحقّق من الرابط، أو عُد إلى الموقع الذي أتيت منه.",
        closed={
            CheckoutStatus.APPROVED: ("تم الدفع", "وصلنا المبلغ. لا حاجة للدفع مرة أخرى."),
            CheckoutStatus.EXPIRED: ("انتهت المهلة", "لم يعد الدفع ممكنًا عبر هذه الصفحة، ولم يُخصم أي مبلغ."),
            CheckoutStatus.CANCELLED: ("أُلغيت العملية", "ألغى الموقع عملية الدفع هذه، ولم يُخصم أي مبلغ."),
        },
    ),
    "en": PageTexts(
        own_name="English",
        bank="Sandbox Bank",
        sandbox="Test environment: no real money moves.",
        title="Payment",
        to_pay="Amount to pay",
        until="Valid until",
        reference="Reference",
        approve="Pay now",
        decline="Decline",
        later="Pay later",
        later_hint="You can come back to this page until the time runs out.",
        declined_before="The last try was declined and nothing was taken. You can try again.",
        back="Back to the site",
        unknown_title="There is no payment here",
        unknown="Check the address, or go back to the site that you came from.",
        closed={
            CheckoutStatus.APPROVED: ("Paid", "We have your payment. You don't need to pay again."),
            CheckoutStatus.EXPIRED: ("Time ran out", "This payment can't be made any more. Nothing was taken."),
            CheckoutStatus.CANCELLED: ("Cancelled", "The site cancelled this payment. Nothing was taken."),
        },
    ),
}
