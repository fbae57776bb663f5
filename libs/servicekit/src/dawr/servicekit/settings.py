"""Settings from the environment. Nothing is read at import: a process makes its settings once and passes them on."""

from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar, Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

DEVELOPMENT_PASSWORD_END = "-development"  # noqa: S105 - the mark of a password that is none
"""How the databases' passwords in docker-compose.yml end."""


class PlatformSettings(BaseSettings):
    """What is the same for every service of a platform."""

    model_config = SettingsConfigDict(env_prefix="DAWR_", extra="ignore", use_attribute_docstrings=True)

    kafka: str = "127.0.0.1:29092"
    """Bootstrap servers, comma separated."""
    kafka_session_seconds: float = Field(default=10.0, ge=1.0, le=60.0)
    """A consumer that was not heard of for so long is taken for dead, and its partitions go to others."""
    topic_prefix: str = ""
    """Put before every topic and group, so that test runs share a broker."""
    jwks: str = ".dawr/keys/jwks.json"
    """Where the public keys of access tokens are: an address or a file."""
    log_format: Literal["console", "json"] = "json"
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    environment: Literal["development", "production"] = "production"
    default_language: Literal["ar", "en"] = "ar"
    """Of answers to callers whose `Accept-Language` names neither."""


class ServiceSettings(BaseSettings):
    """What every service needs. A service subclasses it with `env_prefix="<SERVICE>_"` and adds its own."""

    # Errors show no input: a secret may be in it, and they go to logs.
    model_config = SettingsConfigDict(extra="ignore", use_attribute_docstrings=True, hide_input_in_errors=True)

    known_secrets: ClassVar[Mapping[str, str]] = {}
    """By setting, the secret for development: known to everybody who has the source, so refused in production, also
    as one of several with commas or spaces between."""

    database_url: str = Field(default="postgresql://127.0.0.1:25432/postgres")
    """`postgresql://user:password@host:port/name`"""
    database_pool_connections: int = Field(default=10, ge=2, le=200)
    http_host: str = "127.0.0.1"
    http_port: int = Field(default=8000, ge=0, le=65535)
    http_body_bytes: int = Field(default=64 * 1024, ge=1024)
    """The largest body that is read."""
    drain_seconds: float = Field(default=8.0, gt=0)
    """How long work in flight may take once the process was asked to stop."""
    stuck_seconds: float = Field(default=90.0, gt=0)
    """A batch that is worked on for longer, or partitions that are polled less often, mean that the process is
    stuck: /healthz says so."""
    outbox_keep_days: int = Field(default=7, ge=1)
    """How long sent messages are kept, to be sent again if the broker loses its log."""
    inbox_keep_days: int = Field(default=14, ge=1)
    """How long it is remembered that a message was handled; longer than any topic of commands keeps it."""
    platform: PlatformSettings = Field(default_factory=PlatformSettings)

    @model_validator(mode="after")
    def _keeps_its_secrets(self) -> Self:
        if not self.is_development:
            known = [name for name, secret in self.known_secrets.items() if secret in self._secrets_in(name)]
            if (urlsplit(self.database_url).password or "").endswith(DEVELOPMENT_PASSWORD_END):
                known.append("database_url")
            if known:
                names = " and ".join(self._variable(name) for name in known)
                raise ValueError(f"in production set {names}: what is there now is known to everybody")
        return self

    def _secrets_in(self, name: str) -> list[str]:
        given = getattr(self, name)
        value = given.get_secret_value() if isinstance(given, SecretStr) else given
        try:
            return read_secret(value).replace(",", " ").split()
        except OSError as error:
            raise ValueError(f"the file of {self._variable(name)} can't be read") from error

    def _variable(self, name: str) -> str:
        return f"{self.model_config['env_prefix']}{name}".upper()

    @property
    def is_development(self) -> bool:
        """Whether this is a platform to try things on."""
        return self.platform.environment == "development"


def read_secret(value: str) -> str:
    """A secret given by value, or by `file:PATH` as containers mount them."""
    return Path(value.removeprefix("file:")).read_text().strip() if value.startswith("file:") else value
