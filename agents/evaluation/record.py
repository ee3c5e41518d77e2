"""An evaluation as JSON: figures of every policy, comparisons, and a row for every episode or week."""

import math
from typing import Any

from ...fastsim.units import DOLLAR, HOUR
from .compare import Interval
from .report import Comparison, Report, Scores
from .scoring import COSTS, COUNTERS


def to_json(report: Report) -> dict[str, Any]:
    """The report in plain numbers, ready for `json.dumps`; what does not exist is null.

    Money is in dollars, per week; waits are in hours; shares and savings are fractions.
    """
    return {
        "scenario": report.scenario,
        "scenario_digest": report.digest,
        "trace": report.trace,
        "load": report.load,
        "episodes": report.episodes,
        "seed": report.seed,
        "block": "episode" if report.trace is None else "week",
        "policies": [_policy(report, policy) for policy in report.policies],
        "comparisons": [_comparison(comparison) for comparison in report.comparisons],
        "notes": list(report.notes),
    }


def _comparison(comparison: Comparison) -> dict[str, Any]:
    """Fractions of the avoidable cost, and beside them of the total bill."""
    return {
        "policy": comparison.policy,
        "against": comparison.against,
        **_interval(comparison.avoidable, "saving"),
        "of_total_bill": _interval(comparison.bill, "saving"),
    }


def _policy(report: Report, policy: Scores) -> dict[str, Any]:
    return {
        "policy": policy.name,
        "avoidable_cost": _interval(report.weekly(policy.avoidable), "mean"),
        "total_bill": _interval(report.weekly(policy.bill), "mean"),
        **{name: policy.per_week(name) for name in (*COSTS, "floors")},
        "commitment_used": policy.per_week("used"),
        "commitment_unused": policy.per_week("floors") - policy.per_week("used"),
        "burst_share": _known(policy.burst_share),
        "utilisation": {name: _known(policy.utilisation(site)) for site, name in enumerate(report.sites)},
        "wait_hours": _waits(policy.waits()),
        "wait_hours_by_class": {name: _waits(policy.waits(cls)) for cls, name in enumerate(report.classes)},
        **{name: policy.total(name) for name in ("jobs", "unfinished", *COUNTERS)},
        "rows": [_row(report, policy, number) for number in range(len(policy.rows))],
    }


def _row(report: Report, policy: Scores, number: int) -> dict[str, Any]:
    """One episode, or one week of it: money in dollars of the row, not per week."""
    row = policy.rows[number]
    pairs = [(row.wait_p50[cls] / HOUR, row.wait_p95[cls] / HOUR) for cls in (-1, *range(len(report.classes)))]
    return {
        "episode": int(row.episode),
        "block": int(row.block),
        "hours": int(row.length) / HOUR,
        "avoidable_cost": int(policy.avoidable[number]) / DOLLAR,
        "total_bill": int(policy.bill[number]) / DOLLAR,
        **{name: int(row[name]) / DOLLAR for name in (*COSTS, "floors")},
        "commitment_used": int(row.used) / DOLLAR,
        "commitment_unused": int(row.floors - row.used) / DOLLAR,
        "burst_share": int(row.burst_work) / int(row.work) if row.work else None,
        "utilisation": {
            name: int(row.busy[site]) / int(row.supply[site]) if row.supply[site] else None
            for site, name in enumerate(report.sites)
        },
        "wait_hours": _waits(pairs[0]),
        "wait_hours_by_class": {name: _waits(pairs[cls + 1]) for cls, name in enumerate(report.classes)},
        **{name: int(row[name]) for name in ("jobs", "unfinished", *COUNTERS)},
    }


def _interval(interval: Interval, name: str) -> dict[str, float | None]:
    return {name: _known(interval.value), "low": _known(interval.low), "high": _known(interval.high)}


def _waits(pair: tuple[float, float]) -> dict[str, float | None]:
    return {"p50": _known(pair[0]), "p95": _known(pair[1])}


def _known(value: float) -> float | None:
    """JSON has neither NaN nor infinity."""
    return float(value) if math.isfinite(value) else None
