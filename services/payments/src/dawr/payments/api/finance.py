"""The finance desk: accounts, entries, and what providers said that nobody could act on."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response

from dawr.payments.api.parts import Answer, Finance, Parts, ShownMoney
from dawr.payments.domain.facts import Flag
from dawr.payments.store import ledger, provider_events
from dawr.servicekit.auth import NotAllowed
from dawr.servicekit.openapi import refusals
from dawr.servicekit.pages import Cursor, Limit, cursor_after, link_next, number, place_of
from dawr.servicekit.problems import request_language

_Account = Annotated[str | None, Query(pattern=r"^[a-z][a-z:-]{0,63}$", description="Such as `held:turns`.")]


class AccountAnswer(Answer):
    """An account in one currency. Debits are positive: what a bank holds for us; credits negative: what we owe."""

    account: str
    balance: ShownMoney


class AccountsAnswer(Answer):
    """Every account; the balances of a currency sum to zero."""

    items: list[AccountAnswer]


class PostingAnswer(Answer):
    """One line of an entry."""

    account: str
    amount: ShownMoney


class EntryAnswer(Answer):
    """One movement of money."""

    id: int
    kind: str
    cause: str
    posted_at: datetime
    payment_id: UUID | None
    refund_id: UUID | None
    postings: list[PostingAnswer]

    @classmethod
    def of(cls, posted: ledger.PostedEntry, lang: str) -> "EntryAnswer":
        entry = posted.entry
        return cls(
            id=posted.id,
            kind=entry.kind,
            cause=entry.cause,
            posted_at=posted.posted_at,
            payment_id=entry.payment_id,
            refund_id=entry.refund_id,
            postings=[
                PostingAnswer(account=each.account, amount=ShownMoney.of(each.money, lang)) for each in entry.postings
            ],
        )


class EntriesAnswer(Answer):
    """A page of entries, newest first; `next` is the cursor of the next page."""

    items: list[EntryAnswer]
    next: str | None


class FlaggedAnswer(Answer):
    """Something that a provider said, kept for a person."""

    id: int
    provider: str
    event_id: str
    source: Literal["told", "asked"]
    """Whether it came as a webhook, or as the answer when we asked."""
    flag: Flag | None
    type: str | None
    reference: str | None
    """The payment or refund that the provider named."""
    received_at: datetime
    times_seen: int
    body: str
    """As it came."""


class FlaggedEventsAnswer(Answer):
    """A page of flagged events, newest first; `next` is the cursor of the next page."""

    items: list[FlaggedAnswer]
    next: str | None


def create_ledger_router(parts: Parts) -> APIRouter:
    """`/ledger`."""
    router = APIRouter(prefix="/ledger", tags=["finance"])

    @router.get(
        "/accounts", summary="Balances by account and currency", operation_id="list_accounts",
        responses=refusals(NotAllowed),
    )  # fmt: skip
    async def list_accounts(request: Request, _caller: Finance) -> AccountsAnswer:
        async with parts.database.reading() as connection:
            found = await ledger.balances(connection)
        lang = request_language(request)
        return AccountsAnswer(
            items=[AccountAnswer(account=each.account, balance=ShownMoney.of(each.money, lang)) for each in found]
        )

    @router.get("/entries", summary="Movements of money", operation_id="list_entries", responses=refusals(NotAllowed))
    async def list_entries(
        request: Request,
        response: Response,
        _caller: Finance,
        account: _Account = None,
        payment: UUID | None = None,
        limit: Limit = 20,
        cursor: Cursor = None,
    ) -> EntriesAnswer:
        async with parts.database.reading() as connection:
            found = await ledger.entries(
                connection, account=account, payment_id=payment, before=place_of(cursor, number), limit=limit + 1
            )
        page = found[:limit]
        following = cursor_after(page[-1].id) if len(found) > limit else None
        response.headers.update(link_next(request, following))
        lang = request_language(request)
        return EntriesAnswer(items=[EntryAnswer.of(each, lang) for each in page], next=following)

    return router


def create_flagged_router(parts: Parts) -> APIRouter:
    """`/flagged`."""
    router = APIRouter(prefix="/flagged", tags=["finance"])

    @router.get(
        "", summary="Provider events that wait for a person", operation_id="list_flagged",
        responses=refusals(NotAllowed),
    )  # fmt: skip
    async def list_flagged(
        request: Request, response: Response, _caller: Finance, limit: Limit = 20, cursor: Cursor = None
    ) -> FlaggedEventsAnswer:
        async with parts.database.reading() as connection:
            found = await provider_events.flagged(connection, before=place_of(cursor, number), limit=limit + 1)
        page = found[:limit]
        following = cursor_after(page[-1].id) if len(found) > limit else None
        response.headers.update(link_next(request, following))
        return FlaggedEventsAnswer(
            items=[
                FlaggedAnswer(
                    id=each.id,
                    provider=each.provider,
                    event_id=each.event_id,
                    source=each.source,
                    flag=each.flag,
                    type=each.type,
                    reference=each.reference,
                    received_at=each.received_at,
                    times_seen=each.times_seen,
                    body=each.body.decode(errors="replace"),
                )
                for each in page
            ],
            next=following,
        )

    return router
