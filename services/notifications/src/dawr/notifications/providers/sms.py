"""SMS over a provider's HTTP interface.

`POST {base}/v1/messages` `{"to", "text", "reference"}`, with a bearer key and an `Idempotency-Key`, answers 202
`{"id", "status"}`; `GET {base}/v1/messages?reference=` tells whether it is `delivered`.
The reference and the key are the message's id: asked twice, the provider takes it once.
"""

from datetime import timedelta

import httpx

from dawr.notifications.domain import Answer, Never, NotNow, Taken
from dawr.notifications.settings import NotificationsSettings
from dawr.servicekit import telemetry
from dawr.servicekit.settings import read_secret

_log = telemetry.get_logger("dawr.notifications")

_LATER = {401, 403, 404, 408, 409, 425, 429}
"""401, 403, 404: our key or address is wrong, which is not this person's matter. The others say so themselves."""


class SmsProvider:
    """The company that carries our short texts."""

    name = "sms-http"

    def __init__(self, settings: NotificationsSettings) -> None:
        self._settings = settings
        self._client: httpx.AsyncClient | None = None

    async def send(self, message_id: str, phone: str, text: str) -> Answer:
        """Hand a text over. Never raises on what a provider or a network does."""
        try:
            response = await self._connected().post(
                "/v1/messages",
                json={"to": phone, "text": text, "reference": message_id},
                headers={"Idempotency-Key": message_id},
            )
        except httpx.TimeoutException:
            return NotNow("timed-out")
        except httpx.HTTPError:
            return NotNow("unreachable")
        return _answer(response)

    async def has_arrived(self, message_id: str) -> bool:
        """Whether the provider says that the phone has it; False also while the provider can't be asked."""
        try:
            response = await self._connected().get("/v1/messages", params={"reference": message_id})
            return bool(response.is_success and response.json()["status"] == "delivered")
        except (httpx.HTTPError, ValueError, KeyError, TypeError):
            return False

    def _connected(self) -> httpx.AsyncClient:
        if self._client is None:
            settings = self._settings
            self._client = httpx.AsyncClient(
                base_url=settings.sms_url,
                timeout=settings.send_seconds,
                headers={"Authorization": f"Bearer {read_secret(settings.sms_key.get_secret_value())}"},
                trust_env=False,
                limits=httpx.Limits(max_connections=settings.senders_count),
            )
        return self._client

    async def close(self) -> None:
        """Close the connections."""
        if self._client is not None:
            client, self._client = self._client, None
            await client.aclose()


def _answer(response: httpx.Response) -> Answer:
    code = f"http-{response.status_code}"
    if response.is_success:
        try:
            return Taken(code, str(response.json()["id"])[:200])
        except (ValueError, KeyError, TypeError):
            return Taken(code)
    if response.status_code in {401, 403, 404}:
        _log.error("sms.refused", code=response.status_code)
    if response.status_code in _LATER or response.status_code >= 500 or response.is_redirect:
        return NotNow(code, _retry_after(response))
    return Never(code)


def _retry_after(response: httpx.Response) -> timedelta | None:
    value = response.headers.get("retry-after", "")
    return timedelta(seconds=int(value)) if value.isdigit() and len(value) < 6 else None
