"""The registrar: takes registrations, and asks the civil registry about people, as the API and the pages both need it.

The registry is asked between transactions, never within one. Whether it knew somebody shows neither in an answer nor
in its time.
"""

import asyncio
import math
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Literal
from uuid import UUID

from dawr.gateway.domain import registration as domain
from dawr.gateway.domain.digits import plain_digits
from dawr.gateway.domain.registration import Form
from dawr.gateway.errors_people import RegistryAway
from dawr.gateway.registry import Registry
from dawr.gateway.service import registration
from dawr.gateway.service.people import ReadyMade, ready_made
from dawr.gateway.service.sign_in import Rules
from dawr.gateway.store import sign_in as store
from dawr.servicekit import telemetry
from dawr.servicekit.database import Database
from dawr.servicekit.errors import is_transient, told

_log = telemetry.get_logger("dawr.gateway.people")

Language = Literal["ar", "en"]

RENEWAL_SECONDS = 1.0
"""How long the registry may take to renew a profile; then the old one stays until the next sign-in."""
_RENEWALS = 64
"""Renewals at once; whoever signs in beyond that keeps the old profile."""


class Registrar:
    """One object a process."""

    def __init__(
        self,
        database: Database,
        rules: Rules,
        registry: Registry,
        *,
        answer_seconds: float,
        is_development: bool,
    ) -> None:
        self._database = database
        self._rules = rules
        self._registry = registry
        self._answer_seconds = answer_seconds
        self._is_development = is_development
        self._renewals: set[asyncio.Task[None]] = set()

    async def register(self, form: Form, *, address: str, language: Language) -> None:
        """Send a code to the address in the form, if the registry knows the person as the form has them; else nothing,
        and nobody is told. Entering the code signs in, and registers.

        Raises RegistrationNotInForm, SignInPaused, TooManyRegistrations, SignInCrowded; RegistryAway, and then nothing
        is kept or counted.
        """
        claim = domain.read(form, self._database.clock().date(), self._rules.people.minor_years)
        person_id = self._rules.identity.person_id(claim.identity_number)
        async with _at_even_times(self._answer_seconds):
            async with self._database.transaction() as tx:
                await registration.count_try(tx, self._rules, person_id, address)
            try:
                person = await self._registry.find(claim.identity_number)
            except RegistryAway:
                async with self._database.transaction() as tx:
                    await registration.forgive_try(tx, self._rules, person_id, address)
                raise
            async with self._database.transaction() as tx:
                await registration.send_code(tx, self._rules, claim, person, language)

    async def is_open_to(self, identity_number: str) -> bool:
        """Whether a number becomes a person by asking for a code: on a development platform, if the registry does not
        know it (or can't be asked)."""
        person_id = self._rules.identity.person_id(identity_number)
        if not self._rules.open_registration:
            return False
        async with self._database.reading() as connection:
            if await store.is_registered(connection, person_id):
                return False
        try:
            return await self._registry.find(plain_digits(identity_number)) is None
        except RegistryAway:
            return True

    def renew_later(self, person_id: UUID, identity_number: str) -> None:
        """Ask the registry about somebody who has just signed in, unless it was asked within a day. Nobody waits for
        it, or learns of its failing."""
        if len(self._renewals) < _RENEWALS:
            renewal = asyncio.create_task(self._renew(person_id, plain_digits(identity_number)))
            self._renewals.add(renewal)
            renewal.add_done_callback(self._end_renewal)

    async def ready_made(self) -> list[ReadyMade]:
        """The people as whom a development platform can be tried; nobody elsewhere."""
        return await ready_made(self._registry) if self._is_development else []

    async def close(self) -> None:
        """Give up the renewals that are on their way."""
        for renewal in self._renewals:
            renewal.cancel()
        await asyncio.gather(*self._renewals, return_exceptions=True)

    async def _renew(self, person_id: UUID, identity_number: str) -> None:
        async with self._database.reading() as connection:
            if not await self._rules.people.is_stale(connection, person_id, self._database.clock()):
                return
        async with asyncio.timeout(RENEWAL_SECONDS):
            person = await self._registry.find(identity_number)
        if person is not None:
            async with self._database.transaction() as tx:
                await self._rules.people.renew(tx, self._rules.identity, person)

    def _end_renewal(self, renewal: asyncio.Task[None]) -> None:
        self._renewals.discard(renewal)
        error = None if renewal.cancelled() else renewal.exception()
        if error is not None:
            is_away = isinstance(error, RegistryAway) or is_transient(error)
            tell = _log.info if is_away else _log.error
            tell("profile.not-renewed", why=told(error))


@asynccontextmanager
async def _at_even_times(seconds: float) -> AsyncIterator[None]:
    """Lets the block end, whether well or not, at a multiple of so many seconds after it began: what it did does not
    show in how long it took."""
    begun = time.monotonic()
    try:
        yield
    finally:
        if seconds > 0:
            taken = time.monotonic() - begun
            await asyncio.sleep(max(1, math.ceil(taken / seconds)) * seconds - taken)
