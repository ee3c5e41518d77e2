"""Curves of a plan: bill, avoidable cost and waits against the commitment, and what each slice of it is used."""

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from ..evaluation.compare import Interval
from ..evaluation.table import number, percent
from ..page.names import BETWEEN, CHOSEN, FIRST, safe
from ..page.picture import INK, SOFT, Drawn, Key, Panel, Picture, dollar_axis, heading, listed, scale
from ..page.waterfall import plain
from .figures import Played
from .margins import Use
from .plan import Plan

FAR = 2.0  # times the least bill: what is dearer does not take the room of all others
SHORTEST = 0.01  # h: shorter waits stand at the lower edge of a logarithmic axis
PAD = 0.04  # of an axis, beyond the levels
BAND = "33"  # transparency of an interval, behind a colour
HEIGHT = 400


class Curve(NamedTuple):
    """One policy, with or without burst."""

    points: list[Played]
    label: str
    colour: str
    dash: str
    group: str


def curves(plan: Plan) -> list[Curve]:
    """All that have a point, those with burst first; the chosen policy has its own colour."""
    others = [name for name in plan.policies if name != plan.chosen.policy]
    colours = {plan.chosen.policy: CHOSEN} | dict(zip(others, (FIRST, *BETWEEN * len(others)), strict=False))
    found = []
    for burst in (True, False):
        for number_, policy in enumerate(plan.policies):
            if points := plan.along(burst, policy):
                label = f"{safe(policy)}, {'with' if burst else 'without'} burst"
                group = f"curve{number_}{'on' if burst else 'off'}"
                found.append(Curve(points, label, colours[policy], "solid" if burst else "dash", group))
    return found


def against_commitment(plan: Plan) -> Picture:
    """Three panels: total bill, avoidable cost, 95th percentile of waits."""
    drawn = curves(plan)
    bills = _dollars(plan, drawn, "bill", "total bill, dollars per week")
    costs = _dollars(plan, drawn, "avoidable", "avoidable cost, dollars per week")
    waits = _waits(plan, drawn)
    choices = ("total bill", "avoidable cost", "p95 wait")
    panels = [panel._replace(choice=choice) for panel, choice in zip((bills, costs, waits), choices, strict=True)]
    legend = [Key(one.label, one.colour, one.group, is_line=True, dash=one.dash) for one in drawn]
    legend.append(Key("chosen", CHOSEN, "", symbol="star"))
    if plan.newsvendor is not None:
        legend.append(Key("newsvendor", INK, "", is_line=True, dash="dot"))
    reading = (
        f"1 is the commitment as it is. Bands are 95 % intervals of each point for itself, over {plan.plays} plays; "
        "all points met the same jobs, so that differences between them, which the table has, are known better. The "
        "grey area is where the least bill lies in 95 % of resampled plays."
    )
    away = [one.label for one in drawn if _is_far(plan, one)]
    if away:
        reading += f" Some points lie beyond the axis, at more than {FAR:g} times the least bill: {', '.join(away)}."
    missing = sum(point is None for point in plan.points.values())
    if missing:
        reading += f" Of {missing} points nothing is drawn: more waits there than the world can hold."
    title = "What each size of the commitment costs"
    return Picture("commitment", title, reading, panels, legend, is_wide=True, choices=choices, shown=0)


def _is_far(plan: Plan, curve: Curve) -> bool:
    """Whether some of its points lie beyond the axis of bills."""
    most = FAR * plan.chosen.weekly(plan.chosen.bill).value
    return any(point.weekly(point.bill).value > most for point in curve.points)


def _dollars(plan: Plan, drawn: list[Curve], of: str, axis: str) -> Panel:
    def measured(point: Played) -> Interval:
        return point.weekly(getattr(point, of))

    own, least = measured(plan.chosen).value, min(measured(one).value for curve in drawn for one in curve.points)
    most = max(FAR * least, 1.2 * own)
    values = [value for curve in drawn for one in curve.points if (value := measured(one).value) <= most]
    unit, letter = scale(max(values))
    high = min(max(values), most) * 1.06
    low = max(0.0, min(values) - 0.08 * (high - min(values)))

    def told(found: Interval) -> str:
        return plain(found.value) + _ends(found, plain)

    layout: Drawn = {
        "annotations": [heading(axis), *_annotations(plan)],
        "shapes": _shapes(plan),
        "xaxis": _levels_axis(plan),
        "yaxis": dollar_axis(letter) | {"range": [low / unit, high / unit]},
        "hovermode": "closest",
    }
    data = [trace for curve in drawn for trace in _traces(curve, measured, told, lambda dollars: dollars / unit)]
    data.append(_star(plan, measured(plan.chosen).value / unit, f"chosen: {told(measured(plan.chosen))}"))
    return Panel("", data, layout, HEIGHT)


def _waits(plan: Plan, drawn: list[Curve]) -> Panel:
    """On a logarithmic axis; what waits less than half a minute stands at its lower edge."""

    def shown(hours: float) -> float:
        return max(hours, SHORTEST)

    def measured(point: Played) -> Interval:
        return point.wait_p95

    values = [shown(measured(one).value) for curve in drawn for one in curve.points if one.wait_p95.value >= 0]
    ends = [math.log10(shown(0)), math.log10(max([*values, 1.0])) + 0.1]
    ticks = [10.0**power for power in range(-2, math.ceil(ends[1]) + 1)]

    def told(found: Interval) -> str:
        return f"{number(found.value)} h" + _ends(found, number)

    layout: Drawn = {
        "annotations": [heading("95th percentile of the wait, hours")],
        "shapes": _shapes(plan),
        "xaxis": _levels_axis(plan),
        "yaxis": {
            "type": "log",
            "range": ends,
            "tickvals": ticks,
            "ticktext": [f"{tick:g}" for tick in ticks],
            "automargin": True,
        },
        "hovermode": "closest",
    }
    data = [trace for curve in drawn for trace in _traces(curve, measured, told, shown)]
    if math.isfinite(plan.chosen.wait_p95.value):
        data.append(_star(plan, shown(plan.chosen.wait_p95.value), f"chosen: {told(plan.chosen.wait_p95)}"))
    return Panel("", data, layout, HEIGHT)


def _traces(
    curve: Curve,
    measured: Callable[[Played], Interval],
    told: Callable[[Interval], str],
    shown: Callable[[float], float],
) -> list[Drawn]:
    """A line with its marks, and a band beneath it where there are intervals."""
    found = [(float(one.setting.level), measured(one)) for one in curve.points]
    known = [(x, one) for x, one in found if math.isfinite(one.low) and math.isfinite(one.high)]
    drawn: list[Drawn] = []
    if known:
        xs = [x for x, _ in known]
        ends = [shown(one.high) for _, one in known] + [shown(one.low) for _, one in reversed(known)]
        drawn.append(
            {
                "type": "scatter",
                "mode": "lines",
                "x": [*xs, *reversed(xs)],
                "y": listed(ends, 6),
                "fill": "toself",
                "fillcolor": f"{curve.colour}{BAND}",
                "line": {"width": 0},
                "hoverinfo": "skip",
                "legendgroup": curve.group,
            }
        )
    texts = [f"{curve.label}, × {x:g}: {told(one)}" for x, one in found]
    line = {"color": curve.colour, "width": 2.2, "dash": curve.dash}
    drawn.append(
        {
            "type": "scatter",
            "mode": "lines+markers",
            "x": [x for x, _ in found],
            "y": listed([shown(one.value) if math.isfinite(one.value) else math.nan for _, one in found], 6),
            "text": texts,
            "hovertemplate": "%{text}<extra></extra>",
            "legendgroup": curve.group,
            "line": line,
            "marker": {"size": 6, "color": curve.colour},
        }
    )
    return drawn


def _ends(found: Interval, form: Callable[[float], str]) -> str:
    return f" (95 % interval {form(found.low)} to {form(found.high)})" if math.isfinite(found.low) else ""


def _star(plan: Plan, value: float, text: str) -> Drawn:
    """The chosen point."""
    return {
        "type": "scatter",
        "mode": "markers",
        "x": [float(plan.chosen.setting.level)],
        "y": [value],
        "text": [text],
        "hovertemplate": "%{text}<extra></extra>",
        "marker": {"symbol": "star", "size": 17, "color": CHOSEN, "line": {"width": 1.5, "color": "var(--card)"}},
        "cliponaxis": False,
    }


def _levels_axis(plan: Plan) -> Drawn:
    levels = [float(setting.level) for setting in plan.settings]
    pad = PAD * (max(levels) - min(levels) or 1.0)
    title: Drawn = {"title": {"text": "commitment, × what it is now", "standoff": 6}}
    return title | {"range": [min(levels) - pad, max(levels) + pad], "zeroline": False}


def _shapes(plan: Plan) -> list[Drawn]:
    """Where the least bill lies, and what a newsvendor would commit to, if that is in the picture."""
    low, high = _levels_axis(plan)["range"]
    area: Drawn = {"type": "rect", "yref": "paper", "y0": 0, "y1": 1, "line": {"width": 0}, "layer": "below"}
    line: Drawn = {"type": "line", "yref": "paper", "y0": 0, "y1": 1}
    found: list[Drawn] = []
    level = plan.minimum.level
    if math.isfinite(level.low):
        ends = {"x0": max(level.low, low), "x1": min(level.high, high)}
        found.append(area | ends | {"fillcolor": SOFT, "opacity": 0.16})
    if plan.newsvendor is not None and low <= (x := plan.newsvendor.level.value) <= high:
        found.append(line | {"x0": x, "x1": x, "line": {"color": INK, "width": 1.4, "dash": "dot"}})
    return found


def _annotations(plan: Plan) -> list[Drawn]:
    """An arrow to a newsvendor's answer that lies beyond the levels."""
    if plan.newsvendor is None:
        return []
    low, high = _levels_axis(plan)["range"]
    x = plan.newsvendor.level.value
    if low <= x <= high:
        return []
    is_left = x < low
    text = f"{'← ' if is_left else ''}newsvendor × {x:.2f}{'' if is_left else ' →'}"
    place: Drawn = {"x": 0 if is_left else 1, "xanchor": "left" if is_left else "right", "y": 0.02, "yanchor": "bottom"}
    return [place | {"xref": "paper", "yref": "paper", "text": text, "showarrow": False, "font": {"size": 12}}]


def slices(plan: Plan) -> Picture | None:
    """How much of its time each slice of the commitment is used; None where there is one level only."""
    if not plan.uses:
        return None
    middle = [(float(one.low.level) + float(one.high.level)) / 2 for one in plan.uses]
    width = [0.86 * (float(one.high.level) - float(one.low.level)) for one in plan.uses]
    values, ends = [one.utilisation.value for one in plan.uses], [_reach(one) for one in plan.uses]
    texts = [
        f"from × {one.low.level} to × {one.high.level}: used {percent(one.utilisation.value)} % of the time"
        for one in plan.uses
    ]
    bars: Drawn = {
        "type": "bar",
        "x": middle,
        "y": listed(values, 4),
        "width": listed(width, 4),
        "text": texts,
        "textposition": "none",
        "hovertemplate": "%{text}<extra></extra>",
        "marker": {"color": "#0072B2"},
        "error_y": {
            "type": "data",
            "symmetric": False,
            "array": listed([above for above, _ in ends], 4),
            "arrayminus": listed([below for _, below in ends], 4),
            "color": INK,
            "thickness": 1.2,
            "width": 3,
        },
    }
    shapes: list[Drawn] = []
    legend = [Key("a slice of the commitment", "#0072B2", "")]
    reading = "How much of its time each further slice of the commitment is used, with its 95 % interval."
    found = plan.newsvendor
    if found is not None and math.isfinite(found.terms.break_even):
        y = found.terms.break_even
        line = {"color": INK, "width": 1.6, "dash": "dash"}
        shapes = [{"type": "line", "xref": "paper", "x0": 0, "x1": 1, "y0": y, "y1": y, "line": line}]
        legend.append(Key(f"break-even, {percent(y)} %", INK, "", is_line=True, dash="dash"))
        reading += (
            " Above the line the slice is cheaper than burst for the same hours, on prices alone; what waiting costs "
            "speaks for more commitment than that."
        )
    most = max(1.0, *(value + above for value, (above, _) in zip(values, ends, strict=True)))
    layout: Drawn = {
        "annotations": [heading("used, share of the time")],
        "shapes": shapes,
        "xaxis": _levels_axis(plan),
        "yaxis": {"tickformat": ".0%", "automargin": True, "range": [min(0.0, *values), 1.05 * most]},
    }
    return Picture("slices", "What each slice is used", reading, [Panel("", [bars], layout, 340)], legend)


def _reach(one: Use) -> tuple[float, float]:
    """How far an interval reaches above and below; nothing where there is none."""
    found = one.utilisation
    if not math.isfinite(found.low):
        return 0.0, 0.0
    return float(np.maximum(found.high - found.value, 0)), float(np.maximum(found.value - found.low, 0))
