"""Settings of consular."""

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from dawr.servicekit.settings import ServiceSettings


class ConsularSettings(ServiceSettings):
    """From the environment: `CONSULAR_…`, and `DAWR_…` for the whole platform."""

    model_config = SettingsConfigDict(env_prefix="CONSULAR_", extra="ignore", use_attribute_docstrings=True)

    http_port: int = Field(default=8084, ge=0, le=65535)
    mandate_days: int = Field(default=90, ge=1, le=3650)
    """For how long a mandate can be used, counted from the person's consent; a draft waits as long for it."""
    wait_poll_seconds: float = Field(default=0.05, gt=0, le=1)
    """How often the answers that callers wait for (`Prefer: wait`) are looked up, all in one query."""
    wait_callers: int = Field(default=500, ge=0)
    """How many callers may wait at once in one process; further ones are answered 202 at once."""
