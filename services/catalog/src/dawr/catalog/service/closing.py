"""Closures that come with files: the seed's, and those of an import."""

from collections.abc import Sequence
from dataclasses import replace

from dawr.catalog.domain.calendars import Closure, decide_closure
from dawr.catalog.domain.offices import Office, earliest_date
from dawr.catalog.folder.catalogue import Catalogue, SaidClosure
from dawr.catalog.folder.problems import Problem, refuse
from dawr.catalog.service.describe import Author
from dawr.catalog.store import changes, stored
from dawr.catalog.store.closures import closures, save_closures
from dawr.catalog.store.things import things
from dawr.contracts import derived_id
from dawr.contracts.ids import DAWR
from dawr.servicekit.clock import new_id
from dawr.servicekit.database import Transaction
from dawr.servicekit.errors import Refusal


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


async def close_as_imported(tx: Transaction, catalogue: Catalogue, author: Author) -> int:
    """Decide closures that files have and the database has not; how many. Raises CatalogueInvalid."""
    assert author.person is not None  # noqa: S101
    known = {(each.scope, each.code, each.first_day, each.last_day) for each in await closures(tx.connection)}
    offices = await things(tx.connection, Office)
    today = earliest_date((each.thing for each in offices.values()), tx.now)
    decided: list[Closure] = []
    problems = []
    for said in catalogue.closures:
        if said.place in known:
            continue
        days = (said.first_day, said.last_day)
        try:
            decided.append(
                decide_closure(
                    new_id(), said.scope, said.code, days, said.reason, by=author.person, today=today, now=tx.now
                )
            )
        except Refusal as refusal:
            row = catalogue.numbers["closures.csv", *said.place]
            problems.append(
                Problem("closures.csv", row, "first_day", refusal.code, refusal.detail.en, refusal.detail.ar)
            )
    refuse(problems)
    await keep_closures(tx, decided, author)
    return len(decided)
