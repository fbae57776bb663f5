"""What the HTTP resources are made from, and what they share."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated
from uuid import UUID

from fastapi import Depends
from pydantic import BaseModel, ConfigDict

from dawr.contracts import Money
from dawr.payments.domain.payment import Looks
from dawr.payments.providers import Provider
from dawr.payments.webhooks import WebhookVerifier
from dawr.servicekit.auth import Caller, Role
from dawr.servicekit.callers import signed_in
from dawr.servicekit.database import Database
from dawr.servicekit.presentation import shown_money

SignedIn = Annotated[Caller, Depends(signed_in())]
Finance = Annotated[Caller, Depends(signed_in(Role.FINANCE))]


@dataclass(frozen=True)
class Parts:
    """Made once by the app, given to the routers."""

    database: Database
    providers: Mapping[str, Provider]
    webhooks: WebhookVerifier
    looks: Looks
    return_urls: Mapping[str, str]
    refund_working_days: int
    """Within how many working days banks usually give money back."""


class Answer(BaseModel):
    """A part of an answer."""

    model_config = ConfigDict(frozen=True, use_attribute_docstrings=True)


class ShownMoney(Answer):
    """An amount, for machines and for people."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"minor": 31270000, "currency": "SYP", "text": "SYP 312,700"}]}
    )

    minor: int
    """Minor units of the currency."""
    currency: str
    text: str
    """In the caller's language."""

    @classmethod
    def of(cls, money: Money, lang: str) -> "ShownMoney":
        return cls.model_validate(shown_money(money, lang))


class ShownSubject(Answer):
    """What was paid for."""

    kind: str
    id: UUID
