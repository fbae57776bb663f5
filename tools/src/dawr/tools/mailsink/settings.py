"""Settings of the mail sink, from the environment (MAILSINK_…) or the command line."""

from pathlib import Path
from typing import Annotated

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

Port = Annotated[int, Field(ge=1, le=65535)]


class MailsinkSettings(BaseSettings):
    model_config = SettingsConfigDict(env_prefix="MAILSINK_")

    smtp_host: str = "127.0.0.1"
    smtp_port: Port = 2525
    http_host: str = "127.0.0.1"
    http_port: Port = 8088
    path: Path = Path(".dawr/mail")
    """Folder of the mails, one .eml file each."""
