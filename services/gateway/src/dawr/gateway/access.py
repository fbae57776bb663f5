"""Who may ask what: one table, `access.csv`, of every operation that the gateway answers or lets through.

It is made from the services' OpenAPI documents (`python -m dawr.tools.access write`; `make check` compares them), but
for the columns that people write: `owner`, whose things an operation is about, and `note`. What it does not name is
not let through. The roles in it are for those who read it and for tests: each service checks them itself, again and
from the token, and the gateway looks at no token on the way.

`roles` has `public` for everybody, `*` for whoever has signed in, or the roles of which one is needed. The words of
`owner` are those of `Owner`.
"""

import csv
import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from importlib.resources import files
from itertools import combinations

from dawr.servicekit.auth import Role

PUBLIC = "public"
SIGNED_IN = "*"
COLUMNS = ("service", "method", "path", "roles", "owner", "note")
_PARAMETER = re.compile(r"\{\w+\}")


class Owner(StrEnum):
    """Whose thing it must be. What belongs to somebody else is answered like what does not exist, unless it says so."""

    NOBODY = "-"
    """It is about nobody's things: the role decides alone."""
    OWN = "own"
    """The caller's own, or what they asked for: another's is a 404, and lists have nothing of it."""
    OWN_OR_ROLE = "own-or-role"
    """The caller's own, as with `own`; each person's for the roles that the note names."""
    OWN_OR_OFFICE = "own-or-office"
    """A citizen's for themselves and those for whom they act; a desk's for somebody else. Another is a 403."""
    OWN_OFFICE = "own-office"
    """That of the office in the token, for an office's manager: another is a 403. Roles without an office: each."""
    OWN_MISSION = "own-mission"
    """That of the mission in the token: another is a 404."""
    OWN_PROPOSAL = "own-proposal"
    """What the caller proposed: another's is seen by all planners, but only its author may take this step, else 403."""
    NOT_OWN = "not-own"
    """Four eyes: what the caller proposed, set going, or is: somebody else decides about it, and they get a 403."""


@dataclass(frozen=True, slots=True)
class Row:
    """One operation."""

    service: str
    method: str
    path: str
    """As the OpenAPI document writes it: `/api/booking/turns/{id}`."""
    roles: tuple[str, ...]
    """Sorted; `(PUBLIC,)` and `(SIGNED_IN,)` are alone."""
    owner: str
    note: str

    @property
    def name(self) -> str:
        """How the row is told from others: `GET /api/booking/turns/{id}`."""
        return f"{self.method} {self.path}"

    def allows(self, roles: Iterable[Role]) -> bool:
        """Whether somebody in these roles may ask; with none, one who has not signed in."""
        held = {role.value for role in roles}
        return PUBLIC in self.roles or (bool(held) and SIGNED_IN in self.roles) or not held.isdisjoint(self.roles)


def read_table(text: str | None = None) -> tuple[Row, ...]:
    """The rows of the table, or of another one's text. Raises ValueError for what is no table of this form."""
    text = files("dawr.gateway").joinpath("access.csv").read_text("utf-8") if text is None else text
    reader = csv.DictReader(text.splitlines())
    if tuple(reader.fieldnames or ()) != COLUMNS:
        raise ValueError(f"the columns are {', '.join(COLUMNS)}")
    return tuple(_row(line) for line in reader)


def _row(line: dict[str, str | None]) -> Row:
    cells = {name: cell for name, cell in line.items() if cell is not None}
    if tuple(cells) != COLUMNS:
        raise ValueError(f"{line['method']} {line['path']}: not as many cells as columns")
    return Row(**{**cells, "roles": tuple(cells["roles"].split())})  # type: ignore[arg-type]


class Ways:
    """Which paths and methods of one service the table names."""

    def __init__(self, service: str, rows: Iterable[Row]) -> None:
        """Raises ValueError if a path could be meant by two rows with parameters."""
        methods: dict[str, set[str]] = {}
        for row in rows:
            if row.service == service:
                methods.setdefault(row.path, set()).add(row.method)
        templates = {path: found for path, found in methods.items() if "{" in path}
        patterns = {path: _pattern(path) for path in templates}
        for one, other in combinations(templates, 2):
            if _can_be_one(one, other):
                raise ValueError(f"{one} and {other}: a path can be meant by both")
        self._literal = {
            path.encode(): _whole(
                found.union(*(templates[each] for each in templates if re.fullmatch(patterns[each], path)))
            )
            for path, found in methods.items()
            if path not in templates
        }
        self._methods = [_whole(found) for found in templates.values()]
        self._template = re.compile("|".join(f"({patterns[each]})" for each in templates).encode() or rb"(?!)")

    def methods(self, path: bytes) -> frozenset[str] | None:
        """The methods by which a path, as it came, may be asked; none if nothing is there."""
        found = self._literal.get(path)
        if found is not None:
            return found
        match = self._template.fullmatch(path)
        return None if match is None or match.lastindex is None else self._methods[match.lastindex - 1]


def _pattern(path: str) -> str:
    return "[^/]+".join(map(re.escape, _PARAMETER.split(path)))


def _can_be_one(one: str, other: str) -> bool:
    first, second = one.split("/"), other.split("/")
    return len(first) == len(second) and all(a == b or "{" in a + b for a, b in zip(first, second, strict=True))


def _whole(methods: set[str]) -> frozenset[str]:
    """HEAD asks for what GET does, and OPTIONS only what may be asked."""
    return frozenset(methods | {"OPTIONS"} | ({"HEAD"} if "GET" in methods else set()))
