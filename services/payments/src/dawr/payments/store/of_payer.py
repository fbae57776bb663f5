"""What a payer sees of what is theirs: payments and refunds are listed in the same way."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection


async def rows_of_payer(
    connection: AsyncConnection,
    table: Literal["payments", "refunds"],
    payer_id: UUID,
    *,
    subject_id: UUID | None,
    before: tuple[datetime, UUID] | None,
    limit: int,
) -> Sequence[Any]:
    """A payer's rows, newest first, of one subject or of all; `before` is the place after which to go on."""
    rows = await connection.execute(
        text(f"""
            SELECT * FROM {table} WHERE payer_id = :payer
              AND (CAST(:subject AS uuid) IS NULL OR subject_id = :subject)
              AND (CAST(:at AS timestamptz) IS NULL OR (created_at, id) < (:at, CAST(:id AS uuid)))
            ORDER BY created_at DESC, id DESC LIMIT :limit
        """),
        {
            "payer": payer_id,
            "subject": subject_id,
            "at": before[0] if before else None,
            "id": before[1] if before else None,
            "limit": limit,
        },
    )
    return rows.all()
