"""Use cases of registering: count a try, and send a code if who tries is who they say they are."""

from typing import Literal
from uuid import UUID

from dawr.contracts.notifications import SendMessage
from dawr.gateway.domain import registration as domain
from dawr.gateway.domain import sign_in
from dawr.gateway.domain.registration import Claim, Registered
from dawr.gateway.errors_people import TooManyRegistrations
from dawr.gateway.identity import new_code
from dawr.gateway.service.people import Reached
from dawr.gateway.service.sign_in import CODE_TEMPLATE, Rules, refuse_crowded
from dawr.gateway.store import sign_in as store
from dawr.gateway.store.sign_in import Counted, Total
from dawr.servicekit.database import Transaction

SIGN_UP_TEMPLATE = "sign-up-code"


async def count_try(tx: Transaction, rules: Rules, person_id: UUID, address: str) -> None:
    """Count a registration that is tried, before anybody is asked about it.

    Raises SignInPaused, TooManyRegistrations, SignInCrowded: each for people whom the registry knows and others alike.
    """
    sign_in.refuse_paused(await store.lock_sign_in(tx, person_id), tx.now)
    start = rules.limits.window_start(tx.now)
    counts = (
        (Counted.PERSON_REGISTRATIONS, person_id.bytes, rules.limits.person_codes),
        (Counted.ADDRESS_REGISTRATIONS, rules.identity.address(address), rules.limits.address_codes),
    )
    for kind, subject, limit in counts:
        if await store.count(tx, kind, subject, start) > limit:
            raise TooManyRegistrations(retry_after_seconds=rules.limits.seconds_left(tx.now))
    await refuse_crowded(tx, rules.limits, Total.CODES, rules.limits.overall_codes, counts=True)


async def forgive_try(tx: Transaction, rules: Rules, person_id: UUID, address: str) -> None:
    """Take back the count of a try that came to nothing because the registry was away."""
    start = rules.limits.window_start(tx.now)
    await store.uncount(tx, Counted.PERSON_REGISTRATIONS, person_id.bytes, start)
    await store.uncount(tx, Counted.ADDRESS_REGISTRATIONS, rules.identity.address(address), start)


async def send_code(
    tx: Transaction, rules: Rules, claim: Claim, person: Registered | None, language: Literal["ar", "en"]
) -> None:
    """Send a code if the registry knows the person by this claim, and nothing otherwise: nobody is told which it was.

    Whoever is registered already gets a sign-in code where they are known to be reached, not where the claim says.
    What waits for somebody is not touched by claims that do not fit. Raises SignInPaused, as for `count_try`.
    """
    person_id = rules.identity.person_id(claim.identity_number)
    state = await store.lock_sign_in(tx, person_id)
    sign_in.refuse_paused(state, tx.now)
    if person is None or not domain.matches(claim, person, tx.now.date()):
        return
    code = new_code()
    state = sign_in.send_code(state, rules.identity.code(person_id, code), tx.now, rules.policy)
    await store.save_sign_in(tx, person_id, state)
    until = tx.now + rules.policy.lifetime
    template, sealed = CODE_TEMPLATE, {"code": code, "minutes": int(rules.policy.lifetime.total_seconds() // 60)}
    if not await store.is_registered(tx.connection, person_id):
        reached = Reached(claim.email, claim.phone)
        await rules.people.keep_waiting(tx, rules.identity, person, reached, until)
        template, sealed = SIGN_UP_TEMPLATE, sealed | reached.plain()
    tx.stage(
        SendMessage(
            person_id=person_id,
            template=template,
            language=language,
            sealed=rules.seal.close(**sealed),
            send_before=until,
        )
    )
