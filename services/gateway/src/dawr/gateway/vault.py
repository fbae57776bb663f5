"""What the gateway's own tables keep sealed, and only the gateway opens: names of staff, secrets of authenticators."""

from uuid import UUID

import orjson
from cryptography.fernet import Fernet, MultiFernet


class NotOurs(Exception):
    """What was sealed for one purpose or owner stands in the place of another's: somebody moved it."""


class Vault:
    """Fernet tokens that say within whose they are and what for; moved to another row they open nothing."""

    def __init__(self, keys: str) -> None:
        """Keys with commas between: the first seals, all of them open. ValueError if one is none."""
        self._fernet = MultiFernet([Fernet(key.strip()) for key in keys.split(",")])

    def seal(self, owner: UUID, purpose: str, text: str) -> bytes:
        """The sealed text."""
        return self._fernet.encrypt(orjson.dumps([str(owner), purpose, text]))

    def open(self, owner: UUID, purpose: str, sealed: bytes) -> str:
        """The text. Raises NotOurs, and InvalidToken when the key is gone."""
        sealed_for, sealed_as, text = orjson.loads(self._fernet.decrypt(sealed))
        if (sealed_for, sealed_as) != (str(owner), purpose):
            raise NotOurs
        return str(text)
