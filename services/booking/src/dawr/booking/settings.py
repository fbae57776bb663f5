"""Booking's settings."""

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from dawr.servicekit.settings import ServiceSettings


class BookingSettings(ServiceSettings):
    """How long seats are held, and how far ahead turns are asked for."""

    model_config = SettingsConfigDict(env_prefix="BOOKING_", extra="ignore", use_attribute_docstrings=True)

    hold_seconds: int = Field(default=15 * 60, ge=1)
    """How long a seat is kept for its payment."""
    payment_grace_seconds: int = Field(default=120, ge=0)
    """How much longer than the hold the bank may take the money. Such a payment gets the seat if it is still free."""
    sweep_seconds: float = Field(default=1.0, gt=0)
    """How often holds that ran out are looked for."""
    ahead_days: int = Field(default=120, ge=1)
    """How far ahead a turn may be asked for."""
    person_requests_per_minute: int = Field(default=30, ge=1)
    """How many new turns one person may ask for in a minute, of one process."""
    person_streams: int = Field(default=4, ge=1)
    """How many turns one person may follow at once (`/updates`), in one process."""
    streams: int = Field(default=2000, ge=1)
    """How many turns are followed at once in one process: all of them are looked at together, twice a second."""
    moves_count: int = Field(default=3, ge=0)
    """How often its people may move a turn to another day or office."""
    batch_records: int = Field(default=200, ge=1, le=1000)
    """The most requests that are answered in one transaction."""
    availability_kept_seconds: float = Field(default=0.25, ge=0, le=0.25)
    """For how long an answer of `/availability` is given again; no longer than the catalogue in memory is kept."""
