"""A bank as a process, a merchant that talks to it, and the address where the merchant takes webhooks."""

import itertools
import json
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple, Protocol

import httpx
import pytest

API_KEY = "sandbox-key"
OLD_SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
NEW_SECRET = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"
JSON = {"Accept": "application/json"}


class Hit(NamedTuple):
    """One webhook request as it came in."""

    headers: dict[str, str]
    body: str

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]

    @property
    def type(self) -> str:
        return str(json.loads(self.body)["type"])

    @property
    def data(self) -> dict[str, Any]:
        data: dict[str, Any] = json.loads(self.body)["data"]
        return data


class Receiver:
    """The merchant's webhook address. It answers 204, or what `answers` has for the webhook's reference."""

    def __init__(self) -> None:
        self.hits: list[Hit] = []
        self.answers: dict[str, list[int]] = {}
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"])).decode()
                headers = {name.lower(): value for name, value in self.headers.items()}
                hit = Hit(headers, body)
                receiver.hits.append(hit)
                answers = receiver.answers.get(hit.data["reference"])
                self.send_response(answers.pop(0) if answers else 204)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Silent."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/webhooks"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def about(self, reference: str) -> list[Hit]:
        return [hit for hit in list(self.hits) if hit.data["reference"] == reference]

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


class Merchant:
    """Talks to a bank as the payments service would, with a new idempotency key for each call unless one is given."""

    def __init__(self, url: str) -> None:
        self._keys = itertools.count(1)
        self._name = f"{datetime.now(UTC).timestamp():.6f}"
        self.http = httpx.Client(
            base_url=url, headers={"Authorization": f"Bearer {API_KEY}"}, trust_env=False, timeout=20
        )

    def new_reference(self) -> str:
        return f"payment-{self._name}-{next(self._keys)}"

    def order(self, **changes: Any) -> dict[str, Any]:
        return {
            "reference": self.new_reference(),
            "amount": 31270000,
            "currency": "SYP",
            "description": {"ar": "تجديد جواز سفر", "en": "Passport renewal"},
            "expires_at": (datetime.now(UTC) + timedelta(minutes=15)).isoformat(),
            "return_url": "http://127.0.0.1:8080/turns/1?from=bank",
        } | changes

    def post(self, path: str, body: dict[str, Any], key: str | None = None) -> httpx.Response:
        headers = {"Idempotency-Key": key or f"{self._name}-{next(self._keys)}"}
        return self.http.post(path, json=body, headers=headers)

    def opened(self, **changes: Any) -> dict[str, Any]:
        """A new open checkout."""
        answer = self.post("/v1/checkouts", self.order(**changes))
        assert answer.status_code == 201, answer.text
        checkout: dict[str, Any] = answer.json()
        return checkout

    def act(self, checkout: dict[str, Any], action: str) -> httpx.Response:
        """What a payer does on the page, asking for JSON."""
        return self.http.post(f"/pay/{checkout['id']}", data={"action": action}, headers=JSON)

    def paid(self, **changes: Any) -> dict[str, Any]:
        """A new checkout that was approved."""
        checkout = self.opened(**changes)
        assert self.act(checkout, "approve").json() == {"status": "approved"}
        return self.checkout(checkout)

    def checkout(self, checkout: dict[str, Any]) -> dict[str, Any]:
        answer: dict[str, Any] = self.http.get(f"/v1/checkouts/{checkout['id']}").raise_for_status().json()
        return answer

    def refund(self, checkout: dict[str, Any], amount: int, key: str | None = None, **changes: Any) -> httpx.Response:
        order = {"capture": checkout["capture"]["id"], "amount": amount, "currency": checkout["currency"]}
        return self.post("/v1/refunds", order | {"reference": self.new_reference()} | changes, key)

    def faults(self, **switches: Any) -> None:
        assert self.http.put("/sandbox/faults", json=switches).status_code == 200


@pytest.fixture(scope="session")
def receiver() -> Iterator[Receiver]:
    receiver = Receiver()
    yield receiver
    receiver.close()


class BankSettingsOf(Protocol):
    def __call__(self, receiver: Receiver, secrets: str = OLD_SECRET) -> dict[str, str]: ...


@pytest.fixture(scope="session")
def bank_settings(tmp_path_factory: pytest.TempPathFactory) -> BankSettingsOf:
    def settings(receiver: Receiver, secrets: str = OLD_SECRET) -> dict[str, str]:
        return {
            "BANK_API_KEY": API_KEY,
            "BANK_WEBHOOK_SECRETS": secrets,
            "BANK_WEBHOOK_URL": receiver.url,
            "BANK_DATA_PATH": str(tmp_path_factory.mktemp("bank")),
        }

    return settings


@pytest.fixture(scope="session")
def bank(launch: Callable[..., Any], bank_settings: BankSettingsOf, receiver: Receiver) -> Any:
    return launch("dawr.tools.bank", "BANK", **bank_settings(receiver))


@pytest.fixture
def merchant(bank: Any) -> Iterator[Merchant]:
    """Begins and ends with all fault switches off."""
    merchant = Merchant(bank.url)
    yield merchant
    assert merchant.http.delete("/sandbox/faults").status_code == 204
    merchant.http.close()


@pytest.fixture
def new_merchant() -> Callable[[str], Merchant]:
    return Merchant
