"""An example of each template: what a preview shows, and what the tests render."""

import datetime as dt
from dataclasses import dataclass
from uuid import UUID

from dawr.contracts import FxRate, Message, Money, Place, Pool, Subject, Text
from dawr.contracts.booking import (
    RefusalCode,
    TurnCancelled,
    TurnConfirmed,
    TurnExpired,
    TurnHeld,
    TurnMoved,
    TurnRefused,
)
from dawr.contracts.catalog import Document, Fee, OfficeDescribed, ServiceDescribed, Tier
from dawr.contracts.consular import CaseOpened, Kinship, MandateActivated, MandateDrafted
from dawr.contracts.notifications import SendMessage
from dawr.contracts.payments import (
    PaymentCaptured,
    PaymentFailed,
    RefundAccepted,
    RefundFailed,
    RefundReason,
    RefundSucceeded,
)
from dawr.contracts.values import Channel
from dawr.notifications import rules
from dawr.notifications.domain import Notice
from dawr.notifications.errors import TemplateUnknown
from dawr.notifications.values import Catalogue, Known, KnownTurn, Values

NOW = dt.datetime(2026, 11, 24, 8, 30, tzinfo=dt.UTC)
PERSON = UUID("018f3d5c-0000-7000-8000-000000000001")
RELATIVE = UUID("018f3d5c-0000-7000-8000-000000000002")
_TURN = UUID("018f3d5c-0000-5000-8000-000000000003")
_PAYMENT = UUID("018f3d5c-0000-5000-8000-000000000004")
_FACT = UUID("018f3d5c-0000-5000-8000-000000000005")
_POOL = Pool(office="DAM-01", service="PASS_REN", tier="N", date=dt.date(2026, 12, 5))
_FEE = Money(minor=31_270_000, currency="SYP")
_SUBJECT = Subject(kind="turn", id=_TURN)


def _passport() -> ServiceDescribed:
    tiers = (
        Tier(code="N", name=Text(ar="عادي", en="Normal")),
        Tier(code="U", name=Text(ar="مستعجل", en="Urgent")),
    )
    return ServiceDescribed(
        code="PASS_REN",
        revision=1,
        agency="IMM",
        family="PASSPORT",
        name=Text(ar="تجديد جواز سفر", en="Passport renewal"),
        description=Text(ar="تجديد جواز سفر منتهي الصلاحية", en="Renewal of a passport that has run out"),
        channels=(Channel.ONLINE,),
        tiers=tiers,
        fees=(Fee(tier="N", channel=Channel.ONLINE, amount=_FEE, effective_from=dt.date(2025, 2, 1)),),
        documents=(
            Document(code="OLD_PASSPORT", name=Text(ar="جواز السفر القديم", en="The old passport")),
            Document(code="PHOTOS", name=Text(ar="صورتان شخصيتان", en="Two photographs")),
        ),
        duration_minutes=15,
    )


def _offices() -> tuple[OfficeDescribed, OfficeDescribed]:
    office = OfficeDescribed(
        code="DAM-01",
        revision=1,
        kind="office",
        region="DAM",
        region_name=Text(ar="دمشق", en="Damascus"),
        name=Text(ar="مركز دمشق الأول", en="Damascus first centre"),
        address=Text(ar="شارع النيل، دمشق", en="Nile Street, Damascus"),
        zone="Asia/Damascus",
        currency="SYP",
        services=("PASS_REN",),
    )
    mission = {
        "code": "BER-01",
        "kind": "mission",
        "region": "EUR",
        "region_name": Text(ar="أوروبا", en="Europe"),
        "name": Text(ar="البعثة في برلين", en="Mission in Berlin"),
        "address": Text(ar="برلين", en="Berlin"),
        "zone": "Europe/Berlin",
        "currency": "USD",
    }
    return office, office.model_copy(update=mission)


def known(*, turn: bool = True) -> Known:
    """What the texts of the examples may name."""
    window = KnownTurn(office=_POOL.office, service=_POOL.service, tier=_POOL.tier, date=_POOL.date, window="09:00")
    return Known(
        Catalogue({"PASS_REN": _passport()}, {office.code: office for office in _offices()}), window if turn else None
    )


@dataclass(frozen=True)
class _Turn:
    turn_id: UUID = _TURN
    person_id: UUID = PERSON
    asked_by: UUID = PERSON
    pool: Pool = _POOL
    at: dt.datetime = NOW


def facts(*, asked_by: UUID = PERSON) -> list[Message]:
    """One fact for each template that a fact makes."""
    turn = vars(_Turn(asked_by=asked_by))
    payment = {"payment_id": _PAYMENT, "subject": _SUBJECT, "payer_id": asked_by, "amount": _FEE, "at": NOW}
    refund = payment | {"refund_id": _PAYMENT}
    dollars = FxRate(base="USD", quote="SYP", rate="13000", dated=dt.date(2026, 11, 24))
    bank = {"provider": "bank", "provider_reference": "TX-204417"}
    return [
        TurnHeld(
            **turn,
            window="09:00",
            place=Place(partition=3, offset=41),
            fee=_FEE,
            payable=_FEE,
            payment_id=_PAYMENT,
            held_until=NOW + dt.timedelta(minutes=15),
        ),
        TurnRefused(**turn, code=RefusalCode.NOT_OPEN_YET, opens_at=NOW + dt.timedelta(days=2)),
        TurnConfirmed(**turn, window="09:00", fee=_FEE, payment_id=_PAYMENT),
        TurnExpired(**turn, held_until=NOW),
        TurnCancelled(**turn, by="citizen", reason="changed-mind", refund=_FEE),
        TurnMoved(
            **turn,
            from_pool=_POOL.model_copy(update={"date": dt.date(2026, 12, 1)}),
            window="09:00",
            reason=Text(ar="عاصفة رملية: أُغلق المكتب", en="A sandstorm: the office is closed"),
        ),
        TurnMoved(
            **turn,
            from_pool=_POOL.model_copy(update={"date": dt.date(2026, 12, 8)}),
            window="09:00",
            reason=Text(ar="بطلب من صاحب الدور", en="Asked for by those whose turn it is"),
            by="citizen",
            moves=1,
        ),
        PaymentCaptured(**payment, **bank, fx=dollars),
        PaymentFailed(**payment, provider="bank", attempt=1),
        RefundAccepted(**refund, reason=RefundReason.PAID_TOO_LATE),
        RefundSucceeded(**refund, **bank, attempt=1),
        RefundFailed(**refund, attempt=8, reason="provider-refused"),
        CaseOpened(
            case_id=_FACT,
            person_id=PERSON,
            opened_by=asked_by,
            mission="BER-01",
            at=NOW,
            service="PASS_REN",
            tier="N",
            turn_id=_TURN,
        ),
        MandateDrafted(
            mandate_id=_FACT,
            person_id=PERSON,
            agent_id=RELATIVE,
            kinship=Kinship.SIBLING,
            expires_at=NOW + dt.timedelta(days=90),
            at=NOW,
        ),
        MandateActivated(mandate_id=_FACT, person_id=PERSON, agent_id=RELATIVE, kinship=Kinship.SIBLING, at=NOW),
    ]


SECRETS: dict[str, Values] = {
    "sign-in-code": {"code": "123456", "minutes": 10},
    "sign-up-code": {"code": "123456", "minutes": 10, "email": "name@example.com"},
}
"""What the requests of such templates would hold sealed."""


def example(template: str) -> tuple[Notice, Known, Values]:
    """A notice of the template, what its text may name, and what it would hold sealed; raises TemplateUnknown."""
    if template in SECRETS:
        return _requested(template), known(turn=False), SECRETS[template]
    for fact in facts():
        for notice in rules.notices(fact, _FACT, now=NOW):
            if notice.template == template:
                return notice, known(turn=notice.subject_id is not None), {}
    raise TemplateUnknown


def _requested(template: str) -> Notice:
    return Notice(
        id=_FACT,
        person_id=PERSON,
        template=template,
        fact_type=SendMessage.wire_type,
        fact="{}",
        created_at=NOW,
        in_inbox=False,
    )
