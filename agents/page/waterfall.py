"""From the first policy's avoidable cost to another's, part by part."""

import numpy as np

from ..evaluation.report import Report, Scores
from ..evaluation.scoring import COSTS
from ..evaluation.table import money
from .names import Names, wrapped
from .picture import FAINT, Drawn, Key, Panel, Picture, dollar_axis, heading, listed, scale

MORE, LESS = "#D55E00", "#009E73"  # vermilion and bluish green, which the colour-blind tell apart
PARTS = {"burst": "burst", "overage": "overage", "delay": "delay", "penalty": "penalties", "write_off": "write-offs"}


def waterfall(names: Names, report: Report) -> Picture | None:
    """One panel for each policy but the first; None where there is no other."""
    if len(report.policies) == 1:
        return None
    panels = [_panel(names, report, number) for number in range(1, len(report.policies))]
    reading = (
        "The left bar is the avoidable cost of the first policy, the right bar that of the other; each step between "
        "them is what the other spends more (up) or less (down) on one part, in dollars per week over all episodes."
        " Burst includes egress."
    )
    legend = [Key("costs more", MORE, ""), Key("costs less", LESS, "")]
    title = f"Where the difference to {names.policies[0]} comes from"
    choices = tuple(names.policies[1:]) if len(panels) > 1 else ()
    return Picture("waterfall", title, reading, panels, legend, choices=choices, shown=names.chosen - 1)


def steps(first: Scores, other: Scores) -> dict[str, float]:
    """What the other spends more on each part that either has, dollars per week; the parts add up to the difference."""
    return {
        part: other.per_week(part) - first.per_week(part) for part in COSTS if first.total(part) or other.total(part)
    }


def signed(dollars: float) -> str:
    """An amount with its sign: +$3.1k."""
    return f"{'−' if dollars < 0 else '+'}${money(abs(dollars))}"


def plain(dollars: float) -> str:
    """An amount: $27.7k."""
    return f"{'−' if round(dollars) < 0 else ''}${money(abs(dollars))}"


def _panel(names: Names, report: Report, number: int) -> Panel:
    """From the first policy to another; parts too small to be seen are left out."""
    first, other = report.policies[0], report.policies[number]
    ends = [sum(policy.per_week(part) for part in COSTS) for policy in (first, other)]
    least = SEEN * max(map(abs, ends))
    moves = {PARTS[part]: amount for part, amount in steps(first, other).items() if abs(amount) > least}
    tops = np.cumsum([ends[0], *moves.values()])
    unit, letter = scale(max(map(abs, ends)))
    label, colours = names.policies[number], (names.policy_colours[0], names.policy_colours[number])
    labels = [wrapped(text) for text in (names.policies[0], *moves, label)]
    return Panel(
        "",
        [_joints(tops / unit), _totals(ends, unit, colours, len(moves) + 1), _moved(moves, tops, unit)],
        _layout(labels, moves, tops, ends, (unit, letter)),
        height=400,
        choice=label if len(report.policies) > 2 else "",
    )


def _totals(ends: list[float], unit: float, colours: tuple[str, ...], last: int) -> Drawn:
    """The bars of the two policies."""
    return BAR | {
        "x": [0, last],
        "y": [end / unit for end in ends],
        "marker": {"color": list(colours)},
        "text": [plain(end) for end in ends],
        "textposition": "outside",
        "textfont": {"size": 11},
        "constraintext": "none",
        "hovertemplate": "%{text} a week<extra></extra>",
    }


def _moved(moves: dict[str, float], tops: np.ndarray, unit: float) -> Drawn:
    """A bar for each part, from where the one before ended."""
    return BAR | {
        "x": list(range(1, len(moves) + 1)),
        "y": [amount / unit for amount in moves.values()],
        "base": listed(tops[:-1] / unit, 6),
        "marker": {"color": [MORE if amount > 0 else LESS for amount in moves.values()]},
        "customdata": [f"{part}: {signed(amount)} a week" for part, amount in moves.items()],
        "hovertemplate": "%{customdata}<extra></extra>",
    }


def _joints(tops: np.ndarray) -> Drawn:
    """Thin lines from bar to bar."""
    places = range(len(tops))
    return {
        "type": "scatter",
        "mode": "lines",
        "x": [x for place in places for x in (place + WIDTH / 2, place + 1 - WIDTH / 2, None)],
        "y": [y for top in tops.tolist() for y in (top, top, None)],
        "line": {"color": FAINT, "width": 1},
        "hoverinfo": "skip",
    }


def _layout(
    labels: list[str], moves: dict[str, float], tops: np.ndarray, ends: list[float], unit: tuple[float, str]
) -> Drawn:
    """Axes with room for the texts over the bars, and these for the parts: Plotly would put them inside."""
    highest, lowest = max(*tops, *ends, 1.0), min(*tops, *ends, 0.0)
    room = ROOM * max(highest - lowest, 1.0)
    span = [(lowest - room * (lowest < 0)) / unit[0], (highest + room) / unit[0]]
    over: Drawn = {"showarrow": False, "yanchor": "bottom", "font": {"size": 11}}
    texts = [
        over | {"x": place, "y": max(tops[place - 1], tops[place]) / unit[0], "text": signed(amount)}
        for place, amount in enumerate(moves.values(), 1)
    ]
    return {
        "annotations": [heading("avoidable cost, dollars per week"), *texts],
        "xaxis": {
            "tickvals": list(range(len(labels))),
            "ticktext": labels,
            "tickangle": 0,
            "ticklabeloverflow": "allow",
            "automargin": True,
            "range": [-0.6, len(labels) - 0.4],
            "fixedrange": True,
            "showgrid": False,
            "zeroline": False,
        },
        "yaxis": dollar_axis(unit[1]) | {"range": span},
        "barmode": "overlay",
    }


WIDTH, ROOM = 0.62, 0.12  # of a bar, in places; over the highest, as a part of the axis
SEEN = 0.0005  # of the larger cost: a tenth of a pixel
BAR: Drawn = {"type": "bar", "width": WIDTH, "cliponaxis": False}
