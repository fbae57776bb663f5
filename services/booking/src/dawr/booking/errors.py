"""Everything that booking refuses over HTTP, and what is wrong with a message that goes to the dead letters."""

from collections.abc import Mapping

from dawr.contracts import Text
from dawr.contracts.booking import RefusalCode
from dawr.servicekit.errors import Refusal


class UnknownTurn(Refusal):
    """No such turn, or none that the caller may see."""

    code = "unknown-turn"
    status = 404
    title = Text(ar="لا يوجد دور بهذا الرقم", en="There is no such turn")


class IllegalMove(Refusal):
    """The state machine has no such edge."""

    code = "illegal-move"
    title = Text(ar="لا يمكن الانتقال إلى هذه الحالة", en="The turn can't go to that state")


class AmountDiffers(Refusal):
    """A payment of another amount than the turn asked for was told as captured."""

    code = "amount-differs"
    title = Text(ar="المبلغ المدفوع يختلف عن المطلوب", en="The paid amount differs from the one asked for")


class TooManyParts(Refusal):
    """A month was published in which a day has more windows or releases than are kept here."""

    code = "too-many-parts"
    title = Text(
        ar="في أحد الأيام فترات أو دفعات مقاعد أكثر من المسموح",
        en="A day has more windows or releases than are allowed",
    )


class NotCancellable(Refusal):
    """The turn has ended already, or its day has come."""

    code = "not-cancellable"
    title = Text(ar="لا يمكن إلغاء هذا الدور", en="This turn can't be cancelled")


class TooLateToCancel(Refusal):
    """The day of the turn has begun."""

    code = "too-late-to-cancel"
    title = Text(
        ar="بدأ يوم الدور ولم يعد الإلغاء ممكناً", en="The day of the turn has begun; it can't be cancelled any more"
    )


class NotMovable(Refusal):
    """The turn has ended already, or its hold has run out."""

    code = "not-movable"
    title = Text(ar="لا يمكن نقل هذا الدور", en="This turn can't be moved")


class TooLateToMove(Refusal):
    """The day of the turn has begun."""

    code = "too-late-to-move"
    title = Text(ar="بدأ يوم الدور ولم يعد نقله ممكناً", en="The day of the turn has begun; it can't be moved any more")


class MovedTooOften(Refusal):
    """Its people have moved the turn as often as they may."""

    code = "moved-too-often"
    title = Text(
        ar="نُقل هذا الدور أكبر عدد مسموح به من المرات؛ يمكن إلغاؤه وطلب دور آخر",
        en="This turn has been moved as often as is allowed; it can be cancelled, and another one taken",
    )


class MoveAtMission(Refusal):
    """A turn that belongs to a mission's case is not moved here."""

    code = "move-at-mission"
    title = Text(
        ar="هذا الدور تابع لمعاملة قنصلية: تنقله البعثة، أو يمكن إلغاؤه وفتح معاملة أخرى",
        en="This turn belongs to a case at a mission: the mission moves it, or it is cancelled and another case opened",
    )


class AlreadyThere(Refusal):
    """The turn is on that day, at that office and time."""

    code = "already-there"
    title = Text(ar="الدور في هذا الموعد أصلاً", en="The turn is at that time already")


class UnknownReschedule(Refusal):
    """No wish to move this turn has this id, or it got lost on its way: the turn is as it was."""

    code = "unknown-reschedule"
    status = 404
    title = Text(ar="لا يوجد طلب نقل بهذا الرقم لهذا الدور", en="There is no such wish to move this turn")


class UnknownService(Refusal):
    """The catalogue has no such service or tier, or no longer."""

    code = "unknown-service"
    status = 404
    title = Text(ar="لا توجد خدمة بهذا الرمز", en="There is no such service or tier")


class UnknownOffice(Refusal):
    """The catalogue has no such office, or no longer."""

    code = "unknown-office"
    status = 404
    title = Text(ar="لا يوجد مكتب بهذا الرمز", en="There is no such office")


class UnknownTier(Refusal):
    """The service has no such tier."""

    code = "unknown-tier"
    status = 404
    title = Text(ar="لا توجد فئة بهذا الرمز لهذه الخدمة", en="The service has no such tier")


class UnknownRegion(Refusal):
    """The catalogue has no office in such a region."""

    code = "unknown-region"
    status = 404
    title = Text(ar="لا توجد منطقة بهذا الرمز", en="There is no such region")


class NotOffered(Refusal):
    """The office does not offer this service to those who ask this way."""

    code = "not-offered"
    title = Text(ar="لا يقدم هذا المكتب هذه الخدمة", en="This office does not offer this service")


class MissionOnly(Refusal):
    """Turns at missions are asked for with a case."""

    code = "mission-only"
    title = Text(ar="تُطلب مواعيد البعثات عبر المعاملات القنصلية", en="Turns at missions are asked for through a case")


class TooFarAhead(Refusal):
    """A span or a day that is longer, or further away, than is answered."""

    code = "too-far-ahead"
    status = 422
    title = Text(ar="المدى المطلوب أبعد من المسموح", en="The days asked for reach too far")


class SpanTooLong(Refusal):
    """More days at once than are answered."""

    code = "span-too-long"
    status = 422
    title = Text(ar="المدة المطلوبة أطول من المسموح", en="The span of days is too long")


class FromAfterTo(Refusal):
    """A span that ends before it begins."""

    code = "from-after-to"
    status = 422
    title = Text(ar="تاريخ البداية بعد تاريخ النهاية", en="The span ends before it begins")


class ShareNotAllowed(Refusal):
    """The seats of this share are asked for by others: `urgent` ones by the office's staff, `assisted` by a desk."""

    code = "share-not-allowed"
    status = 403
    title = Text(ar="لا يحق لك طلب مقعد من هذه الحصة", en="You may not ask for a seat of this share")


class NotYourRelative(Refusal):
    """A citizen asks for themselves, or for one for whom the registry lets them act: their minor child."""

    code = "not-your-relative"
    status = 403
    title = Text(
        ar="لا يمكنك طلب دور لهذا الشخص؛ يُطلب الدور لنفسك أو لأولادك القاصرين",
        en="You can't ask for a turn for this person, only for yourself or your minor children",
    )


class ReasonNeeded(Refusal):
    """Who asks for another says for whom and why, and nobody on the staff asks so for themselves."""

    code = "reason-needed"
    status = 422
    title = Text(ar="يلزم تحديد الشخص والسبب", en="Say for whom it is, other than yourself, and why")


class NothingToCancel(Refusal):
    """The office is not open on that day, nobody has a turn there, or the day is over."""

    code = "nothing-to-cancel"
    title = Text(ar="لا توجد أدوار ولا مقاعد في هذا اليوم", en="There are no turns and no seats on that day")


class UnknownCancellation(Refusal):
    """No cancellation of that day has this id."""

    code = "unknown-cancellation"
    status = 404
    title = Text(ar="لا يوجد إلغاء بهذا الرقم", en="There is no such cancellation")


class TooManyRequests(Refusal):
    """The person asks for new turns faster than anybody needs to."""

    code = "too-many-requests"
    status = 429
    title = Text(ar="طلبات كثيرة جداً، انتظر قليلاً", en="Too many requests; wait a little")


class TooManyStreams(Refusal):
    """More turns are followed at once than is good for those who wait."""

    code = "too-many-streams"
    status = 429
    title = Text(ar="متابعات مفتوحة كثيرة جداً", en="Too many turns are followed at once")


class CatalogueMissing(Refusal):
    """This service has no copy of the catalogue yet, or not the whole of it."""

    code = "catalogue-missing"
    status = 503
    title = Text(ar="الخدمة قيد التهيئة، حاول بعد قليل", en="The service is getting ready; try again shortly")


class BrokerAway(Refusal):
    """The log can't take requests now. Nothing was accepted; the same key may be sent again."""

    code = "intake-unavailable"
    status = 503
    title = Text(
        ar="تعذر استقبال الطلب الآن، أعد المحاولة بالمفتاح نفسه",
        en="Requests can't be taken now; try again with the same key",
    )


class SeatRefused(Refusal):
    """No seat. Its code is the one of the `TurnRefused` fact."""

    code = "sold-out"

    def __init__(self, code: RefusalCode, **data: object) -> None:
        self.code = code.value  # type: ignore[misc]
        self.title = REFUSALS[code]  # type: ignore[misc]
        super().__init__(None, **data)  # type: ignore[arg-type]

    @classmethod
    def titles(cls) -> Mapping[str, Text]:
        """One for each reason."""
        return {code.value: title for code, title in REFUSALS.items()}


MOVE_REFUSALS: dict[str, type[Refusal]] = {
    each.code: each for each in (NotMovable, MovedTooOften, MoveAtMission, AlreadyThere, NotOffered)
}
"""By the code under which the line refuses to move a turn, where it is not for want of a seat."""

REFUSALS: dict[RefusalCode, Text] = {
    RefusalCode.SOLD_OUT: Text(
        ar="نفدت المقاعد في هذا اليوم؛ جرّب يوماً أو مكتباً آخر", en="This day is sold out; try another day or office"
    ),
    RefusalCode.WINDOW_FULL: Text(
        ar="امتلأت هذه الفترة؛ اختر فترة أخرى من اليوم نفسه", en="This window is full; choose another one of the day"
    ),
    RefusalCode.WINDOW_UNKNOWN: Text(ar="لا توجد فترة تبدأ في هذا الوقت", en="No window starts at that time"),
    RefusalCode.NOT_OPEN_YET: Text(
        ar="لم يُفتح حجز المقاعد المتبقية في هذا اليوم بعد", en="The seats of this day are not open for booking yet"
    ),
    RefusalCode.CLOSED: Text(
        ar="المكتب لا يقدم هذه الخدمة في هذا اليوم", en="The office does not serve this on that day"
    ),
    RefusalCode.DAY_OVER: Text(ar="انقضى هذا اليوم", en="That day is over"),
    RefusalCode.ONE_LIVE_TURN: Text(
        ar="لديك دور قائم لخدمة من هذا النوع؛ ألغه أولاً أو استعمله",
        en="There already is a live turn for a service of this kind; use it or cancel it first",
    ),
    RefusalCode.UNKNOWN_SERVICE: UnknownService.title,
    RefusalCode.NO_FEE: Text(ar="لم يُحدد رسم لهذه الخدمة", en="No fee is set for this service and tier"),
    RefusalCode.FX_MISMATCH: Text(
        ar="سعر الصرف لا يطابق عملة الرسم", en="The exchange rate is not of the fee's currency"
    ),
}
