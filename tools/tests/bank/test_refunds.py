"""Money that goes back, and the books that tell of it."""

import csv
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any


def test_refunds_never_exceed_the_capture(merchant: Any) -> None:
    checkout = merchant.paid(amount=1000)
    first = merchant.refund(checkout, 600)
    assert (first.status_code, first.json()["status"], first.json()["amount"]) == (201, "succeeded", 600)
    over = merchant.refund(checkout, 401)
    assert (over.status_code, over.json()["code"]) == (409, "refund-exceeds-capture")
    assert merchant.refund(checkout, 400).status_code == 201
    assert [refund["amount"] for refund in merchant.checkout(checkout)["refunds"]] == [600, 400]


def test_racing_refunds_never_exceed_the_capture(merchant: Any) -> None:
    checkout = merchant.paid(amount=1000)
    with ThreadPoolExecutor(10) as pool:
        answers = list(pool.map(lambda _: merchant.refund(checkout, 300).status_code, range(10)))
    assert sorted(answers) == [201] * 3 + [409] * 7


def test_a_refund_that_is_asked_again_is_made_once(merchant: Any) -> None:
    checkout = merchant.paid(amount=1000)
    first = merchant.refund(checkout, 300, key="refund-key", reference="refund-once").json()
    assert merchant.refund(checkout, 300, key="refund-key", reference="refund-once").json() == first
    other_key = merchant.refund(checkout, 300, reference="refund-once")
    assert (other_key.status_code, other_key.json()["id"]) == (200, first["id"])
    other_terms = merchant.refund(checkout, 301, reference="refund-once")
    assert (other_terms.status_code, other_terms.json()["code"]) == (409, "reference-in-use")
    assert merchant.http.get("/v1/refunds", params={"reference": "refund-once"}).json() == first
    assert len(merchant.checkout(checkout)["refunds"]) == 1


def test_a_refund_of_nothing_known_or_in_another_currency_is_refused(merchant: Any) -> None:
    checkout = merchant.paid()
    assert merchant.refund(checkout, 5, currency="USD").json()["code"] == "currency-differs"
    assert merchant.refund(checkout, 5, capture="cap_none").status_code == 404
    assert merchant.http.get("/v1/refunds", params={"reference": "refund-none"}).status_code == 404
    assert merchant.checkout(checkout)["refunds"] == []


def test_the_books_and_the_statement_tell_the_same(merchant: Any) -> None:
    before = datetime.now(UTC)
    pounds, dollars = merchant.paid(amount=1000), merchant.paid(amount=300, currency="USD")
    refund = merchant.refund(dollars, 300).json()
    merchant.faults(refunds={"fail_times": 1, "fail_permanently": True})
    failed = merchant.refund(pounds, 1000).json()
    assert failed["status"] == "failed"

    bounds = {"from": before.isoformat(), "to": (before + timedelta(minutes=5)).isoformat()}
    answer = merchant.http.get("/v1/statement", params=bounds)
    assert answer.headers["content-type"].startswith("text/csv")
    lines = list(csv.DictReader(answer.text.splitlines()))
    assert [(line["id"], line["kind"], line["reference"], line["amount"], line["currency"]) for line in lines] == [
        (pounds["capture"]["id"], "capture", pounds["reference"], "1000", "SYP"),
        (dollars["capture"]["id"], "capture", dollars["reference"], "300", "USD"),
        (refund["id"], "refund", refund["reference"], "300", "USD"),
    ]
    assert lines[0]["at"] == pounds["capture"]["captured_at"]
    up_to_first = {"to": lines[1]["at"], "from": before.isoformat()}
    assert len(merchant.http.get("/v1/statement", params=up_to_first).text.splitlines()) == 2
    tomorrow = {"from": (before.date() + timedelta(days=1)).isoformat()}
    assert merchant.http.get("/v1/statement", params=tomorrow).text == "id,kind,reference,amount,currency,at\r\n"

    books = merchant.http.get("/sandbox/books").json()
    for currency, totals in books["totals"].items():
        captures = [capture["amount"] for capture in books["captures"] if capture["currency"] == currency]
        refunds = [
            refund["amount"]
            for refund in books["refunds"]
            if refund["currency"] == currency and refund["status"] == "succeeded"
        ]
        assert totals == {
            "captured": sum(captures),
            "captures": len(captures),
            "refunded": sum(refunds),
            "refunds": len(refunds),
        }
    assert books["totals"]["USD"]["refunded"] >= 300
    assert failed["id"] in {refund["id"] for refund in books["refunds"]}
