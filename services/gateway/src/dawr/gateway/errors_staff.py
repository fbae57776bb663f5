"""The refusals of the gateway about staff and identity providers, each with its stable code.

Refusal
├── WrongSignIn           401  login, password or code of staff
├── PasskeyRefused        401
├── ProviderRefused       401  the identity provider's answer does not hold
├── AccountSuspended      403
├── AccountExpired        403
├── NotYourOwnAccount     403  four eyes
├── NoSuchAccount         404
├── LoginTaken            409
├── LastAdministrator     409
├── LastWayIn             409  the only passkey of one who has no password
├── IllegalStaffMove      409
├── InvitationOver        410
├── AccountChanged        412
├── NotALogin             422
├── NotAStaffName         422
├── RoleNeeded            422
├── OfficeNeeded          422
├── OfficeNotNeeded       422
├── TooLongAhead          422
├── WeakPassword          422
├── WrongSecondFactor     422  the code that shows that an authenticator was set up
├── RevisionNeeded        428
├── SignInBusy            503  more passwords wait to be checked than are taken
└── ProviderAway          503  the identity provider does not answer
"""

from dawr.contracts import Text
from dawr.servicekit.errors import Refusal


class WrongSignIn(Refusal):
    """Login, password or code of a member of staff is wrong. Which of them, and whether somebody has the login, is not
    told."""

    code = "wrong-sign-in"
    status = 401
    title = Text(ar="اسم الدخول أو كلمة المرور أو الرمز غير صحيح", en="The login, the password or the code is wrong")


class PasskeyRefused(Refusal):
    """The passkey's answer does not hold: another site's, an old one, or nobody's here."""

    code = "passkey-refused"
    status = 401
    title = Text(ar="تعذر قبول مفتاح المرور، أعد المحاولة", en="The passkey was not accepted; try again")


class AccountSuspended(Refusal):
    """The account was suspended, or waits for its owner to accept an invitation."""

    code = "account-suspended"
    status = 403
    title = Text(ar="هذا الحساب موقوف، راجع مدير النظام", en="This account is suspended; ask an administrator")


class AccountExpired(Refusal):
    """The account's time has run out; an administrator may give it more."""

    code = "account-expired"
    status = 403
    title = Text(ar="انتهت مدة هذا الحساب، راجع مدير النظام", en="This account has run out; ask an administrator")


class NotYourOwnAccount(Refusal):
    """Nobody changes their own roles, office or term, suspends or invites themselves: another administrator does."""

    code = "not-your-own-account"
    status = 403
    title = Text(
        ar="لا يمكنك تعديل حسابك بنفسك، يقوم بذلك مدير آخر",
        en="You can't change your own account; another administrator does that",
    )


class NoSuchAccount(Refusal):
    """No member of staff has this account."""

    code = "no-such-account"
    status = 404
    title = Text(ar="لا يوجد حساب بهذا المعرّف", en="There is no such account")


class LoginTaken(Refusal):
    """Another account has this login."""

    code = "login-taken"
    status = 409
    title = Text(ar="اسم الدخول مستعمل", en="This login is taken")


class LastAdministrator(Refusal):
    """Nobody would be left who administers accounts."""

    code = "last-administrator"
    status = 409
    title = Text(ar="لا بد من بقاء مدير نظام واحد فعّال على الأقل", en="At least one active administrator has to remain")


class LastWayIn(Refusal):
    """The passkey is the only way into the account."""

    code = "last-way-in"
    status = 409
    title = Text(
        ar="هذا المفتاح هو الوسيلة الوحيدة للدخول إلى الحساب", en="This passkey is the only way into the account"
    )


class IllegalStaffMove(Refusal):
    """The account is in a state from which nothing leads there."""

    code = "illegal-staff-move"
    status = 409
    title = Text(ar="لا تسمح حالة الحساب بهذا الإجراء", en="The account's state does not allow this")


class InvitationOver(Refusal):
    """The invitation was used, replaced, or is too old; or there never was one. All get this one answer."""

    code = "invitation-over"
    status = 410
    title = Text(
        ar="هذه الدعوة مستعملة أو انتهت صلاحيتها، اطلب دعوة جديدة",
        en="This invitation was used or is too old; ask for a new one",
    )


class AccountChanged(Refusal):
    """Another administrator changed the account since it was read; `revision` is the present one."""

    code = "account-changed"
    status = 412
    title = Text(
        ar="عدّل مدير آخر هذا الحساب، راجع القيم الحالية",
        en="Another administrator changed this account; look at it as it is now",
    )


class NotALogin(Refusal):
    """A login has 3 to 40 small Latin letters, digits, dots and dashes."""

    code = "not-a-login"
    status = 422
    title = Text(
        ar="اسم الدخول من 3 إلى 40 حرفاً لاتينياً صغيراً أو رقماً أو نقطة أو شرطة",
        en="A login has 3 to 40 small Latin letters, digits, dots or dashes",
    )


class NotAStaffName(Refusal):
    """A name has 2 to 120 characters, letters among them."""

    code = "not-a-name"
    status = 422
    title = Text(ar="الاسم من حرفين إلى 120 حرفاً", en="A name has 2 to 120 characters")


class RoleNeeded(Refusal):
    """An account has at least one role."""

    code = "role-needed"
    status = 422
    title = Text(ar="اختر دوراً واحداً على الأقل", en="Choose at least one role")


class OfficeNeeded(Refusal):
    """Desk, office manager and mission belong to an office, named by its code."""

    code = "office-needed"
    status = 422
    title = Text(ar="هذا الدور يتطلب رمز مكتب أو بعثة", en="This role needs the code of an office or mission")


class OfficeNotNeeded(Refusal):
    """None of the roles ends at an office."""

    code = "office-not-needed"
    status = 422
    title = Text(ar="لا يرتبط أي من هذه الأدوار بمكتب", en="None of these roles belongs to an office")


class TooLongAhead(Refusal):
    """The account would end in the past, or later than accounts may."""

    code = "too-long-ahead"
    status = 422
    title = Text(
        ar="تاريخ الانتهاء في الماضي أو أبعد من المسموح", en="The end is in the past, or later than is allowed"
    )


class WeakPassword(Refusal):
    """The password is too short, or one of those that are tried first."""

    code = "weak-password"
    status = 422
    title = Text(
        ar="كلمة المرور قصيرة أو سهلة التخمين، اختر 12 محرفاً على الأقل",
        en="The password is short or easily guessed; choose at least 12 characters",
    )


class WrongSecondFactor(Refusal):
    """The code is not the one that the authenticator shows now."""

    code = "wrong-second-factor"
    status = 422
    title = Text(ar="رمز تطبيق المصادقة غير صحيح", en="The code of the authenticator app is wrong")


class SignInBusy(Refusal):
    """More passwords wait to be checked than are taken: the rest of the platform goes before."""

    code = "sign-in-busy"
    status = 503
    title = Text(ar="الدخول مزدحم الآن، حاول بعد لحظات", en="Sign-in is busy; try again in a moment")


class ProviderRefused(Refusal):
    """What the identity provider answered does not hold, is for another browser, or was used before."""

    code = "provider-refused"
    status = 401
    title = Text(
        ar="تعذر الدخول عبر مزود الهوية، أعد المحاولة", en="Signing in through the identity provider failed; try again"
    )


class ProviderAway(Refusal):
    """The identity provider does not answer."""

    code = "provider-away"
    status = 503
    title = Text(
        ar="مزود الهوية لا يستجيب الآن، حاول بعد قليل", en="The identity provider does not answer; try again shortly"
    )


class RevisionNeeded(Refusal):
    """The request changes what another administrator may have changed meanwhile: `If-Match` has to name what was
    read."""

    code = "if-match-needed"
    status = 428
    title = Text(ar="يلزم ترويسة If-Match بما قرأته", en="The If-Match header is needed, with what you read")
