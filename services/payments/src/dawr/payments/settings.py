"""Settings of payments: the environment's PAYMENTS_… variables."""

from collections.abc import Mapping
from datetime import timedelta
from typing import ClassVar, Self

from pydantic import Field, SecretStr, field_validator, model_validator
from pydantic_settings import SettingsConfigDict
from standardwebhooks import Webhook

from dawr.servicekit.settings import ServiceSettings, read_secret

SANDBOX_API_KEY = "sandbox-key"
SANDBOX_WEBHOOK_SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"  # noqa: S105 - of the sandbox bank, used in development


class PaymentsSettings(ServiceSettings):
    """What payments is told by its environment."""

    model_config = SettingsConfigDict(env_prefix="PAYMENTS_", extra="ignore", use_attribute_docstrings=True)

    known_secrets: ClassVar[Mapping[str, str]] = {
        "bank_api_key": SANDBOX_API_KEY,
        "webhook_secrets": SANDBOX_WEBHOOK_SECRET,
    }

    database_url: str = "postgresql://127.0.0.1:25432/payments"
    """`postgresql://user:password@host:port/name`"""
    http_port: int = Field(default=8083, ge=0, le=65535)
    bank_url: str = "http://127.0.0.1:8086"
    """Where the bank of the provider `sandbox` answers."""
    bank_api_key: SecretStr = SecretStr("")
    """What we show to the bank, by value or `file:PATH`. In development the sandbox bank's own is the default."""
    bank_timeout_seconds: float = Field(default=5.0, gt=0)
    """How long an answer of the bank is waited for, all in all."""
    webhook_secrets: SecretStr = SecretStr("")
    """`whsec_…` secrets separated by spaces, by value or `file:PATH`; while one is replaced, both are valid. In
    development the sandbox bank's own is the default; in production without any, no webhook is accepted."""
    webhook_tolerance_seconds: int = Field(default=300, ge=1)
    """How far the time of a webhook may be from ours."""
    return_urls: dict[str, str] = Field(
        default_factory=lambda: {
            "turn": "http://127.0.0.1:8080/turns/{subject}",
            "case": "http://127.0.0.1:8080/turns/{subject}",
        }
    )
    """By return key, as JSON: where the payer comes back to, with `{subject}` and `{payment}` filled in.
    The subject of a case's payment is its turn."""
    worker_poll_seconds: float = Field(default=0.5, gt=0)
    """How often the workers look for what is due."""
    lease_seconds: float = Field(default=60.0, gt=0)
    """How long one process may be at a refund or a look before another takes over; at least four times the
    bank's time-out, as closing a checkout takes three calls and a note."""
    reconcile_after_seconds: float = Field(default=20.0, gt=0)
    """How long after the payer went to the bank it is asked what became of it."""
    reconcile_until_hours: float = Field(default=48.0, gt=0)
    """How long after its end a payment is still asked about."""
    refund_failures: int = Field(default=8, ge=1)
    """After so many answers that were not a yes, a refund is set aside for a person. A provider that does not answer
    is asked again for as long as it takes."""
    refund_retry_seconds: float = Field(default=5.0, gt=0)
    """The first pause after a failure or a try without an answer; doubled each time."""
    refund_retry_longest_seconds: float = Field(default=1800.0, gt=0)
    refund_working_days: int = Field(default=5, ge=1)
    """Within how many working days banks usually give money back: told to those who wait for it."""

    @field_validator("webhook_secrets")
    @classmethod
    def _usable(cls, secrets: SecretStr) -> SecretStr:
        for secret in read_secret(secrets.get_secret_value()).split():
            if not secret.startswith("whsec_"):
                raise ValueError("a secret starts with whsec_")
            Webhook(secret)
        return secrets

    @field_validator("return_urls")
    @classmethod
    def _has_turn(cls, urls: dict[str, str]) -> dict[str, str]:
        if "turn" not in urls:
            raise ValueError("an address for the return key turn is needed")
        for url in urls.values():
            try:
                url.format(subject="", payment="")
            except (LookupError, ValueError) as error:
                raise ValueError(f"{url}: only {{subject}} and {{payment}} can be filled in") from error
        return urls

    @model_validator(mode="after")
    def _lease_outlasts_a_try(self) -> Self:
        if timedelta(seconds=self.lease_seconds) < 4 * timedelta(seconds=self.bank_timeout_seconds):
            raise ValueError("PAYMENTS_LEASE_SECONDS must be at least four times PAYMENTS_BANK_TIMEOUT_SECONDS")
        return self

    @property
    def bank_key(self) -> str:
        """The key itself; empty if none is known."""
        given = read_secret(self.bank_api_key.get_secret_value())
        return given or (SANDBOX_API_KEY if self.is_development else "")

    @property
    def signing_secrets(self) -> tuple[str, ...]:
        """The secrets themselves."""
        given = tuple(read_secret(self.webhook_secrets.get_secret_value()).split())
        return given or ((SANDBOX_WEBHOOK_SECRET,) if self.is_development else ())
