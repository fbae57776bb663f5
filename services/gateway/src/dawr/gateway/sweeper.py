"""Forgetting what sign-in and sessions no longer need."""

import asyncio

from sqlalchemy import text

from dawr.gateway.service.sign_in import KEEP
from dawr.gateway.store import oidc, passkeys, people, sessions
from dawr.gateway.store import sign_in as store
from dawr.servicekit.database import Database

EVERY_SECONDS = 600.0
_LOCK = 0x666F7267  # "forg": one of several replicas does it


async def keep_forgetting(database: Database) -> None:
    """Every ten minutes, delete counts, sign-ins and sessions that have rested for a week,
    registrations whose code nobody entered, challenges of passkeys that nobody answered, and returns from identity
    providers."""
    while True:
        async with database.transaction() as tx:
            mine = await tx.connection.execute(text(f"SELECT pg_try_advisory_xact_lock({_LOCK})"))
            if mine.scalar():
                await store.forget(tx, KEEP)
                await people.forget_waiting(tx)
                await sessions.forget(tx, KEEP)
                await passkeys.forget_challenges(tx)
                await oidc.forget_returns(tx)
        await asyncio.sleep(EVERY_SECONDS)
