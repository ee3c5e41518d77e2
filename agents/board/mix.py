"""Which actions were taken for which class of jobs, and at which hour of the day, counted from event logs."""

from typing import NamedTuple

import numpy as np

from ...fastsim.log import OFFER
from ...fastsim.spec import Jobs
from ...fastsim.units import DAY, HOUR

HOURS = DAY // HOUR


class Mix(NamedTuple):
    """Counts of decisions, int64; the actions are the sites in their order, and last to hold."""

    by_class: np.ndarray  # (classes, actions)
    by_hour: np.ndarray  # (HOURS, actions)

    def __add__(self, other: tuple[object, ...]) -> "Mix":
        """Both together: mixes are counts, not sequences."""
        return Mix(*(one + another for one, another in zip(self, other, strict=True)))


def shares(counts: np.ndarray) -> np.ndarray:
    """Counts (groups, actions) as shares of each group's decisions; NaN where a group has none."""
    total = counts.sum(axis=1, keepdims=True)
    return np.divide(counts, total, out=np.full(counts.shape, np.nan), where=total > 0)


def mixes(log: np.ndarray, jobs: Jobs, before: np.ndarray, end: int, classes: int, actions: int) -> tuple[Mix, Mix]:
    """All decisions of an event log (rows, 5) before `end` [ms]; and those on jobs that had not been offered before.

    `before`: indices of jobs that had been, when the log begins.
    """
    rows = log[(log[:, 1] == OFFER) & (log[:, 0] < end)]
    is_first = np.zeros(len(rows), bool)
    is_first[np.unique(rows[:, 2], return_index=True)[1]] = True  # the log is in the order of time
    is_first &= ~np.isin(rows[:, 2], before)
    every = mix_of(rows, jobs, classes, actions)
    return every, mix_of(rows[is_first], jobs, classes, actions)


def mix_of(rows: np.ndarray, jobs: Jobs, classes: int, actions: int) -> Mix:
    """The decisions of the rows of a log that are offers, (decisions, 5)."""
    cls, hour = jobs.cls[rows[:, 2]].astype(np.int64), rows[:, 0] % DAY // HOUR
    return Mix(_counted(cls, rows[:, 3], classes, actions), _counted(hour, rows[:, 3], HOURS, actions))


def _counted(groups: np.ndarray, actions: np.ndarray, count: int, width: int) -> np.ndarray:
    return np.bincount(groups * width + actions, minlength=count * width).reshape(count, width)
