"""Who occupies what over one window, and who waits: sites stacked above, classes below, on one axis of time."""

from collections.abc import Sequence

import numpy as np

from ...fastsim.spec import BURST, COMMITTED
from .clock import dates, time_axis
from .names import CLASSES, OTHERS, Names
from .observed import Observed
from .picture import FAINT, HALF, INK, Drawn, Key, Panel, Picture, heading, listed

SHOWN = 5  # classes that the queue names; the others are one
ABOVE, BELOW = [0.42, 1], [0, 0.34]  # of the panel: the sites, and the queue


def occupancy(names: Names, seen: Sequence[Observed]) -> Picture:
    """A panel for each policy; the same axes for all."""
    shown = most_waiting(seen)
    highest = max(float(levels(one, "supply").sum(axis=1).max()) for one in seen)
    longest = max(float(queues(one, shown).sum(axis=1).max()) for one in seen)
    panels = [_panel(names, one, shown, 1.06 * highest, max(1.0, 1.06 * longest)) for one in seen]
    reading = (
        "Above, the coloured areas are accelerators that run jobs, committed sites at the bottom and burst on top, and "
        "the lines are how many there are: empty space below that of committed capacity is paid for and idle. Below "
        "are the accelerators that waiting jobs ask for, by class."
    )
    title = "What ran where, and what waited: episode 0"
    return Picture("occupancy", title, reading, panels, _legend(names, seen[0], shown, panels), is_wide=True, size=HALF)


def levels(one: Observed, name: str) -> np.ndarray:
    """Mean of a meter of sites, `busy` or `supply`, between instants: (points, sites) accelerators."""
    return one.mean(name)[:, : one.sites]


def queues(one: Observed, shown: Sequence[int]) -> np.ndarray:
    """Waiting accelerators of the classes that are shown, and of all others together: (points, shown + 1)."""
    waiting = one.mean("waiting")
    rest = waiting.sum(axis=1, keepdims=True) - waiting[:, list(shown)].sum(axis=1, keepdims=True)
    return np.hstack([waiting[:, list(shown)], rest])


def most_waiting(seen: Sequence[Observed]) -> list[int]:
    """The classes that wait most under all policies together, by number."""
    total = sum((one.readings.waiting[-1] - one.readings.waiting[0] for one in seen), np.zeros(1, np.int64))
    order = [cls for cls in np.argsort(-total, kind="stable").tolist() if total[cls] > 0]
    return order if len(order) <= SHOWN + 1 else order[:SHOWN]


def in_order(one: Observed) -> list[int]:
    """Sites as they are stacked: committed ones first."""
    kind = kinds(one)
    return [*np.flatnonzero(kind == COMMITTED).tolist(), *np.flatnonzero(kind == BURST).tolist()]


def kinds(one: Observed) -> np.ndarray:
    """COMMITTED or BURST of each site, (sites,)."""
    rules = one.spec.rules[0]
    return rules.kind[rules.provider[: one.sites]]


def _panel(names: Names, one: Observed, shown: list[int], highest: float, longest: float) -> Panel:
    at = dates(one.instants)
    busy, supply, waiting = levels(one, "busy"), levels(one, "supply"), queues(one, shown)
    data = [
        _area(at, busy[:, site], names.sites[site], names.site_colours[site], f"site{site}") for site in in_order(one)
    ]
    is_committed = kinds(one) == COMMITTED
    data.append(_limit(at, supply[:, is_committed].sum(axis=1), "committed capacity", INK, 1.6))
    if not is_committed.all():
        data.append(_limit(at, supply.sum(axis=1), "capacity with burst", FAINT, 1.0))
    for place, (label, colour, group) in enumerate(_classes(names, shown)):
        if waiting[:, place].any() or (place == len(shown) and not waiting.any()):  # an axis needs something on it
            data.append(_area(at, waiting[:, place], label, colour, group) | {"yaxis": "y2", "stackgroup": "queue"})
    layout: Drawn = {
        "annotations": [heading("running accelerators"), heading("waiting accelerators", "y2")],
        "hovermode": "x unified",
        "hoversubplots": "axis",
        "meta": {"linked": True},
        "xaxis": time_axis(int(one.instants[0]), int(one.instants[-1])) | {"anchor": "y2"},
        "yaxis": {"domain": ABOVE, "range": [0, highest], "tickformat": ",d", "automargin": True},
        "yaxis2": {"domain": BELOW, "range": [0, longest], "tickformat": ",d", "automargin": True},
    }
    return Panel(names.policies[one.policy], data, layout, height=520)


def _area(at: list[int], values: np.ndarray, label: str, colour: str, group: str) -> Drawn:
    """One layer of a stack; a mean holds until the next instant."""
    return {
        "type": "scatter",
        "x": at,
        "y": listed([*values, values[-1]], 1),
        "name": label,
        "legendgroup": group,
        "stackgroup": "sites",
        "mode": "lines",
        "line": {"width": 0, "color": colour, "shape": "hv"},
        "fillcolor": colour,
        "hovertemplate": "%{y:,.0f}",
    }


def _limit(at: list[int], values: np.ndarray, label: str, colour: str, width: float) -> Drawn:
    """A line of capacity, with a point where it steps only."""
    steps = np.flatnonzero(np.diff(values, prepend=np.nan) != 0)
    return {
        "type": "scatter",
        "x": [*(at[step] for step in steps), at[-1]],
        "y": listed([*values[steps], values[-1]], 1),
        "name": label,
        "legendgroup": label,
        "mode": "lines",
        "line": {"width": width, "color": colour, "shape": "hv"},
        "hoverinfo": "skip",
    }


def _classes(names: Names, shown: list[int]) -> list[tuple[str, str, str]]:
    """Label, colour and group of the layers of the queue."""
    labels, groups = [f"waiting: {names.classes[cls]}" for cls in shown], [f"class{cls}" for cls in shown]
    own = zip(labels, CLASSES, groups, strict=False)  # there are more colours than classes with their own
    return [*own, ("waiting: other classes", OTHERS, "classes")]


def _legend(names: Names, one: Observed, shown: list[int], panels: list[Panel]) -> list[Key]:
    """Sites, lines, and the classes that wait in some panel."""
    sites = [Key(names.sites[site], names.site_colours[site], f"site{site}") for site in in_order(one)]
    limits = [Key("committed capacity", INK, "committed capacity", is_line=True)]
    if (kinds(one) == BURST).any():
        limits.append(Key("capacity with burst", FAINT, "capacity with burst", is_line=True))
    drawn = {trace["legendgroup"] for panel in panels for trace in panel.data}
    layers = [Key(*layer) for layer in _classes(names, shown) if layer[-1] in drawn]
    return [*sites, *limits, *layers]
