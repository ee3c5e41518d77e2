"""What an evaluation found: the scores of every policy, and how each compares with the first."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from ...fastsim.units import DOLLAR, WEEK
from .compare import Interval, holm, over_seeds, p_value, paired, ratio
from .measures import Sample, share
from .scoring import COSTS


@dataclass(frozen=True)
class Scores:
    """One policy over all episodes."""

    name: str
    sample: Sample
    measures: dict[str, float]  # of all jobs and sites together; NaN where there is none
    by_class: dict[str, dict[str, float]]  # waits, slowdowns and deadlines
    by_site: dict[str, float]  # utilisation

    @property
    def rows(self) -> Any:
        """(episodes × blocks,) scoring.SCORE."""
        return self.sample.rows

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
        return self.sample.total(name)

    def per_week(self, name: str) -> float:
        """Mean of a column of money, dollars per week."""
        return self.sample.weekly(name, DOLLAR)

    @property
    def burst_share(self) -> float:
        """Share of the cohort's accelerator-hours that ran on burst."""
        return share(self.total("burst_work"), self.total("work"))


@dataclass(frozen=True)
class Comparison:
    """One policy against another on the same episodes: fractions saved, below 0 a loss."""

    policy: str
    against: str
    avoidable: Interval
    bill: Interval
    p: float  # that the avoidable costs do not differ, alone
    adjusted_p: float  # the same as one of all comparisons of the report (Holm)


class Gap(NamedTuple):
    """What share of the way from the first policy to the bound, and to the clairvoyant, a policy goes."""

    to_bound: Interval
    to_clairvoyant: Interval | None  # None: it was not played


def resampled(rows: Any, is_trace: bool) -> np.ndarray:
    """The unit of resampling that each row (rows,) SCORE belongs to: with a trace its week, else its stretch.

    Windows in a row hang together, because each begins as the one before it ends. A stretch goes by its first episode.
    """
    return rows.block if is_trace else rows.episode - rows.block


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
    delay_factor: float = 1.0  # on what waiting and missed deadlines cost
    groups: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # policies that differ by their training seed
    gaps: Mapping[str, Gap] = field(default_factory=dict)  # by policy; none where no bounds are known

    @property
    def blocks(self) -> np.ndarray:
        """The unit of resampling that each row belongs to."""
        return resampled(self.policies[0].rows, self.trace is not None)

    @property
    def unit(self) -> str:
        """What one of the blocks is called."""
        if self.trace is not None:
            return "week"
        return "stretch" if self.policies[0].rows.block.any() else "episode"

    def weekly(self, amounts: np.ndarray) -> Interval:
        """Dollars per week of rows of µ$, with an interval."""
        return ratio(amounts / DOLLAR, self.policies[0].rows.length / WEEK, self.blocks, self.seed)

    @cached_property
    def comparisons(self) -> tuple[Comparison, ...]:
        """Every other policy against the first."""
        first, others = self.policies[0], self.policies[1:]
        p_values = [p_value(first.avoidable, other.avoidable, self.blocks, self.seed) for other in others]
        return tuple(
            Comparison(
                other.name,
                first.name,
                paired(first.avoidable, other.avoidable, self.blocks, self.seed),
                paired(first.bill, other.bill, self.blocks, self.seed),
                p,
                adjusted,
            )
            for other, p, adjusted in zip(others, p_values, holm(p_values), strict=True)
        )

    @cached_property
    def over_seeds(self) -> dict[str, Interval]:
        """Saving of each group against the first policy: the interquartile mean over its training seeds."""
        first, by_name = self.policies[0], {policy.name: policy for policy in self.policies}
        return {
            name: over_seeds(first.avoidable, np.stack([by_name[one].avoidable for one in own]), self.blocks, self.seed)
            for name, own in self.groups.items()
        }
