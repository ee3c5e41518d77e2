"""What share of the way to the bound, and to the clairvoyant, each policy of a report goes."""

from dataclasses import replace

import numpy as np

from ...fastsim.errors import InputError
from ...fastsim.units import DOLLAR, WEEK
from ..evaluation.bounds import Bounds
from ..evaluation.compare import Interval, ratio
from ..evaluation.report import Gap, Report
from .headroom import Headroom

WHICH = ("the first plays of the trace", "the first window of each stretch")


def with_gaps(report: Report, found: Headroom) -> Report:
    """The report with the gaps that its policies close: (first − policy) / (first − bound) over their episodes.

    Those are what bounds and report have in common: of drawn work the first window of each stretch, where all policies
    begin in the state that the bound begins in. Intervals resample them. Raises InputError where bounds and report are
    not of the same episodes.
    """
    _check(report, found)
    unit, count = _in_common(report, found)
    costs = {policy.name: _by_unit(policy.avoidable / DOLLAR, unit, count) for policy in report.policies}
    first, note = costs[report.policies[0].name], f"gaps are those of {count} episodes, {WHICH[report.trace is None]}"
    gaps = {}
    for name, own in list(costs.items())[1:]:
        to_bound = share(first - own, first - found.bound[:count], report.seed)
        foresight = found.clairvoyant
        attained = None if foresight is None else share(first - own, first - foresight[:count], report.seed)
        gaps[name] = Gap(to_bound, attained)
    return replace(report, gaps=gaps, notes=(*report.notes, note))


def per_week(report: Report, found: Headroom) -> Bounds:
    """The bounds in dollars per week of the episodes that they and the report have in common."""
    unit, count = _in_common(report, found)
    weeks = float(_by_unit(report.policies[0].rows.length / WEEK, unit, count).sum())
    foresight = np.nan if found.clairvoyant is None else float(found.clairvoyant[:count].sum()) / weeks
    return Bounds(float(found.bound[:count].sum()) / weeks, foresight, found.base, count, unit >= 0)


def share(closed: np.ndarray, gap: np.ndarray, seed: int) -> Interval:
    """Σ closed / Σ gap over episodes, with an interval; NaN where there is no gap."""
    if gap.sum() <= 0:
        return Interval(np.nan, np.nan, np.nan)
    return ratio(closed, gap, np.arange(len(gap)), seed)


def _in_common(report: Report, found: Headroom) -> tuple[np.ndarray, int]:
    """For each row (rows,) which bound it belongs to, or −1; and how many bounds have rows."""
    rows = report.policies[0].rows
    if report.trace is not None:
        unit = rows.episode.copy()
    else:
        unit = np.where(rows.block == 0, np.cumsum(rows.block == 0) - 1, -1)
    count = min(len(found), int(unit.max()) + 1)
    return np.where(unit < count, unit, -1), count


def _by_unit(amounts: np.ndarray, unit: np.ndarray, count: int) -> np.ndarray:
    """Sums of rows by bound, (count,)."""
    return np.bincount(unit[unit >= 0], amounts[unit >= 0], count)


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
