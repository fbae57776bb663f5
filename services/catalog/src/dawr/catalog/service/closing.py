"""Keeping closures: each in its row and in `changes`, whoever decided it."""

from collections.abc import Sequence
from dataclasses import replace

from dawr.catalog.domain.calendars import Closure
from dawr.catalog.folder.catalogue import SaidClosure
from dawr.catalog.service.describe import Author
from dawr.catalog.store import changes, stored
from dawr.catalog.store.closures import closures, save_closures
from dawr.contracts import derived_id
from dawr.contracts.ids import DAWR
from dawr.servicekit.database import Transaction


async def keep_closures(tx: Transaction, changed: Sequence[Closure], author: Author) -> None:
    """Keep closures as they were decided or withdrawn, and note who did it and why."""
    if not changed:
        return
    await save_closures(tx.connection, changed)
    await changes.note(tx, *(_change(each, author) for each in changed))
    await stored.count_up(tx.connection)


def _change(closure: Closure, author: Author) -> changes.Change:
    what = "closed" if closure.withdrawn_at is None else "closure-withdrawn"
    subject = f"closure/{closure.id}"
    return changes.Change(subject, closure.revision, what, author.reason, {"state": closure}, by_person=author.person)


async def close_as_seeded(tx: Transaction, said: Sequence[SaidClosure]) -> int:
    """Keep closures that the seed has and the database has not, and new reasons of its own; how many.

    One that a person withdrew stays withdrawn.
    """
    known = {each.id: each for each in await closures(tx.connection, withdrawn=True)}
    changed = []
    for each in said:
        days = f"{each.first_day.isoformat()}/{each.last_day.isoformat()}"
        closure_id = derived_id(DAWR, f"catalog/closure/{each.scope.value}/{each.code or ''}/{days}")
        before = known.get(closure_id)
        if before is None:
            changed.append(Closure(closure_id, *each.place, reason=each.reason, decided_at=tx.now))
        elif before.withdrawn_at is None and before.reason != each.reason:
            changed.append(replace(before, reason=each.reason, revision=before.revision + 1))
    await keep_closures(tx, changed, Author("as the folder says"))
    return len(changed)
