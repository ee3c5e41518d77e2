"""Measures in the field's words, each with its unit: docs/evaluation.md defines them. What does not exist is NaN."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from ...envs.scenario import Scenario
from ...fastsim.spec import BURST, Spec
from ...fastsim.units import DOLLAR, HOUR, WEEK
from . import fares
from .fares import Fares, quantiles

MB_PER_GB = 1000
NOTHING = float("nan")


class Ground(NamedTuple):
    """What stays the same through an evaluation; arrays of shape (sites,)."""

    sites: tuple[str, ...]
    classes: tuple[str, ...]
    is_burst: np.ndarray  # bool: what routers are told
    take_or_pay: np.ndarray  # bool: the contract
    silicon: np.ndarray  # int64
    kilowatts: np.ndarray  # float64, per accelerator; NaN: not stated


class Sample(NamedTuple):
    """What measures are made of: one policy over all episodes."""

    ground: Ground
    rows: Any  # (rows,) SCORE
    fares: Fares
    responses: np.ndarray  # (pipelines,) int64 ms

    @property
    def weeks(self) -> float:
        """Weeks scored, of all rows together."""
        return self.total("length") / WEEK

    def total(self, name: str) -> int:
        """Sum of a column."""
        return int(self.rows[name].sum())

    def weekly(self, name: str, unit: int = 1) -> float:
        """A column in units of `unit`, per week."""
        return self.total(name) / unit / self.weeks

    def by_site(self, name: str) -> np.ndarray:
        """Sums of a column of sites, (sites,) int64."""
        return self.rows[name][:, : len(self.ground.sites)].sum(axis=0)


def ground_of(scenario: Scenario, spec: Spec) -> Ground:
    """The sites and classes of a scenario."""
    rules, count = spec.rules[0], len(scenario.sites)
    provider = rules.provider[:count]
    kilowatts = [np.nan if site.kilowatts is None else float(site.kilowatts) for site in scenario.sites]
    return Ground(
        sites=tuple(site.name for site in scenario.sites),
        classes=tuple(cls.name for cls in scenario.terms),
        is_burst=rules.kind[provider] == BURST,
        take_or_pay=rules.take_or_pay[provider] == 1,
        silicon=rules.silicon[:count].copy(),
        kilowatts=np.array(kilowatts),
    )


def measured(sample: Sample) -> dict[str, float]:
    """Every measure of all jobs and sites together, by its name."""
    return {**waits(sample.fares), **{name: measure(sample) for name, measure in MEASURES.items()}}


def by_class(sample: Sample) -> dict[str, dict[str, float]]:
    """Waits, slowdowns and deadlines of every class."""
    own = fares.by_class(sample.fares, len(sample.ground.classes))
    return {name: waits(one, blocks=True) for name, one in zip(sample.ground.classes, own, strict=True)}


def by_site(sample: Sample) -> dict[str, float]:
    """Utilisation: accelerator-time used at every site over what it delivered."""
    busy, supply = sample.by_site("busy").tolist(), sample.by_site("supply").tolist()
    return {name: share(busy[site], supply[site]) for site, name in enumerate(sample.ground.sites)}


def waits(all_fares: Fares, *, blocks: bool = False) -> dict[str, float]:
    """Waits, slowdowns and deadlines; those of blocks of serving only if `blocks`."""
    chosen = all_fares if blocks or not all_fares.is_block.any() else all_fares.where(~all_fares.is_block)
    waited = quantiles(chosen.waited[chosen.waited >= 0])
    slowdown = quantiles(chosen.slowdown[np.isfinite(chosen.slowdown)])
    return {
        "wait_p50_hours": waited[0] / HOUR,
        "wait_p95_hours": waited[1] / HOUR,
        "slowdown_p50": slowdown[0],
        "slowdown_p95": slowdown[1],
        "deadline_hit_rate": share(int((chosen.due == 1).sum()), int((chosen.due >= 0).sum())),
    }


def share(part: int | float, whole: int | float) -> float:
    """A quotient; NaN where there is no whole."""
    return part / whole if whole else NOTHING


def _lost(sample: Sample) -> int:
    """Accelerator-ms used without progress that was kept."""
    causes = ("lost_to_failures", "lost_to_evictions", "lost_to_preemptions", "staging", "restarting")
    return sum(sample.total(name) for name in causes)


def _reserve(sample: Sample) -> float:
    """Idle accelerator-hours at burst sites, per week."""
    idle = (sample.by_site("supply") - sample.by_site("busy"))[sample.ground.is_burst]
    return int(idle.sum()) / HOUR / sample.weeks


def _energy(sample: Sample) -> float:
    """Energy of what is used [kWh per week]; NaN unless every site states its power."""
    return float((sample.by_site("busy") / HOUR * sample.ground.kilowatts).sum()) / sample.weeks


def _savings_rate(sample: Sample) -> float:
    """Effective savings rate: what use would have cost more at list prices; NaN where a used site has none.

    The list price of a site under take-or-pay is that of the dearest metered site of its silicon, averaged over time.
    """
    ground, rows = sample.ground, sample.rows
    prices = rows.price[:, : len(ground.sites)] / rows.length[:, None]  # (rows, sites) µ$ per accelerator-hour
    listed = float(rows.metered.sum())
    for site in np.flatnonzero(ground.take_or_pay & (sample.by_site("busy") > 0)):
        alike = ~ground.take_or_pay & (ground.silicon == ground.silicon[site])
        if not alike.any():
            return NOTHING
        listed += float((rows.busy[:, site] / HOUR * prices[:, alike].max(axis=1)).sum())
    paid = sum(sample.total(name) for name in ("floors", "overage", "metered"))
    return 1 - paid / listed if listed else NOTHING


def _pipeline_response(quantile: int) -> Callable[[Sample], float]:
    """Median (0) or 95th percentile (1) of the hours from arrival to the last finish."""
    return lambda sample: quantiles(sample.responses)[quantile] / HOUR


def _unused(sample: Sample) -> float:
    """Dollars per week of commitments that nothing drew on."""
    return (sample.total("floors") - sample.total("used")) / DOLLAR / sample.weeks


def _weekly(name: str, unit: int = 1) -> Callable[[Sample], float]:
    """A column per week."""
    return lambda sample: sample.weekly(name, unit)


def _ratio(part: str, whole: str) -> Callable[[Sample], float]:
    """One column over another."""
    return lambda sample: share(sample.total(part), sample.total(whole))


MEASURES: dict[str, Callable[[Sample], float]] = {
    "pipeline_response_p50_hours": _pipeline_response(0),
    "pipeline_response_p95_hours": _pipeline_response(1),
    "pipelines_per_week": _weekly("pipelines"),
    "coverage": _ratio("covered", "busy"),
    "commitment_utilisation": _ratio("used", "floors"),
    "commitment_unused_dollars": _unused,
    "effective_savings_rate": _savings_rate,
    "goodput": lambda sample: 1 - share(_lost(sample), sample.total("busy")),
    "ettr": _ratio("productive", "available"),
    "lost_to_failures_hours": _weekly("lost_to_failures", HOUR),
    "lost_to_evictions_hours": _weekly("lost_to_evictions", HOUR),
    "lost_to_preemptions_hours": _weekly("lost_to_preemptions", HOUR),
    "lost_to_set_up_hours": _weekly("staging", HOUR),
    "lost_to_restarts_hours": _weekly("restarting", HOUR),
    "reserve_hours": _reserve,
    "freed_hours": _weekly("overflow", HOUR),
    "energy_kwh": _energy,
    "egress_gb": _weekly("staged", MB_PER_GB),
    "egress_dollars": _weekly("egress", DOLLAR),
    "moves_per_job": _ratio("moves", "first_offers"),
    "serving_attainment": lambda sample: 1 - share(sample.total("missing"), sample.total("demanded")),
    "denial_rate": _ratio("denied", "asked"),
    "failures": _weekly("failed"),
    "evictions": _weekly("evictions"),
    "preemptions": _weekly("preemptions"),
}
