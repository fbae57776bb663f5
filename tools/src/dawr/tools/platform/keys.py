"""The secrets of a platform on one machine, made once and kept under `.dawr/keys/` (0600)."""

import base64
import json
import os
import secrets
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from dawr.servicekit.auth import public_jwk
from dawr.tools.platform.folder import Folder


@dataclass(frozen=True)
class Keys:
    """What the processes are told, and what `dawr token` signs with."""

    signing: Ed25519PrivateKey
    """Signs access tokens; the gateway's."""
    kid: str
    signing_file: Path
    jwks_file: Path
    """The public half, as every service reads it."""
    bank_api_key: str
    bank_webhook_secret: str
    """`whsec_…`, shared by the sandbox bank and payments."""
    sms_api_key: str


def keys_of(folder: Folder) -> Keys:
    """Reads the keys, and makes those that are missing."""
    folder.keys.mkdir(parents=True, exist_ok=True)
    signing_file, jwks_file = folder.keys / "signing.pem", folder.keys / "jwks.json"
    if not signing_file.exists():
        made = Ed25519PrivateKey.generate()
        pem = made.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        _write(signing_file, pem)
    signing = serialization.load_pem_private_key(signing_file.read_bytes(), password=None)
    if not isinstance(signing, Ed25519PrivateKey):
        raise TypeError(f"{signing_file} does not hold an Ed25519 key")
    kid = _thumbprint(signing)
    _write(jwks_file, json.dumps({"keys": [public_jwk(signing, kid)]}).encode())

    sandbox_file = folder.keys / "sandbox.json"
    if not sandbox_file.exists():
        made_up = {
            "bank_api_key": secrets.token_urlsafe(24),
            "bank_webhook_secret": "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode(),
            "sms_api_key": secrets.token_urlsafe(24),
        }
        _write(sandbox_file, json.dumps(made_up).encode())
    return Keys(signing, kid, signing_file, jwks_file, **json.loads(sandbox_file.read_bytes()))


def _thumbprint(key: Ed25519PrivateKey) -> str:
    raw = key.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
    digest = hashes.Hash(hashes.SHA256())
    digest.update(raw)
    return digest.finalize().hex()[:16]


def _write(path: Path, content: bytes) -> None:
    """Whole or not at all."""
    part = path.with_name(f".{path.name}.{os.getpid()}")
    with os.fdopen(os.open(part, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600), "wb") as file:
        file.write(content)
    part.replace(path)
