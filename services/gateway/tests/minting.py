"""The forger's tools: tokens as the gateway makes them, and as it never would."""

import base64
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from dawr.gateway.keys import open_keys
from dawr.servicekit.auth import NotSignedIn, Role, Verifier

PERSON = uuid4()
CITIZEN = frozenset({Role.CITIZEN})


def b64(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()


def part(content: object) -> str:
    return b64(json.dumps(content).encode())


class Mint:
    """Makes tokens as the gateway does, and as it never would."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.key = open_keys(folder).keys[0]
        self.verifier = Verifier(str(folder / "jwks.json"))

    def claims(self, **changed: object) -> dict[str, Any]:
        now = int(datetime.now(UTC).timestamp())
        claims: dict[str, Any] = {
            "iss": "dawr",
            "aud": "dawr",
            "sub": str(PERSON),
            "jti": str(uuid4()),
            "iat": now,
            "exp": now + 600,
            "roles": ["citizen"],
        }
        claims |= changed
        return {name: value for name, value in claims.items() if value is not ...}

    def header(self, **changed: object) -> dict[str, Any]:
        header = {"alg": "EdDSA", "typ": "at+jwt", "kid": self.key.kid} | changed
        return {name: value for name, value in header.items() if value is not ...}

    def signed(self, header: object, claims: object, key: Ed25519PrivateKey | None = None) -> str:
        text = f"{part(header)}.{part(claims)}"
        return f"{text}.{b64((key or self.key.private).sign(text.encode()))}"

    async def refuses(self, token: str, scheme: str = "Bearer ") -> bool:
        try:
            await self.verifier.caller(scheme + token)
        except NotSignedIn:
            return True
        return False
