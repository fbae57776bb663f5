"""More attacks on access tokens, after RFC 8725: parts of good tokens put together anew, other forms of them, claims
that nobody makes. Whoever has no key of ours gets nowhere; whoever had one would still be held to the form."""

import base64
import hashlib
import hmac
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1
from cryptography.hazmat.primitives.asymmetric.ec import generate_private_key as new_curve_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key as new_rsa_key
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from services.gateway.tests.minting import CITIZEN, PERSON, Mint, b64, part

from dawr.gateway.keys import PASSES, open_keys
from dawr.servicekit.auth import Role, make_token

ORDER = 2**252 + 27742317777372353535851937790883648493
"""Of the group of Ed25519 (RFC 8032, section 5.1)."""


@pytest.fixture(scope="module")
def mint(tmp_path_factory: pytest.TempPathFactory) -> Mint:
    return Mint(tmp_path_factory.mktemp("keys"))


def good(mint: Mint, *roles: Role) -> str:
    return make_token(mint.key.private, mint.key.kid, PERSON, frozenset(roles) or CITIZEN)


def raw(text: str) -> str:
    return b64(text.encode())


async def test_parts_of_good_tokens_make_no_other(mint: Mint) -> None:
    header, claims, signature = good(mint).split(".")
    other_header, other_claims, other_signature = good(mint, Role.DESK).split(".")
    assert header == other_header
    said = json.loads(base64.urlsafe_b64decode(claims + "=="))
    escalated: list[dict[str, Any]] = [
        {"roles": ["administrator"]},
        {"roles": ["citizen", "administrator"]},
        {"sub": str(uuid4())},
        {"office": "DAM-01"},
        {"exp": said["exp"] + 3600},
        {"acts_for": [str(uuid4())]},
        {"sid": str(uuid4())},
        {"amr": ["passkey"]},
    ]
    forged = [
        *(f"{header}.{part(said | change)}.{signature}" for change in escalated),
        f"{header}.{claims}.{other_signature}",
        f"{header}.{other_claims}.{signature}",
        f"{header}.{claims}.",
        f"{header}.{claims}",
        f"{header}..{signature}",
        f".{claims}.{signature}",
        f"{claims}.{header}.{signature}",
        f"{header}.{claims}.{signature}.{signature}",
        f"{header}.{claims}.{signature}=",
        f"{header}.{claims}=.{signature}",
        f"{header}.{claims} .{signature}",
        f"{header}.{claims}.{signature}\n",
        f"{header}.{claims}.{b64(bytes(64))}",
        f"{header}.{claims}.{b64(bytes(63) + b'1')}",
    ]
    for token in forged:
        assert await mint.refuses(token), token


async def test_a_signature_has_one_form(mint: Mint) -> None:
    """With the order of the group added to its second half it would hold too, if that were not looked at."""
    header, claims, signature = good(mint).split(".")
    content = base64.urlsafe_b64decode(signature + "==")
    scalar = int.from_bytes(content[32:], "little") + ORDER
    malleable = content[:32] + scalar.to_bytes(32, "little")
    assert await mint.refuses(f"{header}.{claims}.{b64(malleable)}")
    assert not await mint.refuses(f"{header}.{claims}.{signature}")


def other_keys(mint: Mint) -> Iterator[str]:
    """Each algorithm with a key of its own, and with the keys that anybody has: empty, null, the public one."""
    rsa, curve = new_rsa_key(65537, 2048), new_curve_key(SECP256R1())
    for name in ("RS256", "RS384", "RS512", "PS256", "PS512"):
        yield jwt.encode(mint.claims(), rsa, algorithm=name, headers=mint.header(alg=name))
    yield jwt.encode(mint.claims(), curve, algorithm="ES256", headers=mint.header(alg="ES256"))
    # A signature of zeros, which some once took from anybody (CVE-2022-21449).
    yield f"{part(mint.header(alg='ES256'))}.{part(mint.claims())}.{b64(bytes(64))}"
    public = mint.key.private.public_key()
    forms = [
        public.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH),
        public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).strip(),
        (mint.folder / "jwks.json").read_bytes(),
        mint.key.kid.encode(),
        b"",
        b"\0",
        b"null",
    ]
    for secret in forms:
        for kid in (
            mint.key.kid,
            "",
            "/dev/null",
            "../../../../dev/null",
            "x' UNION SELECT 'key' --",
            "jwks.json",
            "..",
        ):
            text = f"{part(mint.header(alg='HS256', kid=kid))}.{part(mint.claims())}"
            yield f"{text}.{b64(hmac.new(secret, text.encode(), hashlib.sha256).digest())}"
            named = f"{part(mint.header(kid=kid))}.{part(mint.claims())}"
            yield f"{named}.{b64(hmac.new(secret, named.encode(), hashlib.sha512).digest())}"
    for name in ("dir", "A128KW", "ECDH-ES", "RSA-OAEP", "PBES2-HS256+A128KW"):
        sealed = part({"alg": name, "enc": "A128GCM", "typ": "at+jwt", "kid": mint.key.kid})
        yield f"{sealed}..{b64(bytes(12))}.{part(mint.claims())}.{b64(bytes(16))}"


async def test_no_other_key_and_no_form_of_the_public_one_is_accepted(mint: Mint) -> None:
    tokens = list(other_keys(mint))
    assert len(tokens) > 100
    for token in tokens:
        assert await mint.refuses(token), token


async def test_a_key_for_something_else_signs_no_token(mint: Mint, tmp_path: Path) -> None:
    passes = open_keys(tmp_path, PASSES).keys[0]
    for kid in (mint.key.kid, passes.kid):
        assert await mint.refuses(make_token(passes.private, kid, PERSON, CITIZEN))
    stray = Ed25519PrivateKey.generate()
    assert await mint.refuses(make_token(stray, mint.key.kid, PERSON, CITIZEN))


async def test_tokens_in_other_clothes_are_refused(mint: Mint) -> None:
    token = good(mint)
    header, claims, signature = token.split(".")
    flattened = {"protected": header, "payload": claims, "signature": signature}
    general = {"payload": claims, "signatures": [{"protected": header, "signature": signature}]}
    nested = mint.header(cty="JWT")
    text = f"{part(nested)}.{b64(token.encode())}"
    plain = f"{part(mint.header())}.{b64(token.encode())}"
    for other in (
        json.dumps(flattened),
        json.dumps(general),
        b64(json.dumps(flattened).encode()),
        f"{text}.{b64(mint.key.private.sign(text.encode()))}",
        f"{plain}.{b64(mint.key.private.sign(plain.encode()))}",
        f"{header}..{b64(mint.key.private.sign(f'{header}.'.encode()))}",
        b64(token.encode()),
        f"{token},{token}",
        f"{token} {token}",
        f'"{token}"',
    ):
        assert await mint.refuses(other), other[:60]
    unencoded = part(mint.header(b64=False, crit=["b64"]))
    body = json.dumps(mint.claims()).replace(" ", "")
    assert await mint.refuses(f"{unencoded}.{body}.{b64(mint.key.private.sign(f'{unencoded}.{body}'.encode()))}")


async def test_names_that_come_twice_help_nobody(mint: Mint) -> None:
    """A reader that takes the first and one that takes the last would not see the same token."""
    kid = mint.key.kid
    headers = [
        f'{{"alg":"none","alg":"EdDSA","typ":"at+jwt","kid":"{kid}"}}',
        f'{{"alg":"EdDSA","alg":"none","typ":"at+jwt","kid":"{kid}"}}',
        f'{{"alg":"HS256","typ":"at+jwt","kid":"{kid}","alg":"EdDSA"}}',
        f'{{"alg":"EdDSA","typ":"at+jwt","kid":"evil","kid":"{kid}"}}',
        f'{{"alg":"EdDSA","typ":"at+jwt","kid":"{kid}","kid":"evil"}}',
    ]
    _, claims, signature = good(mint).split(".")
    for header in headers:
        for forged in ("", signature, b64(Ed25519PrivateKey.generate().sign(f"{raw(header)}.{claims}".encode()))):
            assert await mint.refuses(f"{raw(header)}.{claims}.{forged}"), header
    said = json.dumps(mint.claims(roles=...))[:-1]
    header, _, signature = good(mint).split(".")
    for twice in (f'{said}, "roles": ["citizen"], "roles": ["administrator"]}}',):
        assert await mint.refuses(f"{header}.{raw(twice)}.{signature}")


@pytest.mark.parametrize(
    "written",
    [
        '"exp": 1e400',
        '"exp": -1e400',
        f'"exp": {10**400}',
        '"exp": NaN',
        '"exp": -1',
        '"exp": 0',
        '"exp": true',
        '"exp": "4102444800"',
        '"exp": {"$gt": 0}',
        '"iat": NaN',
        '"iat": 1e400',
        '"iat": true',
        '"iat": "0"',
        '"nbf": "0"',
        '"nbf": null',
        '"nbf": NaN',
        '"nbf": 4102444800',
        '"office": 7',
        '"office": ["DAM-01"]',
        '"sid": "one"',
        '"sid": 7',
        '"sid": null',
        '"acts_for": "everybody"',
        '"acts_for": ["everybody"]',
        '"acts_for": [7]',
        '"acts_for": 7',
        '"acts_for": null',
        '"sub": ["a", "b"]',
        '"aud": ["payments", "booking"]',
        '"aud": null',
        '"aud": "DAWR"',
        '"aud": "dawr "',
        '"iss": "https://dawr"',
        '"iss": "dawr\\u0000"',
        '"jti": 7',
        '"jti": null',
        '"roles": {}',
        '"roles": {"administrator": true}',
        '"roles": null',
        '"roles": "administrator"',
    ],
    ids=lambda written: written[:30],
)
async def test_claims_of_another_form_are_refused_even_if_we_had_signed_them(mint: Mint, written: str) -> None:
    name = json.loads(f"{{{written}}}".replace("NaN", "0").replace("-1e400", "0").replace("1e400", "0")).popitem()[0]
    claims = json.dumps(mint.claims(**{name: ...}))[:-1] + f", {written}}}"
    text = f"{part(mint.header())}.{raw(claims)}"
    assert await mint.refuses(f"{text}.{b64(mint.key.private.sign(text.encode()))}")


async def test_what_a_token_says_of_its_session_is_read(mint: Mint) -> None:
    session, child = uuid4(), uuid4()
    token = make_token(
        mint.key.private,
        mint.key.kid,
        PERSON,
        CITIZEN,
        session_id=session,
        how="passkey",
        acts_for=frozenset({child}),
    )
    caller = await mint.verifier.caller(f"Bearer {token}")
    assert (caller.session_id, caller.how, caller.acts_for) == (session, "passkey", {child})
    without = await mint.verifier.caller(f"Bearer {good(mint)}")
    assert (without.session_id, without.how, without.acts_for) == (None, None, frozenset())
    for methods in ("passkey", [], [7], {"passkey": 1}, None):
        odd = mint.signed(mint.header(), mint.claims(amr=methods))
        assert (await mint.verifier.caller(f"Bearer {odd}")).how is None
