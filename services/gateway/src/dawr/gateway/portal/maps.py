"""A map of offices, drawn here: equirectangular, true in the middle of what it shows. It asks nobody for tiles."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import cos, radians

WIDTH = 320.0
_MARGIN = 36.0
_LOWEST, _HIGHEST = 180.0, 340.0
_ROW = 26.0
"""Names are so far apart that a finger finds each."""
_LETTER, _TEXT, _DOT = 6.4, 12.0, 5.0
"""How wide a letter is, how high a line of text, how wide half a dot."""
_AROUND = ((0, -17), (0, 17), (0, 32), (0, -32))
"""Where a name may stand, by how far from its place: above it, below it; after these, beside it."""


@dataclass(frozen=True, slots=True)
class Spot:
    """Something on the map: where it is (WGS 84), what it is called, where its link leads."""

    latitude: float
    longitude: float
    name: str
    href: str
    is_chosen: bool = False


@dataclass(frozen=True, slots=True)
class Drawn:
    """A spot on the sheet. Of a name, (x, y) is the middle of its text, (to_x, to_y) the place that it names."""

    x: float
    y: float
    name: str
    href: str
    is_chosen: bool
    width: float = 0.0
    to_x: float = 0.0
    to_y: float = 0.0

    @property
    def is_moved(self) -> bool:
        """Whether a name stands so far from its place that a line should lead there."""
        return abs(self.y - self.to_y) > _ROW


@dataclass(frozen=True, slots=True)
class Map:
    """What is drawn, in units of a sheet `width` wide and `height` high."""

    width: float
    height: float
    dots: tuple[Drawn, ...]
    names: tuple[Drawn, ...]


def draw(dots: Sequence[Spot], names: Sequence[Spot]) -> Map | None:
    """Dots, and names that don't cover each other: one that finds no room near its place is left out, as it is on the
    list beside the map. None without a dot."""
    if not dots:
        return None
    south, north = min(each.latitude for each in dots), max(each.latitude for each in dots)
    west, east = min(each.longitude for each in dots), max(each.longitude for each in dots)
    shrink = cos(radians((south + north) / 2))
    across, down = max((east - west) * shrink, 0.02), max(north - south, 0.02)
    scale = (WIDTH - 2 * _MARGIN) / across
    height = min(max(down * scale + 2 * _MARGIN, _LOWEST), _HIGHEST)
    scale = min(scale, (height - 2 * _MARGIN) / down)
    left, top = (WIDTH - across * scale) / 2, (height - down * scale) / 2

    def at(spot: Spot) -> tuple[float, float]:
        return left + (spot.longitude - west) * shrink * scale, top + (north - spot.latitude) * scale

    drawn = tuple(Drawn(*at(each), each.name, each.href, each.is_chosen) for each in dots)
    placed: list[Drawn] = []
    for each in sorted(names, key=lambda spot: (not spot.is_chosen, -spot.latitude)):
        free = _free_place(each, at(each), placed, drawn, height)
        if free is not None:
            placed.append(free)
    return Map(WIDTH, round(height, 1), drawn, tuple(placed))


def _free_place(
    spot: Spot, at: tuple[float, float], placed: Iterable[Drawn], dots: Iterable[Drawn], height: float
) -> Drawn | None:
    width = max(_LETTER * len(spot.name) + 8, _ROW)
    beside = width / 2 + 8
    for across, down in (
        *_AROUND,
        (beside, 0),
        (-beside, 0),
        (beside, 16),
        (-beside, 16),
        (beside, -16),
        (-beside, -16),
    ):
        x, y = at[0] + across, at[1] + down
        if across == 0:
            x = min(max(x, width / 2 + 1), WIDTH - width / 2 - 1)
        is_within = width / 2 <= x <= WIDTH - width / 2 and _ROW / 2 <= y <= height - _ROW / 2
        made = Drawn(x, y, spot.name, spot.href, spot.is_chosen, width, *at)
        if (
            is_within
            and not any(_covers(made, other) for other in placed)
            and not any(_hides(made, dot) for dot in dots)
        ):
            return made
    return None


def _covers(one: Drawn, other: Drawn) -> bool:
    return abs(one.x - other.x) * 2 < one.width + other.width and abs(one.y - other.y) < _ROW


def _hides(name: Drawn, dot: Drawn) -> bool:
    return abs(name.x - dot.x) < name.width / 2 + _DOT and abs(name.y - dot.y) < _TEXT / 2 + _DOT
