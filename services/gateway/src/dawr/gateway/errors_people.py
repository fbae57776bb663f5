"""The refusals of the gateway about people and their registration, each with its stable code.

Refusal
├── RegistrationNotInForm    422  lists what follows, field by field
├── FieldNotInForm           422
│   ├── NotABirthDate
│   ├── TooYoung
│   ├── DocumentNeeded
│   ├── NotACardNumber
│   ├── NotAPassportNumber
│   ├── NotPassportLines
│   ├── PassportMisread
│   ├── PassportOfAnother
│   ├── PassportExpired
│   ├── AddressNeeded
│   ├── NotAMailAddress
│   └── NotAPhoneNumber
├── TooManyRegistrations     429  for one person, or from one address
└── RegistryAway             503  the civil registry does not answer
"""

from collections.abc import Sequence

from dawr.contracts import Text
from dawr.servicekit.errors import Refusal

Fault = tuple[str, Refusal]
"""A field of the form, and what is wrong with it."""


class RegistrationNotInForm(Refusal):
    """Fields of a registration are not in form; `errors` lists them. Nobody was asked about the person."""

    code = "registration-not-in-form"
    status = 422
    title = Text(ar="في الطلب خانات تحتاج إلى تصحيح", en="Some fields need to be corrected")

    def __init__(self, faults: Sequence[Fault], language: str = "en") -> None:
        """`language` is that of the details in `errors`."""
        self.faults = tuple(faults)
        super().__init__(
            errors=[
                {"pointer": f"#/{field}", "code": fault.code, "detail": getattr(fault.detail, language)}
                for field, fault in faults
            ]
        )


class FieldNotInForm(Refusal):
    """A field of a registration can't be what it has to be."""

    status = 422


class NotABirthDate(FieldNotInForm):
    """The date is none, lies ahead, or is of nobody who is alive."""

    code = "not-a-birth-date"
    title = Text(ar="أدخل تاريخ ميلاد صحيحاً", en="Enter a real date of birth")


class TooYoung(FieldNotInForm):
    """Minors are acted for by their parents."""

    code = "too-young"
    title = Text(
        ar="من لم يبلغ سن الرشد لا يسجَّل بنفسه، ويتقدم عنه أحد والديه بعد أن يسجل",
        en="A minor can't register: a parent who is registered acts for them",
    )


class DocumentNeeded(FieldNotInForm):
    """One document is needed: the identity card's number, the passport's number, or the passport's two lines."""

    code = "document-needed"
    title = Text(
        ar="أدخل رقم وثيقة واحدة: البطاقة الشخصية أو جواز السفر", en="Enter one document: identity card or passport"
    )


class NotACardNumber(FieldNotInForm):
    """The number of an identity card has 6 to 12 digits."""

    code = "not-a-card-number"
    title = Text(
        ar="رقم البطاقة الشخصية يتألف من 6 إلى 12 رقماً", en="The number of an identity card has 6 to 12 digits"
    )


class NotAPassportNumber(FieldNotInForm):
    """The number of a passport has 6 to 9 Latin letters and digits."""

    code = "not-a-passport-number"
    title = Text(
        ar="رقم جواز السفر يتألف من 6 إلى 9 خانات من الأرقام والحروف اللاتينية",
        en="The number of a passport has 6 to 9 letters and digits",
    )


class NotPassportLines(FieldNotInForm):
    """The two lines at the foot of a passport's page have 44 signs each: letters, digits and <."""

    code = "not-passport-lines"
    title = Text(
        ar="أدخل السطرين المطبوعين أسفل صفحة البيانات في جواز السفر، وفي كل منهما 44 خانة",
        en="Enter the two lines at the foot of the passport's page, each of 44 signs",
    )


class PassportMisread(FieldNotInForm):
    """A check digit within the passport's lines does not fit: something was misread."""

    code = "passport-misread"
    title = Text(
        ar="في سطري جواز السفر خانة غير صحيحة، راجعهما", en="Something in the passport's lines was misread; check them"
    )


class PassportOfAnother(FieldNotInForm):
    """The birth date in the passport's lines is another than the one given."""

    code = "passport-of-another"
    title = Text(
        ar="تاريخ الميلاد في جواز السفر يختلف عن التاريخ الذي أدخلته",
        en="The date of birth in the passport is not the one that you gave",
    )


class PassportExpired(FieldNotInForm):
    """The passport's lines say that it has run out."""

    code = "passport-expired"
    title = Text(ar="انتهت صلاحية جواز السفر، استعمل وثيقة أخرى", en="The passport has run out; use another document")


class AddressNeeded(FieldNotInForm):
    """A mail address or a phone is needed, for codes."""

    code = "address-needed"
    title = Text(ar="أدخل بريداً إلكترونياً أو رقم هاتف", en="Enter a mail address or a phone number")


class NotAMailAddress(FieldNotInForm):
    """The mail address is none."""

    code = "not-a-mail-address"
    title = Text(
        ar="أدخل بريداً إلكترونياً صحيحاً، مثل name@example.com", en="Enter a mail address, like name@example.com"
    )


class NotAPhoneNumber(FieldNotInForm):
    """The phone number is none, or lacks its country's code."""

    code = "not-a-phone-number"
    title = Text(
        ar="أدخل رقم هاتف مع رمز البلد، مثل ‎+963 991 234 567",
        en="Enter a phone number with its country's code, like +963 991 234 567",
    )


class TooManyRegistrations(Refusal):
    """Registrations were tried too often, for one person or from one address."""

    code = "too-many-registrations"
    status = 429
    title = Text(ar="محاولات تسجيل كثيرة، انتظر قليلاً", en="Too many registrations were tried; wait a while")


class RegistryAway(Refusal):
    """The civil registry does not answer for now. Nothing was kept or counted: send the same again."""

    code = "registry-away"
    status = 503
    title = Text(
        ar="السجل المدني لا يجيب حالياً، حاول بعد قليل دون أن تفقد ما أدخلته",
        en="The civil registry does not answer for now; try again shortly, nothing is lost",
    )

    def __init__(self) -> None:
        super().__init__(retry_after_seconds=15)
