"""What catalog takes from topics: which seats are in use."""

from collections.abc import Sequence
from typing import cast

from dawr.catalog.domain.use import USE_FACTS
from dawr.catalog.service.use import note_turns
from dawr.catalog.settings import CatalogSettings
from dawr.contracts.booking import TurnFact
from dawr.contracts.topics import BOOKING_EVENTS
from dawr.servicekit.consumers import Consumers
from dawr.servicekit.database import Database, Transaction
from dawr.servicekit.envelope import Received


def create_consumers(database: Database, settings: CatalogSettings) -> Consumers:
    """Catalog's subscriptions."""
    consumers = Consumers("catalog", database, settings.platform)
    turns = consumers.topic(BOOKING_EVENTS, max_records=500)

    @turns.batch_of(*USE_FACTS)
    async def on_turns(batch: Sequence[Received], tx: Transaction) -> None:
        await note_turns(tx, [cast(TurnFact, each.message) for each in batch])

    return consumers
