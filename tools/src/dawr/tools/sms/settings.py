"""Settings of the sandbox SMS provider, from the environment (SMS_…) or the command line."""

from pathlib import Path
from typing import Annotated

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict


class SmsSettings(BaseSettings):
    model_config = SettingsConfigDict(env_prefix="SMS_")

    http_host: str = "127.0.0.1"
    http_port: Annotated[int, Field(ge=1, le=65535)] = 8087
    api_key: SecretStr
    """What the sender sends as a bearer token."""
    data_path: Path = Path(".dawr/sms")
    """Folder of the provider's database."""

    @field_validator("api_key")
    @classmethod
    def _long_enough(cls, key: SecretStr) -> SecretStr:
        if len(key.get_secret_value()) < 8:
            raise ValueError("at least 8 characters")
        return key
