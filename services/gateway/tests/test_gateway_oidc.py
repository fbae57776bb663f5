"""Coming by a ministry's identity provider: a real one on this machine, and one whose answers were tampered with."""

import base64
import hashlib
import json
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import jwt
import oidc_provider_mock
import pytest
import werkzeug.serving
from cryptography.hazmat.primitives.asymmetric import rsa
from services.gateway.tests.staffing import SITE, House, house_on

from dawr.contracts.notifications import RegisterContact
from dawr.contracts.topics import NOTIFICATIONS_REQUESTS
from dawr.gateway.identity import Identity
from dawr.gateway.settings import DEVELOPMENT_PEPPER, GatewaySettings
from dawr.servicekit.testing import Stage, until

CLIENT = "dawr-gateway"
Forge = Callable[[dict[str, Any]], str]
"""Makes another identity token of the claims that the provider gave."""


@dataclass
class Ministry:
    """An identity provider, and what stands between it and the gateway."""

    issuer: str = ""
    forge: Forge | None = None
    inner: Any = None
    challenges: list[str] = field(default_factory=list)
    verifiers: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)

    def user(self, sub: str, **claims: object) -> str:
        """Somebody with an account there."""
        httpx.put(f"{self.issuer}/users/{sub}", json=claims, trust_env=False).raise_for_status()
        return sub

    def signs_in(self, url: str, sub: str) -> str:
        """Somebody signs in at the address to which the gateway sent them; where they are sent then."""
        answer = httpx.post(url, data={"sub": sub}, trust_env=False)
        assert answer.status_code == 302, answer.text
        return answer.headers["location"]

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Any:
        """Passes requests on; remembers what PKCE is about, and puts a forged token in the place of the real one."""
        path = environ["PATH_INFO"]
        self.asked.append(path)
        if path != "/oauth2/token":
            if path == "/oauth2/authorize":
                self.challenges += parse_qs(environ["QUERY_STRING"]).get("code_challenge", [])
            return self.inner(environ, start_response)
        body = environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))
        self.verifiers += [each.decode() for each in parse_qs(body).get(b"code_verifier", [])]

        environ["wsgi.input"] = BytesIO(body)
        heard: list[Any] = []
        answer = b"".join(self.inner(environ, lambda status, headers, *_: heard.extend((status, headers))))
        if self.forge is not None and heard[0].startswith("200"):
            tokens = json.loads(answer)
            claims = jwt.decode(tokens["id_token"], options={"verify_signature": False})
            answer = json.dumps(tokens | {"id_token": self.forge(claims)}).encode()
        headers = [each for each in heard[1] if each[0].lower() != "content-length"]
        start_response(heard[0], [*headers, ("content-length", str(len(answer)))])
        return [answer]


@pytest.fixture(scope="module")
def kept_ministry() -> Iterator[Ministry]:
    ministry = Ministry()
    ministry.inner = oidc_provider_mock.app(require_nonce=True).wsgi_app
    server = werkzeug.serving.make_server("localhost", 0, ministry, threaded=True)
    ministry.issuer = f"http://localhost:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield ministry
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def ministry(kept_ministry: Ministry) -> Ministry:
    """A provider that tells the truth."""
    kept_ministry.forge = None
    kept_ministry.challenges.clear()
    kept_ministry.verifiers.clear()
    kept_ministry.asked.clear()
    return kept_ministry


def settings_for(ministry: Ministry, **other: object) -> dict[str, object]:
    """Settings by which both citizens and staff come by the provider."""
    return {
        "oidc_issuer": ministry.issuer,
        "oidc_client_id": CLIENT,
        "oidc_client_secret": "known-to-both",
        "oidc_scopes": "openid profile email",
        "oidc_number_claim": "national_id",
        "oidc_login_claim": "account",
        **other,
    }


@pytest.fixture(scope="module")
async def house(
    the_stage: Stage, kept_ministry: Ministry, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[House]:
    async with house_on(the_stage, tmp_path_factory.mktemp("gateway"), **settings_for(kept_ministry)) as house:
        yield house


@dataclass
class Browser:
    """One who comes, with cookies of their own."""

    house: House
    cookies: dict[str, str] = field(default_factory=dict)

    async def get(self, path: str) -> httpx.Response:
        answer = await self.house.client.get(
            path, headers={"cookie": "; ".join(f"{k}={v}" for k, v in self.cookies.items())}
        )
        for line in answer.headers.get_list("set-cookie"):
            name, _, rest = line.partition("=")
            self.cookies[name] = rest.partition(";")[0]
        self.cookies = {name: value for name, value in self.cookies.items() if value not in {"", '""'}}
        return answer

    async def leaves(self, onward: str = "/") -> str:
        """To the provider; the address there."""
        answer = await self.get(f"/sign-in/oidc?next={onward}")
        assert answer.status_code == 303
        return answer.headers["location"]

    async def comes_back(self, address: str) -> httpx.Response:
        """From the provider, to the gateway's own address."""
        assert address.startswith(f"{SITE}/sign-in/oidc/callback?")
        return await self.get(address.removeprefix(SITE))


def is_refused(answer: httpx.Response, code: str = "provider-refused") -> bool:
    """Whether nobody was signed in."""
    signed_in = [each for each in answer.headers.get_list("set-cookie") if "dawr-session" in each]
    return answer.headers["location"] == f"/sign-in?problem={code}" and not signed_in


async def test_a_citizen_comes_by_the_provider_and_goes_on_where_they_were(house: House, ministry: Ministry) -> None:
    number = "01010054321"
    ministry.user("huda", national_id=number, email="huda@mail.example", email_verified=True)
    browser = Browser(house)
    url = await browser.leaves("/turns")
    asked = parse_qs(urlsplit(url).query)
    assert asked["response_type"] == ["code"]
    assert asked["code_challenge_method"] == ["S256"]
    assert asked["redirect_uri"] == [f"{SITE}/sign-in/oidc/callback"]
    answer = await browser.comes_back(ministry.signs_in(url, "huda"))
    assert (answer.status_code, answer.headers["location"]) == (303, "/turns")
    assert "dawr-oidc" not in browser.cookies
    [challenge], [verifier] = ministry.challenges[:1], ministry.verifiers
    assert base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode() == challenge

    me = await house.client.get("/api/me", headers={"authorization": f"Bearer {browser.cookies['dawr-access']}"})
    person = Identity(DEVELOPMENT_PEPPER).person_id(number)
    assert (me.json()["person_id"], me.json()["roles"]) == (str(person), ["citizen"])
    # Registered, and reached where the provider vouches for; nothing of it is kept in clear.
    assert await house.rows(f"SELECT 1 FROM people WHERE id = '{person}'")

    async def told() -> bool:
        received = [each.message for each in await house.stage.messages(NOTIFICATIONS_REQUESTS)]
        return any(isinstance(each, RegisterContact) and each.person_id == person for each in received)

    await until(told, every=0.1)
    assert number not in str(await house.rows("SELECT * FROM oidc_identities"))


async def test_staff_come_with_the_roles_that_the_provider_says_now(house: House, ministry: Ministry) -> None:
    ministry.user("k1", account="k.nassar", name="كريم نصار", roles=["desk", "canteen"], office="DAM-01")
    browser = Browser(house)
    answer = await browser.comes_back(ministry.signs_in(await browser.leaves(), "k1"))
    assert answer.headers["location"] == "/"
    token = browser.cookies["dawr-access"]
    me = (await house.client.get("/api/me", headers={"authorization": f"Bearer {token}"})).json()
    assert (me["roles"], me["office"]) == (["desk"], "DAM-01")

    ministry.user("k1", account="k.nassar", name="كريم نصار", roles=["planner"])
    again = Browser(house)
    await again.comes_back(ministry.signs_in(await again.leaves(), "k1"))
    now = await house.client.get("/api/me", headers={"authorization": f"Bearer {again.cookies['dawr-access']}"})
    assert (now.json()["roles"], now.json()["office"], now.json()["person_id"]) == (["planner"], None, me["person_id"])

    ministry.user("k1", account="k.nassar", name="كريم نصار", roles=["canteen"])
    assert is_refused(await again.comes_back(ministry.signs_in(await again.leaves(), "k1")))
    chief = await house.member()
    await chief.asks("POST", f"/accounts/{me['person_id']}/suspension", {"reason": "left us"})
    ministry.user("k1", account="k.nassar", name="كريم نصار", roles=["planner"])
    assert is_refused(await again.comes_back(ministry.signs_in(await again.leaves(), "k1")), "account-suspended")


async def test_no_account_is_taken_over_because_a_name_there_is_alike(house: House, ministry: Ministry) -> None:
    chief = await house.member()
    ministry.user("thief", account=chief.login, roles=["administrator"])
    browser = Browser(house)
    assert is_refused(await browser.comes_back(ministry.signs_in(await browser.leaves(), "thief")), "login-taken")


async def test_a_subject_is_one_person_for_good(house: House, ministry: Ministry) -> None:
    browser = Browser(house)
    ministry.user("sami", national_id="01010011111")
    assert not is_refused(await browser.comes_back(ministry.signs_in(await browser.leaves(), "sami")))
    ministry.user("sami", national_id="01010022222")
    assert is_refused(await browser.comes_back(ministry.signs_in(await browser.leaves(), "sami")))


async def test_a_return_that_another_browser_began_signs_nobody_in(house: House, ministry: Ministry) -> None:
    ministry.user("huda", national_id="01010054321")
    attacker, victim = Browser(house), Browser(house)
    address = ministry.signs_in(await attacker.leaves(), "huda")
    assert is_refused(await victim.comes_back(address)), "no cookie"
    await victim.leaves()
    assert is_refused(await victim.comes_back(address)), "another state"
    victim.cookies["dawr-oidc"] = "made-up"
    assert is_refused(await victim.comes_back(address)), "a cookie that we did not seal"
    assert "/oauth2/token" not in ministry.asked


async def test_a_return_is_good_once(house: House, ministry: Ministry) -> None:
    ministry.user("huda", national_id="01010054321")
    browser = Browser(house)
    address = ministry.signs_in(await browser.leaves(), "huda")
    copied = Browser(house, dict(browser.cookies))
    assert not is_refused(await browser.comes_back(address))
    assert is_refused(await browser.comes_back(address)), "its cookie is gone"
    asked = ministry.asked.count("/oauth2/token")
    assert is_refused(await copied.comes_back(address)), "though the cookie was copied"
    assert ministry.asked.count("/oauth2/token") == asked


async def test_a_code_of_another_sign_in_is_refused(house: House, ministry: Ministry) -> None:
    """The nonce in the token is of the browser that began, not of this one: a code that was stolen is worth nothing."""
    ministry.user("huda", national_id="01010054321")
    victim, thief = Browser(house), Browser(house)
    stolen = parse_qs(urlsplit(ministry.signs_in(await victim.leaves(), "huda")).query)["code"][0]
    state = parse_qs(urlsplit(await thief.leaves()).query)["state"][0]
    assert is_refused(await thief.get(f"/sign-in/oidc/callback?state={state}&code={stolen}"))


async def test_a_refusal_of_the_provider_comes_back_to_the_page_of_signing_in(house: House, ministry: Ministry) -> None:
    browser = Browser(house)
    state = parse_qs(urlsplit(await browser.leaves()).query)["state"][0]
    assert is_refused(await browser.get(f"/sign-in/oidc/callback?state={state}&error=access_denied"))


OURS = rsa.generate_private_key(public_exponent=65537, key_size=2048)


def signed(claims: dict[str, Any], **header: Any) -> str:
    return jwt.encode(claims, OURS, algorithm="RS256", headers=header)


def unsigned(claims: dict[str, Any]) -> str:
    return jwt.encode(claims, None, algorithm="none")


def with_public_key_as_secret(claims: dict[str, Any]) -> str:
    """The old confusion: the provider's public key, which everybody has, as the secret of an HMAC."""
    return jwt.encode(claims, b"known-to-both-known-to-both-1234", algorithm="HS256")


FORGERIES: dict[str, Forge] = {
    "algorithm none": unsigned,
    "algorithm HS256": with_public_key_as_secret,
    "a key of somebody else": signed,
    "a key that the token brings": lambda claims: signed(claims, jwk={"kty": "RSA", "n": "AQAB", "e": "AQAB"}),
    "no token at all": lambda claims: "",
    "broken": lambda claims: "a.b.c",
}


@pytest.mark.parametrize("how", FORGERIES)
async def test_a_forged_token_is_refused(house: House, ministry: Ministry, how: str) -> None:
    ministry.user("huda", national_id="01010054321")
    ministry.forge = FORGERIES[how]
    browser = Browser(house)
    assert is_refused(await browser.comes_back(ministry.signs_in(await browser.leaves(), "huda")))


def our_key_set() -> dict[str, Any]:
    """The key set of a provider whose key the test has: its tokens are well signed, and wrong."""
    key = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(OURS.public_key()))
    return {"keys": [key | {"kid": "ours", "use": "sig", "alg": "RS256"}]}


WRONG: dict[str, dict[str, Any]] = {
    "nonce": {"nonce": "another"},
    "no nonce": {"nonce": None},
    "issuer": {"iss": "https://elsewhere.example"},
    "audience": {"aud": "another-client"},
    "two audiences": {"aud": [CLIENT, "another-client"]},
    "authorized party": {"azp": "another-client"},
    "expired": {"exp": int(time.time()) - 120, "iat": int(time.time()) - 240},
    "no end": {"exp": None},
    "made long ago": {"iat": int(time.time()) - 7200},
    "made in the future": {"iat": int(time.time()) + 3600},
    "no subject": {"sub": None},
}


@pytest.mark.parametrize("wrong", ["nothing", *WRONG])
async def test_a_token_with_a_wrong_claim_is_refused_though_well_signed(
    signing_house: House, ministry: Ministry, wrong: str
) -> None:
    ministry.user("huda", national_id="01010054321")

    def forge(claims: dict[str, Any]) -> str:
        changed = {**claims, **WRONG.get(wrong, {})}
        return signed({name: value for name, value in changed.items() if value is not None}, kid="ours")

    ministry.forge = forge
    browser = Browser(signing_house)
    answer = await browser.comes_back(ministry.signs_in(await browser.leaves(), "huda"))
    assert is_refused(answer) == (wrong != "nothing")


@pytest.fixture(scope="module")
async def signing_house(
    the_stage: Stage, kept_ministry: Ministry, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[House]:
    """A gateway that was given the test's key as the provider's."""
    inner = kept_ministry.inner

    def with_our_key(environ: dict[str, Any], start_response: Any) -> Any:
        if environ["PATH_INFO"] != "/jwks":
            return inner(environ, start_response)
        content = json.dumps(our_key_set()).encode()
        start_response("200 OK", [("content-type", "application/json"), ("content-length", str(len(content)))])
        return [content]

    kept_ministry.inner = with_our_key
    try:
        async with house_on(the_stage, tmp_path_factory.mktemp("gateway"), **settings_for(kept_ministry)) as house:
            yield house
    finally:
        kept_ministry.inner = inner


async def test_a_provider_that_speaks_for_another_or_is_away_is_not_asked(
    the_stage: Stage, ministry: Ministry, tmp_path: Path, unused_port: int
) -> None:
    for issuer, code in (
        (ministry.issuer + "/", "provider-refused"),
        (f"http://localhost:{unused_port}", "provider-away"),
    ):
        async with house_on(the_stage, tmp_path, **settings_for(ministry, oidc_issuer=issuer)) as house:
            answer = await Browser(house).get("/sign-in/oidc")
            assert answer.headers["location"] == f"/sign-in?problem={code}"


async def test_nobody_is_led_elsewhere_after_signing_in(house: House, ministry: Ministry) -> None:
    ministry.user("huda", national_id="01010054321")
    for elsewhere in ("https://elsewhere.example/", "//elsewhere.example", "/%5Celsewhere.example"):
        browser = Browser(house)
        answer = await browser.comes_back(ministry.signs_in(await browser.leaves(elsewhere), "huda"))
        assert answer.headers["location"] == "/"


async def test_a_platform_without_a_provider_has_no_such_door(the_stage: Stage, tmp_path: Path) -> None:
    async with house_on(the_stage, tmp_path) as house:
        for path in ("/sign-in/oidc", "/sign-in/oidc/callback?state=a&code=b"):
            assert (await house.client.get(path)).status_code == 404


def test_a_provider_is_set_whole_and_by_https() -> None:
    with pytest.raises(ValueError, match="client id"):
        GatewaySettings(oidc_issuer="https://id.example", platform={"environment": "development"})  # type: ignore[arg-type]
