"""Sealing what nobody else may read: addresses at rest and in topics, and sign-in codes.

A seal is a Fernet token (AES-128-CBC with HMAC-SHA256, as the `cryptography` package has it) with JSON inside.
The gateway seals with the same key and the same form.
"""

import json
from typing import Any

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from dawr.notifications.errors import NotSealed
from dawr.servicekit.settings import read_secret

DEVELOPMENT_KEY = "ZGF3ci1kZXZlbG9wbWVudC1zZWFsaW5nLWtleS0zMmI="
"""For a platform on one's own machine, where nothing is secret. Refused elsewhere."""


class Seals:
    """Seals and opens. `keys` are Fernet keys with commas between: the first seals, all of them open (rotation)."""

    def __init__(self, keys: str) -> None:
        """Raises ValueError if a key is not one."""
        self._fernet = MultiFernet([Fernet(key.strip()) for key in read_secret(keys).split(",")])

    def seal(self, content: dict[str, Any]) -> str:
        """The token that holds the content."""
        return self._fernet.encrypt(json.dumps(content, ensure_ascii=False).encode()).decode()

    def open(self, token: str) -> dict[str, Any]:
        """What a token holds; raises NotSealed if it was not sealed with one of the keys."""
        try:
            content = json.loads(self._fernet.decrypt(token.encode()))
        except (InvalidToken, ValueError) as error:
            raise NotSealed from error
        if not isinstance(content, dict):
            raise NotSealed
        return content
