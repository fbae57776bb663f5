"""A merchant opens, reads and cancels checkouts."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest


def test_a_checkout_is_opened_and_read_by_id_and_reference(merchant: Any) -> None:
    order = merchant.order(language="en")
    answer = merchant.post("/v1/checkouts", order)
    opened = answer.json()
    assert answer.status_code == 201
    assert (opened["reference"], opened["amount"], opened["currency"]) == (order["reference"], 31270000, "SYP")
    assert (opened["status"], opened["capture"], opened["refunds"]) == ("open", None, [])
    assert opened["url"].endswith(f"/pay/{opened['id']}")
    assert datetime.fromisoformat(opened["expires_at"]) == datetime.fromisoformat(order["expires_at"])
    assert merchant.checkout(opened) == opened
    assert merchant.http.get("/v1/checkouts", params={"reference": order["reference"]}).json() == opened


def test_the_same_key_and_body_get_the_same_answer(merchant: Any) -> None:
    order = merchant.order()
    first = merchant.post("/v1/checkouts", order, key="one-key")
    merchant.act(first.json(), "approve")
    again = merchant.post("/v1/checkouts", order, key="one-key")
    assert (again.status_code, again.json()) == (first.status_code, first.json())


def test_the_same_key_with_another_body_is_refused(merchant: Any) -> None:
    merchant.post("/v1/checkouts", merchant.order(), key="a-key")
    answer = merchant.post("/v1/checkouts", merchant.order(), key="a-key")
    assert (answer.status_code, answer.json()["code"]) == (422, "idempotency-key-reused")
    checkout = merchant.paid()
    assert merchant.refund(checkout, 1, key="a-key").json()["code"] == "idempotency-key-reused"


def test_racing_twins_open_one_checkout(merchant: Any) -> None:
    order = merchant.order()
    with ThreadPoolExecutor(16) as pool:
        same_key = list(pool.map(lambda _: merchant.post("/v1/checkouts", order, key="raced"), range(16)))
        other_keys = list(pool.map(lambda _: merchant.post("/v1/checkouts", order), range(16)))
    assert {answer.status_code for answer in same_key} == {201}
    assert {answer.status_code for answer in other_keys} == {200}
    assert len({answer.json()["id"] for answer in same_key + other_keys}) == 1


def test_a_reference_with_a_live_checkout_takes_no_other_terms(merchant: Any) -> None:
    checkout = merchant.opened()
    changed = merchant.order(reference=checkout["reference"], amount=5)
    assert merchant.post("/v1/checkouts", changed).json()["code"] == "reference-in-use"
    merchant.http.post(f"/v1/checkouts/{checkout['id']}/cancel").raise_for_status()
    assert merchant.post("/v1/checkouts", changed).status_code == 201


def test_a_cancelled_checkout_takes_no_money(merchant: Any) -> None:
    checkout = merchant.opened()
    for _ in range(2):
        answer = merchant.http.post(f"/v1/checkouts/{checkout['id']}/cancel")
        assert (answer.status_code, answer.json()["status"]) == (200, "cancelled")
    refused = merchant.act(checkout, "approve")
    assert (refused.status_code, refused.json()["code"]) == (409, "checkout-cancelled")
    assert merchant.checkout(checkout)["capture"] is None


def test_a_captured_checkout_cannot_be_cancelled(merchant: Any) -> None:
    checkout = merchant.paid()
    refused = merchant.http.post(f"/v1/checkouts/{checkout['id']}/cancel")
    assert (refused.status_code, refused.json()["code"]) == (409, "checkout-captured")
    assert merchant.checkout(checkout)["status"] == "approved"


def test_an_expired_checkout_takes_no_money(merchant: Any, eventually: Any) -> None:
    checkout = merchant.opened(expires_at=(datetime.now(UTC) + timedelta(seconds=0.3)).isoformat())
    eventually(lambda: merchant.checkout(checkout)["status"] == "expired")
    refused = merchant.act(checkout, "approve")
    assert (refused.status_code, refused.json()["code"]) == (409, "checkout-expired")
    assert merchant.checkout(checkout)["capture"] is None
    page = merchant.http.get(f"/pay/{checkout['id']}", params={"language": "en"}).text
    assert "Time ran out" in page
    assert "<form" not in page


def test_a_capture_carries_the_banks_time(merchant: Any) -> None:
    before = datetime.now(UTC)
    capture = merchant.paid()["capture"]
    assert before <= datetime.fromisoformat(capture["captured_at"]) <= datetime.now(UTC)
    assert (capture["amount"], capture["currency"]) == (31270000, "SYP")


def test_paying_twice_takes_the_money_once(merchant: Any) -> None:
    checkout = merchant.opened()
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: merchant.act(checkout, "approve").json(), range(8)))
    assert answers == [{"status": "approved"}] * 8
    books = merchant.http.get("/sandbox/books").json()
    assert len([capture for capture in books["captures"] if capture["checkout"] == checkout["id"]]) == 1


@pytest.mark.parametrize("key", ["", "Bearer wrong-key", "sandbox-key", "Basic sandbox-key"])
def test_without_the_api_key_nothing_is_told(merchant: Any, bank: Any, key: str) -> None:
    headers = {"Authorization": key, "Idempotency-Key": "x"}
    stranger = httpx.Client(base_url=bank.url, headers=headers, trust_env=False)
    order = merchant.order()
    for answer in (
        stranger.post("/v1/checkouts", json=order),
        stranger.get("/v1/checkouts", params={"reference": "x"}),
        stranger.get("/v1/statement"),
    ):
        assert (answer.status_code, answer.json()["code"]) == (401, "key-refused")
    assert merchant.http.get("/v1/checkouts", params={"reference": order["reference"]}).status_code == 404


@pytest.mark.parametrize(
    "changes",
    [
        {"amount": 0},
        {"amount": -5},
        {"amount": 10.5},
        {"amount": "100"},
        {"amount": 10**30},
        {"currency": "syp"},
        {"expires_at": "2030-01-01T00:00:00"},
        {"expires_at": "2020-01-01T00:00:00Z"},
        {"return_url": "javascript:alert(1)"},
        {"description": {"ar": "بلا ترجمة"}},
        {"reference": ""},
    ],
)
def test_a_malformed_order_is_refused(merchant: Any, changes: dict[str, Any]) -> None:
    answer = merchant.post("/v1/checkouts", merchant.order(**changes))
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["code"] in {"malformed", "already-expired"}


def test_a_post_without_an_idempotency_key_is_refused(merchant: Any) -> None:
    answer = merchant.http.post("/v1/checkouts", json=merchant.order())
    assert (answer.status_code, answer.json()["code"]) == (400, "idempotency-key-missing")
