"""Some pipelines of an episode as bars over time: when each member waited, and where it ran."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from ...fastsim.log import ARRIVE, CANCEL, EVICT, EXPIRE, FINISH, KILL, PREEMPT, READY, START, WRITE_OFF
from ...fastsim.units import DAY, HOUR, MINUTE
from .clock import MONDAY, WEEKDAYS, time_axis
from .names import HOLD, Names
from .observed import Observed
from .occupancy import in_order
from .picture import HALF, Drawn, Key, Panel, Picture

WAITING = -1  # instead of a site
MOST_ROWS, PIPELINES = 32, 5
ALIKE = 8  # members of one class, gang and parents that have a row each; more of them share one
ROW = 17  # px


class Span(NamedTuple):
    """A job waited, or ran at a site."""

    job: int
    site: int  # WAITING, or where it ran
    begin: int  # ms
    end: int


def timelines(names: Names, seen: Sequence[Observed]) -> Picture | None:
    """A panel for each policy with the same pipelines; None where none arrives within the window."""
    chosen = chosen_pipelines(seen[0])
    if not chosen:
        return None
    spans = [list(spans_of(one, [job for members in chosen for job in members])) for one in seen]
    end = max((span.end for found in spans for span in found), default=int(seen[0].instants[-1]))
    begin = min((span.begin for found in spans for span in found), default=int(seen[0].instants[0]))
    room = (end - begin) // 40
    panels = [
        _panel(names, one, chosen, found, (begin - room, end + room)) for one, found in zip(seen, spans, strict=True)
    ]
    reading = (
        "Each row is a member of a pipeline, with its class and its accelerators: grey while it waits, in the colour "
        "of a site while it runs there. A member is ready when its parents have finished; each panel has the same jobs."
    )
    legend = [Key("waits", HOLD, "wait")]
    legend += [Key(names.sites[site], names.site_colours[site], f"site{site}") for site in in_order(seen[0])]
    title = "Pipelines, member by member: episode 0"
    return Picture("pipelines", title, reading, panels, legend, is_wide=True, size=HALF)


def chosen_pipelines(one: Observed) -> list[range]:
    """The members of some pipelines that arrive within the window, by arrival: of every kind those with most work."""
    jobs, begin, end = one.jobs, one.instants[0], one.instants[-1]
    root = np.arange(len(jobs)) - jobs.member
    first, count = np.unique(root, return_counts=True)
    arrives = (jobs.arrival[first] >= begin) & (jobs.arrival[first] < end)
    fits = arrives & (count > 1)
    found = [range(a, a + n) for a, n in zip(first[fits].tolist(), count[fits].tolist(), strict=True)]
    found.sort(key=lambda members: -int((jobs.gang * jobs.walltime)[members.start : members.stop].sum()))
    kinds = [frozenset(jobs.cls[members.start : members.stop].tolist()) for members in found]
    turns = [kinds[:index].count(kind) for index, kind in enumerate(kinds)]
    kept: list[range] = []
    for _, members in sorted(zip(turns, found, strict=True), key=lambda pair: pair[0]):
        if len(kept) < PIPELINES and sum(max(rows_of(one, chosen)) + 1 for chosen in (*kept, members)) <= MOST_ROWS:
            kept.append(members)
    return sorted(kept, key=lambda members: members.start)


def rows_of(one: Observed, members: range) -> list[int]:
    """The row of each member, from 0 on: its own, or one for all that are alike, where these are many."""
    jobs = one.jobs
    kinds = [(int(jobs.cls[job]), int(jobs.gang[job]), int(jobs.parents[job])) for job in members]
    rows: list[int] = []
    shared: dict[tuple[int, int, int], int] = {}
    for kind in kinds:
        following = max(rows, default=-1) + 1
        rows.append(shared.setdefault(kind, following) if kinds.count(kind) > ALIKE else following)
    return rows


def spans_of(one: Observed, chosen: Sequence[int]) -> Iterator[Span]:
    """Waits and runs of some jobs that arrived within the log, in the order of their ends."""
    rows = one.log[np.isin(one.log[:, 2], chosen)]
    since: dict[int, tuple[int, int]] = {}  # job → site or WAITING, and since when
    for at, kind, job, place, _ in rows.tolist():
        is_ready = kind == READY or (kind == ARRIVE and one.jobs.parents[job] == 0)
        leaves = kind in (FINISH, CANCEL, KILL, EXPIRE, WRITE_OFF)
        if kind in (START, EVICT, PREEMPT) or leaves:
            site, begin = since.pop(job, (WAITING, at))
            if at > begin:
                yield Span(job, site, begin, at)
        if kind == START:
            since[job] = place, at
        elif is_ready or kind in (EVICT, PREEMPT):
            since[job] = WAITING, at
    last = int(one.log[-1, 0]) if len(one.log) else 0
    yield from (Span(job, site, begin, last) for job, (site, begin) in since.items() if last > begin)


def _panel(names: Names, one: Observed, chosen: list[range], spans: list[Span], extent: tuple[int, int]) -> Panel:
    place, labels, heads = _rows(names, one, chosen)
    data = [_bars(names, one, [span for span in spans if span.site == WAITING], place, WAITING)]
    for site in in_order(one):
        own = [span for span in spans if span.site == site]
        if own:
            data.append(_bars(names, one, own, place, site))
    count = max(place.values()) + 1
    layout: Drawn = {
        "barmode": "overlay",
        "xaxis": time_axis(*extent),
        "yaxis": {
            "range": [count - 0.4, -1.6],
            "tickvals": list(labels),
            "ticktext": list(labels.values()),
            "automargin": True,
            "showgrid": False,
            "zeroline": False,
        },
        "annotations": heads,
        "margin": {"t": 4},
        "meta": {"left": 170},  # px that the names of the rows take
    }
    return Panel(
        names.policies[one.policy], [trace for trace in data if trace["x"]], layout, height=round(ROW * count) + 110
    )


def _rows(names: Names, one: Observed, chosen: list[range]) -> tuple[dict[int, float], dict[float, str], list[Drawn]]:
    """The row of each job, the label of each row, and a heading over each pipeline."""
    place: dict[int, float] = {}
    labels: dict[float, str] = {}
    heads, top = [], 0.0
    for number, members in enumerate(chosen, 1):
        day, rest = divmod(int(one.jobs.arrival[members.start]), DAY)
        text = f"<b>pipeline {number}</b>, arrives {WEEKDAYS[day % 7]} {rest // HOUR:02d}:{rest % HOUR // MINUTE:02d}"
        at: Drawn = {"xref": "paper", "x": 0, "xanchor": "left", "y": top - 0.95, "yanchor": "middle"}
        heads.append(at | {"text": text, "showarrow": False, "font": {"size": 11}})
        rows = rows_of(one, members)
        for job, row in zip(members, rows, strict=True):
            place[job] = top + row
            times = f"{rows.count(row)} × " if rows.count(row) > 1 else ""
            labels[place[job]] = f"{times}{names.classes[one.jobs.cls[job]]}, {one.jobs.gang[job]:,}"
        top += max(rows) + 2.4
    return place, labels, heads


def _bars(names: Names, one: Observed, spans: list[Span], place: dict[int, float], site: int) -> Drawn:
    """All spans of one kind."""
    label = "waits" if site == WAITING else f"runs at {names.sites[site]}"
    return {
        "type": "bar",
        "orientation": "h",
        "base": [span.begin + MONDAY for span in spans],
        "x": [span.end - span.begin for span in spans],
        "y": [place[span.job] for span in spans],
        "width": 0.36 if site == WAITING else 0.78,
        "name": label,
        "legendgroup": "wait" if site == WAITING else f"site{site}",
        "marker": {"color": HOLD if site == WAITING else names.site_colours[site]},
        "customdata": [
            f"{names.classes[one.jobs.cls[span.job]]}: {label}, {(span.end - span.begin) / HOUR:,.2f} h"
            for span in spans
        ],
        "hovertemplate": "%{customdata}<extra></extra>",
    }
