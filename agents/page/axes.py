"""Logarithmic axes of costs and waits, made for the policies that are near each other; others stand at an edge."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from ..evaluation.compare import Interval
from .picture import Drawn
from .waits import SHORTEST

FAR, NEAR_NOTHING = 4, 10  # axes are made for costs up to FAR × the cheapest, and lines down to it ÷ NEAR_NOTHING
PAD = 0.08  # of an axis, on both sides of what is in it
LEAST_PAD = 1.2  # as a factor: no axis shows less than this around a value
BESIDE = 0.06  # of an axis, from one mark in a corner to the next
FEWEST_TICKS = 4
DIGITS = (
    *((1,), (1, 3), (1, 2, 5), (1, 1.5, 2, 3, 4, 5, 7), (1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 8)),
    (1, 1.2, 1.4, 1.6, 1.8, 2, 2.2, 2.5, 2.8, 3, 3.5, 4, 4.5, 5, 5.5, 6, 6.5, 7, 7.5, 8, 8.5, 9, 9.5),
)


class Mark(NamedTuple):
    """A policy in the picture."""

    cost: Interval  # dollars per week
    hours: float  # 95th percentile of the wait

    def alone(self) -> "Mark":
        """Without an interval."""
        return self._replace(cost=Interval(*(self.cost.value,) * 3))


class Axis(NamedTuple):
    """What lies beyond one of its ends stands there."""

    low: float
    high: float

    def at(self, value: float) -> float:
        """Where a value stands."""
        return min(max(value, self.low), self.high)

    def ticks(self) -> list[float]:
        """Round values, a few at least."""
        found: list[float] = []
        powers = range(int(np.floor(np.log10(self.low))), int(np.ceil(np.log10(self.high))) + 1)
        for digits in DIGITS:
            values = [digit * 10.0**power for power in powers for digit in digits]
            found = [value for value in values if self.low <= value <= self.high]
            if len(found) >= FEWEST_TICKS:
                break
        return found

    def drawn(self, labels: list[str]) -> Drawn:
        """As Plotly has it, with a label for each tick."""
        ends = np.log10([self.low, self.high]).tolist()
        return {"type": "log", "range": ends, "tickvals": self.ticks(), "ticktext": labels}


class Axes(NamedTuple):
    """Those of the picture."""

    hours: Axis
    dollars: Axis

    def hold(self, mark: Mark) -> bool:
        """Whether a mark stands where it belongs."""
        places = ((self.hours, mark.hours), (self.dollars, mark.cost.value))
        return all(not np.isfinite(value) or axis.at(value) == value for axis, value in places)

    def places(self, marks: Sequence[Mark]) -> list[tuple[float, float]]:
        """Where marks stand: those that lie beyond the same corner beside each other, the dearest in it."""
        found = [(self.hours.at(mark.hours), self.dollars.at(mark.cost.value)) for mark in marks]
        step, middle = (self.hours.high / self.hours.low) ** BESIDE, np.sqrt(self.hours.low * self.hours.high)
        taken = set()
        for number in sorted(range(len(marks)), key=lambda number: -marks[number].cost.value):
            hours, dollars = found[number]
            inwards = 1 / step if hours > middle else step
            while (hours, dollars) in taken and not self.hold(marks[number]):
                hours *= inwards
            taken.add((hours, dollars))
            found[number] = (hours, dollars)
        return found


def near(marks: Sequence[Mark], always: Sequence[int]) -> list[Mark]:
    """The marks that axes are made for: those that are `always` shown, by number, and no other that is far dearer."""
    cheapest = min((mark.cost.value for mark in marks if mark.cost.value >= 1), default=np.inf)
    return [mark for number, mark in enumerate(marks) if number in always or mark.cost.value <= FAR * cheapest]


def axes_of(marks: Sequence[Mark], lines: Sequence[float]) -> Axes:
    """Around these marks, their intervals and the lines [dollars per week].

    A line that is near nothing, or a cost of nothing, would take the room of all others. Waits that are shorter than
    the picture of waits can show stand at the edge here, too.
    """
    least = max(1.0, min((mark.cost.value for mark in marks if mark.cost.value >= 1), default=1.0) / NEAR_NOTHING)
    ends = [end for mark in marks for end in mark.cost]
    return Axes(_axis([mark.hours for mark in marks], SHORTEST), _axis([*ends, *lines], least))


def _axis(values: list[float], least: float) -> Axis:
    """Around all values, but not below `least`."""
    known = [value for value in values if np.isfinite(value)] or [least]
    low, high = max(min(known), least), max(*known, least)
    pad = max((high / low) ** PAD, LEAST_PAD)
    return Axis(low if min(known) <= least else low / pad, high * pad)
