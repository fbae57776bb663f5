"""Curves, drawn here as SVG: no script, and the figures beside them say the same in words."""

from collections.abc import Sequence
from dataclasses import dataclass

WIDTH, HEIGHT = 480, 120
_LEFT, _BOTTOM, _TOP = 44, 18, 8


@dataclass(frozen=True, slots=True)
class Chart:
    """A curve as SVG draws it: paths, and the marks of its axis."""

    line: str
    area: str
    marks: tuple[tuple[float, str], ...]
    """Heights and what they say."""
    latest: str
    highest: str


def chart(points: Sequence[float | None], *, remembered: int) -> Chart:
    """A curve of the points, the newest at the right; what is not known is a gap."""
    known = [each for each in points if each is not None]
    top = _round_up(max(known, default=0.0))
    step = (WIDTH - _LEFT) / max(remembered - 1, 1)
    begin = WIDTH - (len(points) - 1) * step
    floor = HEIGHT - _BOTTOM
    parts: list[list[tuple[float, float]]] = [[]]
    for place, value in enumerate(points):
        if value is None:
            parts.append([])
        else:
            parts[-1].append((begin + place * step, floor - (floor - _TOP) * value / top))
    drawn = [part for part in parts if part]
    line = " ".join("M" + " L".join(f"{x:.1f},{y:.1f}" for x, y in part) for part in drawn)
    area = " ".join(
        f"M{part[0][0]:.1f},{floor} L"
        + " L".join(f"{x:.1f},{y:.1f}" for x, y in part)
        + f" L{part[-1][0]:.1f},{floor} Z"
        for part in drawn
    )
    marks = tuple((floor - (floor - _TOP) * share, _figure(top * share)) for share in (0.0, 0.5, 1.0))
    return Chart(line, area, marks, _figure(known[-1]) if known else "–", _figure(max(known)) if known else "–")


def _round_up(value: float) -> float:
    """The next 1, 2 or 5 with zeros, so that the axis reads well."""
    size = 1.0
    while True:
        for step in (1, 2, 5):
            if value <= step * size:
                return step * size
        size *= 10


def _figure(value: float) -> str:
    return f"{value:,.0f}" if value >= 10 or value == int(value) else f"{value:.1f}"
