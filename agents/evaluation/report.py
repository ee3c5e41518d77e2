"""What an evaluation found: the scores of every policy, and how each compares with the first."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from ...fastsim.units import DOLLAR, HOUR, WEEK
from .compare import Interval, paired, ratio
from .scoring import COSTS, quantiles


@dataclass(frozen=True)
class Scores:
    """One policy over all episodes."""

    name: str
    rows: Any  # (episodes × blocks,) scoring.SCORE
    waited: np.ndarray  # (jobs,) int64 ms, of all episodes
    cls: np.ndarray  # (jobs,) int64

    @cached_property
    def avoidable(self) -> np.ndarray:
        """Avoidable cost of each row, µ$."""
        return np.sum([self.rows[name] for name in COSTS], axis=0)

    @property
    def bill(self) -> np.ndarray:
        """Avoidable cost and floors of each row, µ$."""
        return self.avoidable + self.rows.floors

    def total(self, name: str) -> int:
        """Sum of one column."""
        return int(self.rows[name].sum())

    @property
    def weeks(self) -> float:
        """Weeks scored, of all episodes together."""
        return self.total("length") / WEEK

    def per_week(self, name: str) -> float:
        """Mean of a column of money, dollars per week."""
        return self.total(name) / DOLLAR / self.weeks

    def waits(self, cls: int | None = None) -> tuple[float, float]:
        """Median and 95th percentile of the waits of a class, or of all jobs, in hours; NaN where there is none."""
        median, high = quantiles(self.waited if cls is None else self.waited[self.cls == cls])
        return median / HOUR, high / HOUR

    def utilisation(self, site: int) -> float:
        """Accelerator-time used at a site over what it delivered; NaN where that is nothing."""
        return _share(int(self.rows.busy[:, site].sum()), int(self.rows.supply[:, site].sum()))

    @property
    def commitment_used(self) -> float:
        """Used commitment over the commitment; NaN where there is none."""
        return _share(self.total("used"), self.total("floors"))

    @property
    def burst_share(self) -> float:
        """Share of the cohort's accelerator-hours that ran on burst."""
        return _share(self.total("burst_work"), self.total("work"))


@dataclass(frozen=True)
class Comparison:
    """One policy against another on the same episodes: fractions saved, below 0 a loss."""

    policy: str
    against: str
    avoidable: Interval
    bill: Interval


@dataclass(frozen=True)
class Report:
    """An evaluation, whole."""

    scenario: str
    digest: str  # of the scenario
    sites: tuple[str, ...]
    classes: tuple[str, ...]
    seed: int
    episodes: int
    trace: str | None
    load: float | None  # None: the scenario's own, or the trace as recorded
    policies: tuple[Scores, ...]
    notes: tuple[str, ...]  # what a reader must know to read the figures

    @property
    def blocks(self) -> np.ndarray:
        """The unit of resampling that each row belongs to: its episode, or with a trace its week."""
        rows = self.policies[0].rows
        return rows.episode if self.trace is None else rows.block

    def weekly(self, amounts: np.ndarray) -> Interval:
        """Dollars per week of rows of µ$, with an interval."""
        return ratio(amounts / DOLLAR, self.policies[0].rows.length / WEEK, self.blocks, self.seed)

    @cached_property
    def comparisons(self) -> tuple[Comparison, ...]:
        """Every other policy against the first."""
        first = self.policies[0]
        return tuple(
            Comparison(
                other.name,
                first.name,
                paired(first.avoidable, other.avoidable, self.blocks, self.seed),
                paired(first.bill, other.bill, self.blocks, self.seed),
            )
            for other in self.policies[1:]
        )


def _share(part: int, whole: int) -> float:
    return part / whole if whole else float("nan")
