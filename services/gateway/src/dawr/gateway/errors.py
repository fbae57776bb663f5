"""Every refusal of the gateway, with its stable code.

Those about staff and identity providers are in `errors_staff`.

Refusal
├── NotAnIdentityNumber   422
├── WrongCode             401
├── SignInPaused          429  this person's sign-in rests
├── TooManyCodes          429  codes are asked for too often
├── TooManyTries          429  one address guesses too often
├── SessionEnded          401  a refresh token that holds no more
├── FromElsewhere         403  another site made a browser ask
├── SignInCrowded         429  all of sign-in together counts too many wrong codes, or sends too many
├── AlreadyProposed       409  somebody has proposed what becomes of this dead letter
├── SameTwoEyes           403  who proposed can't approve, and only they withdraw
├── DecisionOver          409  it was decided already
├── StateNotReplayed      409  a dead letter of a state topic
├── ServiceUnavailable    503  the service behind is away
├── BrokenAnswer          502  the service behind hung up
└── ServiceSlow           504  the service behind did not answer in time
"""

from dawr.contracts import Text
from dawr.servicekit.errors import Refusal


class NotAnIdentityNumber(Refusal):
    """The identity number has not eleven digits."""

    code = "not-an-identity-number"
    status = 422
    title = Text(ar="الرقم الوطني يتألف من 11 رقماً", en="An identity number has 11 digits")


class WrongCode(Refusal):
    """The code is not the one that was sent last, or was used, or is too old. All three get this one answer."""

    code = "wrong-code"
    status = 401
    title = Text(ar="الرمز غير صحيح أو انتهت صلاحيته", en="The code is wrong or too old")


class SignInPaused(Refusal):
    """Too many wrong codes for one person: sign-in rests, each time for longer."""

    code = "sign-in-paused"
    status = 429
    title = Text(ar="محاولات خاطئة كثيرة، انتظر قليلاً", en="Too many wrong codes; wait a while")


class TooManyCodes(Refusal):
    """Codes were asked for too often, for one person or from one address."""

    code = "too-many-codes"
    status = 429
    title = Text(ar="طُلبت رموز كثيرة، انتظر قليلاً", en="Too many codes were asked for; wait a while")


class TooManyTries(Refusal):
    """One address tried too many codes."""

    code = "too-many-tries"
    status = 429
    title = Text(ar="محاولات كثيرة من هذا العنوان", en="Too many tries from this address")


class SessionEnded(Refusal):
    """The refresh token is none of ours, or its session is over: signed out, idle, at its end, or a copy was used.
    All get this one answer."""

    code = "session-ended"
    status = 401
    title = Text(ar="انتهت الجلسة، سجّل الدخول من جديد", en="The session is over; sign in again")


class FromElsewhere(Refusal):
    """A browser that carries a session says that another site made it ask."""

    code = "from-elsewhere"
    status = 403
    title = Text(ar="ورد هذا الطلب من موقع آخر", en="This request came from another site")


class SignInCrowded(Refusal):
    """All people and addresses together asked for too many codes, or entered too many wrong ones."""

    code = "sign-in-crowded"
    status = 429
    title = Text(
        ar="الدخول متوقف مؤقتاً لكثرة المحاولات، حاول لاحقاً",
        en="Sign-in rests, as there were too many tries; try later",
    )


class AlreadyProposed(Refusal):
    """There is an open proposal about this dead letter."""

    code = "already-proposed"
    status = 409
    title = Text(ar="قُدّم اقتراح بشأن هذه الرسالة من قبل", en="Something was proposed about this message already")


class SameTwoEyes(Refusal):
    """Somebody else has to approve or reject what was proposed; only who proposed it may withdraw it."""

    code = "same-two-eyes"
    status = 403
    title = Text(ar="يلزم شخص ثانٍ للموافقة", en="A second person has to decide this")


class DecisionOver(Refusal):
    """The proposal was decided, withdrawn or carried out meanwhile."""

    code = "decision-over"
    status = 409
    title = Text(ar="بُتّ في هذا الاقتراح", en="This was decided already")


class StateNotReplayed(Refusal):
    """A record of a state topic may not be put back: it could replace a newer one. Its owner sends its state again."""

    code = "state-not-replayed"
    status = 409
    title = Text(ar="لا تُعاد رسالة حالة إلى مكانها", en="A record of state can't be put back")


class ServiceUnavailable(Refusal):
    """The service that this path belongs to can't be reached."""

    code = "service-unavailable"
    status = 503
    title = Text(ar="هذه الخدمة غير متاحة حالياً، حاول بعد قليل", en="This service is away for now; try again shortly")


class BrokenAnswer(Refusal):
    """The service hung up before it answered. Whether it did the work is not known: ask with the same key."""

    code = "broken-answer"
    status = 502
    title = Text(ar="انقطع الاتصال بالخدمة، حاول مجدداً", en="The service hung up; try again")


class ServiceSlow(Refusal):
    """The service did not answer in time. Whether it did the work is not known: ask with the same key."""

    code = "service-slow"
    status = 504
    title = Text(ar="لم تجب الخدمة في الوقت المحدد", en="The service did not answer in time")
