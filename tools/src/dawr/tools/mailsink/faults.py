"""Fault switches of the mail sink. They last until they are set again or the sink ends."""

import random
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Probability = Annotated[float, Field(ge=0, le=1)]
Times = Annotated[int, Field(ge=0, le=1_000_000)]


class Faults(BaseModel):
    """The body of PUT /faults. What is left out is off."""

    model_config = ConfigDict(extra="forbid", validate_assignment=True)

    fail_times: Times = 0
    """The next so many mails are refused with `code` and not kept; counts down."""
    fail_rate: Probability = 0.0
    code: Annotated[int, Field(ge=400, le=599)] = 451
    """SMTP reply of a refusal: 4xx says try again, 5xx says never."""
    to: str | None = None
    """Only mails to an address that holds this text are refused."""
    lose_answer_times: Times = 0
    """The next so many mails are kept, but the connection breaks before the sender hears of it; counts down."""
    delay_seconds: Annotated[float, Field(ge=0, le=600)] = 0.0
    """Every answer to a mail waits that long."""
    seed: int | None = None
    """With a seed, the same mails in the same order meet the same faults."""


class FaultBox:
    """The switches as they stand, and the dice that decide by them."""

    def __init__(self) -> None:
        self.set(Faults())

    def set(self, faults: Faults) -> None:
        self.faults = faults
        self._dice = random.Random(faults.seed)  # noqa: S311 - chance for tests, not for secrets

    def refuses(self, recipients: list[str]) -> bool:
        wanted = self.faults.to
        if wanted is not None and not any(wanted in recipient for recipient in recipients):
            return False
        if self.faults.fail_times:
            self.faults.fail_times -= 1
            return True
        return self.faults.fail_rate > 0 and self._dice.random() < self.faults.fail_rate

    def loses_answer(self) -> bool:
        if self.faults.lose_answer_times:
            self.faults.lose_answer_times -= 1
            return True
        return False
