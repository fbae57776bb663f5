"""Every refusal of consular, each with a stable code.

Refusal
├── UnknownMission, UnknownService, NotOffered, NoFee, NoRate   what was asked for can't be had, whatever the day
├── CatalogueMissing                                            we don't know yet what can be had
├── MandateNotActive, MandateInUse, MandateForOneself           who asks may not
├── CaseOver, TooLateToCancel, RateUsed, RateChanged            too late
├── SameCurrency, CurrencyNotSupported                          a rate that can't be
├── SeatRefused …                                               booking's own answer, by its code
└── IllegalMove, StrangeFact                                    a message that no rule allows
"""

from typing import ClassVar

from dawr.contracts import Text
from dawr.contracts.booking import RefusalCode
from dawr.servicekit.errors import Refusal


class UnknownMission(Refusal):
    """No mission has this code, or it is closed for good."""

    code = "unknown-mission"
    status = 404
    title = Text(ar="لا توجد بعثة بهذا الرمز", en="There is no mission with this code")


class UnknownService(Refusal):
    """No service has this code, or it is no longer given."""

    code = "unknown-service"
    status = 404
    title = Text(ar="لا توجد خدمة بهذا الرمز", en="There is no service with this code")


class NotOffered(Refusal):
    """The mission does not give this service at this speed."""

    code = "not-offered"
    title = Text(ar="هذه البعثة لا تقدم هذه الخدمة", en="This mission does not offer that")


class NoFee(Refusal):
    """The catalogue names no fee for that day, so nothing can be promised."""

    code = "no-fee"
    title = Text(ar="لم يُحدد رسم لهذه الخدمة بعد", en="No fee is set for this service yet")


class NoRate(Refusal):
    """No exchange rate is known for the wished currency."""

    code = "no-rate"
    title = Text(ar="لا يمكن الدفع بهذه العملة", en="This currency can't be paid with")


class CatalogueMissing(Refusal):
    """Our copy of the catalogue has not arrived yet."""

    code = "catalogue-missing"
    status = 503
    title = Text(ar="لم تصل قائمة الخدمات بعد، حاول بعد قليل", en="The list of services is not here yet; try again")


class MandateNotActive(Refusal):
    """The mandate does not allow its agent to act now."""

    code = "mandate-not-active"
    title = Text(ar="التفويض غير نافذ", en="The mandate is not active")


class MandateInUse(Refusal):
    """Another case of the mandate is still going on."""

    code = "mandate-in-use"
    title = Text(ar="هناك معاملة جارية بهذا التفويض", en="A case under this mandate is still going on")


class MandateForOneself(Refusal):
    """Nobody needs a mandate to act for themselves."""

    code = "mandate-for-oneself"
    status = 422
    title = Text(ar="لا حاجة لتفويض لنفسك", en="You need no mandate to act for yourself")


class CaseOver(Refusal):
    """Nothing is left that could be given back."""

    code = "case-over"
    title = Text(ar="المعاملة منتهية", en="The case is over")


class TooLateToCancel(Refusal):
    """The day of the turn has begun at the mission."""

    code = "too-late-to-cancel"
    title = Text(ar="بدأ يوم الموعد ولم يعد الإلغاء ممكناً", en="The day has begun; it can't be cancelled any more")


class RateUsed(Refusal):
    """Somebody was promised this rate: it stays."""

    code = "rate-used"
    title = Text(ar="استُعمل هذا السعر ولا يمكن تغييره", en="This rate was used and can't be changed")


class RateChanged(Refusal):
    """The rate is not the one that the editor saw."""

    code = "rate-changed"
    status = 412
    title = Text(ar="تغير هذا السعر منذ قراءته", en="This rate was changed since it was read")


class SameCurrency(Refusal):
    """A currency has no rate to itself."""

    code = "same-currency"
    status = 422
    title = Text(ar="العملتان متطابقتان", en="Both currencies are the same")


class CurrencyNotSupported(Refusal):
    """Amounts are hundredths everywhere; this currency has no hundredths, so each of its amounts would be wrong."""

    code = "currency-not-supported"
    status = 422
    title = Text(
        ar="هذه العملة غير متاحة: لا تُقبل إلا العملات التي لها منزلتان عشريتان",
        en="This currency can't be used: only those with two decimals can",
    )


class IllegalMove(Refusal):
    """A thing can't go from its state to that one."""

    code = "illegal-move"
    title = Text(ar="انتقال غير مسموح", en="This move is not allowed")


class StrangeFact(Refusal):
    """A fact names a case that is not here, or another turn than the case's."""

    code = "strange-fact"
    title = Text(ar="واقعة لا تخص أي معاملة", en="This fact belongs to no case")


class SeatRefused(Refusal):
    """Booking gave no seat; its own code says why."""

    refused: ClassVar[RefusalCode]


class SoldOut(SeatRefused):
    """No seat of that day is left."""

    refused = RefusalCode.SOLD_OUT
    code = refused.value
    title = Text(ar="نفدت المواعيد في هذا اليوم", en="Sold out on that day")


class WindowFull(SeatRefused):
    """No seat of that window is left; the day may have others."""

    refused = RefusalCode.WINDOW_FULL
    code = refused.value
    title = Text(ar="هذه الفترة ممتلئة، اختر فترة أخرى", en="This time is full; choose another one")


class WindowUnknown(SeatRefused):
    """The day has no such window."""

    refused = RefusalCode.WINDOW_UNKNOWN
    code = refused.value
    title = Text(ar="لا توجد فترة بهذا الوقت", en="The day has no such time")


class NotOpenYet(SeatRefused):
    """The day is not given out yet; `opens_at` says when."""

    refused = RefusalCode.NOT_OPEN_YET
    code = refused.value
    title = Text(ar="لم يُفتح الحجز لهذا اليوم بعد", en="That day is not open yet")


class Closed(SeatRefused):
    """The mission is closed on that day."""

    refused = RefusalCode.CLOSED
    code = refused.value
    title = Text(ar="البعثة مغلقة في هذا اليوم", en="Closed on that day")


class DayOver(SeatRefused):
    """The day is past."""

    refused = RefusalCode.DAY_OVER
    code = refused.value
    title = Text(ar="انقضى هذا اليوم", en="That day is over")


class OneLiveTurn(SeatRefused):
    """The person has a live turn for this kind of service."""

    refused = RefusalCode.ONE_LIVE_TURN
    code = refused.value
    title = Text(ar="لديك دور قائم لهذه الخدمة", en="There is a live turn for this service already")


class RateMismatch(SeatRefused):
    """The fee changed its currency while the case was being opened."""

    refused = RefusalCode.FX_MISMATCH
    code = refused.value
    title = Text(ar="تغيرت عملة الرسم، أعد المحاولة", en="The fee's currency has changed; ask again")


SEAT_REFUSALS: dict[RefusalCode, type[Refusal]] = {
    **{each.refused: each for each in SeatRefused.__subclasses__()},
    RefusalCode.UNKNOWN_SERVICE: UnknownService,
    RefusalCode.NO_FEE: NoFee,
}
"""By booking's code; a test sees to it that none is missing."""
