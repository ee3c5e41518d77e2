"""How long jobs waited, as shares of all: a panel for each class, a line for each policy."""

import numpy as np

from ...fastsim.units import HOUR
from ..evaluation.report import Report, Scores
from .names import Names
from .picture import SMALL, Drawn, Key, Panel, Picture, heading, listed

SHARES = np.arange(201) / 200  # where a line has its points
SHORTEST = 0.01  # h: where the logarithmic axis begins; shorter waits stand there
TICKS = {0.01: "0", 0.1: "0.1", 1: "1", 10: "10", 100: "100", 1000: "1000", 10_000: "10⁴"}


def waits(names: Names, report: Report) -> Picture | None:
    """All jobs of all episodes, and then those of each class; None where none was ready."""
    longest = max(np.nan_to_num(wait_hours(policy, None)[-1]) for policy in report.policies)
    everyone = _panel(names, report, None, longest)
    panels = [everyone, *(_panel(names, report, cls, longest) for cls in range(len(names.classes)))]
    reading = (
        "A line at 80 % above 1 h says that four of five jobs waited an hour or less: the further up and left, the "
        "shorter the waits. The mark on a line is the 95th percentile; waits below 36 seconds stand at the left edge."
    )
    legend = [
        Key(label, names.policy_colours[number], f"policy{number}", is_line=True, dash=names.dashes[number])
        for number, label in enumerate(names.policies)
    ]
    panels = [panel for panel in panels if panel.data]
    if not panels:
        return None
    return Picture("waits", "Waits by class, all episodes", reading, panels, legend, is_wide=True, size=SMALL)


def wait_hours(policy: Scores, cls: int | None) -> np.ndarray:
    """Quantiles at SHARES of the time waited [h], by those of a class; None: by all but blocks of serving."""
    fares = policy.sample.fares
    is_meant = ~fares.is_block if cls is None else fares.cls == cls
    waited = fares.waited[is_meant & (fares.waited >= 0)] / HOUR
    return np.quantile(waited, SHARES) if len(waited) else np.full(len(SHARES), np.nan)


def _panel(names: Names, report: Report, cls: int | None, longest: float) -> Panel:
    data: list[Drawn] = []
    top = float(max(np.log10(max(longest, 1.0)) + 0.05, 0.5))
    for number, policy in enumerate(report.policies):
        hours = wait_hours(policy, cls)
        if np.isfinite(hours).all():
            data += _line(names, number, hours, 10**top)
    layout: Drawn = {
        "annotations": [heading("share of jobs")],
        "margin": {"l": 48, "r": 10},
        "xaxis": {
            "type": "log",
            "range": [np.log10(SHORTEST) - 0.06, top],
            "tickvals": list(TICKS),
            "ticktext": list(TICKS.values()),
            "title": {"text": "hours waited at most", "standoff": 4},
        },
        "yaxis": {"range": [0, 102], "ticksuffix": " %", "dtick": 25},
    }
    return Panel("all classes" if cls is None else names.classes[cls], data, layout, height=220)


def _line(names: Names, number: int, hours: np.ndarray, end: float) -> list[Drawn]:
    """The curve, which stays at 100 % until `end` [h], and a mark at its 95th percentile."""
    first = max(0, int(np.searchsorted(hours, SHORTEST, side="right")) - 1)  # of many at the edge, the highest
    at = np.append(np.maximum(hours[first:], SHORTEST), end)
    label, colour, group = names.policies[number], names.policy_colours[number], f"policy{number}"
    curve: Drawn = {
        "type": "scatter",
        "mode": "lines",
        "x": [float(f"{value:.4g}") for value in at],
        "y": listed([*(100 * SHARES[first:]), 100.0], 1),
        "name": label,
        "legendgroup": group,
        "line": {"color": colour, "width": 1.8, "dash": names.dashes[number]},
        "hovertemplate": f"{label}: %{{y:.0f}} % waited at most %{{x:,.2f}} h<extra></extra>",
    }
    high = float(hours[190])
    dot: Drawn = {
        "type": "scatter",
        "mode": "markers",
        "x": [max(high, SHORTEST)],
        "y": [95],
        "name": label,
        "legendgroup": group,
        "marker": {"color": colour, "size": 7, "symbol": names.symbols[number]},
        "hovertemplate": f"{label}: p95 {high:,.2f} h<extra></extra>",
    }
    return [curve, dot]
