"""Refresh tokens: which session, which generation, and a signature. Nothing of them is kept anywhere, so whoever
reads the tables can make none; whoever asks again gets the same one again."""

from uuid import UUID

from dawr.gateway.signatures import SIGNATURE_BYTES, Signatures, base64url, from_base64url

_ID_BYTES, _GENERATION_BYTES = 16, 4
_NAMED_BYTES = _ID_BYTES + _GENERATION_BYTES


class RefreshTokens:
    """base64url(session's id, 16 bytes | generation, 4 bytes | HMAC-SHA256, 32 bytes): 70 characters."""

    def __init__(self, signatures: Signatures) -> None:
        self._signatures = signatures

    def make(self, session_id: UUID, generation: int) -> str:
        """The token of one generation."""
        named = session_id.bytes + generation.to_bytes(_GENERATION_BYTES)
        return base64url(named + self._signatures.sign(named))

    def read(self, token: str) -> tuple[UUID, int] | None:
        """The session and the generation, if the token is one of ours."""
        content = from_base64url(token)
        if content is None or len(content) != _NAMED_BYTES + SIGNATURE_BYTES:
            return None
        named, signature = content[:_NAMED_BYTES], content[_NAMED_BYTES:]
        if not self._signatures.holds(named, signature):
            return None
        return UUID(bytes=named[:_ID_BYTES]), int.from_bytes(named[_ID_BYTES:])
