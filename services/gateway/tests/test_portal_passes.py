"""Passes: what is signed holds, and nothing else does; also when keys change, and for who checks without a network."""

import base64
import hmac
import json
import string
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from typer.testing import CliRunner

from dawr.gateway.keys import PASSES, KeySet, SigningKey, open_keys, rotate, thumbprint
from dawr.gateway.passes import TYPE, Fault, NotAPass, Pass, public_keys, read_pass, sign_pass
from dawr.servicekit.auth import NotSignedIn, Role, Verifier, make_token
from dawr.tools.cli.main import app

SHOWN = Pass(
    turn=UUID("6f1d3a52-0d0b-5c5e-9c1d-6461777200dd"),
    service="PASS_REN",
    office="DAM-01",
    date=date(2026, 12, 1),
    window="09:00",
    issued_at=datetime(2026, 11, 2, 8, 30, tzinfo=UTC),
)
LETTERS = string.ascii_letters + string.digits + "-_."


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "keys"


@pytest.fixture
def keys(folder: Path) -> KeySet:
    return open_keys(folder, PASSES)


def fault(text: str, keys: KeySet) -> Fault:
    with pytest.raises(NotAPass) as refused:
        read_pass(text, public_keys(keys.jwks()))
    return refused.value.fault


def forged(keys: KeySet, header: dict[str, Any], claims: dict[str, Any] | None = None) -> str:
    """A text that the true key signed, with another header or other claims."""
    content = (
        claims
        if claims is not None
        else jwt.decode(sign_pass(SHOWN, keys.keys[0]), options={"verify_signature": False})
    )
    whole = {"alg": "EdDSA", "typ": TYPE, "kid": keys.keys[0].kid} | header
    parts = [json.dumps({name: each for name, each in part.items() if each is not ...}) for part in (whole, content)]
    signed = ".".join(base64.urlsafe_b64encode(each.encode()).rstrip(b"=").decode() for each in parts)
    signature = keys.keys[0].private.sign(signed.encode())
    return f"{signed}.{base64.urlsafe_b64encode(signature).rstrip(b'=').decode()}"


def test_a_pass_says_what_was_signed_and_nothing_of_the_person(keys: KeySet) -> None:
    text = sign_pass(SHOWN, keys.keys[0])
    assert read_pass(text, public_keys(keys.jwks())) == SHOWN
    assert sign_pass(SHOWN, keys.keys[0]) == text, "printed twice, it is the same code"
    claims = jwt.decode(text, options={"verify_signature": False})
    assert set(claims) == {"v", "iss", "turn", "service", "office", "date", "window", "iat"}
    assert len(text) < 450, "the code is read from paper by an old phone"


def test_a_pass_without_an_hour_is_for_the_whole_day(keys: KeySet) -> None:
    day = Pass(SHOWN.turn, SHOWN.service, SHOWN.office, SHOWN.date, None, SHOWN.issued_at)
    assert read_pass(sign_pass(day, keys.keys[0]), public_keys(keys.jwks())) == day


def test_each_character_that_is_changed_is_refused(keys: KeySet) -> None:
    text, public = sign_pass(SHOWN, keys.keys[0]), public_keys(keys.jwks())
    for place, letter in enumerate(text):
        for other in (LETTERS[(LETTERS.index(letter) + 1) % len(LETTERS)], LETTERS[LETTERS.index(letter) - 1], "="):
            with pytest.raises(NotAPass):
                read_pass(text[:place] + other + text[place + 1 :], public)
        with pytest.raises(NotAPass):
            read_pass(text[:place] + text[place + 1 :], public)


def test_every_other_last_character_is_refused(keys: KeySet) -> None:
    """The last one carries two bits of the signature: four of its sixteen spellings would decode alike."""
    text = sign_pass(SHOWN, keys.keys[0])
    for other in set(LETTERS) - {text[-1]}:
        assert fault(text[:-1] + other, keys) in {Fault.WRONG_SIGNATURE, Fault.OTHER_FORM}


def test_another_key_is_refused_by_its_name_and_under_a_false_one(keys: KeySet) -> None:
    private = Ed25519PrivateKey.generate()
    assert fault(sign_pass(SHOWN, SigningKey(thumbprint(private), private, 0.0)), keys) is Fault.UNKNOWN_KEY
    assert fault(sign_pass(SHOWN, SigningKey(keys.keys[0].kid, private, 0.0)), keys) is Fault.WRONG_SIGNATURE


@pytest.mark.parametrize(
    "header",
    [
        {"alg": "none"},
        {"alg": "HS256"},
        {"alg": "ES256"},
        {"typ": "at+jwt"},
        {"typ": ...},
        {"kid": ...},
        {"jku": "https://evil.example/keys"},
        {"jwk": {"kty": "OKP"}},
        {"crit": ["exp"]},
    ],
)
def test_other_headers_are_refused_though_the_key_is_right(keys: KeySet, header: dict[str, Any]) -> None:
    assert fault(forged(keys, header), keys) is Fault.OTHER_FORM


def test_alg_none_and_a_public_key_as_a_secret_are_refused(keys: KeySet) -> None:
    header, claims, _ = sign_pass(SHOWN, keys.keys[0]).split(".")
    unsigned = base64.urlsafe_b64encode(json.dumps({"alg": "none", "typ": TYPE}).encode()).rstrip(b"=").decode()
    for text in (f"{unsigned}.{claims}.", f"{unsigned}.{claims}", f"{header}.{claims}."):
        assert fault(text, keys) is Fault.OTHER_FORM
    raw = keys.keys[0].private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    mac = base64.urlsafe_b64encode(hmac.digest(raw, f"{header}.{claims}".encode(), "sha256")).rstrip(b"=").decode()
    assert fault(f"{header}.{claims}.{mac}", keys) is Fault.WRONG_SIGNATURE


@pytest.mark.parametrize(
    "changed", [{"v": 2}, {"iss": "other"}, {"turn": "7"}, {"date": "soon"}, {"name": "Layla"}, {"iat": "x"}]
)
def test_other_claims_are_refused_though_the_key_is_right(keys: KeySet, changed: dict[str, Any]) -> None:
    claims = jwt.decode(sign_pass(SHOWN, keys.keys[0]), options={"verify_signature": False}) | changed
    assert fault(forged(keys, {}, claims), keys) is Fault.OTHER_FORM


async def test_a_token_is_no_pass_and_a_pass_is_no_token(folder: Path, keys: KeySet) -> None:
    """Even if one key signed both: `typ` keeps them apart."""
    key = keys.keys[0]
    token = make_token(key.private, key.kid, uuid4(), frozenset({Role.CITIZEN}))
    assert fault(token, keys) is Fault.OTHER_FORM
    verifier = Verifier(str(folder / PASSES.public))
    assert await verifier.caller(f"Bearer {token}")
    with pytest.raises(NotSignedIn):
        await verifier.caller(f"Bearer {sign_pass(SHOWN, key)}")


def test_passes_have_keys_of_their_own_and_retired_ones_stay_listed(folder: Path) -> None:
    tokens, first = open_keys(folder), open_keys(folder, PASSES)
    assert tokens.keys[0].kid != first.keys[0].kid
    old = sign_pass(SHOWN, first.keys[0])
    newer = rotate(folder, PASSES)
    (folder / "pass.pem").unlink()
    now = open_keys(folder, PASSES)
    assert [key.kid for key in now.keys] == [newer]
    assert {key["kid"] for key in now.jwks()["keys"]} == {newer, first.keys[0].kid}
    assert read_pass(old, public_keys(now.jwks())) == SHOWN
    assert open_keys(folder, PASSES).jwks() == now.jwks(), "read again, nothing is listed twice"
    # Tokens live for minutes: a signing key whose file is gone signs nothing that is still believed.
    rotate(folder)
    (folder / "signing.pem").unlink()
    assert tokens.keys[0].kid not in {key["kid"] for key in open_keys(folder).jwks()["keys"]}


def test_a_pass_is_checked_at_the_door_with_a_saved_file(folder: Path, keys: KeySet) -> None:
    text, run = sign_pass(SHOWN, keys.keys[0]), CliRunner().invoke
    saved = folder.parent / "saved.json"
    printed = run(app, ["pass", "keys", "--from", str(folder / "passes.json")])
    assert printed.exit_code == 0
    saved.write_text(printed.stdout)
    yes = run(app, ["pass", "verify", text, "--keys", str(saved), "--on", "2026-12-01", "--lang", "en"])
    assert yes.exit_code == 0
    assert "YES" in yes.stdout
    assert "2026-12-01" in yes.stdout
    assert "Its day is today" in yes.stdout
    arabic = run(
        app, ["pass", "verify", "-", "--keys", str(saved), "--on", "2026-12-02", "--lang", "ar"], input=f"{text}\n"
    )
    assert arabic.exit_code == 0
    assert "نعم" in arabic.stdout
    assert "ليوم آخر" in arabic.stdout
    no = run(app, ["pass", "verify", text[:-5] + "AAAAA", "--keys", str(saved), "--lang", "en"])
    assert no.exit_code == 1
    assert "NO" in no.stdout
    told = run(app, ["pass", "verify", text, "--keys", str(saved), "--json"])
    assert json.loads(told.stdout)["turn"] == str(SHOWN.turn)
    missing = run(app, ["pass", "verify", text, "--keys", str(folder / "nothing.json")])
    assert missing.exit_code == 2
