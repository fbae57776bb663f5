"""What an operator gets wrong is seen before money moves."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from pydantic import ValidationError

from dawr.payments.app import create_service
from dawr.payments.errors import WebhookRefused
from dawr.payments.settings import SANDBOX_API_KEY, SANDBOX_WEBHOOK_SECRET, PaymentsSettings
from dawr.payments.webhooks import WebhookVerifier
from dawr.servicekit.settings import PlatformSettings

from .town import NEW_SECRET, signed_headers

PRODUCTION = PlatformSettings(environment="production")
DEVELOPMENT = PlatformSettings(environment="development")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PAYMENTS_BANK_API_KEY", SANDBOX_API_KEY),
        ("PAYMENTS_WEBHOOK_SECRETS", SANDBOX_WEBHOOK_SECRET),
        ("PAYMENTS_WEBHOOK_SECRETS", f"{NEW_SECRET} {SANDBOX_WEBHOOK_SECRET}"),
    ],
)
def test_in_production_the_sandboxs_keys_are_refused(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(ValidationError, match=f"in production set {name}:"):
        PaymentsSettings(platform=PRODUCTION)
    PaymentsSettings(platform=DEVELOPMENT)


async def test_the_sandboxs_keys_stand_in_on_development_alone() -> None:
    settings = PaymentsSettings(platform=DEVELOPMENT)
    assert (settings.bank_key, settings.signing_secrets) == (SANDBOX_API_KEY, (SANDBOX_WEBHOOK_SECRET,))
    settings = PaymentsSettings(platform=PRODUCTION)
    assert (settings.bank_key, settings.signing_secrets) == ("", ())
    service = create_service(settings)
    assert not await service.ready["provider-keys"]()
    now = datetime.now(UTC)
    headers = signed_headers([SANDBOX_WEBHOOK_SECRET], "msg_1", now, b"{}")
    with pytest.raises(WebhookRefused):
        WebhookVerifier(settings.signing_secrets, tolerance=now - now).verify(headers, b"{}", now)
    for close in service.closers:
        await close()


def test_secrets_may_be_mounted_as_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "secrets").write_text(f"{SANDBOX_WEBHOOK_SECRET} {NEW_SECRET}\n")
    monkeypatch.setenv("PAYMENTS_WEBHOOK_SECRETS", f"file:{tmp_path}/secrets")
    assert PaymentsSettings(platform=DEVELOPMENT).signing_secrets == (SANDBOX_WEBHOOK_SECRET, NEW_SECRET)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PAYMENTS_WEBHOOK_SECRETS", "sk_live_1"),
        ("PAYMENTS_RETURN_URLS", '{"case": "http://127.0.0.1/"}'),
        ("PAYMENTS_RETURN_URLS", '{"turn": "http://127.0.0.1/{person}"}'),
        ("PAYMENTS_REFUND_FAILURES", "0"),
        ("PAYMENTS_LEASE_SECONDS", "19"),  # four times the bank's five are 20
    ],
)
def test_a_setting_that_can_not_work_is_refused(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(ValidationError):
        PaymentsSettings()
