"""The doors: people come in and go out, and others try to come in as them or to send them elsewhere."""

import re
from collections.abc import AsyncIterator
from datetime import timedelta
from urllib.parse import quote

import httpx
import pytest
from services.gateway.tests.test_gateway_registration import Ministry
from services.gateway.tests.visiting import KEY, Browser, Listening, Portal, afresh, forms_of, portal_on

from dawr.gateway.portal.doors import AGAIN_SECONDS
from dawr.servicekit.testing import Stage
from dawr.tools.registry.app import create_app as create_registry
from dawr.tools.registry.settings import RegistrySettings

ARABIC = str.maketrans("0123456789", "٠١٢٣٤٥٦٧٨٩")
WRONG = "000000"


@pytest.fixture(scope="module")
async def ministry(listening: Listening) -> AsyncIterator[Ministry]:
    app = create_registry(RegistrySettings(api_key=KEY))
    async with listening(app) as port:
        yield Ministry(app, f"http://127.0.0.1:{port}")


@pytest.fixture(scope="module")
async def kept(
    the_stage: Stage, ministry: Ministry, listening: Listening, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Portal]:
    folder = tmp_path_factory.mktemp("gateway")
    async with portal_on(the_stage, folder, listening, registry_url=ministry.url, registry_key=KEY) as running:
        running.behind.on("/api/notifications/inbox", lambda *_: (200, {"items": [], "unread": 0, "next": None}))
        yield running


@pytest.fixture
def portal(kept: Portal, ministry: Ministry) -> Portal:
    ministry.fail()
    return afresh(kept)


@pytest.fixture
async def browser(portal: Portal) -> AsyncIterator[Browser]:
    async with portal.browser() as browser:
        yield browser


async def test_somebody_signs_in_with_arabic_digits_and_goes_on_where_they_were(
    portal: Portal, browser: Browser
) -> None:
    number = portal.number()
    page = await browser.open("/account")
    assert "Sign in" in page.text, "who is not signed in is led to the door"
    typed = f"{number[:3]} {number[3:7]}-{number[7:]}".translate(ARABIC)
    answer = await browser.send(page, "/sign-in", number=typed)
    assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in/code")
    page = await browser.open("/sign-in/code")
    [field] = re.findall(r'<input id="code"[^>]*>', page.text)
    assert 'autocomplete="one-time-code"' in field
    assert 'inputmode="numeric"' in field
    [code] = await portal.codes(number)
    answer = await browser.send(page, "/sign-in/code", code=f" {code} ".translate(ARABIC))
    assert (answer.status_code, answer.headers["location"]) == (303, "/account")
    page = await browser.open("/account")
    assert page.status_code == 200
    assert "My account" in page.text
    for address in browser.asked:
        assert number not in address
        assert code not in address
    assert (await browser.get("/sign-in")).headers["location"] == "/", "nobody signs in twice"
    assert (await browser.get("/sign-in/code")).headers["location"] == "/sign-in", "who waits is forgotten"


async def test_errors_are_told_in_place_and_what_was_typed_stays(portal: Portal, browser: Browser) -> None:
    answer = await browser.send(await browser.open("/sign-in"), "/sign-in", number="0101 <b>")
    assert answer.status_code == 422
    assert "<title>Error: Sign in" in answer.text
    assert 'href="#number"' in answer.text
    assert 'aria-invalid="true"' in answer.text
    assert "0101 &lt;b&gt;" in answer.text
    answer = await browser.send(answer, "/sign-in", number=portal.number())
    page = await browser.open(answer.headers["location"])
    for code in ("12", "abcdef", "", "1234567"):
        answer = await browser.send(page, "/sign-in/code", code=code)
        assert answer.status_code == 422
        assert "Enter the six digits of the code" in answer.text


async def test_wrong_codes_tell_what_is_left_and_how_long_the_pause_is(portal: Portal, browser: Browser) -> None:
    number = portal.number()
    asked = await browser.send(await browser.open("/sign-in"), "/sign-in", number=number)
    page = await browser.open(asked.headers["location"])
    [code] = await portal.codes(number)
    wrong = WRONG if code != WRONG else "111111"
    told = []
    for _ in range(5):
        page = await browser.send(page, "/sign-in/code", code=wrong)
        told.append(re.search(r'id="code-error">.*?</span> (.*?)</p>', page.text)[1])  # type: ignore[index]
    assert "4 tries are left" in told[0]
    assert "1 try is left" in told[3]
    assert "too many wrong codes" in told[4]
    assert "60 seconds" in told[4]
    page = await browser.send(page, "/sign-in/code", code=code)
    assert page.status_code == 429
    assert int(page.headers["retry-after"]) <= 60, "a right code does not end a pause"
    portal.clock.now += timedelta(seconds=61)
    asked = await browser.send(await browser.open("/sign-in"), "/sign-in", number=number)
    page = await browser.open(asked.headers["location"])
    for _ in range(5):
        page = await browser.send(page, "/sign-in/code", code=wrong)
    assert "2 minutes" in page.text, "the next pause is twice as long"


async def test_another_code_can_be_asked_for_after_a_pause(portal: Portal, browser: Browser) -> None:
    number = portal.number()
    asked = await browser.send(await browser.open("/sign-in"), "/sign-in", number=number)
    page = await browser.open(asked.headers["location"])
    assert f"in {AGAIN_SECONDS} seconds" in page.text
    again = await browser.send(page, "/sign-in/again")
    assert again.status_code == 200, "too early: the page says when"
    assert len(await portal.sent(number)) == 1
    portal.clock.now += timedelta(seconds=AGAIN_SECONDS + 1)
    again = await browser.send(page, "/sign-in/again")
    assert again.headers["location"] == "/sign-in/code"
    codes = await portal.codes(number, 2)
    answer = await browser.send(page, "/sign-in/code", code=codes[1])
    assert answer.headers["location"] == "/"


@pytest.mark.parametrize(
    "target",
    [
        "//evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "/%5cevil.example",
        "https://evil.example/",
        "https:evil.example",
        "javascript:alert(1)",
        "data:text/html,x",
        " //evil.example",
        "/\t/evil.example",
        "/x\r\nSet-Cookie: a=b",
        "/%0d%0aSet-Cookie:%20a=b",
        "///evil.example",
        "/" + "a" * 3000,
    ],
)
async def test_nobody_is_sent_elsewhere_after_signing_in(portal: Portal, browser: Browser, target: str) -> None:
    """Whether it comes by the address or by the form."""
    page = await browser.open(f"/sign-in?next={quote(target, safe='')}")
    [form] = [each for each in forms_of(page) if each.action == "/sign-in"]
    for tampered in (form.fields["next"], target):
        number = portal.number()
        asked = await browser.post("/sign-in", {**form.fields, "number": number, "next": tampered})
        page = await browser.open(asked.headers["location"])
        [code] = await portal.codes(number)
        answer = await browser.send(page, "/sign-in/code", code=code)
        where = answer.headers["location"]
        assert httpx.URL("http://127.0.0.1:8080").join(where).netloc == b"127.0.0.1:8080"
        assert "\r" not in where
        assert "\\" not in where
        assert "a" not in answer.cookies
        await browser.send(await browser.open("/sign-out"), "/sign-out")


async def test_a_form_without_its_token_does_nothing(portal: Portal, browser: Browser) -> None:
    number = portal.number()
    page = await browser.open("/sign-in")
    async with portal.browser() as other:
        [foreign] = [each for each in forms_of(await other.open("/sign-in")) if each.action == "/sign-in"]
    token = foreign.fields["form-token"]
    for fields in ({}, {"form-token": ""}, {"form-token": "x"}, {"form-token": token}):
        answer = await browser.post("/sign-in", {"number": number, **fields})
        assert answer.status_code == 409
        assert "Send it once more" in answer.text
    assert await portal.sent(number) == []
    sent = await browser.send(answer, "/sign-in")
    assert sent.headers["location"] == "/sign-in/code", "its sender sends it once more with one button"
    assert page.status_code == 200


async def test_a_token_holds_for_its_own_session_alone(portal: Portal, browser: Browser) -> None:
    before = forms_of(await browser.open("/sign-in"))[0].fields["form-token"]
    await browser.sign_in()
    async with portal.browser() as other:
        await other.sign_in()
        theirs = forms_of(await other.open("/account"))[0].fields["form-token"]
    for token in (before, theirs):
        answer = await browser.post("/sessions/everywhere", {"form-token": token})
        assert answer.status_code == 409
    assert (await browser.open("/account")).status_code == 200, "still signed in"


@pytest.mark.parametrize(
    "headers",
    [
        {"sec_fetch_site": "cross-site"},
        {"sec_fetch_site": "same-site"},
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"origin": "http://127.0.0.1:8081"},
        {"origin": "http://127.0.0.1:8080.evil.example"},
    ],
)
async def test_a_form_of_another_site_is_refused_with_whatever_token(
    portal: Portal, browser: Browser, headers: dict[str, str]
) -> None:
    await browser.sign_in()
    [form, *_] = [each for each in forms_of(await browser.open("/account")) if each.action == "/sign-out"]
    answer = await browser.post("/sign-out", form.fields, **headers)
    assert answer.status_code == 403
    assert (await browser.open("/account")).status_code == 200
    own = await browser.post("/sign-out", form.fields, origin="http://127.0.0.1:8080", sec_fetch_site="same-origin")
    assert own.headers["location"] == "/sign-out"


async def test_signing_out_ends_the_session_and_the_page_says_so(portal: Portal, browser: Browser) -> None:
    await browser.sign_in()
    copied = dict(browser.client.cookies)
    answer = await browser.send(await browser.open("/sign-out"), "/sign-out")
    gone = {each.split("=")[0] for each in answer.headers.get_list("set-cookie") if "Max-Age=0" in each}
    assert {"dawr-access", "dawr-session", "dawr-code", "dawr-kept"} <= gone
    page = await browser.open(answer.headers["location"])
    assert "You are signed out" in page.text
    async with portal.browser() as thief:
        thief.client.cookies.update(copied)
        assert (await thief.get("/account")).headers["location"].startswith("/sign-in"), "a copy is worth nothing"


async def test_a_session_known_before_is_not_the_one_after(portal: Portal, browser: Browser) -> None:
    """Fixation: an attacker plants a session of theirs that waits for its victim to sign in."""
    async with portal.browser() as attacker:
        await attacker.sign_in()
        planted = dict(attacker.client.cookies)
        await attacker.send(await attacker.open("/sign-out"), "/sign-out")
        for name in ("dawr-session", "dawr-visitor"):
            browser.client.cookies.set(name, planted[name])
        answer = await browser.sign_in()
        assert answer.headers["location"] == "/"
        after = {each.name: each.value for each in browser.client.cookies.jar if each.domain == "127.0.0.1"}
        assert after["dawr-session"].split(".")[0] != planted["dawr-session"].split(".")[0]
        attacker.client.cookies.update(planted)
        assert (await attacker.get("/account")).headers["location"].startswith("/sign-in")


async def test_what_was_typed_is_kept_when_the_session_ends_meanwhile(portal: Portal, browser: Browser) -> None:
    number = portal.number()
    portal.behind.on(
        "/api/notifications/preferences",
        lambda *_: (200, {"language": "en", "digits": "latn", "email": None, "phone": None, "channels": ["inbox"]}),
    )
    await browser.sign_in(number)
    page = await browser.open("/preferences")
    portal.clock.now += timedelta(hours=3)
    answer = await browser.send(page, "/preferences", phone="+963991234567")
    assert answer.status_code == 401
    assert "What you typed is kept" in answer.text
    assert not [each for each in portal.behind.asked if each[0] == "PUT"]
    answer = await browser.sign_in(number, path="/sign-in?next=%2Fcontinue")
    assert answer.headers["location"] == "/continue"
    page = await browser.open("/continue")
    assert "change how you are told" in page.text
    [form] = [each for each in forms_of(page) if each.action == "/preferences"]
    assert form.fields["phone"] == "+963991234567"
    sent = await browser.send(page, "/preferences")
    assert sent.headers["location"] == "/preferences?saved=1"
    [put] = [each for each in portal.behind.asked if each[0] == "PUT"]
    assert put[2]["phone"] == "+963991234567"
    assert (await browser.get("/continue")).headers["location"] == "/", "it is kept no longer"


@pytest.mark.parametrize("has_cookie", [True, False])
async def test_what_somebody_typed_is_shown_to_nobody_else_in_the_same_browser(
    portal: Portal, browser: Browser, has_cookie: bool
) -> None:
    owner = portal.number()
    known = {"language": "en", "digits": "latn", "email": None, "phone": None, "channels": ["inbox"]}
    portal.behind.on("/api/notifications/preferences", lambda *_: (200, known))
    await browser.sign_in(owner)
    page = await browser.open("/preferences")
    portal.clock.now += timedelta(hours=3)
    if not has_cookie:
        browser.client.cookies.delete("dawr-session")
    answer = await browser.send(page, "/preferences", phone="+963991234567", password="violin")
    assert "What you typed is kept" in answer.text
    assert (await browser.get("/continue")).headers["location"] == "/", "nobody is signed in"
    assert (await browser.sign_in()).headers["location"] == "/", "somebody else is"
    assert (await browser.get("/continue")).headers["location"] == "/"
    portal.clock.now += timedelta(hours=3)
    assert (await browser.sign_in(owner)).headers["location"] == "/continue"
    page = await browser.open("/continue")
    assert "+963991234567" in page.text
    assert "violin" not in page.text, "secrets are not kept"


async def test_a_stale_form_does_not_show_a_password_again(browser: Browser) -> None:
    typed = {"login": "r.haddad", "password": "violin-of-nobody", "code": "123456"}
    answer = await browser.post("/staff/sign-in", typed)
    assert answer.status_code == 409
    assert "r.haddad" in answer.text
    assert "violin-of-nobody" not in answer.text
    assert "123456" not in answer.text


async def test_a_form_that_is_too_large_is_not_read(portal: Portal, browser: Browser) -> None:
    answer = await browser.post("/sign-in", {"number": "1" * 70_000})
    assert answer.status_code == 413
    answer = await browser.post("/sign-in", {f"field-{at}": "x" for at in range(100)})
    assert answer.status_code == 400
    answer = await browser.client.post("/sign-in", json={"number": "01010012345"})
    assert answer.status_code == 415
