"""Traces, logs and metrics. No personal data goes into any of them: people are opaque ids."""

import logging
import random
import re
import sys
from contextvars import ContextVar
from typing import Any

import structlog
from prometheus_client import Counter, Gauge, Histogram

SELDOM_SECONDS = 10.0
_NO_TRACE = "00-00000000000000000000000000000000-0000000000000000-00"
_TRACEPARENT = re.compile(r"[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}")
_dice = random.Random()  # noqa: S311 - trace ids are names, not secrets, and every message gets one
traceparent: ContextVar[str] = ContextVar("traceparent", default=_NO_TRACE)
"""The W3C trace context of what is being done now."""


def new_traceparent(parent: str | None = None) -> str:
    """A new span under `parent` if that is a valid W3C traceparent, else at the root of a new trace."""
    found = _TRACEPARENT.fullmatch(parent) if parent else None
    trace = found.group(1) if found else f"{_dice.getrandbits(128):032x}"
    return f"00-{trace}-{_dice.getrandbits(64):016x}-01"


def trace_id() -> str:
    """The 32 hexadecimal digits by which this work can be found in the logs of every service."""
    return traceparent.get().split("-")[1]


REQUESTS = Counter("dawr_http_requests_total", "HTTP requests by route and status", ["route", "method", "status"])
REQUEST_SECONDS = Histogram("dawr_http_request_seconds", "Time to answer a request", ["route"])
HANDLED = Counter("dawr_messages_handled_total", "Messages applied", ["topic", "group", "type"])
DUPLICATES = Counter("dawr_messages_duplicate_total", "Messages that had been applied before", ["topic", "group"])
HANDLING_SECONDS = Histogram("dawr_batch_seconds", "Time to apply a batch", ["topic", "group"])
BATCH_SIZE = Histogram(
    "dawr_batch_records", "Records in a batch", ["topic", "group"], buckets=(1, 2, 5, 10, 20, 50, 100, 200, 500)
)
RETRIES = Counter("dawr_batch_retries_total", "Batches tried again", ["topic", "group", "why"])
DEAD_LETTERS = Counter("dawr_dead_letters_total", "Messages set aside for a person", ["topic", "group", "reason"])
BACKGROUND_FAILURES = Counter("dawr_background_failures_total", "Work that raised and was begun again", ["work", "why"])
LAG = Gauge("dawr_consumer_lag_records", "Records that wait in the topic", ["topic", "group"])
OUTBOX_DEPTH = Gauge("dawr_outbox_unsent_messages", "Messages that wait to be sent")
OUTBOX_AGE = Gauge("dawr_outbox_oldest_seconds", "Age of the oldest message that waits to be sent")
OUTBOX_REFUSED = Gauge("dawr_outbox_refused_messages", "Messages that the broker refuses, set aside for a person")
RELAYED = Counter("dawr_outbox_sent_total", "Messages sent", ["topic"])


def _add_trace(_logger: Any, _method: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    if (current := traceparent.get()) != _NO_TRACE:
        event["trace_id"] = current.split("-")[1]
    return event


def configure_logging(service: str, *, log_format: str, level: str) -> None:
    """Send every log line of the process through structlog: JSON for machines, or lines that a person can read.

    Tracebacks come without the values of local variables: those may be personal, or secret.
    """
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _add_trace,
    ]
    if log_format == "json":
        renderer: list[structlog.typing.Processor] = [
            structlog.processors.ExceptionRenderer(structlog.tracebacks.ExceptionDictTransformer(show_locals=False)),
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ]
    else:
        renderer = [
            structlog.dev.ConsoleRenderer(
                colors=sys.stdout.isatty(), pad_event_to=32, exception_formatter=structlog.dev.plain_traceback
            )
        ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *renderer],
        )
    )
    handler.addFilter(_Seldom())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for noisy in ("aiokafka", "uvicorn.access", "httpx", "httpcore", "alembic", "sqlalchemy"):
        logging.getLogger(noisy).setLevel("WARNING")
    # Said at every start and every rebalance, and mended by the client itself.
    logging.getLogger("dawr.faststream").setLevel("ERROR")
    logging.getLogger("aiokafka.consumer.group_coordinator").setLevel("CRITICAL")
    structlog.contextvars.bind_contextvars(service=service)


class _Seldom(logging.Filter):
    """Lets the Kafka client say the same thing once in ten seconds: while a broker is away, it says it at each try."""

    def __init__(self) -> None:
        super().__init__()
        self._said: dict[tuple[str, str], float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        if not record.name.startswith("aiokafka"):
            return True
        what = (record.name, str(record.msg))
        if record.created - self._said.get(what, 0.0) < SELDOM_SECONDS:
            return False
        self._said[what] = record.created
        return True


def get_logger(name: str) -> structlog.stdlib.BoundLogger:
    """A logger whose events are named in words, with data as keywords."""
    logger: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(name)
    return logger
