"""Where providers tell us what happened."""

from typing import Any

from fastapi import APIRouter, Request

from dawr.payments import metrics
from dawr.payments.api.parts import Answer, Parts
from dawr.payments.domain.facts import Word
from dawr.payments.errors import UnknownProvider, WebhookRefused
from dawr.payments.service.events import take_webhook
from dawr.servicekit import telemetry
from dawr.servicekit.callers import PUBLIC
from dawr.servicekit.openapi import refusals

_SIGNED_BODY: dict[str, Any] = {
    "parameters": [
        {"name": name, "in": "header", "required": True, "schema": {"type": "string"}, "description": what}
        for name, what in (
            ("webhook-id", "The same whenever this webhook is sent again."),
            ("webhook-timestamp", "Seconds since the epoch, within the tolerance of our clock."),
            ("webhook-signature", "`v1,` and a base64 HMAC-SHA256; several are separated by spaces."),
        )
    ],
    "requestBody": {"required": True, "content": {"application/json": {"schema": {"type": "object"}}}},
}
"""What FastAPI can't see, because the body is verified as bytes before it is read."""

_log = telemetry.get_logger("dawr.payments")


class WebhookAnswer(Answer):
    """What became of the webhook; the provider need not send it again."""

    outcome: Word


def create_webhooks_router(parts: Parts) -> APIRouter:
    """`/webhooks/{provider}`. Nobody signs in here: the signature says who it is."""
    router = APIRouter(prefix="/webhooks", tags=["webhooks"])

    @router.post(
        "/{provider}",
        openapi_extra={**_SIGNED_BODY, **PUBLIC},
        summary="Take a provider's webhook (Standard Webhooks)",
        operation_id="take_webhook",
        responses=refusals(UnknownProvider, WebhookRefused),
    )
    async def take(request: Request, provider: str) -> WebhookAnswer:
        known = parts.providers.get(provider)
        if known is None:
            raise UnknownProvider
        body = await request.body()
        try:
            webhook_id = parts.webhooks.verify(request.headers, body, parts.database.clock())
        except WebhookRefused:
            metrics.WEBHOOKS.labels(known.name, "refused").inc()
            _log.warning("webhook.refused", provider=known.name)
            raise
        async with parts.database.transaction() as tx:
            outcome = await take_webhook(tx, known, webhook_id, body)
        metrics.WEBHOOKS.labels(known.name, outcome.word.value).inc()
        return WebhookAnswer(outcome=outcome.word)

    return router
