"""Settings from the environment. Nothing is read at import: a process makes its settings once and passes them on."""

from pathlib import Path
from typing import Literal

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


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

    model_config = SettingsConfigDict(extra="ignore", use_attribute_docstrings=True)

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


def read_secret(value: str) -> str:
    """A secret given by value, or by `file:PATH` as containers mount them."""
    return Path(value.removeprefix("file:")).read_text().strip() if value.startswith("file:") else value
