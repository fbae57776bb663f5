"""What differs between two states of a thing, place by place."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final


class _Missing:
    """Stands for what is not there: null is a value of its own."""


MISSING: Final = _Missing()


@dataclass(frozen=True, slots=True)
class Difference:
    """A place that is not the same; `before` or `after` is none where nothing is there."""

    path: str
    """A JSON pointer; an entry of a list that has codes goes by its code: `/documents/ID_CARD/name/en`."""
    before: Any
    after: Any


def differences(before: Any, after: Any) -> tuple[Difference, ...]:
    """Every place in which two documents of one kind differ, by path; both are plain values of JSON.

    A list of things with codes is compared thing by thing, another one as a whole.
    """
    return tuple(sorted(_found("", before, after), key=lambda each: each.path))


def _found(path: str, before: Any, after: Any) -> Iterator[Difference]:
    if before == after:
        return
    old, new = _members(before), _members(after)
    if old is None or new is None or isinstance(before, Mapping) != isinstance(after, Mapping):
        yield Difference(path, _plain(before), _plain(after))
        return
    for name in sorted({*old, *new}):
        yield from _found(f"{path}/{_escaped(name)}", old.get(name, MISSING), new.get(name, MISSING))
    if not old.keys() ^ new.keys() and list(old) != list(new) and not isinstance(before, Mapping):
        yield Difference(path, list(old), list(new))


def _members(value: Any) -> Mapping[str, Any] | None:
    """The parts of a document or of a list of things with codes; none for all else, which is compared as a whole."""
    if isinstance(value, Mapping):
        return {str(name): part for name, part in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        coded = {str(part["code"]): part for part in value if isinstance(part, Mapping) and "code" in part}
        return coded if len(coded) == len(value) else None
    return None


def _plain(value: Any) -> Any:
    return None if value is MISSING else value


def _escaped(name: str) -> str:
    return name.replace("~", "~0").replace("/", "~1")
