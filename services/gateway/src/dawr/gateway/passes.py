"""Passes: what a turn's QR says, signed, so that an office can tell a true one without asking anybody.

A pass is a compact JWS (RFC 7515, RFC 8725): Ed25519, `typ` `dawr-pass+jwt`, the id of one of the pass keys. It names
the turn, the service, the office, the day and the hour, and nobody: whoever finds the paper or films the screen over a
shoulder learns nothing of the person. Who stands at the door shows an identity card; the desk has the turn's number.
An initial would not tell two people apart, and would be one more thing that is known of one of them.

A signature says that the turn was given, not that it still is: a turn that was given back or moved since is known
online only. Of two passes for one turn the one that was issued later counts.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

import jwt
from jwt.algorithms import OKPAlgorithm

from dawr.gateway.keys import SigningKey
from dawr.gateway.signatures import from_base64url
from dawr.servicekit.auth import ALGORITHM, ISSUER

TYPE = "dawr-pass+jwt"
VERSION = 1
_LONGEST = 2000
_HEADER = {"alg", "typ", "kid"}
_CLAIMS = {"v", "iss", "turn", "service", "office", "date", "window", "iat"}


class Fault(StrEnum):
    """Why a text is not believed."""

    OTHER_FORM = "other-form"
    """It is not of the form of a pass."""
    UNKNOWN_KEY = "unknown-key"
    """It names a key that is not in the set: it is forged, or the set is older than the key."""
    WRONG_SIGNATURE = "wrong-signature"
    """It was changed, or somebody else signed it."""


class NotAPass(ValueError):
    """A text that is no pass of ours; `fault` says why."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault.value)
        self.fault = fault


@dataclass(frozen=True, slots=True)
class Pass:
    """What a pass says."""

    turn: UUID
    service: str
    office: str
    date: date
    """Local to the office."""
    window: str | None
    """When to be there, `09:00` by the office's clocks; none: any time of the day."""
    issued_at: datetime
    """When the turn was given, or moved to this day."""


def sign_pass(shown: Pass, key: SigningKey) -> str:
    """The text of the QR: the same pass under the same key is the same text, however often it is printed."""
    claims: dict[str, Any] = {
        "v": VERSION,
        "iss": ISSUER,
        "turn": str(shown.turn),
        "service": shown.service,
        "office": shown.office,
        "date": shown.date.isoformat(),
        "iat": int(shown.issued_at.timestamp()),
    }
    if shown.window is not None:
        claims["window"] = shown.window
    return jwt.encode(claims, key.private, algorithm=ALGORITHM, headers={"kid": key.kid, "typ": TYPE})


def public_keys(document: Mapping[str, Any]) -> Mapping[str, Any]:
    """The keys of a public set (RFC 7517), by id; ValueError for what is none."""
    try:
        return {each["kid"]: OKPAlgorithm.from_jwk(each) for each in document["keys"] if each.get("crv") == "Ed25519"}
    except (KeyError, TypeError, AttributeError, jwt.PyJWTError) as error:
        raise ValueError("no set of public keys") from error


def read_pass(text: str, keys: Mapping[str, Any]) -> Pass:
    """What a text says that one of the keys signed as a pass; raises NotAPass."""
    header = _header(text)
    key = keys.get(header["kid"])
    if key is None:
        raise NotAPass(Fault.UNKNOWN_KEY)
    try:
        # Its day is for whoever stands at the door to judge, by a clock that may be wrong.
        claims = jwt.decode(
            text,
            key,
            algorithms=[ALGORITHM],
            options={"verify_iat": False, "verify_exp": False, "verify_nbf": False, "verify_aud": False},
        )
    except jwt.InvalidSignatureError as error:
        raise NotAPass(Fault.WRONG_SIGNATURE) from error
    except jwt.PyJWTError as error:
        raise NotAPass(Fault.OTHER_FORM) from error
    return _read(claims)


def _header(text: str) -> Mapping[str, str]:
    """The header, if the whole is written as we write it: no second spelling of a pass is one."""
    parts = [from_base64url(each) for each in text.split(".")] if len(text) <= _LONGEST and text.isascii() else []
    if len(parts) != 3 or not all(parts):
        raise NotAPass(Fault.OTHER_FORM)
    try:
        header = json.loads(parts[0] or b"")
    except (ValueError, RecursionError) as error:
        raise NotAPass(Fault.OTHER_FORM) from error
    if not isinstance(header, dict) or set(header) != _HEADER or header["alg"] != ALGORITHM or header["typ"] != TYPE:
        raise NotAPass(Fault.OTHER_FORM)
    return {name: str(value) for name, value in header.items()}


def _read(claims: Mapping[str, Any]) -> Pass:
    if claims.get("v") != VERSION or claims.get("iss") != ISSUER or not set(claims) <= _CLAIMS:
        raise NotAPass(Fault.OTHER_FORM)
    window = claims.get("window")
    try:
        return Pass(
            turn=UUID(claims["turn"]),
            service=str(claims["service"]),
            office=str(claims["office"]),
            date=date.fromisoformat(claims["date"]),
            window=None if window is None else str(window),
            issued_at=datetime.fromtimestamp(claims["iat"], UTC),
        )
    except (KeyError, TypeError, ValueError, OverflowError, AttributeError) as error:
        raise NotAPass(Fault.OTHER_FORM) from error
