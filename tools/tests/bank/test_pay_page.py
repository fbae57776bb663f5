"""What a payer sees and does."""

from html.parser import HTMLParser
from typing import Any

import pytest
from babel import Locale

from dawr.tools.bank.amounts import amount_text


def page(merchant: Any, checkout: dict[str, Any], **query: str) -> str:
    answer = merchant.http.get(f"/pay/{checkout['id']}", params=query).raise_for_status()
    return str(answer.text)


def test_the_page_is_arabic_and_right_to_left_by_default(merchant: Any) -> None:
    text = page(merchant, merchant.opened())
    assert '<html lang="ar" dir="rtl">' in text
    assert "تجديد جواز سفر" in text
    assert "312,700" in text
    assert "ليرة سورية" in text
    assert "ادفع الآن" in text


def test_the_page_is_english_when_the_payer_the_merchant_or_the_browser_asks(merchant: Any) -> None:
    english = '<html lang="en" dir="ltr">'
    checkout = merchant.opened()
    assert english in page(merchant, checkout, language="en")
    assert english in page(merchant, merchant.opened(language="en"))
    assert '<html lang="ar"' in page(merchant, merchant.opened(language="en"), language="ar")
    browser = merchant.http.get(f"/pay/{checkout['id']}", headers={"Accept-Language": "en-GB,en;q=0.9,ar;q=0.5"})
    assert english in browser.text
    assert "Syrian pounds" in browser.text


class _Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.seen: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))


def test_the_page_is_a_plain_form_without_scripts_or_inline_style(merchant: Any) -> None:
    tags = _Tags()
    tags.feed(page(merchant, merchant.opened()))
    names = [tag for tag, _ in tags.seen]
    assert names.count("form") == 1
    assert not {"script", "style"} & set(names)
    assert not [attributes for _, attributes in tags.seen if "style" in attributes]
    actions = [attributes["value"] for tag, attributes in tags.seen if tag == "button"]
    assert actions == ["approve", "decline", "later"]
    assert merchant.http.get("/pay.css").headers["content-type"].startswith("text/css")


def test_texts_of_the_merchant_are_escaped(merchant: Any) -> None:
    text = page(merchant, merchant.opened(description={"ar": "<script>alert(1)</script>", "en": "x"}))
    assert "<script>" not in text
    assert "&lt;script&gt;" in text


def test_a_browser_is_sent_back_to_the_merchant(merchant: Any) -> None:
    checkout = merchant.opened()
    for action, outcome in (("later", "later"), ("decline", "declined"), ("approve", "approved")):
        answer = merchant.http.post(f"/pay/{checkout['id']}", data={"action": action})
        assert answer.status_code == 303
        assert answer.headers["location"] == f"http://127.0.0.1:8080/turns/1?from=bank&status={outcome}"


def test_the_security_policy_lets_the_form_lead_back_to_the_merchant(merchant: Any) -> None:
    policy = merchant.http.get(f"/pay/{merchant.opened()['id']}").headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "form-action 'self' http://127.0.0.1:8080" in policy


def test_a_declined_checkout_can_be_tried_again(merchant: Any) -> None:
    checkout = merchant.opened()
    assert merchant.act(checkout, "decline").json() == {"status": "declined"}
    assert merchant.act(checkout, "later").json() == {"status": "later"}
    declined = merchant.checkout(checkout)
    assert (declined["status"], declined["attempt"], declined["capture"]) == ("declined", 1, None)
    assert "declined and nothing was taken" in page(merchant, checkout, language="en")
    assert merchant.act(checkout, "approve").json() == {"status": "approved"}
    approved = merchant.checkout(checkout)
    assert (approved["status"], approved["attempt"]) == ("approved", 2)
    assert merchant.act(checkout, "decline").json()["code"] == "checkout-captured"


def test_a_paid_page_offers_no_second_payment(merchant: Any) -> None:
    checkout = merchant.paid()
    text = page(merchant, checkout, language="en")
    assert "<form" not in text
    assert "don&#39;t need to pay again" in text
    assert "status=approved" in text
    declined = merchant.http.post(f"/pay/{checkout['id']}", data={"action": "decline"})
    assert (declined.status_code, "<form" in declined.text) == (409, False)


def test_an_unknown_page_says_so(merchant: Any) -> None:
    answer = merchant.http.get("/pay/chk_none")
    assert (answer.status_code, "لا توجد عملية دفع هنا" in answer.text) == (404, True)
    assert merchant.act({"id": "chk_none"}, "approve").json()["code"] == "not-found"
    assert merchant.act(merchant.opened(), "steal").status_code == 422


@pytest.mark.parametrize(
    ("amount", "currency", "language", "text"),
    [
        (31270000, "SYP", "en", "312,700 Syrian pounds"),
        (31270050, "SYP", "ar", "312,700.50 ليرة سورية"),
        (30000, "USD", "en", "300 US dollars"),
        (1, "JOD", "en", "0.001 Jordanian dinars"),
        (1200, "JPY", "en", "1,200 Japanese yen"),
        (500, "XXY", "en", "5 XXY"),
    ],
)
def test_amounts_are_written_in_major_units(amount: int, currency: str, language: str, text: str) -> None:
    assert " ".join(amount_text(amount, currency, Locale(language))) == text
