"""Cost against waits: a mark for each policy, and lines that bound what is possible on the same episodes."""

import numpy as np

from ..evaluation.bounds import Bounds
from ..evaluation.part import part
from ..evaluation.report import Report
from .axes import Axes, Mark, axes_of, near
from .names import Names, safe
from .picture import CARD, INK, Drawn, Key, Panel, Picture, heading, scale
from .waits import SHORTEST
from .waterfall import plain

BETTER = (
    "Down and left is better: cheaper, with shorter waits. Both axes are logarithmic. Bars are 95 % intervals of each "
    "cost for itself; the table says which differences stand."
)
WITHOUT = "No bound was computed, so how far all of them are from the best possible is not shown."
DASHES = {"bound": "solid", "clairvoyant": "dot"}


def frontier(names: Names, report: Report, bounds: Bounds | None = None) -> Picture:
    """Avoidable cost per week with its interval, against the 95th percentile of the waits of all jobs.

    Bounds are of some episodes: the policies are shown on these, too, and lines stand beside these marks only. They
    have no bars, since bounds are of these episodes and no others.
    """
    whole = marks(report)
    lines = [] if bounds is None else [(label, value) for label, value in _named(bounds) if np.isfinite(value)]
    bounded = [] if bounds is None else [mark.alone() for mark in marks(part(report, bounds.rows))]
    shown = [mark for drawn in (whole, bounded) for mark in near(drawn, (0, names.chosen))]
    axes = axes_of(shown, [value for _, value in lines])
    panels = [_panel(names, whole, [], axes)]
    choices: tuple[str, ...] = ()
    if bounds is not None:
        choices = (f"{_episodes(report.episodes)}, intervals", f"{_episodes(bounds.episodes)}, bounds")
        panels.append(_panel(names, bounded, lines, axes))
        panels = [panel._replace(choice=choice) for panel, choice in zip(panels, choices, strict=True)]
    title = "Cost against waiting, all policies"
    reading = " ".join(
        [BETTER, *_beyond(names, whole, bounded, axes), WITHOUT if bounds is None else _told(report, bounds)]
    )
    return Picture("frontier", title, reading, panels, _legend(names, lines), choices=choices)


def marks(report: Report) -> list[Mark]:
    """Every policy; a cost without an interval as one that has no width."""
    found = [Mark(report.weekly(one.avoidable), one.measures["wait_p95_hours"]) for one in report.policies]
    return [mark if np.isfinite(mark.cost).all() else mark.alone() for mark in found]


def _named(bounds: Bounds) -> list[tuple[str, float]]:
    return [("bound", bounds.bound), ("clairvoyant", bounds.clairvoyant)]


def _episodes(count: int) -> str:
    return f"{count:,} episode{'s' * (count != 1)}"


def _told(report: Report, bounds: Bounds) -> str:
    """Of which episodes the lines are, and what they mean."""
    which = _episodes(bounds.episodes)
    if report.unit == "stretch":
        which += ", the first window of each stretch"
    told = f"The bound is of {which}, and so are the marks beside it: none can be below."
    if np.isfinite(bounds.clairvoyant):
        told += f" The clairvoyant is {safe(bounds.base)} with foresight: no dearer than that, but no limit for others."
    return told


def _beyond(names: Names, whole: list[Mark], bounded: list[Mark], axes: Axes) -> list[str]:
    """Whose marks stand at an edge, if any do."""
    held = [all(map(axes.hold, marks)) for marks in zip(whole, bounded or whole, strict=True)]
    away = [name for name, is_held in zip(names.policies, held, strict=True) if not is_held]
    return [f"Open marks at an edge lie beyond it: {', '.join(away)}."] if away else []


def _panel(names: Names, drawn: list[Mark], lines: list[tuple[str, float]], axes: Axes) -> Panel:
    across, up = axes
    data = [_line(label, value, axes) for label, value in lines]
    places = axes.places(drawn)
    data += [_mark(names, number, mark, axes, places[number]) for number, mark in enumerate(drawn)]
    hours = ["0" if value <= SHORTEST else f"{value:g}" for value in across.ticks()]
    title: Drawn = {"title": {"text": "95th percentile of the wait, hours", "standoff": 6}}
    layout: Drawn = {
        "xaxis": across.drawn(hours) | title,
        "yaxis": up.drawn([_short(value) for value in up.ticks()]) | {"automargin": True},
        "annotations": [heading("avoidable cost, dollars per week")],
    }
    return Panel("", data, layout, 360)


def _short(dollars: float) -> str:
    unit, letter = scale(dollars)
    return f"${dollars / unit:g}{letter}"


def _mark(names: Names, number: int, mark: Mark, axes: Axes, place: tuple[float, float]) -> Drawn:
    """A policy; open where it lies beyond the axes; no bar where there is no interval."""
    (cost, hours), is_held = mark, axes.hold(mark)
    has_interval = cost.high > cost.low
    told = f" (95 % interval {plain(cost.low)} to {plain(cost.high)})" if has_interval else ""
    label, colour = names.policies[number], names.policy_colours[number]
    outline = {"color": CARD, "width": 1} if is_held else {"width": 2}
    symbol = names.symbols[number] if is_held else f"{names.symbols[number]}-open"
    point: Drawn = {
        "type": "scatter",
        "mode": "markers",
        "x": [place[0] if np.isfinite(hours) else None],
        "y": [place[1]],
        "name": label,
        "legendgroup": f"policy{number}",
        "marker": {"color": colour, "symbol": symbol, "size": 13, "line": outline},
        "hovertemplate": f"{label}: {plain(cost.value)} a week{told}, p95 wait {hours:.2f} h<extra></extra>",
        "cliponaxis": False,
    }
    if not (has_interval and is_held):
        return point
    low, high = axes.dollars.at(cost.low), axes.dollars.at(cost.high)
    bar = {"type": "data", "symmetric": False, "array": [high - place[1]], "arrayminus": [place[1] - low]}
    return point | {"error_y": bar | {"color": colour, "thickness": 1.5, "width": 3}}


def _line(label: str, value: float, axes: Axes) -> Drawn:
    return {
        "type": "scatter",
        "mode": "lines",
        "x": list(axes.hours),
        "y": [axes.dollars.at(value)] * 2,
        "name": label,
        "legendgroup": label,
        "line": {"color": INK, "width": 1.4, "dash": DASHES[label]},
        "hovertemplate": f"{label}: {plain(value)} a week<extra></extra>",
        "cliponaxis": False,
    }


def _legend(names: Names, lines: list[tuple[str, float]]) -> list[Key]:
    keys = [
        Key(label, names.policy_colours[number], f"policy{number}", symbol=names.symbols[number])
        for number, label in enumerate(names.policies)
    ]
    return keys + [
        Key(f"{label}, {plain(value)}", INK, label, is_line=True, dash=DASHES[label]) for label, value in lines
    ]
