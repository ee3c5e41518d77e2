"""An evaluation as JSON: figures of every policy, comparisons, and a row for every episode or week."""

import math
from collections.abc import Sequence
from typing import Any

from ...fastsim.units import DOLLAR, HOUR
from .compare import Interval
from .grid import family
from .measures import share
from .readings import COUNTERS
from .report import Comparison, Gap, Report, Scores
from .scoring import COSTS


def to_json(report: Report) -> dict[str, Any]:
    """The report in plain numbers, ready for `json.dumps`; what does not exist is null.

    Money is in dollars, per week; shares and savings are fractions; the units of measures are in docs/evaluation.md.
    """
    return {
        "scenario": report.scenario,
        "scenario_digest": report.digest,
        "trace": report.trace,
        "load": report.load,
        "delay_factor": report.delay_factor,
        "episodes": report.episodes,
        "seed": report.seed,
        "block": report.unit,
        "policies": [_policy(report, policy) for policy in report.policies],
        "comparisons": [_comparison(comparison) for comparison in report.comparisons],
        "training_seeds": [
            _comparison(one) | {"seeds": list(report.groups[name])} for name, one in report.over_seeds.items()
        ],
        "gaps": {name: _gap(gap) for name, gap in report.gaps.items()},
        "notes": list(report.notes),
    }


def grid_json(reports: Sequence[Report]) -> dict[str, Any]:
    """Several reports, and all that counts as a comparison with p-values adjusted for being so many."""
    return {
        "cells": [to_json(report) for report in reports],
        "comparisons": [
            {
                **{name: getattr(report, name) for name in ("scenario", "trace", "load", "delay_factor")},
                **_comparison(one),
                "adjusted_p": adjusted[one.policy],
            }
            for report, adjusted in zip(reports, family(reports), strict=True)
            for one in (*report.comparisons, *report.over_seeds.values())
            if one.policy in adjusted
        ],
    }


def _comparison(comparison: Comparison) -> dict[str, Any]:
    """Fractions of the avoidable cost, and beside them of the total bill."""
    return {
        "policy": comparison.policy,
        "against": comparison.against,
        **_interval(comparison.avoidable, "saving"),
        "of_total_bill": _interval(comparison.bill, "saving"),
        "p": comparison.p,
        "adjusted_p": known(comparison.adjusted_p),
    }


def _gap(gap: Gap) -> dict[str, Any]:
    """Shares closed: 0 is the first policy, 1 the bound or the clairvoyant."""
    return {
        "to_bound": _interval(gap.to_bound, "share"),
        "to_clairvoyant": None if gap.to_clairvoyant is None else _interval(gap.to_clairvoyant, "share"),
    }


def _policy(report: Report, policy: Scores) -> dict[str, Any]:
    used = policy.per_week("used")
    return {
        "policy": policy.name,
        "avoidable_cost": _interval(report.weekly(policy.avoidable), "mean"),
        "total_bill": _interval(report.weekly(policy.bill), "mean"),
        **{name: policy.per_week(name) for name in (*COSTS, "floors")},
        "commitment_used": used,
        "commitment_unused": policy.per_week("floors") - used,
        "burst_share": known(policy.burst_share),
        "wait_hours": _waits((policy.measures["wait_p50_hours"], policy.measures["wait_p95_hours"])),
        "measures": all_known(policy.measures),
        "utilisation": all_known(policy.by_site),
        "classes": {name: all_known(found) for name, found in policy.by_class.items()},
        **{name: policy.total(name) for name in ("jobs", "unfinished", *COUNTERS)},
        "rows": [_row(report, policy, number) for number in range(len(policy.rows))],
    }


def _row(report: Report, policy: Scores, number: int) -> dict[str, Any]:
    """One episode, or one week of it: money in dollars of the row, not per week."""
    row = policy.rows[number]
    pairs = [(row.wait_p50[cls] / HOUR, row.wait_p95[cls] / HOUR) for cls in (-1, *range(len(report.classes)))]
    used = int(row.used.sum())
    return {
        "episode": int(row.episode),
        "block": int(row.block),
        "hours": int(row.length) / HOUR,
        "avoidable_cost": int(policy.avoidable[number]) / DOLLAR,
        "total_bill": int(policy.bill[number]) / DOLLAR,
        **{name: int(row[name]) / DOLLAR for name in (*COSTS, "floors")},
        "commitment_used": used / DOLLAR,
        "commitment_unused": (int(row.floors) - used) / DOLLAR,
        "burst_share": known(share(int(row.burst_work), int(row.work))),
        "utilisation": {
            name: known(share(int(row.busy[site]), int(row.supply[site]))) for site, name in enumerate(report.sites)
        },
        "wait_hours": _waits(pairs[0]),
        "wait_hours_by_class": {name: _waits(pairs[cls + 1]) for cls, name in enumerate(report.classes)},
        **{name: int(row[name]) for name in ("jobs", "unfinished", *COUNTERS)},
    }


def _interval(interval: Interval, name: str) -> dict[str, float | None]:
    return {name: known(interval.value), "low": known(interval.low), "high": known(interval.high)}


def _waits(pair: tuple[float, float]) -> dict[str, float | None]:
    return {"p50": known(pair[0]), "p95": known(pair[1])}


def all_known(values: dict[str, float]) -> dict[str, float | None]:
    """The values by name, as JSON has them."""
    return {name: known(value) for name, value in values.items()}


def known(value: float) -> float | None:
    """JSON has neither NaN nor infinity."""
    return float(value) if math.isfinite(value) else None
