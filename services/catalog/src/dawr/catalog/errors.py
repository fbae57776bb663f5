"""Every refusal of catalog, with its stable code."""

from dawr.contracts import Text
from dawr.servicekit.errors import Refusal


class UnknownService(Refusal):
    """No service has this code."""

    code = "unknown-service"
    status = 404
    title = Text(ar="لا توجد خدمة بهذا الرمز", en="No service has this code")


class UnknownOffice(Refusal):
    """No office or mission has this code."""

    code = "unknown-office"
    status = 404
    title = Text(ar="لا يوجد مكتب أو بعثة بهذا الرمز", en="No office or mission has this code")


class UnknownRegion(Refusal):
    """No region has this code."""

    code = "unknown-region"
    status = 404
    title = Text(ar="لا توجد منطقة بهذا الرمز", en="No region has this code")


class NotOffered(Refusal):
    """The service is not given that way: not at this office, in this tier, or through this channel."""

    code = "not-offered"
    title = Text(ar="الخدمة غير متاحة بهذا الشكل", en="The service is not offered that way")


class Negative(Refusal):
    """A number that counts seats or money is below zero; `field` names it."""

    code = "negative"
    status = 422
    title = Text(ar="لا يمكن أن يكون العدد سالباً", en="The number can't be negative")


class WindowsDontAddUp(Refusal):
    """The seats of a day's windows are not the day's capacity; both are in the answer."""

    code = "windows-dont-add-up"
    status = 422
    title = Text(
        ar="مجموع مقاعد الفترات لا يساوي سعة اليوم", en="The windows' seats don't add up to the day's capacity"
    )


class WindowsOverlap(Refusal):
    """A window ends before it starts, or starts before the one ahead of it has ended."""

    code = "windows-overlap"
    status = 422
    title = Text(ar="فترات اليوم متداخلة أو غير مرتبة", en="The day's windows overlap or are out of order")


class DateOver(Refusal):
    """The day is over where it counts, by the local date there."""

    code = "date-over"
    title = Text(ar="انقضى هذا اليوم", en="That day is over")


class DateTooFar(Refusal):
    """The day is further ahead than capacity is decided."""

    code = "date-too-far"
    status = 422
    title = Text(ar="اليوم أبعد مما يُخطط له", en="That day is further ahead than is planned for")


class BelowUse(Refusal):
    """Turns have seats that would be taken away: `in_use` of them on `date`, of which only `wanted` would be left.

    `window` is the start of the part of the day that they are in; without it the whole day is meant. `days` lists this
    and the others, the first fifty of `count`. A closure is no lowering: it leaves the turns to the office.
    """

    code = "below-use"
    title = Text(
        ar="السعة المطلوبة أقل من المقاعد المحجوزة في ذلك اليوم",
        en="More seats have turns on that day than would be left",
    )


class OpensTooLate(Refusal):
    """The day would open for booking only once it is over."""

    code = "opens-too-late"
    status = 422
    title = Text(ar="موعد فتح الحجز بعد انقضاء اليوم", en="Booking would open after the day is over")


class ReleasesDontAddUp(Refusal):
    """The parts in which a day's seats are released are not the whole; their sum in percent is in the answer."""

    code = "releases-dont-add-up"
    status = 422
    title = Text(
        ar="مجموع دفعات فتح المقاعد لا يساوي مئة بالمئة", en="The parts in which seats open don't add up to 100 percent"
    )


class ReleasesOutOfOrder(Refusal):
    """A part is released before the one ahead of it, or the first not when the day opens; `at` names it."""

    code = "releases-out-of-order"
    status = 422
    title = Text(
        ar="دفعات فتح المقاعد غير مرتبة أو لا تبدأ عند موعد الفتح",
        en="The parts in which seats open are out of order, or don't start when booking opens",
    )


class KeptTooMuch(Refusal):
    """The shares that are kept are more than the day's seats; their sum in percent is in the answer."""

    code = "kept-too-much"
    status = 422
    title = Text(ar="الحصص المحجوزة أكثر من مقاعد اليوم", en="The kept shares are more than the day's seats")


class UnknownPlan(Refusal):
    """No capacity plan has this id."""

    code = "unknown-plan"
    status = 404
    title = Text(ar="لا توجد خطة بهذا الرقم", en="No capacity plan has this id")


class PlanMovedOn(Refusal):
    """The plan is in a state from which it can't be moved so; `state` and `to` name both."""

    code = "plan-moved-on"
    status = 409
    title = Text(ar="تجاوزت الخطة هذه المرحلة", en="The plan is no longer at that stage")


class OwnProposal(Refusal):
    """Who proposes a plan can't approve it, under whatever role: that takes a second person."""

    code = "own-proposal"
    status = 403
    title = Text(ar="لا يعتمد الخطة من اقترحها", en="Who proposed the plan can't approve it")


class NotYourProposal(Refusal):
    """Only who proposed a plan can change it or withdraw it."""

    code = "not-your-proposal"
    status = 403
    title = Text(ar="هذه الخطة من اقتراح شخص آخر", en="Somebody else proposed this plan")


class PlanOvertaken(Refusal):
    """Another plan was published since this one was proposed: it would undo what its proposer never saw."""

    code = "plan-overtaken"
    status = 409
    title = Text(ar="نُشرت خطة أخرى بعد اقتراح هذه", en="Another plan was published since this one was proposed")


class UnknownClosure(Refusal):
    """No closure has this id."""

    code = "unknown-closure"
    status = 404
    title = Text(ar="لا يوجد إغلاق بهذا الرقم", en="No closure has this id")


class ClosureEndsEarly(Refusal):
    """A closure's last day is before its first."""

    code = "closure-ends-early"
    status = 422
    title = Text(ar="ينتهي الإغلاق قبل أن يبدأ", en="The closure ends before it starts")


class ClosureOver(Refusal):
    """The closure's last day is over: withdrawing it would reopen nothing."""

    code = "closure-over"
    status = 409
    title = Text(ar="انقضت مدة الإغلاق", en="The closure is over")


class ClosureWithdrawn(Refusal):
    """The closure was withdrawn already."""

    code = "closure-withdrawn"
    status = 409
    title = Text(ar="سُحب قرار الإغلاق من قبل", en="The closure was withdrawn already")


class WrongCurrency(Refusal):
    """Nobody who offers the service through this channel takes this currency."""

    code = "wrong-currency"
    status = 422
    title = Text(ar="العملة غير معتمدة لهذه القناة", en="This currency isn't taken through this channel")


class CurrencyNotSupported(Refusal):
    """Amounts are hundredths everywhere; this currency has no hundredths, so each of its amounts would be wrong."""

    code = "currency-not-supported"
    status = 422
    title = Text(
        ar="هذه العملة غير متاحة: لا تُقبل إلا العملات التي لها منزلتان عشريتان",
        en="This currency can't be used: only those with two decimals can",
    )


class ChangedMeanwhile(Refusal):
    """Somebody changed the thing since the caller read it; the present revision is in the answer."""

    code = "changed-meanwhile"
    status = 412
    title = Text(ar="تغيّرت البيانات منذ قراءتها", en="It was changed since you read it")


class CatalogueInvalid(Refusal):
    """A folder of catalogue files breaks rules; `problems` lists each with its file, row and column."""

    code = "catalogue-invalid"
    status = 422
    title = Text(ar="بيانات الدليل غير صالحة", en="The catalogue's files are not valid")


class RevisionNeeded(Refusal):
    """The request changes what somebody else may have changed meanwhile: `If-Match` has to name what was read."""

    code = "if-match-needed"
    status = 428
    title = Text(ar="يلزم ترويسة If-Match بما قرأته", en="The If-Match header is needed, with what you read")


class RulesBroken(Refusal):
    """What is wanted breaks the catalogue's rules, those that hold for its files too; `errors` lists where and how."""

    code = "rules-broken"
    status = 422
    title = Text(ar="المطلوب يخالف قواعد الدليل", en="What is wanted breaks the catalogue's rules")


class CodeTaken(Refusal):
    """Something of the kind has this code already, perhaps retired."""

    code = "code-taken"
    title = Text(ar="الرمز مستعمل من قبل", en="The code is taken")


class UnknownCode(Refusal):
    """Nothing of the kind has this code."""

    code = "unknown-code"
    status = 404
    title = Text(ar="لا يوجد شيء بهذا الرمز", en="Nothing has this code")


class UnknownRevision(Refusal):
    """Nothing is kept of the thing at this revision."""

    code = "unknown-revision"
    status = 404
    title = Text(ar="لا يوجد إصدار بهذا الرقم", en="Nothing is kept at this revision")


class FixedWhileOffered(Refusal):
    """`field` can't change so while a published plan builds on it: first another plan has to end that one."""

    code = "fixed-while-offered"
    title = Text(
        ar="لا يمكن تغيير هذا ما دامت عليه خطة منشورة", en="It can't change while a published plan builds on it"
    )


class RetiredAlready(Refusal):
    """It is retired already."""

    code = "retired-already"
    title = Text(ar="أُوقف من قبل", en="It is retired already")


class NotRetired(Refusal):
    """It is in use, so there is nothing to reinstate."""

    code = "not-retired"
    title = Text(ar="ما زال مستعملاً", en="It is in use")
