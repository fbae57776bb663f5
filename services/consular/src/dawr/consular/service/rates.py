"""Exchange rates: finance sets one per pair and day; once it was promised to somebody, it stays."""

from collections.abc import Callable

from dawr.consular.domain import rate as rules
from dawr.consular.domain.rate import Rate
from dawr.consular.errors import RateChanged, RateUsed
from dawr.consular.store import rates
from dawr.contracts import FxRate
from dawr.servicekit.auth import Caller
from dawr.servicekit.database import Transaction


async def set_rate(
    tx: Transaction, fx: FxRate, *, caller: Caller, matches: Callable[[Rate | None], bool]
) -> tuple[Rate, bool]:
    """The rate of a day after it was set, and whether the day had none before.

    `matches` tells whether the rate that is there is the one that the editor saw. Raises RateUsed, RateChanged,
    CurrencyNotSupported.
    """
    old = await rates.lock(tx.connection, fx.base, fx.quote, fx.dated)
    if not matches(old):
        raise RateChanged
    new = rules.set_rate(old, Rate(fx, is_example=False, set_by=caller.person_id, set_at=tx.now))
    if new is not old and not await rates.save(tx.connection, new):
        raise RateUsed
    return new, old is None
