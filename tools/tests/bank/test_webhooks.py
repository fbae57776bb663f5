"""Webhooks: signed, retried until they are taken, kept over a kill."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from dawr.tools.bank.webhooks import back_off, signed_headers

OLD_SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
NEW_SECRET = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"


def test_each_thing_that_happens_is_told_and_signed(merchant: Any, receiver: Any, eventually: Any) -> None:
    checkout = merchant.opened()
    merchant.act(checkout, "decline")
    merchant.act(checkout, "approve")
    paid = merchant.checkout(checkout)
    refund = merchant.refund(paid, 1000).json()

    def all_told() -> Any:
        hits = receiver.about(paid["reference"]) + receiver.about(refund["reference"])
        return hits if len({hit.type for hit in hits}) == 3 else None  # on a busy machine one may come twice

    hits = eventually(all_told)
    for hit in hits:
        Webhook(OLD_SECRET).verify(hit.body, hit.headers)
        assert hit.data["checkout"] == checkout["id"]
    told = {hit.type: hit.data for hit in hits}
    amounts = {"amount": 31270000, "currency": "SYP", "reference": paid["reference"], "checkout": paid["id"]}
    nothing = {"capture": None, "refund": None, "captured_at": None}
    taken = {"capture": paid["capture"]["id"], "captured_at": paid["capture"]["captured_at"], "attempt": 2}
    assert told["checkout.declined"] == {**amounts, **nothing, "attempt": 1}
    assert told["checkout.captured"] == {**amounts, **taken, "refund": None}
    back = {"refund": refund["id"], "amount": 1000, "reference": refund["reference"]}
    assert told["refund.succeeded"] == {**amounts, **taken, **back}


def test_an_expired_checkout_is_told(merchant: Any, receiver: Any, eventually: Any) -> None:
    soon = (datetime.now(UTC) + timedelta(seconds=0.2)).isoformat()
    checkout = merchant.opened(expires_at=soon)
    (hit,) = eventually(lambda: receiver.about(checkout["reference"]))
    assert (hit.type, hit.data["attempt"], hit.data["capture"]) == ("checkout.expired", 0, None)


def test_a_refused_webhook_comes_again_with_the_same_id_and_a_fresh_signature(
    merchant: Any, receiver: Any, eventually: Any
) -> None:
    checkout = merchant.opened()
    receiver.answers[checkout["reference"]] = [500, 302]
    merchant.act(checkout, "approve")
    hits = eventually(lambda: hits if len(hits := receiver.about(checkout["reference"])) == 3 else None)
    assert len({hit.id for hit in hits}) == 1
    assert len({hit.body for hit in hits}) == 1
    assert hits[0].headers["webhook-timestamp"] < hits[2].headers["webhook-timestamp"]
    assert hits[0].headers["webhook-signature"] != hits[2].headers["webhook-signature"]
    for hit in hits:
        Webhook(OLD_SECRET).verify(hit.body, hit.headers)
    (record,) = eventually(lambda: [one for one in kept(merchant, checkout) if one["state"] == "delivered"])
    assert (record["tries"], record["delivered"], record["last_outcome"]) == (3, 1, "204")


def kept(merchant: Any, checkout: dict[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = merchant.http.get(
        "/sandbox/webhooks", params={"reference": checkout["reference"]}
    ).json()
    return found


def test_a_lost_webhook_comes_only_when_it_is_replayed(merchant: Any, receiver: Any, eventually: Any) -> None:
    merchant.faults(webhooks={"lose": 1})
    lost = merchant.paid()
    merchant.faults()
    later = merchant.paid()
    eventually(lambda: receiver.about(later["reference"]))
    (record,) = kept(merchant, lost)
    assert (record["state"], record["tries"], receiver.about(lost["reference"])) == ("lost", 0, [])
    assert merchant.http.post(f"/sandbox/webhooks/replay/{record['id']}").status_code == 202
    (hit,) = eventually(lambda: receiver.about(lost["reference"]))
    assert hit.id == record["id"]
    assert merchant.http.post("/sandbox/webhooks/replay/msg_none").status_code == 404


def test_a_doubled_webhook_comes_twice_with_one_id(merchant: Any, receiver: Any, eventually: Any) -> None:
    merchant.faults(webhooks={"double": 1})
    checkout = merchant.paid()
    first, second = eventually(lambda: hits if len(hits := receiver.about(checkout["reference"])) == 2 else None)
    assert first.id == second.id
    eventually(lambda: kept(merchant, checkout)[0]["state"] == "delivered")
    assert len(receiver.about(checkout["reference"])) == 2


def test_a_delayed_webhook_waits(merchant: Any, receiver: Any, eventually: Any) -> None:
    merchant.faults(webhooks={"delay_seconds": [0.4, 0.5]})
    checkout = merchant.paid()
    captured_at = datetime.fromisoformat(checkout["capture"]["captured_at"])
    due_at = datetime.fromisoformat(kept(merchant, checkout)[0]["due_at"])
    assert timedelta(seconds=0.4) <= due_at - captured_at <= timedelta(seconds=0.5)
    eventually(lambda: receiver.about(checkout["reference"]))
    assert datetime.now(UTC) >= due_at


def test_reordered_webhooks_change_places(merchant: Any, receiver: Any, eventually: Any) -> None:
    merchant.faults(webhooks={"reorder": True})
    checkout = merchant.opened()
    merchant.act(checkout, "decline")
    merchant.act(checkout, "approve")
    hits = eventually(lambda: hits if len(hits := receiver.about(checkout["reference"])) == 2 else None)
    assert [hit.type for hit in hits] == ["checkout.captured", "checkout.declined"]


def test_what_was_not_taken_is_sent_after_a_kill(
    launch: Any, bank_settings: Any, receiver: Any, eventually: Any, new_merchant: Any
) -> None:
    settings = bank_settings(receiver)
    bank = launch("dawr.tools.bank", "BANK", **settings)
    merchant = new_merchant(bank.url)
    order, refund_reference = merchant.order(), merchant.new_reference()
    receiver.answers = {order["reference"]: [503] * 9, refund_reference: [503] * 9}
    checkout = merchant.post("/v1/checkouts", order, key="kept-key").json()
    merchant.act(checkout, "approve")
    refund = merchant.refund(merchant.checkout(checkout), 1000, reference=refund_reference).json()
    eventually(lambda: receiver.about(order["reference"]) and receiver.about(refund_reference))
    books = merchant.http.get("/sandbox/books").json()
    bank.kill()
    bank.settings["BANK_WEBHOOK_SECRETS"] = f"{NEW_SECRET} {OLD_SECRET}"
    refused = {reference: receiver.about(reference) for reference in receiver.answers}
    receiver.answers = {}
    bank.start()

    assert merchant.http.get("/sandbox/books").json() == books
    assert books["totals"] == {"SYP": {"captured": 31270000, "captures": 1, "refunded": 1000, "refunds": 1}}
    assert merchant.post("/v1/checkouts", order, key="kept-key").json() == checkout
    assert merchant.checkout(checkout)["refunds"] == [refund]
    for reference in refused:
        eventually(lambda ref=reference: len(receiver.about(ref)) > len(refused[ref]))
        first, again = refused[reference][0], receiver.about(reference)[-1]
        assert first.id == again.id
        for secret in (OLD_SECRET, NEW_SECRET):
            Webhook(secret).verify(again.body, again.headers)
        with pytest.raises(WebhookVerificationError):
            Webhook(NEW_SECRET).verify(first.body, first.headers)


def test_a_changed_byte_breaks_every_signature() -> None:
    body = '{"type":"checkout.captured"}'
    headers = signed_headers([OLD_SECRET, NEW_SECRET], "msg_1", datetime.now(UTC), body)
    assert len(headers["webhook-signature"].split(" ")) == 2
    for secret in (OLD_SECRET, NEW_SECRET):
        Webhook(secret).verify(body, headers)
        for changed in (
            {"webhook-id": "msg_2"},
            {"webhook-timestamp": str(int(headers["webhook-timestamp"]) + 1)},
        ):
            with pytest.raises(WebhookVerificationError):
                Webhook(secret).verify(body, headers | changed)
        with pytest.raises(WebhookVerificationError):
            Webhook(secret).verify(body.replace("captured", "declined"), headers)


def test_back_off_doubles_from_half_a_second_to_thirty() -> None:
    assert [back_off(failures) for failures in (1, 2, 3, 6, 7, 1000)] == [0.5, 1, 2, 16, 30, 30]
