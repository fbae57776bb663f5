"""What a development platform begins with: three people of the sandbox registry, registered."""

import asyncio
import time

from dawr.gateway.app import rules_of
from dawr.gateway.domain.registration import Registered
from dawr.gateway.errors_people import RegistryAway
from dawr.gateway.registry import HttpRegistry, Registry, Sample
from dawr.gateway.service.people import Reached, profile_of
from dawr.gateway.settings import GatewaySettings
from dawr.servicekit import telemetry
from dawr.servicekit.database import Database

_log = telemetry.get_logger("dawr.gateway.seed")

WAIT_SECONDS = 60.0
_PAUSE_SECONDS = 0.25


async def load_seed(settings: GatewaySettings, database: Database, *, wait_seconds: float = WAIT_SECONDS) -> int:
    """Register the ready-made people; how many were new. Run again it changes nothing; in production it has nothing to
    do. Raises RegistryAway if the registry does not answer within `wait_seconds`."""
    if not settings.is_development:
        _log.info("seed.nothing-to-do", environment=settings.platform.environment)
        return 0
    registry = HttpRegistry(settings.registry_url, settings.registry_key, settings.registry_seconds)
    try:
        samples = await _answered(registry, wait_seconds)
    finally:
        await registry.close()
    rules = rules_of(settings)
    new = 0
    async with database.transaction() as tx:
        for each in samples:
            person_id, reached = rules.identity.person_id(each.person.identity_number), _mail_of(each.person)
            profile = profile_of(each.person, rules.identity, reached.masked())
            new += await rules.people.register(tx, rules.seal, person_id, profile, reached)
    _log.info("seed.loaded", people=len(samples), new=new)
    return new


async def _answered(registry: Registry, wait_seconds: float) -> tuple[Sample, ...]:
    """What the registry says; it may start at the same time as this."""
    deadline = time.monotonic() + wait_seconds
    while True:
        try:
            return await registry.samples()
        except RegistryAway:
            if time.monotonic() > deadline:
                raise
        await asyncio.sleep(_PAUSE_SECONDS)


def _mail_of(person: Registered) -> Reached:
    """Where the mail sink shows their mail: `reem.alsheikh@people.example`."""
    given, family = (each.en.lower().replace(" ", "") for each in (person.given, person.family))
    return Reached(email=f"{given}.{family}@people.example")
