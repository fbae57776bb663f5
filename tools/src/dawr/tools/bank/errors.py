"""Every refusal of the bank, with its HTTP status and stable code.

BankRefusal
├── KeyRefused                  401 key-refused
├── IdempotencyKeyMissing       400 idempotency-key-missing
├── IdempotencyKeyReused        422 idempotency-key-reused
├── AlreadyExpired              422 already-expired
├── CurrencyDiffers             422 currency-differs
├── NoSuchThing                 404 not-found
├── ReferenceInUse              409 reference-in-use
├── CheckoutClosed              409 checkout-captured, checkout-expired or checkout-cancelled
├── RefundExceedsCapture        409 refund-exceeds-capture
└── Unavailable                 503 unavailable (a fault switch; nothing was done)
"""

from datetime import datetime

from dawr.tools.bank.domain import CheckoutStatus


class BankRefusal(Exception):
    """A request that the bank refuses. Nothing was changed by it."""

    status = 409
    code = "refused"


class KeyRefused(BankRefusal):
    status, code = 401, "key-refused"

    def __init__(self) -> None:
        super().__init__("Send your API key as 'Authorization: Bearer <key>'.")


class IdempotencyKeyMissing(BankRefusal):
    status, code = 400, "idempotency-key-missing"

    def __init__(self) -> None:
        super().__init__("A request that makes something needs an Idempotency-Key header of 1 to 255 characters.")


class IdempotencyKeyReused(BankRefusal):
    status, code = 422, "idempotency-key-reused"

    def __init__(self) -> None:
        super().__init__("This Idempotency-Key was used for another request.")


class AlreadyExpired(BankRefusal):
    status, code = 422, "already-expired"

    def __init__(self, expires_at: datetime) -> None:
        super().__init__(f"expires_at {expires_at.isoformat()} is not in the future.")


class CurrencyDiffers(BankRefusal):
    status, code = 422, "currency-differs"

    def __init__(self, captured: str, asked: str) -> None:
        super().__init__(f"The capture is in {captured}, the refund in {asked}.")


class NoSuchThing(BankRefusal):
    status, code = 404, "not-found"

    def __init__(self, kind: str, name: str) -> None:
        super().__init__(f"No {kind} {name}.")


class ReferenceInUse(BankRefusal):
    status, code = 409, "reference-in-use"

    def __init__(self, reference: str, holder: str) -> None:
        super().__init__(f"Reference {reference} belongs to {holder}, which has other terms.")


class CheckoutClosed(BankRefusal):
    """The checkout can't be paid or cancelled any more."""

    def __init__(self, status: CheckoutStatus) -> None:
        self.checkout_status = status
        word = "captured" if status is CheckoutStatus.APPROVED else status.value
        self.code = f"checkout-{word}"
        super().__init__(f"The checkout is {word}.")


class RefundExceedsCapture(BankRefusal):
    code = "refund-exceeds-capture"

    def __init__(self, left: int, asked: int) -> None:
        super().__init__(f"{left} minor units are left to refund, {asked} were asked.")


class Unavailable(BankRefusal):
    status, code = 503, "unavailable"

    def __init__(self) -> None:
        super().__init__("Try again later.")
