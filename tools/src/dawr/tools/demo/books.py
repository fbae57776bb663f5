"""The books after the play: read from every side, and held against each other."""

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import asyncpg
import httpx

from dawr.servicekit.dead_letters import read_dead_letters
from dawr.servicekit.settings import PlatformSettings
from dawr.tools.demo.cast import Part, Person

SERVICES = ("booking", "catalog", "payments", "consular", "notifications", "gateway")
_LIVE = {"HELD", "CONFIRMED"}


@dataclass(frozen=True)
class Check:
    """One thing that must hold."""

    name: str
    ok: bool
    detail: str


@dataclass
class Books:
    """What the databases, the bank and the mail sink say."""

    turns: list[dict[str, Any]]
    pools: list[dict[str, Any]]
    ledger: dict[str, int]
    """By currency: the sum of all postings; zero."""
    captured: dict[str, int]
    refunded: dict[str, int]
    """By currency, of this cast, as the bank says."""
    bank_refunds: Counter[str] = field(default_factory=Counter)
    mails: Counter[str] = field(default_factory=Counter)
    """By Message-ID: how often the mail came."""
    mailed: set[str] = field(default_factory=set)
    """Addresses that got any mail."""
    messages_sent: int = 0
    unsent: int = 0
    dead: int = 0


class Reader:
    """Reads the books of a platform."""

    def __init__(
        self, database: Callable[[str], str], platform: PlatformSettings, *, bank: str, mail: str, begin: datetime
    ) -> None:
        self._database = database
        self._platform = platform
        self._bank = bank
        self._mail = mail
        self._begin = begin

    async def settled(self, *, seconds: float = 60) -> None:
        """Wait until every outbox is empty and every message is handed over."""
        end = asyncio.get_running_loop().time() + seconds
        while await self._waiting() and asyncio.get_running_loop().time() < end:
            await asyncio.sleep(0.5)

    async def _waiting(self) -> int:
        waiting = 0
        for service in SERVICES:
            waiting += await self._one(service, "SELECT count(*) FROM outbox_messages WHERE sent_at IS NULL")
        return waiting + await self._one(
            "notifications", "SELECT count(*) FROM messages WHERE state IN ('QUEUED', 'TEMPORARY_FAILURE')"
        )

    async def in_use(self, pools: Sequence[str]) -> dict[str, int]:
        """Seats in use by pool."""
        rows = await self._all("booking", "SELECT pool, in_use FROM quota_days WHERE pool = ANY($1)", list(pools))
        return {row["pool"]: row["in_use"] for row in rows}

    async def read(self, people: Sequence[Person], pools: Sequence[str]) -> Books:
        """The books of this cast and these pools."""
        ids = [person.turn_id for person in people if person.turn_id]
        payments = {person.payment_id for person in people if person.payment_id}
        turns = await self._all("booking", "SELECT * FROM turns WHERE id = ANY($1::uuid[])", ids)
        rows = await self._all(
            "booking", "SELECT pool, capacity, in_use, max_in_use FROM quota_days WHERE pool = ANY($1)", list(pools)
        )
        ledger = await self._all(
            "payments", "SELECT currency, sum(minor)::bigint AS total FROM ledger_postings GROUP BY currency"
        )
        async with httpx.AsyncClient(trust_env=False, timeout=30) as client:
            books = (await client.get(f"{self._bank}/sandbox/books")).json()
            mails = (await client.get(f"{self._mail}/messages")).json()
        captures = [each for each in books["captures"] if each["reference"] in payments]
        capture_ids = {each["id"] for each in captures}
        refunds = [each for each in books["refunds"] if each["capture"] in capture_ids]
        listed = mails["messages"] if isinstance(mails, dict) else mails
        ours = {person.email for person in people}
        mine = [mail for mail in listed if ours.intersection(_addresses(mail["to"]))]
        return Books(
            turns=turns,
            pools=rows,
            ledger={row["currency"]: row["total"] for row in ledger},
            captured=_sum(captures),
            refunded=_sum([each for each in refunds if each.get("status", "succeeded") == "succeeded"]),
            bank_refunds=Counter(each["capture"] for each in refunds if each.get("status") != "failed"),
            mails=Counter(mail["message_id"] for mail in mine),
            mailed={address for mail in mine for address in _addresses(mail["to"])},
            messages_sent=sum(
                [
                    await self._one(
                        service,
                        "SELECT count(*) FROM outbox_messages WHERE sent_at IS NOT NULL AND staged_at >= $1",
                        self._begin,
                    )
                    for service in SERVICES
                ]
            ),
            unsent=await self._waiting(),
            dead=sum(
                letter.resolution is None and letter.at >= self._begin
                for letter in await read_dead_letters(self._platform)
            ),
        )

    async def _all(self, service: str, query: str, *arguments: object) -> list[dict[str, Any]]:
        connection = await asyncpg.connect(self._database(service))
        try:
            return [dict(row) for row in await connection.fetch(query, *arguments)]
        finally:
            await connection.close()

    async def _one(self, service: str, query: str, *arguments: object) -> int:
        rows = await self._all(service, query, *arguments)
        return int(next(iter(rows[0].values())))


def _addresses(to: str | list[str]) -> list[str]:
    return [to] if isinstance(to, str) else list(to)


def _sum(entries: Sequence[dict[str, Any]]) -> dict[str, int]:
    totals: dict[str, int] = {}
    for each in entries:
        totals[each["currency"]] = totals.get(each["currency"], 0) + each["amount"]
    return totals


def owed(books: Books) -> dict[str, int]:
    """By currency: what the confirmed turns of the cast cost; all else must have gone back."""
    totals: dict[str, int] = {}
    for turn in books.turns:
        if turn["state"] == "CONFIRMED" and turn["payable_minor"]:
            totals[turn["payable_currency"]] = totals.get(turn["payable_currency"], 0) + turn["payable_minor"]
    return totals


def doubled(books: Books) -> int:
    """How many effects came twice: refunds of one capture, mails with one Message-ID."""
    return sum(count - 1 for count in [*books.bank_refunds.values(), *books.mails.values()] if count > 1)


def check(people: Sequence[Person], books: Books) -> list[Check]:
    """Everything that must hold after the play."""
    by_id = {str(turn["id"]): turn for turn in books.turns}
    accepted = [person for person in people if person.accepted]
    lost = [person.number for person in accepted if person.turn_id not in by_id]
    over = [row["pool"] for row in books.pools if row["max_in_use"] > row["capacity"]]
    used = Counter(turn["pool"] for turn in books.turns if turn["state"] in _LIVE)
    wrong = [row["pool"] for row in books.pools if used[row["pool"]] > row["in_use"]]
    live = Counter((turn["person_id"], turn["family"]) for turn in books.turns if turn["state"] in _LIVE)
    unpaid = [str(turn["id"]) for turn in books.turns
              if turn["state"] == "CONFIRMED" and turn["payable_minor"] and not turn["paid"]]  # fmt: skip
    held = [str(turn["id"]) for turn in books.turns if turn["state"] == "HELD"]
    kept = {currency: books.captured[currency] - books.refunded.get(currency, 0) for currency in books.captured}
    kept = {currency: amount for currency, amount in kept.items() if amount}
    told = {person.email for person in people if person.accepted or person.refusal}
    twins = [person for person in people if person.part is Part.PRESSES_TWICE and person.twin_agreed is False]
    troubled = [f"{person.number} ({person.part}): {person.trouble}" for person in people if person.trouble]
    return [
        Check("everybody's part was played to its end", not troubled,
              "; ".join(troubled[:3]) or f"{len(people)} people"),
        Check("each accepted request has one outcome", not lost and not held,
              f"{len(accepted)} accepted, {len(lost)} without an outcome, {len(held)} still held"),
        Check("no pool was ever over its capacity", not over and not wrong, f"{len(books.pools)} pools {over or ''}"),
        Check("at most one live turn per person and family", all(count == 1 for count in live.values()),
              f"{len(live)} live turns"),
        Check("a second press changed nothing", not twins, f"{len(twins)} of the twins had two answers"),
        Check("confirmed means paid in full", not unpaid, f"{len(unpaid)} confirmed but not paid"),
        Check("what the bank keeps is what the confirmed turns cost", kept == owed(books),
              f"kept {kept}, owed {owed(books)}"),
        Check("the ledger sums to zero in each currency", all(total == 0 for total in books.ledger.values()),
              f"{books.ledger}"),
        Check("no refund and no mail came twice", doubled(books) == 0,
              f"{sum(books.bank_refunds.values())} refunds, {sum(books.mails.values())} mails"),
        Check("everybody was told", told <= books.mailed, f"{len(told - books.mailed)} people got no mail"),
        Check("nothing is left in an outbox", books.unsent == 0, f"{books.unsent} waiting"),
        Check("no dead letters", books.dead == 0, f"{books.dead} set aside"),
    ]  # fmt: skip
