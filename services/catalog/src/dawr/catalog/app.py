"""How catalog is put together."""

import asyncio

from dawr.catalog.api import create_routers, imports
from dawr.catalog.consumers import create_consumers
from dawr.catalog.service.close_days import Horizon
from dawr.catalog.service.editions import Editions
from dawr.catalog.service.publish import publish_ahead
from dawr.catalog.service.use import forget_past_turns
from dawr.catalog.settings import CatalogSettings
from dawr.servicekit import telemetry
from dawr.servicekit.clock import Clock, utc_now
from dawr.servicekit.service import Service

VERSION = "0.1.0"

_log = telemetry.get_logger("dawr.catalog")


def create_service(settings: CatalogSettings | None = None, *, clock: Clock = utc_now) -> Service:
    """The catalog service; nothing connects before it runs."""
    settings = settings or CatalogSettings()
    service = Service(name="catalog", title="Dawr catalog", version=VERSION, settings=settings, clock=clock)

    async def keep_ahead() -> None:
        while True:
            async with service.database.transaction() as tx:
                done = await publish_ahead(tx, days=settings.horizon_days, keep_days=settings.month_keep_days)
            if done.months or done.taken_away:
                _log.info("capacity.published", months=done.months, taken_away=done.taken_away)
            await asyncio.sleep(settings.horizon_check_seconds)

    async def forget() -> None:
        while True:
            async with service.database.transaction() as tx:
                forgotten = await forget_past_turns(tx)
            if forgotten:
                _log.info("turns.forgotten", turns=forgotten)
            await asyncio.sleep(settings.horizon_check_seconds)

    service.consumers = create_consumers(service.database, settings)
    service.background = {"horizon": keep_ahead, "past": forget}
    editions = Editions(service.database, look_seconds=settings.edition_look_seconds)
    service.serving = {"editions": editions.watch}
    service.uploads = {f"/api/catalog{imports.PATH}": imports.UPLOAD}
    horizon = Horizon(settings.horizon_days, settings.month_keep_days)
    service.routers = create_routers(
        service.database, editions, cache_seconds=settings.http_cache_seconds, horizon=horizon
    )
    return service
