"""The books after the play: read from every side, and held against each other."""

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import asyncpg
import httpx

from dawr.servicekit.dead_letters import read_dead_letters
from dawr.servicekit.settings import PlatformSettings
from dawr.tools.demo.cast import Person

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
    """Of this cast: all that is written under their names."""
    pools: list[dict[str, Any]]
    """Each with `live`: the turns of anybody that have a seat now."""
    ledger: dict[str, int]
    """By currency: the sum of all postings; zero."""
    at_bank: dict[str, int]
    """By currency: what the ledger says that the bank holds for us."""
    bank_holds: dict[str, int]
    """By currency: what the bank says that it holds for us."""
    captured: dict[str, int]
    refunded: dict[str, int]
    """By currency, of this cast, as the bank says."""
    bank_captures: Counter[str]
    """By payment."""
    bank_refunds: Counter[str]
    """By capture."""
    mails: Counter[str]
    """By Message-ID: how often the mail came."""
    mailed: set[str]
    """Addresses that got any mail."""
    messages_sent: int
    unsent: int
    dead: int


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
        """Wait until every outbox is empty, every message is handed over and every webhook is delivered."""
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
        rows = await self.all("booking", "SELECT pool, in_use FROM quota_days WHERE pool = ANY($1)", list(pools))
        return {row["pool"]: row["in_use"] for row in rows}

    async def read(self, people: Sequence[Person], pools: Sequence[str]) -> Books:
        """The books of this cast and these pools."""
        ours = [id for person in people for id in (person.id, person.relative) if id is not None]
        turns = await self.all("booking", "SELECT * FROM turns WHERE person_id = ANY($1) OR asked_by = ANY($1)", ours)
        async with httpx.AsyncClient(trust_env=False, timeout=30) as client:
            books = (await client.get(f"{self._bank}/sandbox/books")).json()
            arrived = (await client.get(f"{self._mail}/messages")).json()
        payments = {person.payment_id for person in people if person.payment_id}
        captures = [each for each in books["captures"] if each["reference"] in payments]
        capture_ids = {each["id"] for each in captures}
        refunds = [each for each in books["refunds"] if each["capture"] in capture_ids]
        addresses = {person.email for person in people}
        mails = [mail for mail in arrived if addresses.intersection(mail["to"])]
        held = {currency: total["captured"] - total["refunded"] for currency, total in books["totals"].items()}
        return Books(
            turns=turns,
            pools=await self._pools(pools),
            ledger=await self._postings("%"),
            at_bank=_without_nothing(await self._postings("bank:%")),
            bank_holds=_without_nothing(held),
            captured=_sum(captures),
            refunded=_sum([each for each in refunds if each["status"] == "succeeded"]),
            bank_captures=Counter(each["reference"] for each in captures),
            bank_refunds=Counter(each["capture"] for each in refunds if each["status"] == "succeeded"),
            mails=Counter(mail["message_id"] for mail in mails),
            mailed={address for mail in mails for address in mail["to"]},
            messages_sent=await self._messages_sent(),
            unsent=await self._waiting(),
            dead=sum(
                letter.resolution is None and letter.at >= self._begin
                for letter in await read_dead_letters(self._platform)
            ),
        )

    async def _pools(self, pools: Sequence[str]) -> list[dict[str, Any]]:
        return await self.all(
            "booking",
            """
            SELECT pool, capacity, in_use, max_in_use,
                   (SELECT count(*) FROM turns t WHERE t.pool = q.pool AND t.state IN ('HELD', 'CONFIRMED')) AS live
            FROM quota_days q WHERE pool = ANY($1)
            """,
            list(pools),
        )

    async def _postings(self, accounts: str) -> dict[str, int]:
        rows = await self.all(
            "payments",
            """
            SELECT currency, sum(minor)::bigint AS total FROM ledger_postings WHERE account LIKE $1 GROUP BY currency
            """,
            accounts,
        )
        return {row["currency"]: row["total"] for row in rows}

    async def _messages_sent(self) -> int:
        query = "SELECT count(*) FROM outbox_messages WHERE sent_at IS NOT NULL AND staged_at >= $1"
        return sum([await self._one(service, query, self._begin) for service in SERVICES])

    async def all(self, service: str, query: str, *arguments: object) -> list[dict[str, Any]]:
        """The rows of a query in a service's database."""
        connection = await asyncpg.connect(self._database(service))
        try:
            return [dict(row) for row in await connection.fetch(query, *arguments)]
        finally:
            await connection.close()

    async def _one(self, service: str, query: str, *arguments: object) -> int:
        rows = await self.all(service, query, *arguments)
        return int(next(iter(rows[0].values())))


def _sum(entries: Sequence[dict[str, Any]]) -> dict[str, int]:
    totals: dict[str, int] = {}
    for each in entries:
        totals[each["currency"]] = totals.get(each["currency"], 0) + each["amount"]
    return totals


def _without_nothing(totals: Mapping[str, int]) -> dict[str, int]:
    return {currency: total for currency, total in totals.items() if total}


def owed(books: Books) -> dict[str, int]:
    """By currency: what the confirmed turns of the cast cost; all else must have gone back."""
    totals: dict[str, int] = {}
    for turn in books.turns:
        if turn["state"] == "CONFIRMED" and turn["payable_minor"]:
            totals[turn["payable_currency"]] = totals.get(turn["payable_currency"], 0) + turn["payable_minor"]
    return totals


def doubled(books: Books) -> int:
    """How many effects came twice: captures of one payment, refunds of one capture, mails with one Message-ID."""
    counts = [*books.bank_captures.values(), *books.bank_refunds.values(), *books.mails.values()]
    return sum(count - 1 for count in counts)


def check(people: Sequence[Person], books: Books) -> list[Check]:
    """Everything that must hold after the play."""
    return [*_check_seats(people, books), *_check_money(books), *_check_telling(people, books)]


def _check_seats(people: Sequence[Person], books: Books) -> list[Check]:
    by_id = {str(turn["id"]): turn for turn in books.turns}
    accepted = [person for person in people if person.accepted]
    lost = [person.number for person in accepted if person.turn_id not in by_id]
    held = [str(turn["id"]) for turn in books.turns if turn["state"] == "HELD"]
    states = {id: turn["state"] for id, turn in by_id.items()}
    seen = [(person, states[person.turn_id]) for person in accepted if person.turn_id in states and person.state]
    differs = [f"{person.number}: saw {person.state}, is {state}" for person, state in seen if state != person.state]
    known = {person.turn_id for person in people if not person.refusal}
    appeared = [id for id, turn in by_id.items() if id not in known and (turn["state"] in _LIVE or turn["paid"])]
    over = [row["pool"] for row in books.pools if row["max_in_use"] > row["capacity"]]
    wrong = [f"{row['pool']}: {row['live']} live, {row['in_use']} counted" for row in books.pools
             if row["live"] != row["in_use"]]  # fmt: skip
    live = Counter((turn["person_id"], turn["family"]) for turn in books.turns if turn["state"] in _LIVE)
    twins = [f"{person.number}: {person.twins_differ}" for person in people if person.twins_differ]
    troubled = [f"{person.number} ({person.part}): {person.trouble}" for person in people if person.trouble]
    return [
        Check("everybody's part was played to its end", not troubled,
              "; ".join(troubled[:3]) or f"{len(people)} people"),
        Check("each accepted request has one outcome", not (lost or held or differs),
              f"{len(accepted)} accepted, {len(lost)} without an outcome, {len(held)} still held, "
              f"{len(differs)} with another than was shown {differs[:3] or ''}"),
        Check("nothing that was refused appeared", not appeared, f"{len(appeared)} unexpected turns"),
        Check("no pool was ever over its capacity", not over, f"{len(books.pools)} pools {over or ''}"),
        Check("the seats in use are those of the live turns", not wrong,
              "; ".join(wrong[:3]) or f"{sum(row['in_use'] for row in books.pools)} seats"),
        Check("at most one live turn per person and family", all(count == 1 for count in live.values()),
              f"{len(live)} live turns"),
        Check("a second press changed nothing", not twins, "; ".join(twins[:3]) or "twins had one answer"),
    ]  # fmt: skip


def _check_money(books: Books) -> list[Check]:
    unpaid = [str(turn["id"]) for turn in books.turns
              if turn["state"] == "CONFIRMED" and turn["payable_minor"] and not turn["paid"]]  # fmt: skip
    kept = _without_nothing(
        {currency: books.captured[currency] - books.refunded.get(currency, 0) for currency in books.captured}
    )
    twice = doubled(books) - sum(count - 1 for count in books.mails.values())
    return [
        Check("confirmed means paid in full", not unpaid, f"{len(unpaid)} confirmed but not paid"),
        Check("what the bank keeps is what the confirmed turns cost", kept == owed(books),
              f"kept {kept}, owed {owed(books)}"),
        Check("the ledger agrees with the bank", books.at_bank == books.bank_holds,
              f"ledger {books.at_bank}, bank {books.bank_holds}"),
        Check("the ledger sums to zero in each currency", not any(books.ledger.values()), f"{books.ledger}"),
        Check("nobody paid twice or got money back twice", twice == 0,
              f"{sum(books.bank_captures.values())} payments, {sum(books.bank_refunds.values())} refunds"),
    ]  # fmt: skip


def _check_telling(people: Sequence[Person], books: Books) -> list[Check]:
    repeated = [message_id for message_id, count in books.mails.items() if count > 1]
    told = {person.email for person in people if person.in_line}
    return [
        Check("no mail came twice", not repeated, f"{sum(books.mails.values())} mails {repeated[:3] or ''}"),
        Check("everybody was told", told <= books.mailed, f"{len(told - books.mailed)} of {len(told)} got no mail"),
        Check("nothing is left in an outbox", books.unsent == 0, f"{books.unsent} waiting"),
        Check("no dead letters", books.dead == 0, f"{books.dead} set aside"),
    ]
