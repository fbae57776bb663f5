"""The README tells the protocol as it is."""

import re
from pathlib import Path
from typing import Any

import dawr.tools.bank
from dawr.tools.bank import wire
from dawr.tools.bank.domain import WebhookType

README = (Path(dawr.tools.bank.__file__).parent / "README.md").read_text()


def test_every_request_is_in_the_readme(merchant: Any) -> None:
    paths = merchant.http.get("/openapi.json").json()["paths"]
    assert "/v1/checkouts" in paths
    told = set(re.findall(r"/(?:v1|sandbox)/[a-z/{}_-]+", README.replace("{webhook-id}", "{webhook_id}")))
    assert {path.replace("{checkout_id}", "{id}") for path in paths} == told


def test_every_field_and_type_is_in_the_readme() -> None:
    for model in (wire.CheckoutOrder, wire.CheckoutAnswer, wire.CaptureAnswer, wire.RefundOrder, wire.WebhookData):
        for field in model.model_fields:
            assert re.search(rf"\b{field}\b", README), f"{model.__name__}.{field}"
    for kind in WebhookType:
        assert f"`{kind}`" in README


def test_it_fits_on_a_screen_and_its_links_lead_somewhere() -> None:
    assert README.count("\n") <= 60
    for link in re.findall(r"\]\((?!http)([^)]+)\)", README):
        assert (Path(dawr.tools.bank.__file__).parent / link).exists(), link
