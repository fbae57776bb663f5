"""What is known of people: kept sealed under keys that only the gateway has, opened only to be used."""

from datetime import date
from uuid import UUID

import orjson
from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from sqlalchemy.ext.asyncio import AsyncConnection

from dawr.gateway.domain import people as domain
from dawr.gateway.domain.people import Kinship, Profile, Relative
from dawr.gateway.store import people as store
from dawr.servicekit import telemetry

__all__ = ["Kinship", "People", "Profile", "Relative"]

_log = telemetry.get_logger("dawr.gateway.people")


class People:
    """Profiles under their keys. One object a process; made from the settings."""

    def __init__(self, keys: str, minor_years: int) -> None:
        """`keys` are Fernet keys with commas between: the first seals, all of them open. ValueError if one is none."""
        self._fernet = MultiFernet([Fernet(key.strip()) for key in keys.split(",")])
        self.minor_years = minor_years

    async def load_profile(self, connection: AsyncConnection, person_id: UUID) -> Profile | None:
        """What is known of a person: from a transaction's `connection`, or one for reading.

        None for those who came by an open registration, for staff, and if the key of the seal is gone.
        """
        kept = await store.find_profile(connection, person_id)
        if kept is None:
            return None
        content = self._open(kept.sealed, person_id)
        return None if content is None else Profile.model_validate(content["profile"])

    def acts_for(self, profile: Profile, today: date) -> frozenset[UUID]:
        """The ids of the person's minor children, for whom they act without a mandate."""
        return domain.acts_for(profile, today, self.minor_years)

    def _seal(self, person_id: UUID, **content: object) -> str:
        """The person's id is within: what is sealed for one person is worth nothing in another's row."""
        return self._fernet.encrypt(orjson.dumps({"person_id": person_id, **content})).decode()

    def _open(self, sealed: str, person_id: UUID) -> dict[str, object] | None:
        try:
            content: dict[str, object] = orjson.loads(self._fernet.decrypt(sealed.encode()))
        except InvalidToken:
            _log.error("profile.unreadable", person_id=str(person_id))
            return None
        if content["person_id"] != str(person_id):
            _log.error("profile.not-theirs", person_id=str(person_id))
            return None
        return content
