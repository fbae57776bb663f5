"""Tokens: what is accepted, what is refused (RFC 8725), and what happens while the gateway's keys are away."""

import asyncio
import base64
import hashlib
import hmac
import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from dawr.servicekit import auth
from dawr.servicekit.auth import (
    Caller,
    KeysMissing,
    NotAllowed,
    NotSignedIn,
    Role,
    Verifier,
    make_token,
    public_jwk,
    require,
)
from dawr.servicekit.testing import until

PERSON = UUID("019cad9d-67a0-71c5-8d0a-6f3b2c9d41e0")
KEY = Ed25519PrivateKey.generate()
CITIZEN = frozenset({Role.CITIZEN})


def jwks(**keys: Ed25519PrivateKey) -> str:
    return json.dumps({"keys": [public_jwk(key, kid) for kid, key in keys.items()]})


@pytest.fixture
def verifier(tmp_path: Path) -> Verifier:
    """Knows KEY as `one`."""
    path = tmp_path / "jwks.json"
    path.write_text(jwks(one=KEY))
    return Verifier(str(path))


def claims(**changed: Any) -> dict[str, Any]:
    now = int(time.time())
    given = {
        "iss": "dawr", "aud": "dawr", "sub": str(PERSON), "jti": str(uuid4()), "iat": now, "exp": now + 600,
        "roles": ["citizen"],
    }  # fmt: skip
    return {name: value for name, value in (given | changed).items() if value is not None}


def signed(*, key: Any = KEY, algorithm: str = "EdDSA", header: dict[str, Any] | None = None, **changed: Any) -> str:
    return jwt.encode(
        claims(**changed), key, algorithm=algorithm, headers={"kid": "one", "typ": "at+jwt", **(header or {})}
    )


def raw(header: str, payload: str = "{}", signature: bytes = b"") -> str:
    return ".".join(
        base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in (header.encode(), payload.encode(), signature)
    )


async def test_a_token_says_who_calls_and_as_what(verifier: Verifier) -> None:
    token = make_token(KEY, "one", PERSON, frozenset({Role.CITIZEN, Role.DESK}), office="DAM-01")
    caller = await verifier.caller(f"Bearer {token}")
    assert (caller.person_id, caller.roles, caller.office) == (PERSON, frozenset({Role.CITIZEN, Role.DESK}), "DAM-01")
    assert verifier.known(token) is caller, "verified once"
    require(caller, Role.DESK, Role.AUDITOR)
    with pytest.raises(NotAllowed):
        require(caller, Role.FINANCE)


def swapped() -> str:
    """The public key, which everybody has, as an HMAC secret. PyJWT refuses to make it, so it is made by hand."""
    header = json.dumps({"alg": "HS256", "typ": "at+jwt", "kid": "one"})
    unsigned = raw(header, json.dumps(claims())).rpartition(".")[0]
    secret = KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    mac = hmac.new(secret, unsigned.encode(), hashlib.sha256).digest()
    return unsigned + "." + base64.urlsafe_b64encode(mac).rstrip(b"=").decode()


def tampered() -> str:
    header, _, signature = signed().split(".")
    body = base64.urlsafe_b64encode(json.dumps(claims(roles=["administrator"])).encode()).rstrip(b"=").decode()
    return f"{header}.{body}.{signature}"


FORGED: dict[str, Callable[[], str]] = {
    "no signature": lambda: raw(json.dumps({"alg": "none", "typ": "at+jwt", "kid": "one"}), json.dumps(claims())),
    "HS256 with the public key": swapped,
    "RS256": lambda: signed(key=generate_private_key(65537, 2048), algorithm="RS256"),
    "another's key": lambda: signed(key=Ed25519PrivateKey.generate()),
    "changed claims": tampered,
    "unknown key": lambda: signed(header={"kid": "two"}),
    "no key named": lambda: signed(header={"kid": ""}),
    "a path for a key": lambda: signed(header={"kid": "../../one"}),
    "a key of its own": lambda: signed(header={"jwk": public_jwk(KEY, "one")}),
    "a key elsewhere": lambda: signed(header={"jku": "http://127.0.0.1/keys"}),
    "a certificate elsewhere": lambda: signed(header={"x5u": "http://127.0.0.1/keys"}),
    "critical extension": lambda: signed(header={"crit": ["exp"]}),
    "another type": lambda: signed(header={"typ": "JWT"}),
    "another issuer": lambda: signed(iss="somebody"),
    "another audience": lambda: signed(aud="somebody"),
    "no audience": lambda: signed(aud=None),
    "expired": lambda: signed(exp=int(time.time()) - 60),
    "never expires": lambda: signed(exp=None),
    "not yet issued": lambda: signed(iat=int(time.time()) + 3600),
    "no id": lambda: signed(jti=None),
    "no subject": lambda: signed(sub=None),
    "a subject that is no id": lambda: signed(sub="root"),
    "no roles": lambda: signed(roles=None),
    "an unknown role": lambda: signed(roles=["emperor"]),
    "roles that are a number": lambda: signed(roles=1),
    "deeply nested header": lambda: raw("[" * 2900),
    "deeply nested claims": lambda: raw(json.dumps({"alg": "EdDSA", "typ": "at+jwt", "kid": "one"}), "[" * 2900),
    "header that is a list": lambda: raw("[]"),
    "header that is no JSON": lambda: raw("{"),
    "too long": lambda: signed(padding="x" * 5000),
    "one part": lambda: "token",
    "five parts": lambda: "a.b.c.d.e",
    "not ASCII": lambda: "دور.دور.دور",
}


@pytest.mark.parametrize("how", FORGED)
async def test_a_forged_token_is_refused(verifier: Verifier, how: str) -> None:
    with pytest.raises(NotSignedIn):
        await verifier.caller(f"Bearer {FORGED[how]()}")


@pytest.mark.parametrize("header", [None, "", "Bearer", "Bearer ", "Basic dXNlcjpwYXNz", "token"])
async def test_a_request_without_a_token_is_refused(verifier: Verifier, header: str | None) -> None:
    with pytest.raises(NotSignedIn):
        await verifier.caller(header)


async def test_each_flipped_character_of_the_signature_is_seen(verifier: Verifier) -> None:
    token = signed()
    start = token.rindex(".") + 1
    for place in range(start, len(token) - 1):  # the last holds bits that are padding
        flipped = token[:place] + ("A" if token[place] != "A" else "B") + token[place + 1 :]
        with pytest.raises(NotSignedIn):
            await verifier.caller(f"Bearer {flipped}")


async def test_a_verified_token_still_expires(verifier: Verifier) -> None:
    token = make_token(
        KEY, "one", PERSON, CITIZEN, now=datetime.now(UTC) - timedelta(seconds=auth.LEEWAY_SECONDS + 9),
        lifetime=timedelta(seconds=10),
    )  # fmt: skip
    await verifier.caller(f"Bearer {token}")

    async def is_over() -> bool:
        return verifier.known(token) is None

    await until(is_over, what="the end of the token", timeout=5)
    with pytest.raises(NotSignedIn):
        await verifier.caller(f"Bearer {token}")


async def test_headers_of_strangers_are_not_remembered(verifier: Verifier) -> None:
    for spaces in range(1, 60):
        header = json.dumps({"alg": "EdDSA", "typ": "at+jwt", "kid": "one"}).replace(":", ":" + " " * spaces)
        with pytest.raises(NotSignedIn):
            await verifier.caller(f"Bearer {raw(header, json.dumps(claims()))}")
    assert len(verifier._headers) <= 16
    await verifier.caller(f"Bearer {signed()}")


class Gateway:
    """Answers for its keys: at once, never, or with an error; it counts how often it was asked."""

    def __init__(self) -> None:
        self.document = jwks(one=KEY)
        self.hangs = False
        self.status = 200
        self.asked = 0
        self.url = ""

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.asked += 1
        await reader.readuntil(b"\r\n\r\n")
        if self.hangs:
            await reader.read()
        else:
            body = self.document.encode()
            writer.write(b"HTTP/1.1 %d X\r\nContent-Length: %d\r\nConnection: close\r\n\r\n" % (self.status, len(body)))
            writer.write(body)
            await writer.drain()
        writer.close()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Verifier]:
        server = await asyncio.start_server(self.answer, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        try:
            yield Verifier(f"http://127.0.0.1:{port}/jwks.json")
        finally:
            server.close()


def token(key: Ed25519PrivateKey = KEY, kid: str = "one") -> str:
    """A token that was not seen before."""
    return "Bearer " + make_token(key, kid, PERSON, CITIZEN)


async def test_keys_come_from_an_address_and_are_kept() -> None:
    gateway = Gateway()
    async with gateway.running() as verifier:
        callers = await asyncio.gather(*(verifier.caller(token()) for _ in range(20)))
        assert {each.person_id for each in callers} == {PERSON}
    assert gateway.asked == 1, "all waited for the same answer"
    assert isinstance(await verifier.caller(token()), Caller), "the gateway is gone, its keys are not"


async def test_a_new_key_is_seen_at_once() -> None:
    gateway = Gateway()
    async with gateway.running() as verifier:
        await verifier.caller(token())
        new = Ed25519PrivateKey.generate()
        gateway.document = jwks(one=KEY, two=new)

        async def is_known() -> Caller | None:
            try:
                return await verifier.caller(token(new, "two"))
            except NotSignedIn:
                return None

        await until(is_known, what="the new key", timeout=5)


async def test_unknown_keys_do_not_drive_the_gateway() -> None:
    gateway = Gateway()
    async with gateway.running() as verifier:
        for number in range(100):
            with pytest.raises(NotSignedIn):
                await verifier.caller(token(kid=f"made-up-{number}"))
    assert gateway.asked <= 3


@pytest.mark.parametrize("broken", ["[]", "{}", "{", '{"keys": [1]}', '{"keys": {}}', '{"keys": [{"crv": "Ed25519"}]}'])
async def test_a_broken_answer_leaves_the_keys_as_they_were(broken: str) -> None:
    gateway = Gateway()
    async with gateway.running() as verifier:
        gateway.document = broken
        with pytest.raises((KeysMissing, NotSignedIn)) as refused:
            await verifier.caller(token())
        if broken != '{"keys": {}}':
            assert isinstance(refused.value, KeysMissing)
            assert refused.value.status == 503
            assert refused.value.retry_after_seconds


async def test_a_gateway_that_hangs_slows_down_nobody_whose_key_is_known() -> None:
    gateway = Gateway()
    async with gateway.running() as verifier:
        await verifier.caller(token())
        gateway.hangs = True
        verifier._next_look = 0.0  # the keys have become old
        start = time.monotonic()
        for _ in range(10):
            await verifier.caller(token())
        assert time.monotonic() - start < 1.0

        async def was_asked() -> bool:
            return gateway.asked == 2

        await until(was_asked, what="one look at the new keys")


async def test_without_keys_nobody_is_turned_away_as_a_stranger(tmp_path: Path) -> None:
    path = tmp_path / "jwks.json"
    verifier = Verifier(str(path))
    with pytest.raises(KeysMissing):
        await verifier.caller(token())
    path.write_text(jwks(one=KEY))

    async def is_known() -> Caller | None:
        try:
            return await verifier.caller(token())
        except KeysMissing:
            return None

    await until(is_known, what="the file", timeout=5)
