"""Settings of catalog."""

from pathlib import Path

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from dawr.servicekit.settings import ServiceSettings


class CatalogSettings(ServiceSettings):
    """What catalog takes from the environment, as `CATALOG_…`."""

    model_config = SettingsConfigDict(env_prefix="CATALOG_", extra="ignore", use_attribute_docstrings=True)

    seed_folder: Path | None = None
    """The folder of CSV files that `seed` loads; none: the one that comes with the package."""
    horizon_days: int = Field(default=60, ge=1, le=366)
    """For how many days from today on capacity is published."""
    horizon_check_seconds: float = Field(default=600.0, gt=0)
    """How often it is looked whether a new day began somewhere, and capacity has to be published for it."""
    month_keep_days: int = Field(default=62, ge=1)
    """How long a month of capacity stays on its topic after its end."""
    http_cache_seconds: int = Field(default=30, ge=0, le=3600)
    """For how long a public answer may be used without asking again."""
    edition_look_seconds: float = Field(default=1.0, gt=0)
    """How often a process that answers looks for a new revision of the catalogue: so old a 304 may be."""
