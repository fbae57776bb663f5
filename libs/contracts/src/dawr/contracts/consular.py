"""Messages of consular: cases at missions, and mandates of relatives."""

from enum import StrEnum
from typing import ClassVar
from uuid import UUID

from dawr.contracts.message import Message
from dawr.contracts.values import Code, Instant, TierCode


class Kinship(StrEnum):
    """How one who acts is related to whom they act for."""

    ASCENDANT = "ascendant"
    DESCENDANT = "descendant"
    SPOUSE = "spouse"
    SIBLING = "sibling"
    LEGAL_AGENT = "legal-agent"


class CaseFact(Message):
    """What every fact about a case carries."""

    case_id: UUID
    person_id: UUID
    """Whom the case is for."""
    opened_by: UUID
    mission: Code
    at: Instant

    def key(self) -> str:
        return str(self.case_id)


class CaseOpened(CaseFact):
    """An expatriate, or a relative on their behalf, asked a mission for something."""

    wire_type: ClassVar[str] = "consular.case-opened.v1"

    service: Code
    tier: TierCode
    turn_id: UUID


class CaseAdvanced(CaseFact):
    """The case moved; `state` is where it is now."""

    wire_type: ClassVar[str] = "consular.case-advanced.v1"

    state: str
    cause: str
    """The wire type of the message that moved it."""


class MandateDrafted(Message):
    """A relative or legal agent asks the person that they may act for them: it waits for the person's consent."""

    wire_type: ClassVar[str] = "consular.mandate-drafted.v1"

    mandate_id: UUID
    person_id: UUID
    agent_id: UUID
    kinship: Kinship
    expires_at: Instant
    """Until when the person can consent."""
    at: Instant

    def key(self) -> str:
        return str(self.mandate_id)


class MandateActivated(Message):
    """The person agreed that a relative act for them."""

    wire_type: ClassVar[str] = "consular.mandate-activated.v1"

    mandate_id: UUID
    person_id: UUID
    agent_id: UUID
    kinship: Kinship
    at: Instant

    def key(self) -> str:
        return str(self.mandate_id)


ConsularFact = CaseOpened | CaseAdvanced | MandateDrafted | MandateActivated
