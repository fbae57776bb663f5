"""Fault switches: what goes wrong on purpose, and how often. They last until they are set again or the bank ends."""

import random
from datetime import datetime, timedelta
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, model_validator

Probability = Annotated[float, Field(ge=0, le=1)]
Times = Annotated[int, Field(ge=0, le=1_000_000)]
Seconds = Annotated[float, Field(ge=0, le=3600)]


class _Switches(BaseModel):
    model_config = ConfigDict(extra="forbid", validate_assignment=True)


class WebhookFaults(_Switches):
    """Faults between the bank and the merchant's webhook address."""

    lose: Probability = 0.0
    """Never sent, unless it is replayed by hand."""
    delay_seconds: tuple[Seconds, Seconds] = (0.0, 0.0)
    """The first sending waits for a time between the two."""
    double: Probability = 0.0
    """Sent once more after the merchant took it, with the same webhook-id."""
    reorder: bool = False
    """Every other webhook is held until the one after it has gone first, or 2 s have passed."""

    @model_validator(mode="after")
    def _in_order(self) -> "WebhookFaults":
        if self.delay_seconds[0] > self.delay_seconds[1]:
            raise ValueError("delay_seconds is [shortest, longest]")
        return self


class RefundFaults(_Switches):
    """Which requests for a refund fail, and how."""

    fail_times: Times = 0
    """The next so many fail; counts down."""
    fail_rate: Probability = 0.0
    fail_permanently: bool = False
    """False: 503 and nothing done. True: the refund is made with status `failed`, and `refund.failed` is sent."""


class TimeoutFaults(_Switches):
    """The bank does what it was asked, but its answer comes too late: after `seconds`, as a 504."""

    after_doing: Probability = 0.0
    """Chance for each POST of a checkout or a refund."""
    checkouts: Times = 0
    """The next so many POSTs of a checkout; counts down."""
    refunds: Times = 0
    """The next so many POSTs of a refund; counts down."""
    seconds: Seconds = 2.0


class Faults(_Switches):
    """The body of PUT /sandbox/faults. What is left out is off."""

    webhooks: WebhookFaults = Field(default_factory=WebhookFaults)
    refunds: RefundFaults = Field(default_factory=RefundFaults)
    timeouts: TimeoutFaults = Field(default_factory=TimeoutFaults)
    wrong_amount: Probability = 0.0
    """Chance that a capture takes 100 minor units less than was asked."""
    wrong_currency: Probability = 0.0
    """Chance that a capture is made in another currency."""
    seed: int | None = None
    """With a seed, the same requests in the same order meet the same faults."""


class FaultBox:
    """The switches as they stand, and the dice that decide by them."""

    def __init__(self) -> None:
        self.faults = Faults()
        self._dice = random.Random()  # noqa: S311 - chance for tests, not for secrets

    def set(self, faults: Faults) -> None:
        self.faults = faults
        self._dice = random.Random(faults.seed)  # noqa: S311

    def _happens(self, probability: float) -> bool:
        return probability > 0 and self._dice.random() < probability

    def refund_fails(self) -> bool:
        refunds = self.faults.refunds
        if refunds.fail_times:
            refunds.fail_times -= 1
            return True
        return self._happens(refunds.fail_rate)

    def checkout_answer_is_late(self) -> bool:
        timeouts = self.faults.timeouts
        if timeouts.checkouts:
            timeouts.checkouts -= 1
            return True
        return self._happens(timeouts.after_doing)

    def refund_answer_is_late(self) -> bool:
        timeouts = self.faults.timeouts
        if timeouts.refunds:
            timeouts.refunds -= 1
            return True
        return self._happens(timeouts.after_doing)

    def charged(self, amount: int, currency: str) -> tuple[int, str]:
        """What a capture of this amount really takes."""
        if self._happens(self.faults.wrong_amount):
            amount = amount - 100 if amount > 100 else amount + 100
        if self._happens(self.faults.wrong_currency):
            currency = "EUR" if currency == "USD" else "USD"
        return amount, currency

    def sendings(self) -> int:
        """How many times a new webhook goes out: 0 when it is lost, 2 when it is doubled."""
        if self._happens(self.faults.webhooks.lose):
            return 0
        return 2 if self._happens(self.faults.webhooks.double) else 1

    def first_sending(self, now: datetime) -> datetime:
        shortest, longest = self.faults.webhooks.delay_seconds
        return now + timedelta(seconds=self._dice.uniform(shortest, longest)) if longest else now
