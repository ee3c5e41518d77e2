"""What share of the way to the bound, and to the clairvoyant, each policy of a report goes."""

from dataclasses import replace

import numpy as np

from ...fastsim.errors import InputError
from ...fastsim.units import DOLLAR, WEEK
from ..evaluation.bounds import Bounds
from ..evaluation.compare import Interval, ratio
from ..evaluation.report import Gap, Report
from .headroom import Headroom


def with_gaps(report: Report, found: Headroom) -> Report:
    """The report with the gaps that its policies close: (first − policy) / (first − bound) over their episodes.

    Intervals resample episodes. Raises InputError where bounds and report are not of the same episodes.
    """
    _check(report, found)
    count = min(len(found), report.episodes)
    costs = {policy.name: _by_episode(report, policy.avoidable)[:count] for policy in report.policies}
    first, note = costs[report.policies[0].name], f"gaps are those of the first {count} episodes"
    gaps = {}
    for name, own in list(costs.items())[1:]:
        to_bound = share(first - own, first - found.bound[:count], report.seed)
        foresight = found.clairvoyant
        attained = None if foresight is None else share(first - own, first - foresight[:count], report.seed)
        gaps[name] = Gap(to_bound, attained)
    return replace(report, gaps=gaps, notes=(*report.notes, note))


def per_week(report: Report, found: Headroom) -> Bounds:
    """The bounds in dollars per week of the episodes that they and the report have in common."""
    count = min(len(found), report.episodes)
    rows = report.policies[0].rows
    weeks = float(rows.length[rows.episode < count].sum()) / WEEK
    foresight = np.nan if found.clairvoyant is None else float(found.clairvoyant[:count].sum()) / weeks
    return Bounds(float(found.bound[:count].sum()) / weeks, foresight)


def share(closed: np.ndarray, gap: np.ndarray, seed: int) -> Interval:
    """Σ closed / Σ gap over episodes, with an interval; NaN where there is no gap."""
    if gap.sum() <= 0:
        return Interval(np.nan, np.nan, np.nan)
    return ratio(closed, gap, np.arange(len(gap)), seed)


def _by_episode(report: Report, amounts: np.ndarray) -> np.ndarray:
    """Sums of µ$ of rows, in dollars by episode."""
    return np.bincount(report.policies[0].rows.episode, amounts / DOLLAR, report.episodes)


def _check(report: Report, found: Headroom) -> None:
    pairs = (
        ("scenario", found.digest, report.digest),
        ("trace", found.trace, report.trace),
        ("load", found.load, report.load),
        ("seed", found.seed, report.seed),
    )
    for what, theirs, ours in pairs:
        if theirs != ours:
            remedy = "run tidegate bound with the same scenario, trace, load and seed"
            raise InputError("--bounds", what, theirs, f"the evaluation's is {ours}", remedy)
