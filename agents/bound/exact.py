"""The cheapest schedule of a small instance, exactly: which site and when, for every job, by a mixed-integer program.

Runs are never interrupted, times lie on a grid, serving is left out. So it is for toy episodes: to see how far below
the truth the bound lies, and that no policy is cheaper.
"""

import highspy
import numpy as np

from ...fastsim.errors import InputError
from .instance import Instance
from .program import Program, Tableau
from .solve import model

MOST_STARTS = 200_000
ON_GRID = 1e-6  # h


def exact(instance: Instance, step: float, time_limit: float = 60.0, gap: float = 0.0) -> float:
    """Dollars of the cheapest schedule whose runs begin at multiples of `step` [h], or never.

    Releases, lengths and changes of capacity must be multiples of it too: then no other schedule is cheaper. Raises
    InputError where they are not, where there is serving, or where the program is too large or not solved in time. With
    a `gap` above 0 what comes back may lie so much above the optimum, as a share of it.
    """
    _check(instance, step)
    tableau = Tableau()
    program = _program(tableau, instance, step)
    highs = highspy.Highs()
    for name, value in {"output_flag": False, "threads": 1, "time_limit": time_limit, "mip_rel_gap": gap}.items():
        highs.setOptionValue(name, value)
    lp = model(program)
    lp.integrality_ = [
        highspy.HighsVarType.kInteger if most == 1 else highspy.HighsVarType.kContinuous for most in program.most
    ]
    highs.passModel(lp)
    highs.run()
    if highs.getModelStatus() != highspy.HighsModelStatus.kOptimal:
        raise InputError("exact", "jobs", len(instance.work), f"not solved in {time_limit:g} s", "take fewer jobs")
    return float(highs.getInfo().objective_function_value)


def _check(instance: Instance, step: float) -> None:
    work = instance.work
    runs = np.isfinite(work.length)
    times = [work.release, work.length[runs], [instance.horizon]]
    times += [one.at[(one.at > 0) & (one.at < instance.horizon)] for one in (*instance.room, *instance.price)]
    parts = np.concatenate(times) / step
    if (np.abs(parts - np.round(parts)) * step > ON_GRID).any():
        raise InputError("exact", "step in hours", step, "not all times are multiples of it", "choose a finer one")
    if len(instance.serving.gang):
        raise InputError("exact", "blocks of serving", len(instance.serving.gang), "they are not modelled", "leave out")
    starts = int(runs.sum()) * round(instance.horizon / step)
    if starts > MOST_STARTS:
        raise InputError("exact", "possible starts", starts, f"are more than {MOST_STARTS}", "take fewer jobs")


def _program(tableau: Tableau, instance: Instance, step: float) -> Program:
    edges = np.arange(round(instance.horizon / step) + 1) * step
    rows = [[tableau.add_row(-np.inf, float(free)) for free in one.within(edges)[1]] for one in instance.room]
    ends: list[tuple[np.ndarray, np.ndarray]] = []
    for job in range(len(instance.work)):
        column, at, length = _starts(tableau, instance, job, edges, np.array(rows))
        ends.append((column, np.minimum(at + length, instance.horizon)))
        _wait(tableau, instance, job, (column, at), ends)
    return tableau.program()


def _starts(
    tableau: Tableau, instance: Instance, job: int, edges: np.ndarray, rows: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """One column for each start of a job, and one for never; with its time and length [h]."""
    work, column, at, lengths = instance.work, [], [], []
    begin = np.round(work.release[job] / edges[1]).astype(int)
    for site in np.flatnonzero(np.isfinite(work.length[job])).tolist():
        length, slots = work.length[job, site], round(work.length[job, site] / edges[1])
        slot = np.arange(begin, len(edges) - 1)
        inside = [_price(instance, site, begins, begins + length) for begins in edges[slot].tolist()]
        late = np.where(edges[slot] + length > work.deadline[job] + ON_GRID, work.penalty[job], 0.0)
        bill = np.array(inside) * work.footprint[job, site] + work.fare[job, site] + late
        own = tableau.add_columns(bill, np.ones(len(slot)))
        for first, number in zip(slot, own, strict=True):
            busy = rows[site, first : first + slots]
            tableau.put(busy, np.full(len(busy), number), work.footprint[job, site])
        column.append(own)
        at.append(edges[slot])
        lengths.append(np.full(len(slot), length))
    penalty = np.array([work.penalty[job] if work.deadline[job] < instance.horizon else 0.0])
    column.append(tableau.add_columns(penalty, np.ones(1)))
    share = tableau.add_row(1.0, 1.0)
    tableau.put(share, np.concatenate(column), 1.0)
    horizon = np.array([instance.horizon])
    return np.concatenate(column), np.concatenate([*at, horizon]), np.concatenate([*lengths, np.zeros(1)])


def _price(instance: Instance, site: int, begin: float, end: float) -> float:
    """Dollars of one accelerator from `begin` to `end` [h]."""
    return float(instance.price[site].within(np.array([begin, end]))[0][0])


def _wait(
    tableau: Tableau,
    instance: Instance,
    job: int,
    start: tuple[np.ndarray, np.ndarray],
    ends: list[tuple[np.ndarray, np.ndarray]],
) -> None:
    """It waits from its release, or from the last end of its parents, to its start."""
    work = instance.work
    column, at = start
    if not work.parents[job]:
        wait = tableau.add_columns(work.rate[job : job + 1], np.inf)
        row = tableau.add_row(-float(work.release[job]), np.inf)
        tableau.put(row, wait, 1.0)
        tableau.put(row, column, -at)
        return
    ready = tableau.add_columns(np.zeros(1), np.array([instance.horizon]))
    wait = tableau.add_columns(work.rate[job : job + 1], np.inf)
    row = tableau.add_row(0.0, np.inf)
    for part, value in ((wait, 1.0), (ready, 1.0)):
        tableau.put(row, part, value)
    tableau.put(row, column, -at)
    last = tableau.add_columns(np.zeros(len(work.parents[job])), np.ones(len(work.parents[job])))
    tableau.put(tableau.add_row(1.0, 1.0), last, 1.0)
    for which, parent in enumerate(work.parents[job]):
        after = tableau.add_row(-np.inf, 0.0)  # its end, at the latest the start
        tableau.put(after, ends[parent][0], ends[parent][1])
        tableau.put(after, column, -at)
        until = tableau.add_row(-np.inf, float(instance.horizon))  # ready by the end of the one that is the last
        tableau.put(until, ready, 1.0)
        tableau.put(until, ends[parent][0], -ends[parent][1])
        tableau.put(until, last[which], instance.horizon)
