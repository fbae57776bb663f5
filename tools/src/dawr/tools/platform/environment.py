"""What each process is told through its environment."""

import json
from collections.abc import Mapping
from dataclasses import dataclass

from dawr.tools.platform.folder import Folder
from dawr.tools.platform.keys import Keys
from dawr.tools.platform.parts import Kind, Member
from dawr.tools.platform.state import State

_BEHIND_THE_GATEWAY = ("booking", "catalog", "payments", "consular", "notifications")


@dataclass(frozen=True)
class Surroundings:
    """Where everything is, by part; what all processes' environments are made from."""

    folder: Folder
    keys: Keys
    state: State
    more: Mapping[str, str]
    """Goes before everything here."""

    def environment(self, member: Member) -> dict[str, str]:
        """The variables of one process."""
        part = member.part
        made = {
            "DAWR_KAFKA": self.state.kafka,
            "DAWR_TOPIC_PREFIX": self.state.topic_prefix,
            "DAWR_JWKS": str(self.keys.jwks_file),
            "DAWR_LOG_FORMAT": "console",
            "DAWR_ENVIRONMENT": "development",
        }
        if part.kind is Kind.SERVICE:
            own = part.name.upper()
            made |= {
                f"{own}_HTTP_HOST": "127.0.0.1",
                f"{own}_HTTP_PORT": str(self.state.ports[member.name]),
                f"{own}_DRAIN_SECONDS": "4",
            }
            if part.database:
                made[f"{own}_DATABASE_URL"] = self.state.database(part.name)
        return made | self._own(part.name) | dict(self.more)

    def _own(self, part: str) -> dict[str, str]:
        """What only this part is told. Both ends of a line are told here, so they stand side by side."""
        own: dict[str, dict[str, str]] = {
            "bank": {
                "BANK_HTTP_PORT": str(self.port("bank")),
                "BANK_API_KEY": self.keys.bank_api_key,
                "BANK_WEBHOOK_SECRETS": self.keys.bank_webhook_secret,
                "BANK_WEBHOOK_URL": f"{self.url('payments')}/api/payments/webhooks/sandbox",
                "BANK_DATA_PATH": str(self.folder.bank),
            },
            "payments": {
                "PAYMENTS_BANK_URL": self.url("bank"),
                "PAYMENTS_BANK_API_KEY": self.keys.bank_api_key,
                "PAYMENTS_WEBHOOK_SECRETS": self.keys.bank_webhook_secret,
                "PAYMENTS_RETURN_URLS": json.dumps(
                    {key: f"{self.url('gateway')}/turns/{{subject}}" for key in ("turn", "case")}
                ),
            },
            "sms": {
                "SMS_HTTP_PORT": str(self.port("sms")),
                "SMS_API_KEY": self.keys.sms_api_key,
                "SMS_DATA_PATH": str(self.folder.sms),
            },
            "registry": {
                "REGISTRY_HTTP_PORT": str(self.port("registry")),
                "REGISTRY_API_KEY": self.keys.registry_key,
            },
            "mail": {
                "MAILSINK_HTTP_PORT": str(self.port("mail")),
                "MAILSINK_SMTP_PORT": str(self.port("mail-smtp")),
                "MAILSINK_PATH": str(self.folder.mail),
            },
            "notifications": {
                "NOTIFICATIONS_SMTP_HOST": "127.0.0.1",
                "NOTIFICATIONS_SMTP_PORT": str(self.port("mail-smtp")),
                "NOTIFICATIONS_SMS_URL": self.url("sms"),
                "NOTIFICATIONS_SMS_KEY": self.keys.sms_api_key,
                "NOTIFICATIONS_SEALING_KEY": self.keys.sealing_key,
                "NOTIFICATIONS_PORTAL_URL": self.url("gateway"),
                "NOTIFICATIONS_ARABIC_LOCALE": "ar_SY",
            },
            "gateway": {
                "GATEWAY_PUBLIC_URL": self.url("gateway"),
                "GATEWAY_KEYS_PATH": str(self.folder.keys),
                "GATEWAY_SEALING_KEY": self.keys.sealing_key,
                "GATEWAY_IDENTITY_PEPPER": self.keys.identity_pepper,
                "GATEWAY_PROFILE_KEYS": self.keys.profile_key,
                "GATEWAY_SESSION_SECRETS": self.keys.session_secret,
                "GATEWAY_REGISTRY_URL": self.url("registry"),
                "GATEWAY_REGISTRY_KEY": self.keys.registry_key,
                "GATEWAY_MAIL_URL": self.url("mail"),
                "GATEWAY_WANTED_SERVICES": "PASS_REN,PASS_NEW,PASS_MINOR,ID_NEW,DL_REN,CRIM_REC",
                "GATEWAY_HOME_ZONE": "Asia/Damascus",
                "GATEWAY_TERRITORY": "SY",
                **{f"GATEWAY_{name.upper()}_URL": self.url(name) for name in _BEHIND_THE_GATEWAY},
            },
        }
        return own.get(part, {})

    def port(self, part: str) -> int:
        """The port by which clients know `part`; 0 when it is not run."""
        return self.state.ports.get(part) or self.state.ports.get(f"{part}-serve") or 0

    def url(self, part: str) -> str:
        """http://127.0.0.1:port of `part`."""
        return f"http://127.0.0.1:{self.port(part)}"
