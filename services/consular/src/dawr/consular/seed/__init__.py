"""Example rates, so that a fresh platform can be tried in several currencies. `fx_rates.csv` marks them as such."""

import csv
from datetime import date
from decimal import Decimal
from importlib import resources

from dawr.consular.domain.rate import Rate, fx_rate
from dawr.consular.store import rates
from dawr.contracts import FxRate
from dawr.servicekit.database import Database


def example_rates() -> list[FxRate]:
    """The rates of the seed file."""
    with resources.files(__package__).joinpath("fx_rates.csv").open(encoding="utf-8") as file:
        return [
            fx_rate(row["base"], row["quote"], Decimal(row["rate"]), date.fromisoformat(row["dated"]))
            for row in csv.DictReader(file)
        ]


async def load_seed(database: Database) -> None:
    """Keep each example rate whose day has no rate yet; run again, it changes nothing."""
    async with database.transaction() as tx:
        examples = [Rate(fx, is_example=True, set_by=None, set_at=tx.now) for fx in example_rates()]
        await rates.add_missing(tx.connection, examples)
