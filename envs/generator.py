"""Synthetic jobs of a scenario: integers only, drawn by name, so that a seed and a stream mean the same everywhere.

Each class and each kind of pipeline is a Poisson process of submissions whose rate follows the hours of the week and
the scenario's growth: exponential gaps, in units of expected submissions, are laid along the cumulative rate. A
submission is a batch of jobs or a pipeline (submit.py). Blocks of serving are cut out of a curve (blocks.py). Nothing
depends on where the stream is cut: more days only add jobs.
"""

from decimal import Decimal

import numpy as np

from ..fastsim.errors import InputError
from ..fastsim.jit import entry, kernel
from ..fastsim.keyed import bits_of, key, quantile
from ..fastsim.spec import JOB, Jobs
from ..fastsim.units import DAY, HOUR
from .blocks import serve_all
from .demand import Demand, work_of
from .drawn import growth_at
from .names import ENTITY_BITS, FIRST_PIPELINE, GAP, check_name
from .pipelines import MOST_MEMBERS
from .scenario import Scenario
from .submit import submit_batch, submit_pipeline


@kernel
def submit(
    demand: Demand,
    kind: int,
    submission: np.uint64,
    at: int,
    end: int,
    places: np.ndarray,
    jobs: np.recarray,
    count: int,
) -> int:
    """Append the jobs of one submission of a class or a pipeline, as far as there is room; the new count."""
    classes = len(demand.spacing)
    if kind < classes:
        return submit_batch(demand, kind, submission, at, end, jobs, count)
    return submit_pipeline(demand, kind - classes, submission, at, places, jobs, count)


@kernel
def submit_kind(
    demand: Demand,
    kind: int,
    seed: int,
    stream: int,
    start: int,
    end: int,
    places: np.ndarray,
    jobs: np.recarray,
    count: int,
) -> int:
    """Append the jobs of one class or pipeline that arrive in [start, end), submission by submission; the new count."""
    classes = len(demand.spacing)
    number = (kind if kind < classes else FIRST_PIPELINE + kind - classes) << ENTITY_BITS
    submission = key(seed, stream, number)
    gap = quantile(demand.gap, bits_of(submission, GAP))
    reached = start % HOUR  # of this hour: first ms, then units, that are behind
    for hour in range(start // HOUR, (end + HOUR - 1) // HOUR):
        units = demand.rate[kind, hour % 168] * growth_at(demand.growth, hour * HOUR) // 1000
        reached = reached * units // HOUR
        while gap < units - reached:
            reached += gap
            at = max(start, hour * HOUR + reached * HOUR // units)
            if at < end:
                count = submit(demand, kind, submission, at, end, places, jobs, count)
            number += 1
            submission = key(seed, stream, number)
            gap = quantile(demand.gap, bits_of(submission, GAP))
        gap -= units - reached
        reached = 0
    return count


@entry()
def submit_all(demand: Demand, seed: int, stream: int, start: int, end: int, jobs: np.recarray) -> int:
    """Fill `jobs` kind by kind; the number of jobs there are, which may be more than there is room for."""
    places = np.zeros((MOST_MEMBERS, 2), np.int64)
    count = 0
    for kind in range(len(demand.rate)):
        count = submit_kind(demand, kind, seed, stream, start, end, places, jobs, count)
    return count


@entry()
def fill_paths(jobs: np.recarray, below: np.ndarray) -> None:
    """Fill what comes after each member of a pipeline: its descendants (later members) and their longest path.

    `below` (jobs,) int64, zeroed: the bit set of each job's descendants.
    """
    for job in range(len(jobs) - 1, -1, -1):
        jobs[job].descendants = 0
        jobs[job].path = 0
        child = job + 1
        while child < len(jobs) and jobs[child].member > jobs[job].member:
            if jobs[child].parents >> jobs[job].member & 1 == 1:
                below[job] |= below[child] | 1 << jobs[child].member
                jobs[job].path = max(jobs[job].path, jobs[child].requested + jobs[child].path)
            child += 1
        rest = below[job]
        while rest > 0:
            jobs[job].descendants += 1
            rest &= rest - 1


@kernel
def copy_row(source: np.ndarray, row: int, target: np.ndarray, place: int) -> None:
    """A loop compiles in a fifth of the time of an assignment of rows."""
    for column in range(source.shape[1]):
        target[place, column] = source[row, column]


@entry()
def reorder(rows: np.ndarray, order: np.ndarray) -> None:
    """Put row order[i] in place i, within the array: a copy of ten million jobs would take two gigabytes.

    A permutation is cycles, each of which is turned by one place. `order` (rows,) is used up.
    """
    first = np.empty((1, rows.shape[1]), rows.dtype)
    for begin in range(len(order)):
        if order[begin] < 0:
            continue
        copy_row(rows, begin, first, 0)
        place = begin
        while order[place] != begin:
            after = order[place]
            copy_row(rows, after, rows, place)
            order[place] = -1
            place = after
        copy_row(first, 0, rows, place)
        order[place] = -1


def generate(
    scenario: Scenario, seed: int, stream: int, days: int, load: Decimal | float | None = None, *, start: int = 0
) -> Jobs:
    """The jobs that arrive in `days` days from `start` [ms]: a record array of JOB in order of arrival.

    Members of a pipeline lie side by side. `load` replaces the scenario's. Streams of one seed are independent of each
    other. Raises InputError for a seed or stream outside [0, 2^63), a window outside the scenario's span, or a load
    outside (0, `scenario.largest_load`].
    """
    exact_load = None if load is None else Decimal(str(load))
    _check(scenario, seed, stream, days, exact_load, start)
    work = work_of(scenario, exact_load)
    end = start + days * DAY
    room = int(1.1 * work.jobs_per_day * days) + 1000
    while True:
        jobs = np.zeros(room, JOB).view(np.recarray)
        count = int(submit_all(work.demand, seed, stream, start, end, jobs))
        count = serve_all(work.services, seed, stream, start, end, jobs, count)
        if count <= room:
            break
        room = count
    jobs = _by_arrival(jobs[:count])
    fill_paths(jobs, np.zeros(len(jobs), np.int64))
    return jobs


def _by_arrival(jobs: Jobs) -> Jobs:
    """The same table in order of arrival, jobs of one instant in the order in which they were."""
    order = np.argsort(np.ascontiguousarray(jobs.arrival), kind="stable")
    reorder(jobs.view(np.ndarray).view(np.int64).reshape(len(jobs), len(JOB.names or ())), order)
    return jobs


def _check(scenario: Scenario, seed: int, stream: int, days: int, load: Decimal | None, start: int) -> None:
    """Refuse what the generator cannot name."""
    for what, value in (("seed", seed), ("stream", stream)):
        check_name(scenario.name, what, value)
    if start < 0 or days < 0 or start + days * DAY > scenario.span:
        reason = f"the scenario spans {scenario.episodes.span_days} days"
        raise InputError(scenario.name, "window", f"{days} days from {start} ms", reason, "choose a window inside")
    check_load(scenario, load)


def check_load(scenario: Scenario, load: Decimal | float | None) -> None:
    """Raise InputError for a load at which no work can be drawn; None is the scenario's own."""
    exact, most = Decimal(str(load)) if load is not None else scenario.workload.load, scenario.largest_load
    if not (exact.is_finite() and 0 < exact <= most):
        reason = f"outside (0, {most}], where overflow is excluded"
        raise InputError(scenario.name, "load", exact, reason, "choose another")
