"""Fault switches of the SMS provider. They last until they are set again or the provider ends."""

import random
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

Probability = Annotated[float, Field(ge=0, le=1)]
Times = Annotated[int, Field(ge=0, le=1_000_000)]


class Faults(BaseModel):
    """The body of PUT /sandbox/faults. What is left out is off."""

    model_config = ConfigDict(extra="forbid", validate_assignment=True)

    fail_times: Times = 0
    """The next so many messages are refused with `status` and not taken; counts down."""
    fail_rate: Probability = 0.0
    status: Literal[400, 429, 500, 503] = 503
    """400 says never; 429 (with Retry-After), 500 and 503 say try again."""
    to: str | None = None
    """Only messages to a number that begins with this are refused."""
    timeout_after_doing: Times = 0
    """The next so many messages are taken, but the answer comes after `timeout_seconds`, as a 504; counts down."""
    timeout_seconds: Annotated[float, Field(ge=0, le=600)] = 2.0
    seed: int | None = None
    """With a seed, the same messages in the same order meet the same faults."""


class FaultBox:
    """The switches as they stand, and the dice that decide by them."""

    def __init__(self) -> None:
        self.set(Faults())

    def set(self, faults: Faults) -> None:
        self.faults = faults
        self._dice = random.Random(faults.seed)  # noqa: S311 - chance for tests, not for secrets

    def refuses(self, number: str) -> bool:
        if self.faults.to is not None and not number.startswith(self.faults.to):
            return False
        if self.faults.fail_times:
            self.faults.fail_times -= 1
            return True
        return self.faults.fail_rate > 0 and self._dice.random() < self.faults.fail_rate

    def answer_is_late(self) -> bool:
        if self.faults.timeout_after_doing:
            self.faults.timeout_after_doing -= 1
            return True
        return False
