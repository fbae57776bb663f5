"""Attacks on access tokens, after RFC 8725: every one meets the verifier that all services use."""

import base64
import hashlib
import hmac
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Barrier
from uuid import UUID

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from services.gateway.tests.minting import CITIZEN, PERSON, Mint, b64, part

from dawr.gateway import keys as signing_keys
from dawr.gateway.keys import KeySet, open_keys, rotate, thumbprint
from dawr.servicekit.auth import KeysMissing, NotSignedIn, Role, Verifier, make_token, public_jwk


@pytest.fixture(scope="module")
def mint(tmp_path_factory: pytest.TempPathFactory) -> Mint:
    return Mint(tmp_path_factory.mktemp("keys"))


async def test_a_good_token_is_believed(mint: Mint) -> None:
    token = make_token(mint.key.private, mint.key.kid, PERSON, frozenset({Role.DESK, Role.CITIZEN}), office="DAM-01")
    for spelling in ("Bearer ", "bearer "):
        caller = await mint.verifier.caller(spelling + token)
        assert (caller.person_id, caller.office) == (PERSON, "DAM-01")
        assert caller.roles == {Role.DESK, Role.CITIZEN}
    assert not await mint.refuses(mint.signed(mint.header(), mint.claims())), "the forger's tools make good tokens too"


def other_algorithms(mint: Mint) -> Iterator[str]:
    """None at all, and the public key taken for a shared secret, in each form that an attacker has it."""
    for none in ("none", "None", "NONE", "nOnE", ""):
        for signature in ("", b64(b"x" * 64)):
            yield f"{part(mint.header(alg=none))}.{part(mint.claims())}.{signature}"
    public = mint.key.private.public_key()
    jwk = public_jwk(mint.key.private, mint.key.kid)
    secrets = [
        public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
        public.public_bytes(Encoding.Raw, PublicFormat.Raw),
        public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo),
        json.dumps(jwk).encode(),
        jwk["x"].encode(),
        b"",
    ]
    for secret in secrets:
        for name, digest in (("HS256", hashlib.sha256), ("HS512", hashlib.sha512)):
            text = f"{part(mint.header(alg=name))}.{part(mint.claims())}"
            yield f"{text}.{b64(hmac.new(secret, text.encode(), digest).digest())}"
    rsa = generate_private_key(65537, 2048)
    yield jwt.encode(mint.claims(), rsa, algorithm="RS256", headers={"kid": mint.key.kid, "typ": "at+jwt"})
    for alias in ("Ed25519", "eddsa", "EDDSA", "ES256"):
        yield mint.signed(mint.header(alg=alias), mint.claims())


async def test_no_other_algorithm_is_accepted(mint: Mint) -> None:
    for token in other_algorithms(mint):
        assert await mint.refuses(token), token


async def test_no_header_brings_or_names_a_key_of_the_attackers(mint: Mint) -> None:
    forged = Ed25519PrivateKey.generate()
    jwk = public_jwk(forged, mint.key.kid)
    brought: list[dict[str, object]] = [
        {},
        {"jwk": jwk},
        {"jku": "https://evil.example/jwks.json"},
        {"x5u": "https://evil.example/cert.pem"},
        {"x5c": ["MIIB"]},
        {"kid": thumbprint(forged)},
        {"kid": "../../../../dev/null"},
        {"kid": "' UNION SELECT 'key"},
        {"kid": ["a"]},
        {"kid": {"a": 1}},
        {"kid": 7},
        {"kid": None},
        {"kid": ...},
    ]
    for header in brought:
        assert await mint.refuses(mint.signed(mint.header(**header), mint.claims(), forged)), header
    unknown: list[dict[str, object]] = [
        {"jwk": jwk},
        {"jku": "x"},
        {"x5u": "x"},
        {"crit": ["exp"]},
        {"b64": False},
        {"zip": "DEF"},
        {"cty": "JWT"},
    ]
    for header in unknown:
        assert await mint.refuses(mint.signed(mint.header(**header), mint.claims())), f"well signed, but {header}"


@pytest.mark.parametrize("typ", ["JWT", "jwt", "at+JWT", "application/at+jwt", "id+jwt", "", None, ..., 5, ["at+jwt"]])
async def test_a_token_of_another_kind_is_refused(mint: Mint, typ: object) -> None:
    assert await mint.refuses(mint.signed(mint.header(typ=typ), mint.claims()))


PAST = int((datetime.now(UTC) - timedelta(minutes=11)).timestamp())
AHEAD = int((datetime.now(UTC) + timedelta(minutes=11)).timestamp())


def _named(value: object) -> str:
    """The value, but for moments: a test's name must be the same in every process."""
    return (
        {PAST: "past", AHEAD: "ahead", AHEAD + 600: "later"}.get(value, str(value))
        if isinstance(value, int)
        else str(value)
    )


@pytest.mark.parametrize(
    "changed",
    [
        *({name: ...} for name in ("iss", "aud", "sub", "jti", "iat", "exp", "roles")),
        *({name: None} for name in ("iss", "aud", "sub", "iat", "exp", "roles")),
        {"iss": "dawr.example"},
        {"iss": ["dawr", "other"]},
        {"aud": "payments"},
        {"aud": []},
        {"exp": PAST},
        {"exp": "never"},
        {"exp": []},
        {"nbf": AHEAD},
        {"iat": AHEAD, "exp": AHEAD + 600},
        {"iat": "now"},
        {"sub": "admin"},
        {"sub": 7},
        {"sub": ""},
        {"roles": ["citizen", "god"]},
        {"roles": ["CITIZEN"]},
        {"roles": "citizen"},
        {"roles": 7},
        {"roles": [["citizen"]]},
        {"roles": [None]},
    ],
    ids=lambda changed: " ".join(f"{name}={_named(value)}" for name, value in changed.items()),
)
async def test_claims_that_are_wrong_or_missing_are_refused(mint: Mint, changed: dict[str, object]) -> None:
    assert await mint.refuses(mint.signed(mint.header(), mint.claims(**changed)))


async def test_a_token_with_any_bit_of_any_byte_changed_is_refused(mint: Mint) -> None:
    token = make_token(mint.key.private, mint.key.kid, PERSON, CITIZEN)
    unharmed = 0
    for place in range(len(token)):
        for bit in (1, 2, 32, 64):
            changed = token[:place] + chr(ord(token[place]) ^ bit) + token[place + 1 :]
            if not await mint.refuses(changed):
                unharmed += 1
                # Of the last character of a part, base64url leaves bits unused; nothing else may be changed.
                assert place == len(token) - 1, f"byte {place}, bit {bit}"
    assert unharmed <= 4


@pytest.mark.parametrize(
    "authorization",
    [
        None,
        "",
        "Bearer",
        "Bearer ",
        "Bearer a.b",
        "Bearer ..",
        "Bearer a.b.c.d",
        "Bearer \u0661.\u0662.\u0663",
        "Bearer " + "a" * 10_000,
        "Bearer " + "." * 4000,
        "Basic YTpi",
        "Bearer bnVsbA.bnVsbA.bnVsbA",
        "Bearer W10.W10.W10",
        "Bearer eyJhbGciOiJFZERTQSJ9.e30.",
    ],
    ids=lambda text: str(text)[:20],
)
async def test_what_is_no_token_is_refused(mint: Mint, authorization: str | None) -> None:
    with pytest.raises(NotSignedIn):
        await mint.verifier.caller(authorization)


async def test_a_deeply_nested_or_huge_token_is_refused_before_it_is_read(mint: Mint) -> None:
    nested = "[" * 2000 + "]" * 2000
    for token in (
        f"{b64(nested.encode())}.e30.e30",
        mint.signed(mint.header(), mint.claims(roles=["citizen"] * 2000)),
        mint.signed(mint.header(), mint.claims(pad="x" * 5000)),
    ):
        assert await mint.refuses(token)


async def test_a_token_outlives_its_verification_in_no_cache(mint: Mint, monkeypatch: pytest.MonkeyPatch) -> None:
    now = datetime.now(UTC) - timedelta(minutes=10) + timedelta(seconds=5)
    token = make_token(mint.key.private, mint.key.kid, PERSON, CITIZEN, now=now)
    caller = await mint.verifier.caller(f"Bearer {token}")
    assert mint.verifier.known(token) is caller
    monkeypatch.setattr("dawr.servicekit.auth.time.time", lambda: caller.expires_at + 1)
    assert mint.verifier.known(token) is None


async def test_a_rotation_signs_nobody_out(tmp_path: Path) -> None:
    mint = Mint(tmp_path)
    before = make_token(mint.key.private, mint.key.kid, PERSON, CITIZEN)
    clock = [1000.0]
    verifier = Verifier(str(tmp_path / "jwks.json"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("dawr.servicekit.auth.time.monotonic", lambda: clock[0])
        await verifier.caller(f"Bearer {before}")
        new_kid = rotate(tmp_path)
        keys = open_keys(tmp_path)
        assert [key.kid for key in keys.keys] == [mint.key.kid, new_kid]
        now = max(key.made_at for key in keys.keys)
        assert keys.signing(now + 1).kid == mint.key.kid, "shown before it signs"
        newest = keys.signing(now + signing_keys.SETTLE_SECONDS)
        assert newest.kid == new_kid
        clock[0] += 3
        after = make_token(newest.private, newest.kid, UUID(int=2), CITIZEN)
        assert (await verifier.caller(f"Bearer {after}")).person_id == UUID(int=2)
        assert (await verifier.caller(f"Bearer {before}")).person_id == PERSON


async def test_services_go_on_with_the_keys_they_have_and_say_so_when_they_have_none(tmp_path: Path) -> None:
    mint = Mint(tmp_path / "keys")
    first = make_token(mint.key.private, mint.key.kid, PERSON, CITIZEN)
    verifier = Verifier(str(tmp_path / "keys" / "jwks.json"))
    with pytest.MonkeyPatch.context() as patch:
        clock = [1000.0]
        patch.setattr("dawr.servicekit.auth.time.monotonic", lambda: clock[0])
        await verifier.caller(f"Bearer {first}")
        (tmp_path / "keys" / "jwks.json").unlink()
        clock[0] += 3600
        second = make_token(mint.key.private, mint.key.kid, UUID(int=3), CITIZEN)
        assert (await verifier.caller(f"Bearer {second}")).person_id == UUID(int=3)
    with pytest.raises(KeysMissing):
        await Verifier(str(tmp_path / "nothing.json")).caller(f"Bearer {first}")


def test_processes_that_start_at_once_make_one_key(tmp_path: Path) -> None:
    together = Barrier(8)

    def start(folder: Path) -> str:
        together.wait(10)
        return open_keys(folder).keys[0].kid

    with ThreadPoolExecutor(8) as starting:
        for turn in range(20):
            folder = tmp_path / str(turn)
            assert len(set(starting.map(start, [folder] * 8))) == 1
            assert sorted(path.name for path in folder.iterdir()) == ["jwks.json", "signing.pem"]
            assert (folder / "signing.pem").stat().st_mode & 0o777 == 0o600


def test_the_thumbprint_is_that_of_rfc_8037() -> None:
    """The key pair and its thumbprint of RFC 8037, appendices A.1 and A.3."""
    private = base64.urlsafe_b64decode("nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A=")
    key = Ed25519PrivateKey.from_private_bytes(private)
    assert thumbprint(key) == "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"


def test_the_public_set_holds_nothing_private(mint: Mint) -> None:
    keys: KeySet = open_keys(mint.folder)
    [jwk] = keys.jwks()["keys"]
    assert set(jwk) == {"kty", "crv", "x", "kid", "use", "alg"}
    assert json.loads((mint.folder / "jwks.json").read_text()) == keys.jwks()
