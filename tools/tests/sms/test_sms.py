"""Messages over HTTP: taken once, counted, kept over a kill; and refused when a switch says so."""

import itertools
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

API_KEY = "sandbox-key"


class Sender:
    def __init__(self, url: str) -> None:
        self._keys = itertools.count(1)
        self._name = uuid.uuid4().hex
        self.http = httpx.Client(base_url=url, headers={"Authorization": f"Bearer {API_KEY}"}, trust_env=False)

    def order(self, **changes: Any) -> dict[str, Any]:
        reference = f"message-{self._name}-{next(self._keys)}"
        return {"to": "+963991234567", "text": "دورك يوم الأحد", "reference": reference} | changes

    def send(self, order: dict[str, Any], key: str | None = None) -> httpx.Response:
        headers = {"Idempotency-Key": key or f"{self._name}-{next(self._keys)}"}
        return self.http.post("/v1/messages", json=order, headers=headers)

    def count(self, order: dict[str, Any]) -> int:
        rows = self.http.get("/sandbox/deliveries", params={"reference": order["reference"]}).json()
        return sum(row["count"] for row in rows)

    def faults(self, **switches: Any) -> None:
        self.http.put("/sandbox/faults", json=switches).raise_for_status()


@pytest.fixture(scope="module")
def provider(launch: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder = tmp_path_factory.mktemp("sms")
    return launch("dawr.tools.sms", "SMS", SMS_API_KEY=API_KEY, SMS_DATA_PATH=str(folder))


@pytest.fixture
def sender(provider: Any) -> Iterator[Sender]:
    """Begins and ends with all fault switches off."""
    sender = Sender(provider.url)
    yield sender
    sender.http.delete("/sandbox/faults").raise_for_status()
    sender.http.close()


def test_a_message_is_accepted_and_shown(sender: Sender) -> None:
    order = sender.order(to="+963990000001")
    answer = sender.send(order)
    assert answer.status_code == 202
    message = answer.json()
    assert message["status"] == "accepted"
    found = sender.http.get("/v1/messages", params={"reference": order["reference"]}).json()
    assert (found["id"], found["status"]) == (message["id"], "delivered")
    (shown,) = sender.http.get("/sandbox/messages", params={"to": "+963990000001"}).json()
    assert (shown["id"], shown["text"], shown["count"]) == (message["id"], order["text"], 1)
    assert sender.http.get("/v1/messages", params={"reference": "none"}).status_code == 404


def test_a_repeat_is_taken_once_and_counted(sender: Sender) -> None:
    order = sender.order(to="+963990000002")
    with ThreadPoolExecutor(8) as pool:
        same_key = list(pool.map(lambda _: sender.send(order, key="raced").json(), range(8)))
    other_key = sender.send(order).json()
    assert {message["id"] for message in [*same_key, other_key]} == {other_key["id"]}
    assert sender.count(order) == 9
    assert len(sender.http.get("/sandbox/messages", params={"to": order["to"]}).json()) == 1
    repeated = sender.http.get("/sandbox/deliveries", params={"at_least": 9}).json()
    assert repeated == [{"reference": order["reference"], "count": 9}]


def test_a_key_or_reference_of_another_message_is_refused(sender: Sender) -> None:
    order = sender.order()
    sender.send(order, key="used")
    for changed, key, code in (
        (sender.order(), "used", "idempotency-key-reused"),
        (order | {"text": "x"}, "used", "idempotency-key-reused"),
        (order | {"text": "x"}, None, "reference-in-use"),
    ):
        refused = sender.send(changed, key)
        assert (refused.status_code, refused.json()["code"]) == (422, code)
    assert sender.count(order) == 1


@pytest.mark.parametrize("status", [400, 429, 500, 503])
def test_messages_fail_a_given_number_of_times(sender: Sender, status: int) -> None:
    sender.faults(fail_times=2, status=status)
    order = sender.order()
    answers = [sender.send(order, key=f"failing-{status}") for _ in range(3)]
    assert [answer.status_code for answer in answers] == [status, status, 202]
    assert ("retry-after" in answers[0].headers) == (status in {429, 503})
    assert sender.count(order) == 1


def test_one_number_can_be_refused(sender: Sender) -> None:
    sender.faults(fail_rate=1, status=400, to="+96398")
    assert sender.send(sender.order(to="+963980000000")).status_code == 400
    assert sender.send(sender.order(to="+963990000000")).status_code == 202


def test_an_answer_that_is_late_was_taken_all_the_same(sender: Sender) -> None:
    sender.faults(timeout_after_doing=1, timeout_seconds=0)
    order = sender.order()
    assert sender.send(order, key="late").status_code == 504
    assert sender.count(order) == 1
    assert sender.send(order, key="late").status_code == 202
    assert sender.count(order) == 2


def test_what_was_accepted_survives_a_kill(sender: Sender, provider: Any) -> None:
    order = sender.order()
    accepted = sender.send(order, key="kept").json()
    provider.kill()
    provider.start()
    assert sender.send(order, key="kept").json() == accepted
    assert sender.count(order) == 2
    assert order["text"] not in provider.output


@pytest.mark.parametrize(
    "changes", [{"to": "0991234567"}, {"to": "+963"}, {"text": ""}, {"text": "x" * 1601}, {"reference": ""}]
)
def test_a_malformed_message_is_refused(sender: Sender, changes: dict[str, Any]) -> None:
    refused = sender.send(sender.order(**changes))
    assert (refused.status_code, refused.json()["code"]) == (422, "malformed")


def test_without_key_or_idempotency_key_nothing_is_taken(sender: Sender, provider: Any) -> None:
    order = sender.order()
    stranger = httpx.post(f"{provider.url}/v1/messages", json=order, headers={"Idempotency-Key": "x"}, trust_env=False)
    assert (stranger.status_code, stranger.json()["code"]) == (401, "key-refused")
    assert sender.http.post("/v1/messages", json=order).json()["code"] == "idempotency-key-missing"
    assert sender.http.put("/sandbox/faults", json={"status": 200}).status_code == 422
    assert sender.count(order) == 0
