"""Words that change with a number, and the sentences of refusals, in Arabic and English.

Categories are those of CLDR's plural rules (Unicode TR35, part 3): Arabic has six, English two. A form under
`=0` or `=1` is for that very number and goes before its category.
"""

from collections.abc import Callable

from babel import Locale

from dawr.contracts import Text
from dawr.contracts.booking import RefusalCode
from dawr.contracts.consular import Kinship
from dawr.contracts.payments import RefundReason

Forms = dict[str, str]

PHRASES: dict[str, dict[str, Forms]] = {
    "within-minutes": {
        "ar": {
            "zero": "خلال أقل من دقيقة",
            "one": "خلال دقيقة واحدة",
            "two": "خلال دقيقتين",
            "few": "خلال {n} دقائق",
            "many": "خلال {n} دقيقة",
            "other": "خلال {n} دقيقة",
        },
        "en": {"=0": "in less than a minute", "one": "within {n} minute", "other": "within {n} minutes"},
    },
    "in-days": {
        "ar": {
            "zero": "اليوم",
            "one": "غداً",
            "two": "بعد يومين",
            "few": "بعد {n} أيام",
            "many": "بعد {n} يوماً",
            "other": "بعد {n} يوم",
        },
        "en": {"=0": "today", "=1": "tomorrow", "one": "in {n} day", "other": "in {n} days"},
    },
}


def counted(phrase: str, number: int, lang: str, *, digits: Callable[[str], str] = str) -> str:
    """A phrase for a number, not negative; `digits` writes the number's figures."""
    forms = PHRASES[phrase][lang]
    form = forms.get(f"={number}") or forms[Locale(lang).plural_form(number)]
    return form.format(n=digits(str(number)))


REFUSALS: dict[RefusalCode, tuple[Text, Text]] = {
    RefusalCode.SOLD_OUT: (
        Text(ar="نفدت المقاعد في هذا اليوم.", en="No seat is left on that day."),
        Text(ar="جرّب يوماً آخر أو مكتباً آخر.", en="Try another day, or another office."),
    ),
    RefusalCode.WINDOW_FULL: (
        Text(ar="نفدت المقاعد في هذا الوقت.", en="No seat is left at that time."),
        Text(ar="جرّب وقتاً آخر من اليوم نفسه.", en="Try another time of the same day."),
    ),
    RefusalCode.WINDOW_UNKNOWN: (
        Text(ar="لا يستقبل المكتب في هذا الوقت.", en="The office does not receive people at that time."),
        Text(ar="اختر وقتاً من الأوقات المعروضة لذلك اليوم.", en="Choose one of the times shown for that day."),
    ),
    RefusalCode.NOT_OPEN_YET: (
        Text(ar="لم يُفتح الحجز لهذا اليوم بعد.", en="That day can't be booked yet."),
        Text(ar="أعد المحاولة عند فتح الحجز.", en="Try again once it opens."),
    ),
    RefusalCode.CLOSED: (
        Text(ar="لا يقدّم المكتب هذه الخدمة في هذا اليوم.", en="The office does not give this service on that day."),
        Text(ar="اختر يوماً آخر.", en="Choose another day."),
    ),
    RefusalCode.DAY_OVER: (
        Text(ar="انقضى وقت الحجز لهذا اليوم.", en="It is too late to book that day."),
        Text(ar="اختر يوماً لاحقاً.", en="Choose a later day."),
    ),
    RefusalCode.ONE_LIVE_TURN: (
        Text(ar="يوجد دور قائم للخدمة نفسها.", en="There is a live turn for the same service already."),
        Text(ar="استعمل ذلك الدور، أو ألغه ثم اطلب غيره.", en="Use that turn, or cancel it and ask again."),
    ),
    RefusalCode.UNKNOWN_SERVICE: (
        Text(ar="لا يقدّم هذا المكتب الخدمة المطلوبة.", en="This office does not give the service."),
        Text(ar="اختر مكتباً آخر من قائمة الخدمة.", en="Choose another office from the service's list."),
    ),
    RefusalCode.NO_FEE: (
        Text(ar="لم يُحدَّد رسم لهذه الخدمة بعد.", en="No fee is set for this service yet."),
        Text(ar="أعد المحاولة لاحقاً؛ لم يُطلب منك أي مبلغ.", en="Try again later; you were asked for nothing."),
    ),
    RefusalCode.FX_MISMATCH: (
        Text(ar="لا يوافق سعر الصرف المطلوب عملة الرسم.", en="The exchange rate does not fit the fee's currency."),
        Text(ar="أعد الطلب ليُحسب السعر من جديد.", en="Ask again, so that the rate is worked out anew."),
    ),
}
"""Why a seat was refused, and what to do next."""

KINSHIPS: dict[Kinship, Text] = {
    Kinship.ASCENDANT: Text(ar="أحد الوالدين أو الأجداد", en="a parent or grandparent"),
    Kinship.DESCENDANT: Text(ar="أحد الأبناء أو الأحفاد", en="a child or grandchild"),
    Kinship.SPOUSE: Text(ar="الزوج أو الزوجة", en="a spouse"),
    Kinship.SIBLING: Text(ar="أحد الإخوة", en="a brother or sister"),
    Kinship.LEGAL_AGENT: Text(ar="وكيل قانوني", en="a legal agent"),
}
"""Who an agent is to the person."""

REFUND_REASONS: dict[RefundReason, Text] = {
    RefundReason.CANCELLED_BY_CITIZEN: Text(ar="أُلغي الدور بناء على طلبك.", en="The turn was cancelled as you asked."),
    RefundReason.CANCELLED_BY_OFFICE: Text(ar="ألغى المكتب الدور.", en="The office cancelled the turn."),
    RefundReason.PAID_TOO_LATE: Text(
        ar="وصل المبلغ بعد انتهاء المهلة، ولم يبق مقعد شاغر.",
        en="The payment came after the time to pay had run out, and no seat was free any more.",
    ),
    RefundReason.PAID_AFTER_CANCELLATION: Text(
        ar="وصل المبلغ بعد إلغاء الدور.", en="The payment came after the turn had been cancelled."
    ),
    RefundReason.WRONG_AMOUNT: Text(
        ar="لا يطابق المبلغ المدفوع المبلغ المطلوب.", en="The amount paid is not the amount that was asked for."
    ),
}
"""Why money goes back."""
