"""Where the names of points stand, so that they cover neither each other nor the points."""

from collections.abc import Sequence
from typing import NamedTuple

WIDTH, HEIGHT = 270.0, 300.0  # px of the drawing on a telephone: where names do not meet there, they do nowhere
LETTER, LINE, GAP = 7.0, 15.0, 9.0  # px: of a name's letter, of its height, between a point and its name
PLACES = (
    "middle right",
    "middle left",
    "top right",
    "bottom right",
    "top left",
    "bottom left",
    "top center",
    "bottom center",
)


class Box(NamedTuple):
    """A rectangle, px from the drawing's lower left."""

    left: float
    low: float
    right: float
    high: float

    def shares(self, other: "Box") -> float:
        """The area [px²] that both cover."""
        wide = min(self.right, other.right) - max(self.left, other.left)
        tall = min(self.high, other.high) - max(self.low, other.low)
        return max(0.0, wide) * max(0.0, tall)

    def outside(self) -> float:
        """The area [px²] that lies outside the drawing."""
        return (self.right - self.left) * (self.high - self.low) - self.shares(Box(0, 0, WIDTH, HEIGHT))


def placed(
    points: Sequence[tuple[float, float]], names: Sequence[str], bars: Sequence[tuple[float, float]]
) -> list[str]:
    """Plotly's `textposition` of each name: one after the other, where it covers least.

    `points` are fractions of the axes, `bars` the lower and upper ends of their intervals.
    """
    taken = [Box(x * WIDTH - 6, y * HEIGHT - 6, x * WIDTH + 6, y * HEIGHT + 6) for x, y in points]
    taken += [
        Box(x * WIDTH - 2, low * HEIGHT, x * WIDTH + 2, high * HEIGHT)
        for (x, _), (low, high) in zip(points, bars, strict=True)
    ]
    found = []
    for (x, y), name in zip(points, names, strict=True):
        boxes = {place: _box(x * WIDTH, y * HEIGHT, LETTER * len(name), place) for place in PLACES}
        best = min(PLACES, key=lambda place: 9 * boxes[place].outside() + sum(map(boxes[place].shares, taken)))
        taken.append(boxes[best])
        found.append(best)
    return found


def _box(x: float, y: float, width: float, place: str) -> Box:
    """Where a name of this width lies beside its point."""
    vertical, horizontal = place.split()
    left = {"right": x + GAP, "left": x - GAP - width, "center": x - width / 2}[horizontal]
    low = {"middle": y - LINE / 2, "top": y + GAP, "bottom": y - GAP - LINE}[vertical]
    return Box(left, low, left + width, low + LINE)
