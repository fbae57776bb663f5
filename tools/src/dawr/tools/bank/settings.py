"""Settings of the sandbox bank, from the environment (BANK_…) or the command line."""

from pathlib import Path
from typing import Annotated

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict
from standardwebhooks import Webhook


class BankSettings(BaseSettings):
    """Where the bank listens, whom it trusts and whom it tells."""

    model_config = SettingsConfigDict(env_prefix="BANK_")

    http_host: str = "127.0.0.1"
    http_port: Annotated[int, Field(ge=1, le=65535)] = 8086
    public_url: str | None = None
    """Address under which a payer's browser reaches the bank; without it, http://host:port."""
    api_key: SecretStr
    """What the merchant sends as a bearer token."""
    webhook_secrets: SecretStr
    """One or two `whsec_…` secrets, separated by a space; each webhook is signed with every one of them."""
    webhook_url: str | None = None
    """Where webhooks go; without it they are kept and wait."""
    data_path: Path = Path(".dawr/bank")
    """Folder of the bank's database."""

    @field_validator("api_key")
    @classmethod
    def _long_enough(cls, key: SecretStr) -> SecretStr:
        if len(key.get_secret_value()) < 8:
            raise ValueError("at least 8 characters")
        return key

    @field_validator("webhook_secrets")
    @classmethod
    def _usable(cls, secrets: SecretStr) -> SecretStr:
        """Each must be a base64 secret of Standard Webhooks: a typing error should show at the start."""
        parts = secrets.get_secret_value().split()
        if not 1 <= len(parts) <= 2:
            raise ValueError("one or two whsec_ secrets, separated by a space")
        for part in parts:
            if not part.startswith("whsec_"):
                raise ValueError("a secret starts with whsec_")
            Webhook(part)
        return secrets

    @property
    def signing_secrets(self) -> tuple[str, ...]:
        return tuple(self.webhook_secrets.get_secret_value().split())

    @property
    def page_origin(self) -> str:
        return (self.public_url or f"http://{self.http_host}:{self.http_port}").rstrip("/")
