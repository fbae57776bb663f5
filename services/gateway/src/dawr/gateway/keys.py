"""The keys that sign access tokens and passes: files of one folder, and the public sets that others check with.

`signing.pem` is the first key for tokens, `signing-0002.pem` the next, and so on; all are in the public set, the newest
signs, once it has been there for long enough that every reader of the set has seen it. A key is made whole or not at
all, and by one process only: it is written aside and then linked to its name, which fails if the name is taken.
The key's id is its thumbprint (RFC 7638, for Ed25519 RFC 8037 appendix A.3).

Passes have keys of their own (`pass.pem`, …, `passes.json`): what is printed on paper is not what opens a session, and
a pass is shown weeks after it was signed. So a pass key stays in the public set when its file is gone.
"""

import asyncio
import base64
import hashlib
import json
import os
import secrets
import time
from collections.abc import Sequence, Set
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from dawr.servicekit import telemetry
from dawr.servicekit.auth import public_jwk

_log = telemetry.get_logger("dawr.gateway.keys")

SETTLE_SECONDS = 60.0
"""How long a new key is only shown before it signs."""
LOOK_SECONDS = 5.0
"""How often the folder is read again."""


@dataclass(frozen=True)
class Use:
    """What keys are for, and so how their files are called."""

    stem: str
    """Of the files of the keys."""
    public: str
    """The file of the public set."""
    keeps_retired: bool = False
    """Whether a key stays in the public set when its own file is gone."""


TOKENS = Use("signing", "jwks.json")
PASSES = Use("pass", "passes.json", keeps_retired=True)


class NotASigningKey(ValueError):
    """A file of the folder holds no Ed25519 private key."""


@dataclass(frozen=True)
class SigningKey:
    """One key."""

    kid: str
    private: Ed25519PrivateKey
    made_at: float
    """Seconds since the epoch."""


@dataclass(frozen=True)
class KeySet:
    """The keys of a folder at one moment, oldest first."""

    keys: Sequence[SigningKey]
    retired: Sequence[dict[str, str]] = ()
    """Public halves of keys that sign no more and are still believed."""

    def signing(self, now: float) -> SigningKey:
        """The newest key that has settled; if none has, the oldest."""
        settled = [key for key in self.keys if key.made_at + SETTLE_SECONDS <= now]
        return settled[-1] if settled else self.keys[0]

    def jwks(self) -> dict[str, list[dict[str, str]]]:
        """The public set (RFC 7517)."""
        return {"keys": [*self.retired, *(public_jwk(key.private, key.kid) for key in self.keys)]}


def thumbprint(key: Ed25519PrivateKey) -> str:
    """The key's id: SHA-256 of its public half's required members, base64url."""
    raw = key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    members = {"crv": "Ed25519", "kty": "OKP", "x": _base64url(raw)}
    canonical = json.dumps(members, separators=(",", ":"), sort_keys=True)
    return _base64url(hashlib.sha256(canonical.encode()).digest())


def _base64url(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()


def open_keys(folder: Path, use: Use = TOKENS) -> KeySet:
    """The keys of a folder, the first made if there is none; writes the public set there."""
    folder.mkdir(parents=True, exist_ok=True)
    if not _files(folder, use):
        _make(folder, use, 1)
    keys = [_read(path) for path in _files(folder, use)]
    retired = _retired(folder / use.public, {key.kid for key in keys}) if use.keeps_retired else ()
    found = KeySet(keys, retired)
    _write_public(folder / use.public, json.dumps(found.jwks(), indent=1).encode())
    return found


def rotate(folder: Path, use: Use = TOKENS) -> str:
    """Make a further key and show it in the public set; its id. It signs once it has settled."""
    open_keys(folder, use)
    number = int(_files(folder, use)[-1].stem.partition("-")[2] or 1) + 1
    _make(folder, use, number)
    return open_keys(folder, use).keys[-1].kid


def _files(folder: Path, use: Use) -> list[Path]:
    return sorted(folder.glob(f"{use.stem}*.pem"), key=lambda path: path.stem)


def _retired(public: Path, known: Set[str]) -> Sequence[dict[str, str]]:
    """What the public set has beside the keys whose files are there."""
    try:
        listed: list[dict[str, str]] = json.loads(public.read_bytes())["keys"]
    except FileNotFoundError:
        return ()
    return [each for each in listed if each["kid"] not in known]


def _make(folder: Path, use: Use, number: int) -> None:
    path = folder / (f"{use.stem}.pem" if number == 1 else f"{use.stem}-{number:04}.pem")
    pem = Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    aside = folder / f".{path.name}.{secrets.token_hex(8)}"
    _write_durably(aside, pem, 0o600)
    try:
        # Another process was first: its key is the one.
        with suppress(FileExistsError):
            os.link(aside, path)
    finally:
        aside.unlink()


def _read(path: Path) -> SigningKey:
    key = load_pem_private_key(path.read_bytes(), password=None)
    if not isinstance(key, Ed25519PrivateKey):
        raise NotASigningKey(path.name)
    return SigningKey(thumbprint(key), key, path.stat().st_mtime)


def _write_public(path: Path, content: bytes) -> None:
    with suppress(FileNotFoundError):
        if path.read_bytes() == content:
            return
    aside = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    _write_durably(aside, content, 0o644)
    aside.replace(path)


def _write_durably(path: Path, content: bytes, mode: int) -> None:
    with os.fdopen(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, mode), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


class Keys:
    """The keys as this process last read them."""

    def __init__(self, folder: Path, use: Use = TOKENS) -> None:
        self._folder = folder
        self._use = use
        self._set: KeySet | None = None

    @property
    def jwks_path(self) -> Path:
        """The file of the public set."""
        return self._folder / self._use.public

    async def current(self) -> KeySet:
        """The keys; read when first asked for."""
        if self._set is None:
            self._set = await asyncio.to_thread(open_keys, self._folder, self._use)
        return self._set

    async def signing(self) -> SigningKey:
        """The key that signs now."""
        return (await self.current()).signing(time.time())

    async def keep_fresh(self) -> None:
        """Read the folder again and again, so that a rotation by another process is seen."""
        while True:
            fresh = await asyncio.to_thread(open_keys, self._folder, self._use)
            if self._set is not None and len(fresh.keys) != len(self._set.keys):
                _log.info("keys.changed", use=self._use.stem, listed=len(fresh.keys))
            self._set = fresh
            await asyncio.sleep(LOOK_SECONDS)

    async def are_ready(self) -> bool:
        """Whether there is a key to sign with."""
        try:
            return bool((await self.current()).keys)
        except (OSError, ValueError) as error:
            _log.error("keys.unreadable", why=type(error).__name__)
            return False
