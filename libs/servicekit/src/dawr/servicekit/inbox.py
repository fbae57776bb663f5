"""The inbox: which messages a group has applied, kept in the transaction of their effects."""

from collections.abc import Iterable
from operator import attrgetter
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

_number = attrgetter("int")
_CLAIM = text("""
INSERT INTO inbox_messages (consumer_group, message_id, received_at)
SELECT :group, id, now() FROM unnest(CAST(:ids AS uuid[])) AS id
ON CONFLICT DO NOTHING
RETURNING message_id
""")


async def claim(connection: AsyncConnection, group: str, ids: Iterable[UUID]) -> set[UUID]:
    """Those of the ids that the group has not applied yet; from now on it has, if this transaction commits.

    If another process is applying one of them at this moment, this waits for its end. Ids are taken in order,
    so that two processes with overlapping batches never wait for each other.
    """
    wanted = sorted(set(ids), key=_number)
    if not wanted:
        return set()
    rows = await connection.execute(_CLAIM, {"group": group, "ids": wanted})
    return {row.message_id for row in rows}
