"""Consular, put together."""

from dawr.consular.api import create_router
from dawr.consular.consumers import create_consumers
from dawr.consular.settings import ConsularSettings
from dawr.consular.store import catalogue
from dawr.consular.watch import Watch
from dawr.servicekit.clock import Clock, utc_now
from dawr.servicekit.copies import Copies
from dawr.servicekit.service import Service

VERSION = "0.1.0"


def create_service(settings: ConsularSettings | None = None, *, clock: Clock = utc_now) -> Service:
    """The consular service, ready to run; nothing connects before it does."""
    settings = settings or ConsularSettings()
    service = Service(name="consular", title="Dawr consular", version=VERSION, settings=settings, clock=clock)
    watch = Watch(service.database, poll_seconds=settings.wait_poll_seconds, callers=settings.wait_callers)

    async def has_catalogue() -> bool:
        async with service.database.reading() as connection:
            return await catalogue.is_loaded(connection)

    service.consumers = create_consumers(service.database, settings.platform)
    service.background = {"copies": Copies(service.consumers, service.database, settings.platform).follow}
    service.serving = {"watch": watch.run}
    service.ready = {"catalogue": has_catalogue}
    service.routers = (create_router(service.database, watch, mandate_days=settings.mandate_days),)
    return service
