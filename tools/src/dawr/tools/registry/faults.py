"""Fault switches of the civil registry. They last until they are set again or the registry ends."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field


class Faults(BaseModel):
    """The body of PUT /sandbox/faults. What is left out is off."""

    model_config = ConfigDict(extra="forbid", validate_assignment=True)

    fail_times: Annotated[int, Field(ge=0, le=1_000_000)] = 0
    """The next so many questions are answered with `status`; counts down."""
    status: Literal[429, 500, 503] = 503
    answer_seconds: Annotated[float, Field(ge=0, le=600)] = 0.0
    """How long each answer takes."""

    def refuses(self) -> bool:
        """Whether the next question is refused."""
        if not self.fail_times:
            return False
        self.fail_times -= 1
        return True
