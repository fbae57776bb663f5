"""What operators watch about money."""

from prometheus_client import Counter, Gauge

WEBHOOKS = Counter("dawr_webhooks_total", "Webhooks from providers, by what became of them", ["provider", "outcome"])
FLAGGED = Counter("dawr_provider_events_flagged_total", "Provider events kept for a person", ["provider", "flag"])
REFUNDS_SET_ASIDE = Gauge("dawr_refunds_set_aside", "Refunds that wait for a person: alert when above 0")
REFUNDS_UNANSWERED = Gauge(
    "dawr_refunds_unanswered", "Refunds whose provider did not answer the last try: alert when it stays above 0"
)
FOUND_BY_ASKING = Counter("dawr_captures_found_by_asking_total", "Captures of which no webhook had come", ["provider"])
