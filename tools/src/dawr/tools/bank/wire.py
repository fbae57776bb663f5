"""What travels between merchant and bank. Amounts are integers in minor units; times are RFC 3339 in UTC."""

from typing import Annotated, Literal

from pydantic import AfterValidator, AnyHttpUrl, AwareDatetime, BaseModel, Field, StrictInt

from dawr.tools.bank.domain import Capture, Checkout, CheckoutStatus, Refund, RefundStatus, WebhookType

Language = Literal["ar", "en"]
MinorUnits = Annotated[StrictInt, Field(gt=0, le=10**15)]
CurrencyCode = Annotated[str, Field(pattern=r"^[A-Z]{3}$")]
Reference = Annotated[str, Field(min_length=1, max_length=200)]
ReturnUrl = Annotated[str, Field(max_length=2000), AfterValidator(lambda url: str(AnyHttpUrl(url)))]


class Description(BaseModel):
    """What the payer reads above the amount."""

    ar: Annotated[str, Field(min_length=1, max_length=500)]
    en: Annotated[str, Field(min_length=1, max_length=500)]


class CheckoutOrder(BaseModel):
    """The body of POST /v1/checkouts. `reference` is the merchant's id of the payment."""

    reference: Reference
    amount: MinorUnits
    currency: CurrencyCode
    description: Description
    expires_at: AwareDatetime
    return_url: ReturnUrl
    language: Language | None = None


class RefundOrder(BaseModel):
    """The body of POST /v1/refunds. `reference` is the merchant's id of the refund."""

    capture: Annotated[str, Field(max_length=100)]
    amount: MinorUnits
    currency: CurrencyCode
    reference: Reference


class CaptureAnswer(BaseModel):
    id: str
    checkout: str
    reference: str
    amount: int
    currency: str
    captured_at: AwareDatetime

    @classmethod
    def of(cls, capture: Capture) -> "CaptureAnswer":
        return cls(
            id=capture.id,
            checkout=capture.checkout,
            reference=capture.reference,
            amount=capture.amount,
            currency=capture.currency,
            captured_at=capture.captured_at,
        )


class RefundAnswer(BaseModel):
    id: str
    reference: str
    capture: str
    checkout: str
    amount: int
    currency: str
    status: RefundStatus
    created_at: AwareDatetime

    @classmethod
    def of(cls, refund: Refund) -> "RefundAnswer":
        return cls(
            id=refund.id,
            reference=refund.reference,
            capture=refund.capture,
            checkout=refund.checkout,
            amount=refund.amount,
            currency=refund.currency,
            status=refund.status,
            created_at=refund.created_at,
        )


class CheckoutAnswer(BaseModel):
    """A checkout with its page, its capture when it was paid, and its refunds in the order of time."""

    id: str
    reference: str
    amount: int
    currency: str
    status: CheckoutStatus
    url: str
    expires_at: AwareDatetime
    attempt: int
    capture: CaptureAnswer | None
    refunds: list[RefundAnswer]

    @classmethod
    def of(
        cls, checkout: Checkout, capture: Capture | None, refunds: list[Refund], page_origin: str
    ) -> "CheckoutAnswer":
        return cls(
            id=checkout.id,
            reference=checkout.reference,
            amount=checkout.amount,
            currency=checkout.currency,
            status=checkout.status,
            url=f"{page_origin}/pay/{checkout.id}",
            expires_at=checkout.expires_at,
            attempt=checkout.attempt,
            capture=CaptureAnswer.of(capture) if capture else None,
            refunds=[RefundAnswer.of(refund) for refund in refunds],
        )


class WebhookData(BaseModel):
    """All fields are in every webhook; those that have no meaning for its type are null.

    `reference` is the merchant's id of what the webhook is about: the payment for `checkout.*`, the refund for
    `refund.*`. `amount` and `currency` are what was captured or refunded, or was asked where nothing moved.
    """

    checkout: str
    reference: str
    capture: str | None = None
    refund: str | None = None
    amount: int
    currency: str
    captured_at: AwareDatetime | None = None
    attempt: int


class WebhookBody(BaseModel):
    type: WebhookType
    timestamp: AwareDatetime
    data: WebhookData


class CurrencyTotals(BaseModel):
    """Minor units and counts of what succeeded."""

    captured: int = 0
    refunded: int = 0
    captures: int = 0
    refunds: int = 0


class BooksAnswer(BaseModel):
    """Everything that the bank has ever taken and given back."""

    totals: dict[str, CurrencyTotals]
    captures: list[CaptureAnswer]
    refunds: list[RefundAnswer]


class WebhookRecord(BaseModel):
    """A webhook as the sandbox keeps it. `delivered` counts the merchant's 2xx answers, `tries` all sendings."""

    id: str
    type: WebhookType
    state: Literal["waiting", "delivered", "lost"]
    tries: int
    delivered: int
    last_outcome: str | None
    due_at: AwareDatetime | None
    body: WebhookBody
