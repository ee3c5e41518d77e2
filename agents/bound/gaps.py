"""What share of the way to the bound, and to the clairvoyant, each policy of a report goes."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from ...fastsim.errors import InputError
from ...fastsim.units import DOLLAR, WEEK
from ..evaluation.bounds import Bounds
from ..evaluation.compare import NOTHING, Interval, Spread, ratio
from ..evaluation.report import Gap, Report
from ..evaluation.seeds import middle
from ..evaluation.source import Key
from .headroom import Headroom

WHICH = ("the first plays of the trace", "the first window of each stretch")


def with_gaps(report: Report, found: Headroom) -> Report:
    """The report with the gaps that its policies close: (first − policy) / (first − bound) over their episodes.

    Those are what bounds and report have in common: of drawn work the first window of each stretch, where all policies
    begin in the state that the bound begins in. Intervals resample them. A group of training seeds has its share, too.
    Raises InputError where bounds and report are not of the same episodes.
    """
    place(found, [report.key])
    unit, count = _in_common(report, found)
    costs = {policy.name: _by_unit(policy.avoidable / DOLLAR, unit, count) for policy in report.policies}
    first, note = costs[report.policies[0].name], f"gaps are those of {count} episodes, {WHICH[report.trace is None]}"
    foresight, gaps = found.clairvoyant, {}
    for name in (*list(costs)[1:], *report.groups):
        members = np.stack([costs[policy.name] for policy in report.members(name)])
        closed, spread = middle(first - members, report.seed)
        to_bound = share(closed, first - found.bound[:count], report.seed, spread)
        attained = None if foresight is None else share(closed, first - foresight[:count], report.seed, spread)
        gaps[name] = Gap(to_bound, attained)
    return replace(report, gaps=gaps, notes=(*report.notes, note))


def per_week(report: Report, found: Headroom) -> Bounds:
    """The bounds in dollars per week of the episodes that they and the report have in common."""
    unit, count = _in_common(report, found)
    weeks = float(_by_unit(report.policies[0].rows.length / WEEK, unit, count).sum())
    foresight = np.nan if found.clairvoyant is None else float(found.clairvoyant[:count].sum()) / weeks
    return Bounds(float(found.bound[:count].sum()) / weeks, foresight, found.base, count, unit >= 0)


def share(closed: np.ndarray, gap: np.ndarray, seed: int, spread: Spread = NOTHING) -> Interval:
    """Σ closed / Σ gap over episodes, with an interval; NaN where there is no gap."""
    if gap.sum() <= 0:
        return Interval(np.nan, np.nan, np.nan)
    return ratio(closed, gap, np.arange(len(gap)), seed, spread)


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


def placed(given: Sequence[tuple[str, Headroom]], keys: Sequence[Key]) -> list[Headroom | None]:
    """For each evaluation, by its key, its bounds, of those that are given with the names of their files.

    Raises InputError where some are of none of the evaluations, or two of the same.
    """
    chosen: list[Headroom | None] = [None] * len(keys)
    for name, found in given:
        where = f"--bounds {name}"
        number = place(found, keys, where)
        if chosen[number] is not None:
            raise InputError(where, "bounds", found.scenario, "are those of an earlier --bounds", "give each once")
        chosen[number] = found
    return chosen


def place(found: Headroom, keys: Sequence[Key], where: str = "--bounds") -> int:
    """The number of the evaluation that bounds are of. Raises InputError where it is none of them."""
    if found.key in keys:
        return keys.index(found.key)
    nearest = max(keys, key=lambda key: sum(one == other for one, other in zip(key, found.key, strict=True)))
    pairs = zip(Key._fields, found.key, nearest, strict=True)
    what, theirs, ours = next(pair for pair in pairs if pair[1] != pair[2])
    whose = "the evaluation's" if len(keys) == 1 else f"that of the nearest of {len(keys)} evaluations"
    remedy = "run tidegate bound with the same scenario, trace, load, delay factor and seed"
    raise InputError(where, what.replace("_", " "), theirs, f"{whose} is {ours}", remedy)
