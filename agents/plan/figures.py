"""From plays to figures: bills, avoidable costs and waits of every point of a plan, with paired intervals.

Dollars are per week of the windows, as in an evaluation. What is resampled are plays; of a trace its weeks, which all
plays of it share. All points meet the same jobs, so that a difference between two of them is paired.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np

from ...fastsim.units import DOLLAR, WEEK
from ..evaluation.compare import FEWEST_BLOCKS, Interval, paired, ratio
from .levels import Setting
from .tally import Tally, quantile_hours

RESAMPLES = 2000  # of what is no ratio of sums: a quantile of waits, the place of a minimum
GROWING = 1.5  # times as much waits at a play's end as at its beginning, and more than runs: queues only grow
NOTHING = float("nan")
NO_INTERVAL = Interval(NOTHING, NOTHING, NOTHING)


@dataclass(frozen=True)
class Played:
    """A policy at a setting, or in a changed world: all its plays, one after the other."""

    setting: Setting
    policy: str
    tallies: Sequence[Tally]
    seed: int
    is_trace: bool = False

    def column(self, name: str) -> np.ndarray:
        """An amount of every window of every play, (rows,) int64."""
        return np.concatenate([tally.amounts[name] for tally in self.tallies])

    def by_site(self, name: str) -> np.ndarray:
        """Use or supply of every window, (rows, sites) int64 accelerator-ms."""
        return np.concatenate([tally.by_site[name] for tally in self.tallies])

    @cached_property
    def blocks(self) -> np.ndarray:
        """What each row is resampled with, (rows,)."""
        windows = [len(tally.avoidable) for tally in self.tallies]
        if self.is_trace:
            return np.concatenate([np.arange(count) for count in windows])
        return np.repeat(np.arange(len(windows)), windows)

    @cached_property
    def weeks(self) -> np.ndarray:
        """Length of every row, (rows,)."""
        return self.column("length") / WEEK

    @cached_property
    def avoidable(self) -> np.ndarray:
        """(rows,) µ$."""
        return np.concatenate([tally.avoidable for tally in self.tallies])

    @cached_property
    def bill(self) -> np.ndarray:
        """(rows,) µ$: avoidable cost and floors."""
        return np.concatenate([tally.bill for tally in self.tallies])

    def weekly(self, amounts: np.ndarray | str) -> Interval:
        """Dollars per week of rows of µ$, or of one amount."""
        rows = self.column(amounts) if isinstance(amounts, str) else amounts
        return ratio(rows / DOLLAR, self.weeks, self.blocks, self.seed)

    def mean(self, name: str) -> float:
        """Dollars per week of one amount."""
        return float(self.column(name).sum() / DOLLAR / self.weeks.sum())

    def more_than(self, other: "Played", of: str = "bill") -> Interval:
        """Dollars per week by which this is dearer than another on the same plays."""
        rows = getattr(self, of) - getattr(other, of)
        return ratio(rows / DOLLAR, self.weeks, self.blocks, self.seed)

    def saved_by(self, other: "Played", of: str = "bill") -> Interval:
        """What another saves of this one's bill, or avoidable cost, as a fraction; below 0 it costs more."""
        return paired(getattr(self, of), getattr(other, of), self.blocks, self.seed)

    def mean_accelerators(self, name: str, sites: np.ndarray) -> np.ndarray:
        """Mean accelerators used or delivered at some sites (sites,) bool in each row, (rows,)."""
        return self.by_site(name)[:, sites].sum(axis=1) / self.column("length")

    @cached_property
    def wait_p95(self) -> Interval:
        """95th percentile of the waits of all jobs [h]; no interval where plays are few, or of a trace.

        Plain percentiles of resampled plays: a quantile is no ratio of sums.
        """
        waits = np.stack([tally.waits for tally in self.tallies]).astype(float)
        value = float(quantile_hours(waits.sum(axis=0), 0.95))
        if len(waits) < FEWEST_BLOCKS or self.is_trace:
            return Interval(value, NOTHING, NOTHING)
        found = quantile_hours(weights(len(waits), self.seed) @ waits, 0.95)
        if not np.isfinite(found).all():  # plays without a job that was ready
            return Interval(value, NOTHING, NOTHING)
        return Interval(value, *np.percentile(found, [2.5, 97.5]).tolist())

    @property
    def grows(self) -> bool:
        """Whether more and more waits: more at the end than runs, and half as much again as at the beginning.

        A cost per week then grows with the length of the play, and is none of a state that lasts.
        """
        windows = min(len(tally.avoidable) for tally in self.tallies)
        if windows < 2:
            return False
        part = max(1, windows // 4)
        lengths = np.stack([tally.amounts["length"][:windows] for tally in self.tallies]).sum(axis=0)
        queued, busy = (
            np.stack([rows[:windows] for rows in every]).sum(axis=0) / lengths
            for every in (
                [tally.amounts["queued"] for tally in self.tallies],
                [tally.by_site["busy"].sum(axis=1) for tally in self.tallies],
            )
        )
        first, last, runs = queued[:part].mean(), queued[-part:].mean(), busy[-part:].mean()
        return bool(last > max(runs, GROWING * first))


def weights(count: int, seed: int) -> np.ndarray:
    """How often each of `count` blocks is drawn in each resample, (RESAMPLES, count): the same for every point."""
    rng = np.random.default_rng([seed, 0x91A2])
    return rng.multinomial(count, np.full(count, 1 / count), RESAMPLES).astype(float)


class Cheapest(NamedTuple):
    """Which of some points costs least, and where between them the minimum lies."""

    number: int  # of the point
    level: Interval  # where a parabola through it and its neighbours is lowest


def cheapest(points: Sequence[Played]) -> Cheapest:
    """The point of least total bill among points of ascending levels, and where between them the minimum lies.

    The interval is that of the place of the minimum in resampled plays: 95 % of them.
    """
    levels = np.array([float(point.setting.level) for point in points])
    blocks = np.unique(points[0].blocks, return_inverse=True)[1]
    count = int(blocks.max()) + 1
    bills = np.zeros((len(points), count))
    for row, point in enumerate(points):
        np.add.at(bills[row], blocks, point.bill / DOLLAR)
    weeks = np.zeros(count)
    np.add.at(weeks, blocks, points[0].weeks)
    whole = bills.sum(axis=1) / weeks.sum()
    number, value = int(np.argmin(whole)), lowest(levels, whole)
    if count < FEWEST_BLOCKS:
        return Cheapest(number, Interval(value, NOTHING, NOTHING))
    drawn = weights(count, points[0].seed)
    resampled = (drawn @ bills.T) / (drawn @ weeks)[:, None]
    places = [lowest(levels, row) for row in resampled]
    low, high = np.percentile(places, [2.5, 97.5]).tolist()
    return Cheapest(number, Interval(value, low, high))


def lowest(levels: np.ndarray, bills: np.ndarray) -> float:
    """Where a parabola through the least of `bills` (levels,) and its neighbours is lowest; the level itself at an end.

    `levels` ascend, and need not lie evenly.
    """
    at = int(np.argmin(bills))
    if at in (0, len(levels) - 1):
        return float(levels[at])
    x, y = levels[at - 1 : at + 2] - levels[at], bills[at - 1 : at + 2] - bills[at]
    # y = a x² + b x through the three points
    a, b = np.linalg.solve(np.array([[x[0] ** 2, x[0]], [x[2] ** 2, x[2]]]), y[[0, 2]])
    return float(levels[at] + (np.clip(-b / (2 * a), x[0], x[2]) if a > 0 else 0.0))
