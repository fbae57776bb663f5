"""The one-off commands: load the seed, and say the whole state again."""

from dawr.catalog.folder.catalogue import read_catalogue, shipped
from dawr.catalog.service.load import load_catalogue
from dawr.catalog.service.publish import publish_ahead, republish
from dawr.catalog.settings import CatalogSettings
from dawr.servicekit import telemetry
from dawr.servicekit.service import Service

_log = telemetry.get_logger("dawr.catalog")


async def seed(service: Service) -> None:
    """Load the folder of the settings and publish capacity ahead; run again, it writes only what is new.

    Raises CatalogueInvalid, with nothing written, if the folder breaks a rule.
    """
    settings = service.settings
    assert isinstance(settings, CatalogSettings)  # noqa: S101
    catalogue = read_catalogue(settings.seed_folder or shipped())
    async with service.database.transaction() as tx:
        loaded = await load_catalogue(tx, catalogue)
        done = await publish_ahead(tx, days=settings.horizon_days, keep_days=settings.month_keep_days)
    _log.info(
        "seed.loaded",
        offices=loaded.offices,
        services=loaded.services,
        fees=loaded.fees,
        plans=loaded.plans,
        closures=loaded.closures,
        months=done.months,
    )


async def republish_all(service: Service) -> None:
    """Stage the whole present state again, for topics that lost it."""
    async with service.database.transaction() as tx:
        staged = await republish(tx)
    _log.info("state.staged-again", messages=staged)
