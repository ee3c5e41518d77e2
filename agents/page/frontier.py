"""Cost against waits: a point for each policy, and lines that bound what is possible."""

from html import unescape

import numpy as np

from ..evaluation.bounds import Bounds
from ..evaluation.compare import Interval
from ..evaluation.report import Report
from .names import Names
from .picture import INK, Drawn, Panel, Picture, dollar_axis, heading, scale
from .placing import placed
from .waterfall import plain

ROOM = 0.14  # of an axis, around what is in it
BETTER = "Down and left is better: cheaper, with shorter waits. Bars are 95 % intervals of the cost."
WITH, WITHOUT = (
    "No policy can be below the bound; the clairvoyant line is what foresight attains.",
    "No bound was computed, so how far all of them are from the best possible is not shown.",
)


def frontier(names: Names, report: Report, bounds: Bounds | None = None) -> Picture:
    """Avoidable cost per week with its interval, against the 95th percentile of the waits of all jobs."""
    costs = [_whole(report.weekly(policy.avoidable)) for policy in report.policies]
    hours = [policy.measures["wait_p95_hours"] for policy in report.policies]
    lines = [(label, value) for label, value in _named(bounds) if np.isfinite(value)]
    across = _hours_axis(hours)
    low, high = _dollars_range([value for cost in costs for value in cost] + [value for _, value in lines])
    unit, letter = scale(high)
    at = [_fraction(value, across) for value in hours]
    up = [[(value - low) / (high - low) for value in cost] for cost in costs]
    texts = placed(
        [(x, y) for x, (y, _, _) in zip(at, up, strict=True)],
        [unescape(name) for name in names.policies],
        [(bottom, top) for _, bottom, top in up],
    )
    data = [_point(names, number, hours[number], costs[number], unit) for number in range(len(costs))]
    layout: Drawn = {
        "xaxis": across,
        "yaxis": dollar_axis(letter) | {"range": [low / unit, high / unit]},
        "shapes": [_shape(value / unit, "solid" if label == "bound" else "dot") for label, value in lines],
        "annotations": [
            heading("avoidable cost, dollars per week"),
            *(_note(label, value, unit) for label, value in lines),
        ],
    }
    named = [point | {"textposition": text} for point, text in zip(data, texts, strict=True)]
    reading = f"{BETTER} {WITH if lines else WITHOUT}"
    return Picture("frontier", "Cost against waiting, all policies", reading, [Panel("", named, layout, 380)], [])


def _whole(cost: Interval) -> Interval:
    """A cost without an interval as one that has no width."""
    return cost if np.isfinite(cost).all() else Interval(cost.value, cost.value, cost.value)


def _hours_axis(hours: list[float]) -> Drawn:
    """Logarithmic where all waits allow it."""
    axis: Drawn = {"title": {"text": "95th percentile of the wait, hours", "standoff": 6}}
    known = [value for value in hours if np.isfinite(value)] or [0.0]
    if min(known) <= 0:
        return axis | {"range": [-ROOM * (max(known) or 1), (1 + ROOM) * (max(known) or 1)]}
    low, high = min(known) / 1.8, max(known) * 1.8
    digits = (1, 2, 5) if high / low < 300 else (1,)
    ticks = [digit * 10.0**power for power in range(-6, 7) for digit in digits]
    return axis | {
        "type": "log",
        "range": np.log10([low, high]).tolist(),
        "tickvals": [value for value in ticks if low <= value <= high],
    }


def _dollars_range(values: list[float]) -> tuple[float, float]:
    """From 0, or lower where a cost is, to a dollar at least, with some room."""
    lowest, highest = min(0.0, *values), max(1.0, *values)
    room = ROOM * (highest - lowest)
    return lowest - room if lowest <= -1 else 0.0, highest + room


def _fraction(hours: float, axis: Drawn) -> float:
    """Where on its axis a wait stands, 0 to 1; in the middle, if there is none."""
    low, high = axis["range"]
    value = np.log10(hours) if axis.get("type") == "log" else hours
    return float((value - low) / (high - low)) if np.isfinite(value) else 0.5


def _point(names: Names, number: int, hours: float, cost: Interval, unit: float) -> Drawn:
    """A policy; no bar where there is no interval."""
    has_interval = cost.high > cost.low
    told = f"95 % interval {plain(cost.low)} to {plain(cost.high)}" if has_interval else "no interval"
    label, colour = names.policies[number], names.policy_colours[number]
    point: Drawn = {
        "type": "scatter",
        "mode": "markers+text",
        "x": [hours if np.isfinite(hours) else None],
        "y": [cost.value / unit],
        "name": label,
        "text": [label],
        "marker": {"color": colour, "symbol": names.symbols[number], "size": 12},
        "hovertemplate": f"{label}: {plain(cost.value)} a week ({told}), p95 wait %{{x:.2f}} h<extra></extra>",
        "cliponaxis": False,
    }
    if not has_interval:
        return point
    up, down = [(cost.high - cost.value) / unit], [(cost.value - cost.low) / unit]
    bar = {"type": "data", "symmetric": False, "array": up, "arrayminus": down, "color": colour, "thickness": 1.5}
    return point | {"error_y": bar}


def _named(bounds: Bounds | None) -> list[tuple[str, float]]:
    return [] if bounds is None else [("bound", bounds.bound), ("clairvoyant", bounds.clairvoyant)]


def _shape(height: float, dash: str) -> Drawn:
    line = {"color": INK, "width": 1.2, "dash": dash}
    return {"type": "line", "xref": "paper", "x0": 0, "x1": 1, "y0": height, "y1": height, "line": line}


def _note(label: str, value: float, unit: float) -> Drawn:
    """The names stand at opposite ends: their lines may lie close."""
    end = (0, "left") if label == "bound" else (1, "right")
    place: Drawn = {"xref": "paper", "x": end[0], "xanchor": end[1], "y": value / unit, "yanchor": "bottom"}
    return place | {"text": f"{label}: {plain(value)}", "showarrow": False, "font": {"size": 11}}
