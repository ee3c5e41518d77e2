"""What a policy did with first offers: committed, burst or hold, by class and by hour of day."""

from collections.abc import Sequence

import numpy as np

from ...fastsim.log import OFFER
from ...fastsim.spec import BURST
from ...fastsim.units import DAY, HOUR
from .names import BURST as BURST_COLOURS
from .names import COMMITTED as COMMITTED_COLOURS
from .names import HOLD, Names
from .observed import Observed
from .occupancy import kinds
from .picture import HALF, Drawn, Key, Panel, Picture, heading, listed

WHERE = ("committed", "burst", "hold")
CATEGORIES: Drawn = {"type": "category", "showgrid": False}
HOURS = [f"{hour:02d}:00" for hour in range(24)]
OF = "%{customdata[0]:,} of %{customdata[1]:,}"
COLOURS = (COMMITTED_COLOURS[0], BURST_COLOURS[0], HOLD)


def decisions(names: Names, seen: Sequence[Observed]) -> Picture | None:
    """A panel for each policy: classes above, hours below; None where nothing was offered."""
    offered = np.unique(np.concatenate([one.jobs.cls[first_offers(one)[:, 0]] for one in seen]))
    if len(offered) == 0:
        return None
    panels = [_panel(names, one, offered) for one in seen]
    reading = (
        "Each bar is all jobs of a class, or of an hour, that were offered for the first time: how many of them went "
        "to committed sites, to burst, or were held back for a later offer. Later moves are not in it, those of rules "
        "that wait before they rent."
    )
    legend = [Key(label, colour, label) for label, colour in zip(WHERE, COLOURS, strict=True)]
    return Picture("decisions", "First decisions: episode 0", reading, panels, legend, is_wide=True, size=HALF)


def first_offers(one: Observed) -> np.ndarray:
    """Job, time [ms] and place in WHERE of every first offer within the window, (offers, 3)."""
    rows = one.log[(one.log[:, 1] == OFFER) & (one.log[:, 0] < one.instants[-1])]
    rows = rows[np.sort(np.unique(rows[:, 2], return_index=True)[1])]
    rows = rows[~np.isin(rows[:, 2], one.present.job[one.present.attempts > 0])]
    kind = np.append(np.where(kinds(one) == BURST, 1, 0), 2)  # the action after the last site is to hold
    return np.stack([rows[:, 2], rows[:, 0], kind[rows[:, 3]]], axis=1)


def counted(groups: np.ndarray, places: np.ndarray, count: int) -> np.ndarray:
    """How many went where, (groups, 3)."""
    return np.bincount(groups * 3 + places, minlength=3 * count).reshape(count, 3)


def _panel(names: Names, one: Observed, classes: np.ndarray) -> Panel:
    offers, labels = first_offers(one), [names.classes[cls] for cls in classes.tolist()]
    by_class = counted(np.searchsorted(classes, one.jobs.cls[offers[:, 0]]), offers[:, 2], len(classes))
    by_hour = counted(offers[:, 1] % DAY // HOUR, offers[:, 2], 24)
    data = [*_bars(by_class, labels, "h"), *_bars(by_hour, HOURS, "v")]
    height = 24 * len(classes) + 330
    below = 190 / height  # share of the panel's height that the hours take
    percent: Drawn = {"ticksuffix": " %", "range": [0, 100], "dtick": 25, "fixedrange": True}
    layout: Drawn = {
        "annotations": [heading("share of first offers, by class"), heading("by hour of day", "y2")],
        "barmode": "stack",
        "bargap": 0.18,
        "xaxis": percent | {"anchor": "y"},
        "yaxis": {"domain": [below + 70 / height, 1], "autorange": "reversed", "automargin": True} | CATEGORIES,
        "xaxis2": {"anchor": "y2", "tickvals": HOURS[::6], "tickangle": 0} | CATEGORIES,
        "yaxis2": percent | {"domain": [0, below], "anchor": "x2"},
    }
    return Panel(names.policies[one.policy], data, layout, height=height)


def _bars(counts: np.ndarray, labels: list[str], orientation: str) -> list[Drawn]:
    """Three stacked bars of per cent; the hover text has the numbers."""
    total = np.maximum(counts.sum(axis=1, keepdims=True), 1)
    shares, (along, across) = 100 * counts / total, ("y", "x") if orientation == "h" else ("x", "y")
    axes = {} if orientation == "h" else {"xaxis": "x2", "yaxis": "y2"}
    return [
        {
            "type": "bar",
            "orientation": orientation,
            along: labels,
            across: listed(shares[:, place], 2),
            "customdata": [
                [int(count), int(whole)] for count, whole in zip(counts[:, place], total[:, 0], strict=True)
            ],
            "name": label,
            "legendgroup": label,
            "marker": {"color": COLOURS[place]},
            "hovertemplate": f"%{{{along}}}: {label} %{{{across}:.1f}} %, {OF}<extra></extra>",
        }
        | axes
        for place, label in enumerate(WHERE)
    ]
