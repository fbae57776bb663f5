"""The door: asking for a code, entering it and signing out, as the API and the pages both do it."""

import asyncio
import time
from dataclasses import dataclass

from starlette.requests import Request

from dawr.gateway.addresses import Addresses
from dawr.gateway.domain.registration import Form
from dawr.gateway.errors import WrongCode
from dawr.gateway.keys import Keys
from dawr.gateway.registrar import Registrar
from dawr.gateway.service import sign_in as service
from dawr.gateway.service.sign_in import Contact, Rules
from dawr.gateway.sessions import Cookies, How, Issued, Kind, Sessions, SignedIn
from dawr.servicekit.auth import Role
from dawr.servicekit.database import Database


@dataclass(frozen=True, slots=True)
class Door:
    """What signing in works with; one object a process."""

    database: Database
    keys: Keys
    addresses: Addresses
    rules: Rules
    sessions: Sessions
    registrar: Registrar
    public_url: str
    code_answer_seconds: float

    async def ask_code(self, request: Request, identity_number: str, *, language: str, contact: Contact) -> None:
        """Send a code to the owner of a number. Known and unknown numbers get the same answer in the same time.

        Raises NotAnIdentityNumber, SignInPaused, TooManyCodes, SignInCrowded.
        """
        begun = time.monotonic()
        try:
            is_open = await self.registrar.is_open_to(identity_number)
            async with self.database.transaction() as tx:
                await service.ask_code(
                    tx,
                    self.rules,
                    identity_number=identity_number,
                    address=self.addresses.of(request.scope),
                    language="en" if language == "en" else "ar",
                    contact=contact,
                    is_open=is_open,
                )
        finally:
            # Refusals too: by the time that one comes, a known number has cost more work than another.
            await asyncio.sleep(max(0.0, begun + self.code_answer_seconds - time.monotonic()))

    async def register(self, request: Request, form: Form, *, language: str) -> None:
        """Send a code to the address in the form, if the civil registry has the person as the form does. Whether it has
        shows neither in the answer nor in its time.

        Raises RegistrationNotInForm, SignInPaused, TooManyRegistrations, SignInCrowded, RegistryAway.
        """
        address = self.addresses.of(request.scope)
        await self.registrar.register(form, address=address, language="en" if language == "en" else "ar")

    async def enter_code(self, request: Request, identity_number: str, code: str) -> Issued:
        """Trade a code for a session.

        Raises NotAnIdentityNumber, WrongCode, SignInPaused, TooManyTries, SignInCrowded.
        """
        issued = None
        async with self.database.transaction() as tx:
            person_id, guess = await service.enter_code(
                tx,
                self.rules,
                identity_number=identity_number,
                code=code,
                address=self.addresses.of(request.scope),
            )
            if guess.is_right:
                issued = await self.sessions.begin(
                    tx,
                    person_id=person_id,
                    kind=Kind.CITIZEN,
                    roles=frozenset({Role.CITIZEN}),
                    how=How.CODE,
                    request=request,
                )
        if issued is None:
            raise WrongCode(retry_after_seconds=guess.pause_seconds(tx.now), tries_left=guess.tries_left)
        self.registrar.renew_later(person_id, identity_number)
        return issued

    async def sign_out(self, signed_in: SignedIn) -> Cookies:
        """End a session and make a code that waits worthless; gives the cookies that the answer sets."""
        cookies = await self.sessions.end(signed_in)
        async with self.database.transaction() as tx:
            await service.sign_out(tx, signed_in.person_id)
        return cookies

    async def sign_out_everywhere(self, signed_in: SignedIn) -> Cookies:
        """The same for all sessions of a person."""
        await self.sessions.end_everywhere(signed_in.person_id)
        async with self.database.transaction() as tx:
            await service.sign_out(tx, signed_in.person_id)
        return self.sessions.goodbye()
