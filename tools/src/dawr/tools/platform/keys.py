"""The secrets of a platform on one machine, made once and kept under `.dawr/keys/` (0600)."""

import base64
import json
import os
import secrets
import time
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from dawr.gateway.keys import open_keys
from dawr.tools.platform.folder import Folder


@dataclass(frozen=True)
class Keys:
    """What the processes are told, and what `dawr token` signs with."""

    signing: Ed25519PrivateKey
    """Signs access tokens; the gateway's."""
    kid: str
    jwks_file: Path
    """The public half, as every service reads it."""
    bank_api_key: str
    bank_webhook_secret: str
    """`whsec_…`, shared by the sandbox bank and payments."""
    sms_api_key: str
    sealing_key: str
    """A Fernet key, shared by the gateway and notifications."""
    identity_pepper: str
    """The gateway's; people's ids follow from it."""
    profile_key: str
    """A Fernet key, the gateway's; profiles are sealed with it."""
    session_secret: str
    """The gateway's; refresh tokens and forms are signed with it."""
    registry_key: str
    """What the sandbox civil registry knows the gateway by."""


def keys_of(folder: Folder) -> Keys:
    """Reads the keys, and makes those that are missing."""
    signing = open_keys(folder.keys).signing(time.time())
    path = folder.keys / "secrets.json"
    kept: dict[str, str] = json.loads(path.read_bytes()) if path.exists() else {}
    # What an older clone wrote lacks what came later; what is there stays.
    made = _new_secrets() | kept
    if made != kept:
        _write(path, json.dumps(made).encode())
    return Keys(signing.private, signing.kid, folder.keys / "jwks.json", **made)


def _new_secrets() -> dict[str, str]:
    return {
        "bank_api_key": secrets.token_urlsafe(24),
        "bank_webhook_secret": "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode(),
        "sms_api_key": secrets.token_urlsafe(24),
        "sealing_key": base64.urlsafe_b64encode(secrets.token_bytes(32)).decode(),
        "identity_pepper": secrets.token_urlsafe(24),
        "profile_key": base64.urlsafe_b64encode(secrets.token_bytes(32)).decode(),
        "session_secret": secrets.token_urlsafe(32),
        "registry_key": secrets.token_urlsafe(24),
    }


def _write(path: Path, content: bytes) -> None:
    """Whole or not at all."""
    part = path.with_name(f".{path.name}.{os.getpid()}")
    with os.fdopen(os.open(part, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600), "wb") as file:
        file.write(content)
    part.replace(path)
