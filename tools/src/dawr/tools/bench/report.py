"""What a run of the benchmark found: figures with their peers and goals, and the measures that failed."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

COLUMNS = {"measure": "left", "value": "right", "ratio": "right", "goal": "left", "": "left"}


@dataclass(frozen=True)
class Figure:
    """One line of the table."""

    name: str
    value: float
    unit: str
    against: str | None = None
    """The peer that it is compared with."""
    ratio: float | None = None
    """To the peer; none if there is none, or if it could not be measured."""
    goal: str | None = None
    """`≥ n` or `≤ n`: of the ratio if there is a peer, else of the value."""

    @property
    def reached(self) -> bool | None:
        """Whether the goal is reached; none if there is none, or nothing to compare with."""
        measured = self.value if self.against is None else self.ratio
        if self.goal is None or measured is None:
            return None
        kind, _, bound = self.goal.partition(" ")
        return measured >= float(bound) if kind == "≥" else measured <= float(bound)


@dataclass(frozen=True)
class Failed:
    """A measure that gave no figure."""

    name: str
    error: str


@dataclass
class Report:
    """Fills while the benchmark runs, and says each line as it comes."""

    console: Console
    figures: list[Figure] = field(default_factory=list)
    failed: list[Failed] = field(default_factory=list)
    settings: dict[str, Any] = field(default_factory=dict)
    _peers: dict[str, float] = field(default_factory=dict)

    def note(
        self,
        name: str,
        value: float,
        unit: str,
        *,
        against: str | None = None,
        goal: str | None = None,
        peer: str | None = None,
    ) -> float:
        """One figure; its value. Named as a `peer`, later ones are compared with it."""
        compared = self._peers.get(against) if against else None
        figure = Figure(name, value, unit, against, value / compared if compared else None, goal)
        self.figures.append(figure)
        if peer is not None:
            self._peers[peer] = value
        self.console.print(f"  {name}: {value:,.1f} {unit}  {_ratio(figure)}", highlight=False)
        return value

    def peer(self, peer: str, name: str, value: float, unit: str) -> None:
        """One figure that later ones are compared with."""
        self.note(name, value, unit, peer=peer)

    @contextmanager
    def measuring(self, name: str) -> Iterator[None]:
        """What goes wrong within is noted under this name, and the run goes on with the next measure."""
        try:
            yield
        except Exception as error:
            failed = Failed(name, f"{type(error).__name__}: {error}".removesuffix(": "))
            self.failed.append(failed)
            self.console.print(f"  [red]✗ {name}[/]: {escape(failed.error)}", highlight=False)

    def show(self) -> None:
        """The table, what failed, and the settings under it."""
        table = Table(title="One run on one machine", title_justify="left")
        for column, justify in COLUMNS.items():
            table.add_column(column, justify=justify)  # type: ignore[arg-type]
        for each in self.figures:
            mark = {True: "[green]✓[/]", False: "[red]✗[/]", None: ""}[each.reached]
            table.add_row(each.name, f"{each.value:,.1f} {each.unit}", _ratio(each), each.goal or "", mark)
        self.console.print(table)
        for missing in self.failed:
            self.console.print(f"[red]✗ {missing.name}[/]: {escape(missing.error)}", highlight=False)
        for part, values in self.settings.items():
            self.console.print(f"{part}: {_told(values)}", style="dim", highlight=False, markup=False)

    def as_json(self, machine: Mapping[str, Any]) -> dict[str, Any]:
        """All of it, for programs."""
        return {
            "machine": dict(machine),
            "settings": self.settings,
            "figures": [asdict(each) | {"reached": each.reached} for each in self.figures],
            "failed": [asdict(each) for each in self.failed],
        }


def _ratio(figure: Figure) -> str:
    return f"{figure.ratio:.2f} × {figure.against}" if figure.ratio is not None else ""


def _told(values: Mapping[str, Any]) -> str:
    return ", ".join(
        f"{name} {str(value).lower() if isinstance(value, bool) else value}" for name, value in values.items()
    )
