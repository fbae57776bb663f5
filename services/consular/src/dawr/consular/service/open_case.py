"""Opening a case: what is wished for is checked against our copy of the catalogue, then booking is asked."""

from dataclasses import asdict
from uuid import UUID

from dawr.consular.domain import case as rules
from dawr.consular.domain import mandate
from dawr.consular.domain.case import Case, Wish
from dawr.consular.errors import CatalogueMissing, NoRate
from dawr.consular.store import cases, catalogue, mandates, rates
from dawr.contracts import FxRate, derived_id
from dawr.contracts.consular import CaseOpened
from dawr.servicekit.database import Transaction
from dawr.servicekit.idempotency import KeyReused, fingerprint
from dawr.servicekit.problems import NotFound


async def open_case(tx: Transaction, *, caller: UUID, key: str, wish: Wish) -> Case:
    """The case of this caller and key, opened now or before.

    Raises CatalogueMissing, UnknownMission, UnknownService, NotOffered, NoFee, NoRate, MandateNotActive,
    MandateInUse; NotFound for a mandate that is not the caller's; KeyReused.
    """
    id = rules.case_id(caller, key)
    asked = fingerprint(asdict(wish))
    known = await cases.find(tx.connection, id)
    if known is not None:
        if known.fingerprint != asked:
            raise KeyReused
        return known
    fx = await _frozen_rate(tx, wish)
    person = await _person(tx, wish, caller)
    case, request, opened = rules.open_case(
        id, wish, person=person, caller=caller, fingerprint=asked, fx=fx, now=tx.now
    )
    await cases.insert(tx.connection, case, CaseOpened.wire_type)
    tx.stage(request, id=derived_id(id, request.wire_type))
    tx.stage(opened, id=derived_id(id, opened.wire_type))
    return case


async def _person(tx: Transaction, wish: Wish, caller: UUID) -> UUID:
    """Whom the case is for. The mandate stays locked, so that two cases can't be opened under it at once."""
    if wish.mandate_id is None:
        return caller
    found = await mandates.lock(tx.connection, [wish.mandate_id])
    if not found or caller not in {found[0].agent_id, found[0].person_id}:
        raise NotFound
    has_live_case = await cases.has_live_case(tx.connection, wish.mandate_id)
    return mandate.person_of(found[0], caller, tx.now, has_live_case=has_live_case)


async def _frozen_rate(tx: Transaction, wish: Wish) -> FxRate | None:
    if not await catalogue.is_loaded(tx.connection):
        raise CatalogueMissing(retry_after_seconds=2)
    service = await catalogue.service(tx.connection, wish.service)
    mission = await catalogue.office(tx.connection, wish.mission)
    fee = rules.fee_for(wish, service, mission)
    pair = rules.exchange_needed(wish, fee)
    if pair is None:
        return None
    base, quote = pair
    fx = await rates.freeze_newest(tx.connection, base, quote, today=tx.now.date(), now=tx.now)
    if fx is None:
        raise NoRate(base=base, quote=quote)
    return fx
