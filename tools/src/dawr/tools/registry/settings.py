"""Settings of the sandbox civil registry, from the environment (REGISTRY_…) or the command line."""

from typing import Annotated

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict


class RegistrySettings(BaseSettings):
    model_config = SettingsConfigDict(env_prefix="REGISTRY_")

    http_host: str = "127.0.0.1"
    http_port: Annotated[int, Field(ge=1, le=65535)] = 8089
    api_key: SecretStr
    """What the asker sends as a bearer token."""
    seed: int = 963
    """Which made-up people there are; the same number, the same people."""

    @field_validator("api_key")
    @classmethod
    def _long_enough(cls, key: SecretStr) -> SecretStr:
        if len(key.get_secret_value()) < 8:
            raise ValueError("at least 8 characters")
        return key
