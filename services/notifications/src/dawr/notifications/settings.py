"""Settings of notifications, from the environment."""

from collections.abc import Mapping
from datetime import timedelta
from email.utils import parseaddr
from typing import ClassVar

from pydantic import Field, SecretStr, model_validator
from pydantic_settings import SettingsConfigDict

from dawr.notifications.sealing import DEVELOPMENT_KEY, Seals
from dawr.servicekit.settings import ServiceSettings

SANDBOX_SMS_KEY = "sandbox-key"


class NotificationsSettings(ServiceSettings):
    """`NOTIFICATIONS_…`."""

    model_config = SettingsConfigDict(env_prefix="NOTIFICATIONS_", extra="ignore", use_attribute_docstrings=True)

    known_secrets: ClassVar[Mapping[str, str]] = {"sealing_key": DEVELOPMENT_KEY, "sms_key": SANDBOX_SMS_KEY}

    http_port: int = Field(default=8085, ge=0, le=65535)
    sealing_key: SecretStr = SecretStr("")
    """Fernet keys with commas between, or `file:PATH`; the gateway has the same first one. Needed in production."""

    smtp_host: str = "127.0.0.1"
    smtp_port: int = Field(default=2525, ge=1, le=65535)
    smtp_user: str = ""
    """None: no authentication."""
    smtp_password: SecretStr = SecretStr("")
    """By value or `file:PATH`."""
    smtp_starttls: bool = False
    mail_from: str = "Dawr <turns@dawr.example>"
    """The sender; its domain is also that of every Message-ID."""
    sms_url: str = "http://127.0.0.1:8087"
    sms_key: SecretStr = SecretStr(SANDBOX_SMS_KEY)
    """By value or `file:PATH`; in production another than the sandbox's."""

    senders_count: int = Field(default=8, ge=1, le=200)
    """How many messages are on their way to providers at once; each holds a mail connection of its own."""
    send_seconds: float = Field(default=8.0, gt=0)
    """How long a provider may take to answer."""
    lease_seconds: float = Field(default=30.0, gt=0)
    """How long a process that took a message may keep it from others; longer than sending it can take."""
    poll_seconds: float = Field(default=0.05, gt=0)
    """How often a process looks for messages just after some were written; ten times as long when nothing happens."""
    retry_seconds: float = Field(default=2.0, gt=0)
    """The first pause after a failure; each further one is four times as long."""
    tries_count: int = Field(default=6, ge=1)
    """How often one way is tried before it counts as closed."""
    receipt_seconds: float = Field(default=5.0, gt=0)
    """When the SMS provider is first asked whether a text arrived."""
    details_seconds: float = Field(default=5.0, ge=0)
    """How long a message waits for the person's address and the names of its office and turn, which come on other
    topics."""

    portal_url: str = "http://127.0.0.1:8080"
    """Where a person goes on from a message: the gateway, which has the pages `/turns/{id}` and `/cases/{id}`."""
    arabic_locale: str = "ar"
    """Whose names of months Arabic dates have: `ar` (ديسمبر), `ar_SY` (كانون الأول), …"""

    @model_validator(mode="after")
    def _lease_outlasts_sending(self) -> "NotificationsSettings":
        # Sending may take twice `send_seconds` (connecting, handing over), and is begun only with that much left.
        if self.lease_seconds < 3 * self.send_seconds:
            raise ValueError("NOTIFICATIONS_LEASE_SECONDS must be at least three times NOTIFICATIONS_SEND_SECONDS")
        if "@" not in parseaddr(self.mail_from)[1]:
            raise ValueError("NOTIFICATIONS_MAIL_FROM must hold a mail address")
        return self

    def seals(self) -> Seals:
        """The seals of the configured key; ValueError with a sentence if there is none that may be used."""
        keys = self.sealing_key.get_secret_value()
        if not keys:
            if not self.is_development:
                raise ValueError(
                    "NOTIFICATIONS_SEALING_KEY is not set: addresses and codes can't be sealed. Give it a Fernet key, "
                    "the same as the gateway's, or set DAWR_ENVIRONMENT=development on a machine of your own."
                )
            keys = DEVELOPMENT_KEY
        try:
            return Seals(keys)
        except (ValueError, OSError) as error:
            raise ValueError(
                "NOTIFICATIONS_SEALING_KEY is not a Fernet key: 32 bytes in URL-safe base64; commas between several."
            ) from error

    @property
    def mail_domain(self) -> str:
        """The domain of the sender's address."""
        return parseaddr(self.mail_from)[1].rpartition("@")[2]

    @property
    def details_wait(self) -> timedelta:
        """`details_seconds` as a span."""
        return timedelta(seconds=self.details_seconds)
