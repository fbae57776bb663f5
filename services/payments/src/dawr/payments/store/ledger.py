"""The ledger's rows: only ever added. The database refuses what does not balance, and any change."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from dawr.contracts import Money
from dawr.payments.domain.ledger import Entry, Posting

_TRANSACTION = text("""
INSERT INTO ledger_transactions (cause, kind, payment_id, refund_id, posted_at)
VALUES (:cause, :kind, :payment, :refund, :now) ON CONFLICT (cause) DO NOTHING RETURNING id
""")
_POSTINGS = text("""
INSERT INTO ledger_postings (transaction_id, line, account, currency, minor)
SELECT :transaction, p.line, p.account, p.currency, p.minor
FROM unnest(CAST(:accounts AS text[]), CAST(:currencies AS text[]), CAST(:minors AS bigint[]))
     WITH ORDINALITY AS p(account, currency, minor, line)
""")


async def post(connection: AsyncConnection, entry: Entry, now: datetime) -> bool:
    """Post an entry; False if its cause was posted before."""
    parameters = {
        "cause": entry.cause,
        "kind": entry.kind,
        "payment": entry.payment_id,
        "refund": entry.refund_id,
        "now": now,
    }
    transaction = (await connection.execute(_TRANSACTION, parameters)).scalar()
    if transaction is None:
        return False
    await connection.execute(
        _POSTINGS,
        {
            "transaction": transaction,
            "accounts": [each.account for each in entry.postings],
            "currencies": [each.money.currency for each in entry.postings],
            "minors": [each.money.minor for each in entry.postings],
        },
    )
    return True


@dataclass(frozen=True, slots=True)
class Balance:
    """What stands in an account in one currency: debits positive."""

    account: str
    money: Money


@dataclass(frozen=True, slots=True)
class PostedEntry:
    """An entry as it was posted."""

    id: int
    entry: Entry
    posted_at: datetime


async def balances(connection: AsyncConnection) -> list[Balance]:
    """Every account in every currency that it was ever used in."""
    rows = await connection.execute(
        text("""
            SELECT account, currency, sum(minor)::bigint AS minor FROM ledger_postings
            GROUP BY account, currency ORDER BY account, currency
        """)
    )
    return [Balance(row.account, Money(minor=row.minor, currency=row.currency)) for row in rows]


async def entries(
    connection: AsyncConnection, *, account: str | None, payment_id: UUID | None, before: int | None, limit: int
) -> list[PostedEntry]:
    """Entries, newest first, of one account or payment or of all."""
    rows = await connection.execute(
        text("""
            SELECT t.*, p.accounts, p.currencies, p.minors FROM ledger_transactions t CROSS JOIN LATERAL (
                SELECT array_agg(account ORDER BY line) AS accounts, array_agg(currency ORDER BY line) AS currencies,
                       array_agg(minor ORDER BY line) AS minors
                FROM ledger_postings WHERE transaction_id = t.id) AS p
            WHERE (CAST(:before AS bigint) IS NULL OR t.id < :before)
              AND (CAST(:payment AS uuid) IS NULL OR t.payment_id = :payment)
              AND (CAST(:account AS text) IS NULL OR t.id = ANY(ARRAY(
                    SELECT DISTINCT transaction_id FROM ledger_postings
                    WHERE account = :account AND (CAST(:before AS bigint) IS NULL OR transaction_id < :before)
                      AND (CAST(:payment AS uuid) IS NULL OR transaction_id IN (
                          SELECT id FROM ledger_transactions WHERE payment_id = :payment))
                    ORDER BY transaction_id DESC LIMIT :limit)))
            ORDER BY t.id DESC LIMIT :limit
        """),
        {"before": before, "payment": payment_id, "account": account, "limit": limit},
    )
    return [
        PostedEntry(
            id=row.id,
            entry=Entry(
                cause=row.cause,
                kind=row.kind,
                postings=tuple(
                    Posting(account, Money(minor=minor, currency=currency))
                    for account, currency, minor in zip(row.accounts, row.currencies, row.minors, strict=True)
                ),
                payment_id=row.payment_id,
                refund_id=row.refund_id,
            ),
            posted_at=row.posted_at,
        )
        for row in rows
    ]
