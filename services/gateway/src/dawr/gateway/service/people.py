"""What is known of people: kept sealed under keys that only the gateway has, opened only to be used."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID

import orjson
from cryptography.fernet import InvalidToken
from sqlalchemy.ext.asyncio import AsyncConnection

from dawr.contracts import Text
from dawr.contracts.notifications import RegisterContact
from dawr.gateway.domain import people as domain
from dawr.gateway.domain.people import Kinship, Profile, Relative
from dawr.gateway.domain.registration import Registered
from dawr.gateway.errors_people import RegistryAway
from dawr.gateway.identity import Identity, Seal
from dawr.gateway.registry import Registry
from dawr.gateway.store import people as store
from dawr.gateway.store import sign_in
from dawr.gateway.vault import NotOurs, Vault
from dawr.servicekit import telemetry
from dawr.servicekit.database import Transaction

__all__ = ["Kinship", "People", "Profile", "Reached", "ReadyMade", "Relative", "ready_made"]

_log = telemetry.get_logger("dawr.gateway.people")

FRESH = timedelta(days=1)
"""For how long a profile is taken for what the civil registry says."""
_PROFILE, _REGISTRATION = "profile", "registration"


@dataclass(frozen=True, slots=True)
class Reached:
    """Where somebody who registers is reached: at least one of both."""

    email: str | None = None
    phone: str | None = None

    def plain(self) -> dict[str, str]:
        """What is there, by name."""
        return {name: each for name, each in (("email", self.email), ("phone", self.phone)) if each}

    def masked(self) -> tuple[str, ...]:
        """As it may be shown to its owner."""
        masks = ((self.email, domain.masked_mail), (self.phone, domain.masked_phone))
        return tuple(mask(each) for each, mask in masks if each)


@dataclass(frozen=True, slots=True)
class ReadyMade:
    """A person to try a development platform as."""

    identity_number: str
    name: Text
    label: Text
    """Who that is, in a few words."""


class People:
    """Profiles under their keys. One object a process; made from the settings."""

    def __init__(self, keys: str, minor_years: int) -> None:
        """`keys` are Fernet keys with commas between: the first seals, all of them open. ValueError if one is none."""
        self._vault = Vault(keys)
        self.minor_years = minor_years

    async def load_profile(self, connection: AsyncConnection, person_id: UUID) -> Profile | None:
        """What is known of a person: from a transaction's `connection`, or one for reading.

        None for those who came by an open registration, for staff, and if the key of the seal is gone.
        """
        kept = await store.find_profile(connection, person_id)
        opened = None if kept is None else self._open(person_id, _PROFILE, kept.sealed)
        return None if opened is None else Profile.model_validate_json(opened)

    async def is_stale(self, connection: AsyncConnection, person_id: UUID, now: datetime) -> bool:
        """Whether the civil registry was not asked about a registered person for a day, or never."""
        kept = await store.find_profile(connection, person_id)
        return kept is None or kept.at <= now - FRESH

    def acts_for(self, profile: Profile, today: date) -> frozenset[UUID]:
        """The ids of the person's minor children, for whom they act without a mandate."""
        return domain.acts_for(profile, today, self.minor_years)

    async def renew(self, tx: Transaction, identity: Identity, person: Registered) -> None:
        """Keep what the registry says of a registered person now; how they are reached stays as it is."""
        person_id = identity.person_id(person.identity_number)
        before = await self.load_profile(tx.connection, person_id)
        profile = profile_of(person, identity, () if before is None else before.reached)
        await store.save_profile(tx, person_id, self._vault.seal(person_id, _PROFILE, profile.model_dump_json()))

    async def keep_waiting(
        self, tx: Transaction, identity: Identity, person: Registered, reached: Reached, until: datetime
    ) -> None:
        """Keep a registration until its code is entered."""
        person_id = identity.person_id(person.identity_number)
        profile = profile_of(person, identity, reached.masked())
        content = orjson.dumps({"profile": profile.model_dump(mode="json"), "reached": reached.plain()}).decode()
        await store.keep_waiting(tx, person_id, self._vault.seal(person_id, _REGISTRATION, content), until)

    async def welcome(self, tx: Transaction, seal: Seal, person_id: UUID) -> bool:
        """Register somebody whose registration waits, now that they have entered its code; whether there was one."""
        waiting = await store.take_waiting(tx, person_id)
        opened = None if waiting is None else self._open(person_id, _REGISTRATION, waiting)
        if opened is None:
            return False
        content = orjson.loads(opened)
        profile = Profile.model_validate(content["profile"])
        await self.register(tx, seal, person_id, profile, Reached(**content["reached"]))
        return True

    async def register(self, tx: Transaction, seal: Seal, person_id: UUID, profile: Profile, reached: Reached) -> bool:
        """Make somebody known, and tell notifications where they are reached; whether they were not known before.

        Where somebody who is known already is reached stays as it is.
        """
        is_new = await sign_in.register(tx, person_id)
        await store.save_profile(tx, person_id, self._vault.seal(person_id, _PROFILE, profile.model_dump_json()))
        if is_new:
            tx.stage(RegisterContact(person_id=person_id, sealed=seal.close(**reached.plain())))
            _log.info("person.registered", person_id=str(person_id))
        return is_new

    def _open(self, person_id: UUID, purpose: str, sealed: bytes) -> str | None:
        """What is sealed; none if the key is gone or it is another's: one lost profile must not keep its person out."""
        try:
            return self._vault.open(person_id, purpose, sealed)
        except (InvalidToken, NotOurs) as error:
            _log.error("profile.unreadable", person_id=str(person_id), why=type(error).__name__)
            return None


def profile_of(person: Registered, identity: Identity, reached: tuple[str, ...]) -> Profile:
    """What the platform keeps of what the registry says: names, birthday, the living family. No number, no document."""
    return Profile(
        given=person.given,
        family=person.family,
        born=person.born,
        abroad=person.abroad,
        reached=reached,
        relatives=tuple(
            Relative(
                person_id=identity.person_id(kin.identity_number),
                kinship=kin.kinship,
                given=kin.given,
                family=kin.family,
                born=kin.born,
            )
            for kin in person.relatives
            if kin.died is None
        ),
    )


async def ready_made(registry: Registry) -> list[ReadyMade]:
    """The people as whom a development platform can be tried; nobody while the registry is away."""
    try:
        samples = await registry.samples()
    except RegistryAway:
        return []
    return [
        ReadyMade(
            identity_number=each.person.identity_number,
            name=Text(
                ar=f"{each.person.given.ar} {each.person.family.ar}",
                en=f"{each.person.given.en} {each.person.family.en}",
            ),
            label=each.label,
        )
        for each in samples
    ]
