"""The allocator: a batch of requests, cancellations and moves, in the order of the line, in one transaction."""

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import timedelta
from itertools import groupby
from uuid import UUID

from dawr.booking import domain
from dawr.booking.catalogue import Catalogue
from dawr.booking.domain import Entered, Seats, State, Turn, Wish
from dawr.booking.errors import IllegalMove, UnknownTurn
from dawr.booking.service.clear_days import ClearedDays
from dawr.booking.service.expire_holds import SeatMoved, lock_and_let_go
from dawr.booking.service.move_turns import move_turn
from dawr.booking.service.tell import tell_allocated, tell_cancelled
from dawr.booking.store import pools, turns
from dawr.contracts import Place
from dawr.contracts.booking import CancelDay, CancelTurn, RequestTurn, RescheduleTurn
from dawr.servicekit import telemetry
from dawr.servicekit.database import Transaction
from dawr.servicekit.envelope import Received
from dawr.servicekit.errors import Outage

_log = telemetry.get_logger("dawr.booking")


class NoCatalogueYet(Outage):
    """This service's copy of the catalogue is empty or not yet whole: what a turn costs, which days are open and what
    counts as one kind is unknown."""


async def take_requests(
    tx: Transaction,
    batch: Sequence[Received],
    catalogue: Catalogue,
    *,
    hold: timedelta,
    grace: timedelta,
    moves_count: int,
) -> None:
    """Answer every request of the batch: seats are held or refused, cancellations give seats back, moves change them.

    `hold` is how long a seat is kept for its payment; `grace` how much longer the bank may take the money;
    `moves_count` how often its people may move a turn.
    """
    await _make_sure_of(catalogue, batch, tx)
    requests = [each.message for each in batch if isinstance(each.message, RequestTurn)]
    people = {(each.person_id, catalogue.family(each.pool.service)) for each in requests}
    live = await turns.live(tx.connection, people)
    changed = [each.message.turn_id for each in batch if isinstance(each.message, (CancelTurn, RescheduleTurn))]
    days = ClearedDays([each.message for each in batch if isinstance(each.message, CancelDay)])
    # A turn may have been moved since its cancellation was asked for, and one that is to be moved is elsewhere.
    others = await turns.pools_of(tx.connection, changed)
    before, keys = await _lock_pools(tx, batch, requests, live, others, await days.pools(tx))
    seats = dict(before)
    locked = await lock_and_let_go(tx, [*changed, *await days.turns(tx, seats)], seats, keys)
    # What was seen before the locks may be a moment old. A turn that came since is met by the unique index.
    taken = {(turn.person_id, turn.family) for turn in live if not domain.has_run_out(turn, tx.now)}
    for wishes, run in _runs(batch):
        if wishes:
            await _allocate(tx, run, taken, seats, catalogue, hold=hold, grace=grace)
        else:
            for each in run:
                if isinstance(each.message, CancelDay):
                    await days.clear(tx, each.message, taken, seats, locked, each.cause)
                elif isinstance(each.message, RescheduleTurn):
                    await move_turn(tx, each.message, seats, locked, each.cause, at_most=moves_count)
                else:
                    await _cancel(tx, each, taken, seats, locked)
    await pools.save(tx.connection, before, seats)


def _services(batch: Sequence[Received]) -> set[str]:
    return {each.message.pool.service for each in batch if isinstance(each.message, RequestTurn)}


async def _make_sure_of(catalogue: Catalogue, batch: Sequence[Received], tx: Transaction) -> None:
    """Look again for a service that is not in memory; without a whole catalogue nobody is refused, the line
    waits."""
    if catalogue.is_loaded and all(service in catalogue.services for service in _services(batch)):
        return
    await catalogue.refresh(tx.connection)
    if not catalogue.is_loaded:
        raise NoCatalogueYet


def _runs(batch: Sequence[Received]) -> Iterator[tuple[bool, list[Received]]]:
    """The batch in its order, cut into stretches of requests and stretches of all else."""
    for wishes, run in groupby(batch, key=lambda each: isinstance(each.message, RequestTurn)):
        yield wishes, list(run)


async def _lock_pools(
    tx: Transaction,
    batch: Sequence[Received],
    requests: Sequence[RequestTurn],
    live: Sequence[Turn],
    others: set[str],
    cleared: set[str],
) -> tuple[dict[str, Seats], set[str]]:
    """Lock the pools of the batch, with `others` and those of days that are `cleared`; gives their seats, and those of
    them where holds that ran out are to be let go."""
    seated = RequestTurn, CancelTurn, RescheduleTurn
    wanted = {each.message.pool.key for each in batch if isinstance(each.message, seated)}
    lapsed = {turn.pool.key for turn in live if domain.has_run_out(turn, tx.now)}
    seats = await pools.lock(tx.connection, wanted | lapsed | others | cleared)
    asked = Counter(each.pool.key for each in requests)
    asked.update(each.message.pool.key for each in batch if isinstance(each.message, RescheduleTurn))
    tight = {key for key, count in asked.items() if key in seats and _is_tight(seats[key], count)}
    return seats, tight | lapsed | cleared


def _is_tight(seats: Seats, asked: int) -> bool:
    return (
        seats.left - seats.kept_free < asked or bool(seats.releases) or any(each.left < asked for each in seats.windows)
    )


async def _allocate(
    tx: Transaction,
    run: Sequence[Received],
    taken: set[tuple[UUID, str]],
    seats: dict[str, Seats],
    catalogue: Catalogue,
    *,
    hold: timedelta,
    grace: timedelta,
) -> None:
    """Decide and write; where another allocator was faster for a person or a key, decide the rest anew.

    `taken` are the persons and families with a live turn, before and after.
    """
    wishes: dict[UUID, Wish] = {}
    causes = {}
    for each in run:
        wish = _wish(each, catalogue)
        if wish.turn_id not in wishes:  # a second body under the same key: the first one counts
            wishes[wish.turn_id] = wish
            causes[wish.turn_id] = each.cause
    waiting = list(wishes.values())
    while True:
        decided, after = domain.allocate(seats, taken, waiting, now=tx.now, hold=hold)
        given = [turn for turn in decided if turn.state is not State.REFUSED]
        written = await turns.insert(tx.connection, given, tx.now)
        if len(written) == len(given):
            break
        # Some were there already. Count the seats of those that were written, and ask again for the others.
        known = await turns.by_ids(tx.connection, [turn.id for turn in given if turn.id not in written])
        for turn in given:
            if turn.id in written:
                seats[turn.pool.key] = seats[turn.pool.key].taking(turn.window, 1, turn.seat)
                tell_allocated(tx, turn, catalogue, cause=causes[turn.id], grace=grace)
            if turn.id not in known:
                taken.add((turn.person_id, turn.family))
        waiting = [wish for wish in waiting if wish.turn_id not in written and wish.turn_id not in known]
    refused = [turn for turn in decided if turn.state is State.REFUSED]
    noted = await turns.insert(tx.connection, refused, tx.now)
    seats.update(after)
    taken |= {(turn.person_id, turn.family) for turn in given}
    for turn in decided:
        if turn.id in written or turn.id in noted:
            tell_allocated(tx, turn, catalogue, cause=causes[turn.id], grace=grace)


def _wish(received: Received, catalogue: Catalogue) -> Wish:
    request = received.message
    if not isinstance(request, RequestTurn):
        raise TypeError(type(request).__name__)
    pool = request.pool
    return Wish(
        turn_id=request.turn_id,
        person_id=request.person_id,
        asked_by=request.asked_by,
        pool=pool,
        family=catalogue.family(pool.service),
        window=request.window,
        channel=request.channel,
        fee=catalogue.fee(pool.service, pool.tier, request.channel, pool.date),
        place=Place(partition=received.record.partition, offset=received.record.offset),
        fingerprint=request.fingerprint,
        case_id=request.case_id,
        fx=request.fx,
        share=request.share,
        entered=Entered(request.entered_by, request.reason) if request.entered_by and request.reason else None,
    )


async def _cancel(
    tx: Transaction,
    received: Received,
    taken: set[tuple[UUID, str]],
    seats: dict[str, Seats],
    locked: dict[UUID, Turn],
) -> None:
    command = received.message
    if not isinstance(command, CancelTurn):
        raise TypeError(type(command).__name__)
    if command.turn_id not in locked:  # it may have got its seat in this very batch
        locked |= await turns.lock(tx.connection, [command.turn_id], now=tx.now)
    turn = locked.get(command.turn_id)
    if turn is None or (turn.pool != command.pool and command.pool.key not in turn.moves):
        raise UnknownTurn(turn_id=str(command.turn_id))
    if turn.pool.key not in seats:
        raise SeatMoved
    by_office = command.role == "office"
    if not by_office and command.asked_by not in {turn.person_id, turn.asked_by}:
        raise UnknownTurn(turn_id=str(command.turn_id))
    try:
        cancelled, asks = domain.cancel(
            turn, by_office=by_office, asked_by=command.asked_by, reason=command.reason, now=tx.now
        )
    except IllegalMove:
        # It ended otherwise while this was on its way; whoever asked sees its state.
        _log.info("cancellation.came-too-late", turn_id=str(turn.id), state=turn.state.value)
        return
    await turns.save(tx.connection, [cancelled])
    locked[turn.id] = cancelled
    taken.discard((turn.person_id, turn.family))
    seats[turn.pool.key] = seats[turn.pool.key].taking(turn.window, -1, turn.seat)
    tell_cancelled(tx, cancelled, asks, by_office=by_office, reason=command.reason, cause=received.cause)
