"""From the results that a world has kept to what became of the jobs of a cohort."""

from typing import Any, NamedTuple

import numpy as np

from ...fastsim.jit import by_reference, entry
from ...fastsim.ledger import run_cost
from ...fastsim.log import CANCEL
from ...fastsim.spec import MAX_CLASSES, Jobs, Spec
from ...fastsim.state import EMPTY, PENDING, RUNNING, STARTING, WAITING, World, world_of
from ...fastsim.worlds import Worlds
from .scoring import Columns, Outcomes, columns


class Cohort(NamedTuple):
    """The scored jobs of an episode, among the jobs `first` … of the chunk; arrays of shape (jobs,)."""

    first: int  # the oldest waiting job, or the next arrival
    is_scored: np.ndarray  # bool; not those that ran, started, pended or were gone before the window
    scored: Columns  # what scoring reads of those that are scored
    waited: np.ndarray  # int64 ms, before the window
    spent: np.ndarray  # int64 µ$, before the window
    block: np.ndarray  # int64
    gone: int  # how many have left the world before the window
    edges: np.ndarray  # (blocks + 1,) int64 ms: of the window, block by block
    serving: np.ndarray  # (MAX_CLASSES,) bool: the classes of blocks of serving
    demanded: np.ndarray  # (blocks,) int64 accelerator-ms of these within each block of the window


@entry()
def fill_spent(spec: Spec, batch: World, episode: int, slots: np.ndarray, out: np.ndarray) -> None:
    """Cost [µ$] of the jobs in some `slots` (jobs,) int64 so far, their present runs included, (jobs,) int64."""
    terms, world = by_reference(spec), by_reference(world_of(batch, episode))
    for index in range(slots.shape[0]):
        slot = slots[index]
        out[index] = world.live[slot].spent
        if world.live[slot].status == RUNNING:
            out[index] += run_cost(terms, world, slot)


def present(worlds: Worlds, episode: int) -> Any:
    """The jobs that are in the world: records of state.LIVE (copies)."""
    live = worlds.batch.live[episode, : int(worlds.state(episode).slots)]
    return live[live.status != EMPTY]


def cohort_of(worlds: Worlds, episode: int, edges: np.ndarray) -> Cohort:
    """Who is scored in an episode that has reached its window, whose blocks have these `edges` [ms]."""
    state, here, begin = worlds.state(episode), present(worlds, episode), int(edges[0])
    jobs: Any = worlds.jobs
    waiting = here[here.status == WAITING]
    upcoming = int(state.next_job)
    first = min([upcoming, *waiting.job.tolist()])
    end = upcoming + int(np.searchsorted(jobs.arrival[upcoming : int(state.last_job)], edges[-1]))
    is_scored = np.arange(first, end) >= upcoming
    waited, spent = np.zeros(end - first, np.int64), np.zeros(end - first, np.int64)
    is_scored[waiting.job - first] = True
    waited[waiting.job - first] = waiting.waited + begin - waiting.ready
    spent[waiting.job - first] = waiting.spent
    block = np.maximum(np.searchsorted(edges, jobs.arrival[first:end], side="right") - 1, 0)
    gone = upcoming - first - int((here.job >= first).sum())
    serving, demanded = demand_for_serving(jobs[int(state.first_job) : end], edges)
    scored = columns(jobs[first:end], is_scored)
    return Cohort(first, is_scored, scored, waited, spent, block, gone, edges, serving, demanded)


def demand_for_serving(jobs: Jobs, edges: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The classes that have blocks of serving, (MAX_CLASSES,) bool, and the accelerator-ms that these want.

    The latter between each two `edges` (blocks + 1,) [ms].
    """
    wanted: Any = jobs[jobs.until > 0]
    serving = np.zeros(MAX_CLASSES, bool)
    serving[wanted.cls] = True
    times = np.clip(edges[:, None], wanted.arrival, wanted.until)
    return serving, (np.diff(times, axis=0) * wanted.gang).sum(axis=1)


def outcomes_of(worlds: Worlds, episode: int, cohort: Cohort) -> Outcomes:
    """What became of the scored jobs of an episode, so far; who has not finished is charged until now."""
    count, chosen = len(cohort.is_scored), cohort.is_scored
    results = worlds.batch.results[episode, :count]
    ids = np.arange(cohort.first, cohort.first + count)
    jobs: Any = worlds.jobs[cohort.first : cohort.first + count]
    is_ready = (results.written_off == 0) & ((results.outcome != CANCEL) | (results.start >= 0))
    is_unfinished = np.zeros(count, bool)
    _charge(worlds, episode, cohort, results, is_ready, is_unfinished)
    ready = np.maximum(ready_times(jobs, results.finish), cohort.edges[0])
    return Outcomes(
        jobs=cohort.scored,
        job=ids[chosen],
        block=cohort.block[chosen],
        ready=ready[chosen],
        waited=(results.waited - cohort.waited)[chosen],
        spent=(results.spent - cohort.spent)[chosen],
        penalty=results.penalty[chosen],
        written_off=results.written_off[chosen],
        site=results.site[chosen],
        start=results.start[chosen],
        finish=results.finish[chosen],
        outcome=results.outcome[chosen],
        is_unfinished=is_unfinished[chosen],
        is_ready=is_ready[chosen],
    )


def ready_times(jobs: Jobs, finish: np.ndarray) -> np.ndarray:
    """When each job became ready [ms], (jobs,): its arrival, or the last `finish` (jobs,) of its parents.

    A parent that is not among the jobs is passed over. Means nothing for a job whose parents have not all finished.
    """
    ready = jobs.arrival.copy()
    children = np.flatnonzero(jobs.parents)
    for member in range(int(jobs.parents.max(initial=0)).bit_length()):
        own = children[jobs.parents[children] >> member & 1 == 1]
        parent = own - jobs.member[own] + member
        is_here = parent >= 0
        own, parent = own[is_here], parent[is_here]
        ready[own] = np.maximum(ready[own], finish[parent])
    return ready


def _charge(
    worlds: Worlds, episode: int, cohort: Cohort, results: Any, is_ready: np.ndarray, is_unfinished: np.ndarray
) -> None:
    """Put into the results of jobs that are still in the world what they cost so far; say which they are."""
    here, now = worlds.batch.live[episode, : int(worlds.state(episode).slots)], int(worlds.state(episode).now)
    index = here.job - cohort.first
    slots = np.flatnonzero((here.status != EMPTY) & (index >= 0) & (index < len(results)))
    items, rows = here[slots], index[slots]
    is_unfinished[rows] = True
    is_ready[rows] = items.status != PENDING
    spent = np.zeros(len(slots), np.int64)
    fill_spent(worlds.spec, worlds.batch, episode, slots, spent)
    results.spent[rows] = spent
    is_waiting = (items.status == WAITING) | (items.status == STARTING)
    waits = rows[is_waiting]
    results.waited[waits] = (items.waited + now - items.ready)[is_waiting]
    results.site[waits], results.start[waits] = -1, -1
    results.finish[rows] = now
