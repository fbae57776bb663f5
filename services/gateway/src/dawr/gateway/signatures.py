"""HMACs under secrets that can be changed without anybody noticing."""

import base64
import hashlib
import hmac
from collections.abc import Sequence

SIGNATURE_BYTES = 32


class Signatures:
    """Signs under the first of several secrets, and believes all of them: put a new one in front, and take the old
    one away once nothing that it signed is in use. What it is for keeps one secret's uses apart."""

    def __init__(self, secrets: Sequence[bytes], purpose: str) -> None:
        """Raises ValueError without a secret."""
        if not secrets:
            raise ValueError("a signature needs a secret")
        self._secrets = tuple(secrets)
        self._purpose = purpose.encode() + b"\0"

    def sign(self, content: bytes) -> bytes:
        """32 bytes."""
        return self._signature(self._secrets[0], content)

    def holds(self, content: bytes, signature: bytes) -> bool:
        """Whether one of the secrets made it; each is tried, in the same time."""
        found = [hmac.compare_digest(self._signature(each, content), signature) for each in self._secrets]
        return any(found)

    def _signature(self, secret: bytes, content: bytes) -> bytes:
        return hmac.new(secret, self._purpose + content, hashlib.sha256).digest()


def base64url(content: bytes) -> str:
    """Without padding."""
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def from_base64url(text: str) -> bytes | None:
    """The bytes, if it is how `base64url` writes them: no second spelling means the same."""
    try:
        content = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except ValueError:
        return None
    return content if base64url(content) == text else None
