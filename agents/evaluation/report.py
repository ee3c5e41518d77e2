"""What an evaluation found: the scores of every policy, and how each compares with the first."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from ...fastsim.units import DOLLAR, WEEK
from .compare import NOTHING, Interval, Spread, holm, p_value, paired, ratio
from .measures import Sample, share
from .scoring import COSTS
from .seeds import FEWEST_SEEDS, Middle, middle, middle_mean
from .source import Key


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
    adjusted_p: float  # the same as one of all comparisons of the report (Holm); NaN: a seed, whose group is compared


class Gap(NamedTuple):
    """What share of the way from the first policy to the bound, and to the clairvoyant, a policy goes."""

    to_bound: Interval
    to_clairvoyant: Interval | None  # None: it was not played


def resampled(rows: Any, is_trace: bool) -> np.ndarray:
    """The unit of resampling that each row (rows,) SCORE belongs to: with a trace its week, else its stretch.

    Windows in a row hang together, because each begins as the one before it ends. A stretch goes by its first episode.
    """
    return rows.block if is_trace else rows.episode - rows.block


def unit_of(rows: Any, is_trace: bool) -> str:
    """What one of these units is called."""
    if is_trace:
        return "week"
    return "stretch" if rows.block.any() else "episode"


def counted(count: int, unit: str) -> str:
    """So many units, in words."""
    return f"{count} {unit if count == 1 else PLURALS[unit]}"


PLURALS = {"week": "weeks", "stretch": "stretches", "episode": "episodes"}


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
    def key(self) -> Key:
        """What names its episodes."""
        return Key(self.delay_factor, self.digest, self.trace, self.load, self.seed)

    @property
    def unit(self) -> str:
        """What one of the blocks is called."""
        return unit_of(self.policies[0].rows, self.trace is not None)

    @property
    def contenders(self) -> tuple[str, ...]:
        """Names of what is compared: each policy, and each group in place of those that differ by their seed."""
        group_of = {name: group for group, own in self.groups.items() for name in own}
        return tuple(dict.fromkeys(group_of.get(policy.name, policy.name) for policy in self.policies))

    def members(self, name: str) -> list[Scores]:
        """The policies of a group; of any other name, the policy itself."""
        own = self.groups.get(name, (name,))
        return [policy for policy in self.policies if policy.name in own]

    def cost(self, name: str) -> Middle:
        """Avoidable cost of each row, µ$, of a policy or a group."""
        return middle(np.stack([policy.avoidable for policy in self.members(name)]), self.seed)

    def measure(self, name: str, of: str) -> float:
        """A measure of a policy; of a group its interquartile mean over the seeds."""
        return float(middle_mean(np.array([policy.measures[of] for policy in self.members(name)])))

    def weekly(self, amounts: np.ndarray, spread: Spread = NOTHING) -> Interval:
        """Dollars per week of rows of µ$, with an interval."""
        dollars = spread._replace(error=spread.error / DOLLAR)
        return ratio(amounts / DOLLAR, self.policies[0].rows.length / WEEK, self.blocks, self.seed, dollars)

    @cached_property
    def comparisons(self) -> tuple[Comparison, ...]:
        """Every other policy against the first, single training seeds too."""
        return tuple(self._compared(policy.name) for policy in self.policies[1:])

    @cached_property
    def over_seeds(self) -> dict[str, Comparison]:
        """Each group against the first policy: the interquartile mean over its training seeds."""
        return {name: self._compared(name) for name in self.groups}

    @property
    def family(self) -> dict[str, float]:
        """p-values of all comparisons that count, by name: of single policies, and of groups."""
        return {name: self._found[name][2] for name in self.contenders[1:]}

    @cached_property
    def _found(self) -> dict[str, tuple[Interval, Interval, float]]:
        """What each policy and group saves against the first, of avoidable cost and bill, and its p-value."""
        first = self.policies[0]
        found = {}
        for name in (*(policy.name for policy in self.policies[1:]), *self.groups):
            cost = self.cost(name)
            bill = cost.amounts + first.rows.floors  # which are the same for every policy
            found[name] = (
                paired(first.avoidable, cost.amounts, self.blocks, self.seed, cost.spread),
                paired(first.bill, bill, self.blocks, self.seed, cost.spread),
                p_value(first.avoidable, cost.amounts, self.blocks, self.seed, cost.spread),
            )
        return found

    def _compared(self, name: str) -> Comparison:
        family = self.family
        adjusted = dict(zip(family, holm(list(family.values())), strict=True))
        return Comparison(name, self.policies[0].name, *self._found[name], adjusted.get(name, np.nan))


def with_groups(report: Report, groups: Mapping[str, tuple[str, ...]]) -> Report:
    """The report with policies that differ by their training seed, none of them the first, taken together."""
    notes = []
    for name, own in groups.items():
        if len(own) == 1:
            notes.append(f"{name} is one training seed: nothing is known of what another training would give")
        elif len(own) < FEWEST_SEEDS:
            notes.append(f"{name} has {len(own)} training seeds: the interquartile mean of so few is a plain mean")
    return replace(report, groups=groups, notes=(*report.notes, *notes))
