"""How far the allocator has come in each partition of a topic; servicekit writes it with each batch."""

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

_POSITIONS = text("SELECT partition, next_offset FROM consumer_positions WHERE topic = :topic")


async def of_topic(connection: AsyncConnection, topic: str) -> dict[int, int]:
    """By partition, the offset of the first record that is not applied yet."""
    rows = await connection.execute(_POSITIONS, {"topic": topic})
    return {row.partition: row.next_offset for row in rows}
