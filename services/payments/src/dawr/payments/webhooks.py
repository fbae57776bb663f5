"""Signatures of webhooks by the Standard Webhooks specification, checked with our own clock.

Source: https://github.com/standard-webhooks/standard-webhooks, "Verifying webhook authenticity". The signature is
compared as the text that it is, not decoded: base64 has several texts for the same bytes, and only one is ours.
"""

import hmac
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

from standardwebhooks import Webhook

from dawr.payments.errors import WebhookRefused

MAX_ID_CHARACTERS = 255
_MAX_SIGNATURES = 8
_MAX_TIME_DIGITS = 12


class WebhookVerifier:
    """Accepts what any of the secrets signed within the tolerance; two are valid while one replaces the other."""

    def __init__(self, secrets: Sequence[str], *, tolerance: timedelta) -> None:
        self._webhooks = [Webhook(secret) for secret in secrets]
        self._tolerance = tolerance

    @property
    def has_secrets(self) -> bool:
        """Whether anything can be accepted."""
        return bool(self._webhooks)

    def verify(self, headers: Mapping[str, str], body: bytes, now: datetime) -> str:
        """The webhook's id. Raises WebhookRefused if a header is missing, the time is off, or no signature holds."""
        webhook_id = headers.get("webhook-id", "")
        time = headers.get("webhook-timestamp", "")
        if not 0 < len(webhook_id) <= MAX_ID_CHARACTERS or not (time.isascii() and time.isdigit()):
            raise WebhookRefused
        if len(time) > _MAX_TIME_DIGITS or time != str(int(time)):
            raise WebhookRefused
        try:
            moment, text = datetime.fromtimestamp(int(time), UTC), body.decode()
        except (ValueError, OverflowError, OSError) as error:
            raise WebhookRefused from error
        if abs(now - moment) > self._tolerance:
            raise WebhookRefused
        given = headers.get("webhook-signature", "").split(" ")[:_MAX_SIGNATURES]
        for webhook in self._webhooks:
            expected = webhook.sign(webhook_id, moment, text).encode()
            if any(hmac.compare_digest(expected, each.encode("latin-1", "replace")) for each in given):
                return webhook_id
        raise WebhookRefused
