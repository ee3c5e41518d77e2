"""Cost against waits: a point for each policy, and lines that bound what is possible."""

import numpy as np

from ..evaluation.bounds import Bounds
from ..evaluation.compare import Interval
from ..evaluation.report import Report
from .names import Names
from .picture import INK, Drawn, Panel, Picture, dollar_axis, heading, scale
from .waterfall import plain

ABOVE = 0.14  # of the axis, over the dearest


def frontier(names: Names, report: Report, bounds: Bounds | None = None) -> Picture:
    """Avoidable cost per week with its interval, against the 95th percentile of the waits of all jobs."""
    costs = [report.weekly(policy.avoidable) for policy in report.policies]
    highest = max(max(cost.value, cost.high if np.isfinite(cost.high) else cost.value) for cost in costs)
    unit, letter = scale(highest)
    hours = [policy.measures["wait_p95_hours"] for policy in report.policies]
    is_log = all(value > 0 for value in hours)  # NaN is not
    middle = float(np.sqrt(min(hours) * max(hours))) if is_log else 0.0  # names of points beyond it stand on their left
    data = [
        _point(names, number, hours[number], costs[number], unit, is_right=hours[number] > middle)
        for number in range(len(costs))
    ]
    lines = [(label, value) for label, value in _named(bounds) if np.isfinite(value)]
    lowest = min([0.0, *(cost.low if np.isfinite(cost.low) else cost.value for cost in costs), *(v for _, v in lines)])
    axis: Drawn = {"title": {"text": "95th percentile of the wait, hours"}, "ticksuffix": " h"}
    if is_log:
        span = np.log10([min(hours) / 2, max(hours) * 2.2])
        axis |= {"type": "log", "range": span.tolist(), "tickvals": _ticks(min(hours) / 2, max(hours) * 2.2)}
    else:
        axis["rangemode"] = "tozero"
    layout: Drawn = {
        "xaxis": axis,
        "yaxis": dollar_axis(letter)
        | {"range": [(lowest - ABOVE / 3 * highest) / unit if lowest < 0 else 0, (1 + ABOVE) * highest / unit]},
        "shapes": [_shape(value / unit, dash) for (_, value), dash in zip(lines, ("solid", "dot"), strict=False)],
        "annotations": [heading("avoidable cost, dollars per week"), *_notes(lines, unit)],
    }
    reading = "Down and left is better: cheaper, with shorter waits. Bars are 95 % intervals of the cost. " + (
        "No policy can be below the bound; the clairvoyant line is what foresight attains."
        if lines
        else "No bound was computed, so how far all of them are from the best possible is not shown."
    )
    return Picture("frontier", "Cost against waiting, all policies", reading, [Panel("", data, layout, height=380)], [])


def _point(names: Names, number: int, hours: float, cost: Interval, unit: float, *, is_right: bool) -> Drawn:
    """A policy; no bar where there is no interval."""
    ends = (cost.high - cost.value, cost.value - cost.low)
    has_interval = bool(np.isfinite(ends).all())
    told = f"95 % interval {plain(cost.low)} to {plain(cost.high)}" if has_interval else "no interval"
    label = names.policies[number]
    point: Drawn = {
        "type": "scatter",
        "mode": "markers+text",
        "x": [hours if np.isfinite(hours) else None],
        "y": [cost.value / unit],
        "name": label,
        "text": [label],
        "textposition": f"{('top', 'bottom')[number % 2]} {'left' if is_right else 'right'}",
        "marker": {"color": names.policy_colours[number], "symbol": names.symbols[number], "size": 12},
        "hovertemplate": f"{label}: {plain(cost.value)} a week ({told}), p95 wait %{{x:.2f}} h<extra></extra>",
        "cliponaxis": False,
    }
    if has_interval:
        point["error_y"] = {
            "type": "data",
            "symmetric": False,
            "array": [ends[0] / unit],
            "arrayminus": [ends[1] / unit],
            "color": names.policy_colours[number],
            "thickness": 1.5,
        }
    return point


def _ticks(low: float, high: float) -> list[float]:
    """1, 2, 5, 10 … within the axis; only powers of ten where these are many."""
    digits = (1, 2, 5) if high / low < 300 else (1,)
    found = [digit * 10.0**power for power in range(-6, 7) for digit in digits]
    return [value for value in found if low <= value <= high]


def _named(bounds: Bounds | None) -> list[tuple[str, float]]:
    return [] if bounds is None else [("bound", bounds.bound), ("clairvoyant", bounds.clairvoyant)]


def _shape(height: float, dash: str) -> Drawn:
    line = {"color": INK, "width": 1.2, "dash": dash}
    return {"type": "line", "xref": "paper", "x0": 0, "x1": 1, "y0": height, "y1": height, "line": line}


def _notes(lines: list[tuple[str, float]], unit: float) -> list[Drawn]:
    return [_note(label, value, unit) for label, value in lines]


def _note(label: str, value: float, unit: float) -> Drawn:
    place = {
        "xref": "paper",
        "x": 1,
        "xanchor": "right",
        "y": value / unit,
        "yanchor": "top" if label == "bound" else "bottom",
    }
    return place | {"text": f"{label}: {plain(value)}", "showarrow": False, "font": {"size": 11}}
