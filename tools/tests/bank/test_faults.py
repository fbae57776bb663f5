"""The fault switches do what they say, and nothing when they are off."""

import subprocess
import sys
from typing import Any

import pytest

from dawr.tools.bank.faults import FaultBox, Faults


def test_refunds_fail_a_given_number_of_times(merchant: Any) -> None:
    checkout = merchant.paid(amount=1000)
    merchant.faults(refunds={"fail_times": 2})
    answers = [merchant.refund(checkout, 1000, key="same", reference="failing") for _ in range(3)]
    assert [answer.status_code for answer in answers] == [503, 503, 201]
    assert answers[0].json()["code"] == "unavailable"
    assert "retry-after" in answers[0].headers
    assert len(merchant.checkout(checkout)["refunds"]) == 1
    assert merchant.http.get("/sandbox/faults").json()["refunds"]["fail_times"] == 0


def test_a_permanent_failure_is_an_answer_and_the_money_can_be_given_back_later(
    merchant: Any, receiver: Any, eventually: Any
) -> None:
    checkout = merchant.paid(amount=1000)
    merchant.faults(refunds={"fail_rate": 1, "fail_permanently": True})
    failed = merchant.refund(checkout, 1000, key="perm", reference="permanent")
    assert (failed.status_code, failed.json()["status"]) == (201, "failed")
    (hit,) = eventually(lambda: receiver.about("permanent"))
    assert (hit.type, hit.data["refund"]) == ("refund.failed", failed.json()["id"])
    merchant.faults()
    assert merchant.refund(checkout, 1000, key="perm", reference="permanent").json() == failed.json()
    again = merchant.refund(checkout, 1000, key="by-hand", reference="permanent")
    assert (again.status_code, again.json()["status"]) == (201, "succeeded")
    assert merchant.http.get("/v1/refunds", params={"reference": "permanent"}).json() == again.json()


def test_an_answer_that_is_late_was_done_all_the_same(merchant: Any) -> None:
    merchant.faults(timeouts={"checkouts": 1, "refunds": 1, "seconds": 0})
    order = merchant.order(amount=1000)
    late = merchant.post("/v1/checkouts", order, key="late")
    assert (late.status_code, late.json()["code"]) == (504, "timed-out")
    found = merchant.http.get("/v1/checkouts", params={"reference": order["reference"]}).json()
    assert merchant.post("/v1/checkouts", order, key="late").json() == found
    merchant.act(found, "approve")
    paid = merchant.checkout(found)
    assert merchant.refund(paid, 1000, key="late-refund", reference="late-refund").status_code == 504
    made = merchant.refund(paid, 1000, key="late-refund", reference="late-refund")
    assert (made.status_code, merchant.checkout(found)["refunds"]) == (201, [made.json()])


def test_a_capture_can_be_of_the_wrong_amount_or_currency(merchant: Any, receiver: Any, eventually: Any) -> None:
    merchant.faults(wrong_amount=1)
    less = merchant.paid(amount=1000)
    merchant.faults(wrong_currency=1)
    other = merchant.paid(amount=1000)
    assert (less["capture"]["amount"], less["capture"]["currency"]) == (900, "SYP")
    assert (other["capture"]["amount"], other["capture"]["currency"]) == (1000, "USD")
    (hit,) = eventually(lambda: receiver.about(less["reference"]))
    assert hit.data["amount"] == 900
    assert merchant.refund(less, 1000).json()["code"] == "refund-exceeds-capture"


@pytest.mark.parametrize(
    "switches",
    [
        {"webhooks": {"loose": 1}},
        {"webhooks": {"lose": 1.5}},
        {"webhooks": {"delay_seconds": [3, 1]}},
        {"refunds": {"fail_times": -1}},
        {"timeouts": {"seconds": -1}},
        {"unheard_of": True},
    ],
)
def test_switches_that_make_no_sense_are_refused(merchant: Any, switches: dict[str, Any]) -> None:
    merchant.faults(wrong_amount=0.5)
    assert merchant.http.put("/sandbox/faults", json=switches).status_code == 422
    assert merchant.http.get("/sandbox/faults").json()["wrong_amount"] == 0.5


def test_the_same_seed_gives_the_same_faults() -> None:
    def drawn(seed: int) -> list[tuple[int, tuple[int, str]]]:
        box = FaultBox()
        box.set(Faults.model_validate({"webhooks": {"lose": 0.4, "double": 0.4}, "wrong_amount": 0.5, "seed": seed}))
        return [(box.sendings(), box.charged(1000, "SYP")) for _ in range(50)]

    assert drawn(1) == drawn(1)
    assert drawn(1) != drawn(2)
    assert {times for times, _ in drawn(1)} == {0, 1, 2}


def test_missing_settings_are_named() -> None:
    run = subprocess.run(
        [sys.executable, "-m", "dawr.tools.bank", "--port", "99999"],
        env={"BANK_WEBHOOK_SECRETS": "no-secret"},
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    assert run.returncode == 2
    for setting in ("BANK_HTTP_PORT", "BANK_API_KEY", "BANK_WEBHOOK_SECRETS"):
        assert setting in run.stderr
    assert "Traceback" not in run.stderr
