"""Under which settings a run measured, read from the code and the servers that it measured."""

from typing import Any

import asyncpg

from dawr.booking.app import create_service
from dawr.booking.settings import BookingSettings
from dawr.contracts.topics import BOOKING_REQUESTS
from dawr.servicekit.settings import PlatformSettings
from dawr.tools.bench.measures import CONNECTIONS, WAITING

PRODUCER = ("acks", "enable_idempotence", "linger_ms", "max_batch_size")
POSTGRES = ("server_version", "fsync", "synchronous_commit")


async def settings_of(database_url: str, platform: PlatformSettings) -> dict[str, dict[str, Any]]:
    """By part: booking's producer and its subscription to requests, PostgreSQL, and the load; nothing is started."""
    service = create_service(BookingSettings(database_url=database_url, platform=platform))
    connection = await asyncpg.connect(database_url)
    try:
        postgres = {name: await connection.fetchval(f"SHOW {name}") for name in POSTGRES}
    finally:
        await connection.close()
        await service.database.close()
    if service.consumers is None:
        raise RuntimeError("booking has no consumers")
    (requests,) = (each for each in service.consumers.subscriptions if each.topic is BOOKING_REQUESTS)
    options = service.producer.options
    return {
        "producer": {name: options[name] for name in PRODUCER},
        "consumer of requests": {"max_records": requests.max_records, "fetch_max_wait_ms": requests.fetch_wait_ms},
        "PostgreSQL": postgres,
        "load": {"connections": CONNECTIONS, "most_waiting": WAITING},
    }
