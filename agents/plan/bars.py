"""Bars of a plan: what contracts and routing are worth, a tornado of assumptions, commitments drawn down by month."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from ...fastsim.units import DAY
from ..evaluation.compare import Interval
from ..page.clock import MONDAY, time_axis
from ..page.names import COMMITTED, safe
from ..page.picture import FAINT, HALF, INK, Drawn, Key, Panel, Picture, dollar_axis, heading, listed, scale
from ..page.waterfall import LESS, MORE, plain, signed
from .levels import plain as plain_level
from .plan import Bar, Plan
from .shortfall import Month, burn_down, taking_or_paying

FAR = 2.5  # times as long as all others: such a bar ends at the edge
LINE = 15  # characters of a label
TEXT, GAP, FRAME = 15, 14, 84  # px: of a line of a label, between bars, and around all of them
AXIS = "difference of the total bill, $ a week"
WORTH = "#009988"


class Row(NamedTuple):
    """One bar that lies: from 0 to a difference of the bill."""

    label: str
    found: Interval
    text: str


def worth(plan: Plan) -> Picture | None:
    """What the bill would rise by without each contract, and without good routing; None where nothing is known."""
    known = [one for one in plan.values if one.worth is not None]
    rows = [
        Row(safe(one.name), one.worth, f"{safe(one.name)}: {plain(one.worth.value)} a week{_ends(one.worth)}")
        for one in known
        if one.worth is not None
    ]
    if not rows:
        return None
    reading = (
        "By how much the bill would be higher without it, at the chosen commitment, on the same jobs. A bar that is "
        "far longer than the others ends at the edge, with its figure."
    )
    missing = [safe(one.name) for one in plan.values if one.worth is None]
    if missing:
        reading += f" Without {' or '.join(missing)} more waits than the world can hold: nothing is drawn."
    growing = [safe(one.name) for one in known if one.without is not None and one.without.grows]
    if growing:
        reading += f" Without {' or '.join(growing)} ever more waits, and a longer play would cost more."
    level = plain_level(plan.chosen.setting.level)
    title = f"What contracts and routing are worth at × {level}"
    return Picture("worth", title, reading, [_lying(rows, [WORTH] * len(rows))], [])


def tornado(plan: Plan) -> Picture | None:
    """How far the bill moves when one assumption is another, the most sensitive first; None where none applies."""
    names = dict.fromkeys(one.name for one in plan.bars if one.bill is not None)
    by_name = {name: [one for one in plan.bars if one.name == name and one.bill is not None] for name in names}

    def swing(bars: Sequence[Bar]) -> float:
        return max(abs(one.bill.value) for one in bars if one.bill is not None)

    ordered = sorted(by_name, key=lambda name: swing(by_name[name]))
    rows, colours = [], []
    for name in ordered:
        for one in by_name[name]:
            assert one.bill is not None
            label = f"{safe(name)} × {one.factor}"
            rows.append(Row(label, one.bill, f"{label}: {signed(one.bill.value)} a week{_ends(one.bill)}"))
            colours.append(MORE if one.bill.value > 0 else LESS)
    if not rows:
        return None
    reading = (
        "By how much the bill of the chosen point rises or falls when one assumption turns out otherwise and the "
        "commitment stays, on the same plays. Thin lines are 95 % intervals."
    )
    missing = [f"{safe(one.name)} × {one.factor}" for one in plan.bars if one.bill is None]
    if missing:
        reading += f" With {' or '.join(missing)} more waits than the world can hold."
    legend = [Key("bill rises", MORE, ""), Key("bill falls", LESS, "")]
    return Picture("tornado", "If an assumption is wrong", reading, [_lying(rows, colours)], legend)


def _ends(found: Interval) -> str:
    if not math.isfinite(found.low):
        return ""
    return f" (95 % interval {plain(found.low)} to {plain(found.high)})"


def _lying(rows: Sequence[Row], colours: Sequence[str]) -> Panel:
    """Bars that lie, each with its interval and its figure."""
    sizes = sorted(abs(row.found.value) for row in rows)
    unit, letter = scale(sizes[-1] if len(sizes) < 2 or sizes[-1] < FAR * sizes[-2] else sizes[-2])
    values = [row.found.value / unit for row in rows]
    reach = [_reach(row.found, unit) for row in rows]
    if len(rows) > 1 and sizes[-1] > FAR * sizes[-2]:  # its end is not in the picture
        longest = max(range(len(rows)), key=lambda place: abs(values[place]))
        reach[longest] = (0.0, 0.0)
    ends = [
        [value - below for value, (_, below) in zip(values, reach, strict=True)],
        [value + above for value, (above, _) in zip(values, reach, strict=True)],
    ]
    low, high = min(0.0, *ends[0]), max(0.0, *ends[1])
    others = sorted(max(abs(one), abs(other)) for one, other in zip(*ends, strict=True))[:-1]
    if others and max(-low, high) > FAR * others[-1]:
        low, high = max(low, -FAR * others[-1]), min(high, FAR * others[-1])
    room = 0.42 * (high - low or 1.0)  # for the figures beside the bars
    places = list(range(len(rows)))
    bars: Drawn = {
        "type": "bar",
        "orientation": "h",
        "y": places,
        "x": listed(values, 6),
        "text": [row.text for row in rows],
        "textposition": "none",
        "hovertemplate": "%{text}<extra></extra>",
        "marker": {"color": list(colours)},
        "width": 0.66,
        "error_x": {
            "type": "data",
            "symmetric": False,
            "array": listed([above for above, _ in reach], 6),
            "arrayminus": listed([below for _, below in reach], 6),
            "color": INK,
            "thickness": 1.2,
            "width": 3,
        },
    }
    figures = [
        {
            "x": min(max((ends[1] if values[place] >= 0 else ends[0])[place], low), high),
            "y": place,
            "text": signed(rows[place].found.value),
            "xanchor": "left" if values[place] >= 0 else "right",
            "xshift": 4 if values[place] >= 0 else -4,
            "showarrow": False,
            "font": {"size": 11},
        }
        for place in places
    ]
    labels = [_broken(row.label) for row in rows]
    layout: Drawn = {
        "annotations": [heading(AXIS) | {"x": 1, "xanchor": "right"}, *figures],
        "xaxis": _dollars_across(letter)
        | {"range": [low - room * (low < 0), high + room * (high > 0)], "zeroline": True, "nticks": 4, "tickangle": 0},
        "yaxis": {
            "tickvals": places,
            "ticktext": labels,
            "automargin": True,
            "range": [-0.6, len(rows) - 0.4],
            "fixedrange": True,
            "showgrid": False,
        },
    }
    lines = max(label.count("<br>") + 1 for label in labels)
    return Panel("", [bars], layout, FRAME + (TEXT * lines + GAP) * len(rows))


def _dollars_across(letter: str) -> Drawn:
    return {name: value for name, value in dollar_axis(letter).items() if name != "automargin"}


def _broken(label: str) -> str:
    """A label in lines that leave room for the bars on a telephone."""
    lines = [""]
    for word in label.replace("× ", "×\u00a0").split(" "):
        if lines[-1] and len(lines[-1]) + len(word) >= LINE:
            lines.append("")
        lines[-1] += f" {word}" if lines[-1] else word
    return "<br>".join(lines)


def _reach(found: Interval, unit: float) -> tuple[float, float]:
    """How far an interval reaches above and below."""
    if not math.isfinite(found.low):
        return 0.0, 0.0
    return max(found.high - found.value, 0.0) / unit, max(found.value - found.low, 0.0) / unit


def by_month(plan: Plan) -> Picture | None:
    """What is drawn of each commitment, month by month, beside its floor, and both summed up; None without a floor."""
    panels: list[Panel] = []
    for provider in taking_or_paying(plan.scenario):
        months = burn_down(plan.scenario, provider, plan.chosen)
        if any(month.floor > 0 for month in months):
            name = safe(provider.name)
            panels += [_monthly(name, months), _summed(plan, name, months)]
    if not panels:
        return None
    reading = (
        "Months of four weeks; bars are what is drawn of the commitment in the windows that begin in them, at the "
        "chosen point, the line is the floor. On the right both are summed up over each billing period: where the bars "
        "end below the line, the difference is what is unused at true-up. It is paid all the same."
    )
    missing = _gaps(plan)
    if missing:
        reading += (
            f" In {missing} months no play had a window: they are drawn by their neighbours; more plays fill them."
        )
    legend = [Key("drawn", COMMITTED[0], ""), Key("floor", INK, "", is_line=True)]
    title = "Commitments drawn down by month"
    return Picture("months", title, reading, panels, legend, is_wide=True, size=HALF)


def _gaps(plan: Plan) -> int:
    """Months between the first and the last that no play met."""
    provider = taking_or_paying(plan.scenario)[0]
    days = [month.day for month in burn_down(plan.scenario, provider, plan.chosen)]
    return (days[-1] - days[0]) // 28 + 1 - len(days)


def _monthly(name: str, months: Sequence[Month]) -> Panel:
    unit, letter = scale(max(max(month.floor, month.drawn) for month in months))
    at = [month.day * DAY + MONDAY + 14 * DAY for month in months]
    texts = [
        f"day {month.day}: {plain(month.drawn)} a week of {plain(month.floor)}, {month.windows} windows"
        for month in months
    ]
    bars: Drawn = {
        "type": "bar",
        "x": at,
        "y": listed([month.drawn / unit for month in months], 5),
        "width": 24 * DAY,
        "text": texts,
        "textposition": "none",
        "hovertemplate": "%{text}<extra></extra>",
        "marker": {"color": COMMITTED[0]},
    }
    line: Drawn = {
        "type": "scatter",
        "mode": "lines+markers",
        "x": at,
        "y": listed([month.floor / unit for month in months], 5),
        "hoverinfo": "skip",
        "line": {"color": INK, "width": 2, "shape": "hvh"},
        "marker": {"size": 5, "color": INK},
    }
    layout: Drawn = {
        "annotations": [heading("drawn, dollars per week")],
        "xaxis": time_axis(months[0].day * DAY, (months[-1].day + 28) * DAY),
        "yaxis": dollar_axis(letter) | {"rangemode": "tozero"},
    }
    return Panel(f"{name}: by month", [bars, line], layout, 300)


def _summed(plan: Plan, name: str, months: Sequence[Month]) -> Panel:
    """Since the beginning of each billing period; months without a window as the line between their neighbours."""
    period = float(plan.scenario.rules.billing_period_days)
    first, last = months[0].day, months[-1].day + 28
    days = np.arange(first, last + 1)
    centre = np.array([month.day + 14 for month in months])
    new = np.flatnonzero(np.diff((days / period).astype(int))) + 1
    data = []
    most = 0.0
    for amounts, colour, style in (
        ([month.drawn for month in months], COMMITTED[0], {"fill": "tozeroy", "width": 0.5}),
        ([month.floor for month in months], INK, {"width": 2}),
    ):
        daily = np.interp(days, centre, np.array(amounts)) / 7
        total = np.cumsum(daily)
        for begin in new:
            total[begin:] -= total[begin - 1] if begin else 0.0
        most = max(most, float(total.max()))
        data.append((total, colour, style))
    unit, letter = scale(most)
    traces = [
        {
            "type": "scatter",
            "mode": "lines",
            "x": (days * DAY + MONDAY).tolist(),
            "y": listed(total / unit, 5),
            "line": {"color": colour, "width": style["width"]},
            "hovertemplate": f"%{{y:$,.2f}}{letter}<extra></extra>",
        }
        | ({"fill": "tozeroy", "fillcolor": f"{colour}66"} if "fill" in style else {})
        for total, colour, style in data
    ]
    layout: Drawn = {
        "annotations": [heading("since the period began, dollars")],
        "xaxis": time_axis(first * DAY, last * DAY),
        "yaxis": dollar_axis(letter) | {"rangemode": "tozero"},
        "hovermode": "x unified",
    }
    return Panel(f"{name}: summed up over each billing period", traces, layout, 300)


def events(plan: Plan) -> Picture | None:
    """What may happen, as bars; None where nothing applies."""
    rows = [
        Row(safe(one.name), one.bill, f"{safe(one.name)}: {signed(one.bill.value)} a week{_ends(one.bill)}")
        for one in plan.events
        if one.bill is not None
    ]
    if not rows:
        return None
    reading = (
        "By how much the bill of the chosen point is higher if it happens, per week over the whole span, known from "
        "day 0. A tranche that comes late is not paid before it is there, so that the bill may fall while jobs wait."
    )
    missing = [safe(one.name) for one in plan.events if one.bill is None]
    if missing:
        reading += f" If {' or '.join(missing)}, more waits than the world can hold."
    colours = [MORE if row.found.value > 0 else LESS for row in rows]
    legend = [Key("bill rises", MORE, ""), Key("bill falls", LESS, ""), Key("95 % interval", FAINT, "", is_line=True)]
    return Picture("events", "What may happen", reading, [_lying(rows, colours)], legend)
