"""What a clairvoyant knows of an episode: its cohort's work, and the machines and prices that there will be.

Hours from the window's beginning, dollars, accelerators. All is what no policy can change, or at most what it can make
worse: a run is at least so long and costs at least so much. So whoever minimises over an instance bounds every policy.
"""

from typing import Any, NamedTuple

import numpy as np

from ...fastsim.spec import NO, Spec
from ...fastsim.state import RUNNING, WAITING
from ...fastsim.units import DOLLAR, HOUR
from ..evaluation.cohort import Chunk
from ..evaluation.fit import admitted, footprints
from ..evaluation.outcomes import Cohort, present
from .steps import Steps, first_loss, highest_from, sum_of

MB_PER_GB = 1000
MEGABIT = 8  # per MB
PATIENCE = 14 * 24.0  # h after the window: who waits longer runs free of charge from then on


class Work(NamedTuple):
    """Jobs of a cohort but blocks of serving; arrays of shape (jobs,), with sites (jobs, sites)."""

    job: np.ndarray  # int64, ids
    cls: np.ndarray  # int64
    gang: np.ndarray  # float64
    release: np.ndarray  # h: nobody can start it before
    rate: np.ndarray  # dollars per hour of waiting, of the whole gang
    deadline: np.ndarray  # h; infinite: none
    penalty: np.ndarray  # dollars
    parents: tuple[tuple[int, ...], ...]  # places in these arrays; its waiting counts from their last end
    length: np.ndarray  # (jobs, sites) h that it occupies a site at least; infinite: it cannot run there
    footprint: np.ndarray  # (jobs, sites) accelerators
    fare: np.ndarray  # (jobs, sites) dollars of egress at least
    is_steady: np.ndarray  # bool: nothing can break its runs off

    def __len__(self) -> int:
        return len(self.job)


class Serving(NamedTuple):
    """Blocks of serving of a cohort; arrays of shape (blocks,)."""

    begin: np.ndarray  # h
    end: np.ndarray  # h, at most the window's end: what is missing later is not counted
    gang: np.ndarray  # float64
    rate: np.ndarray  # dollars per accelerator-hour missing
    is_suited: np.ndarray  # (blocks, sites) bool
    ratio: np.ndarray  # (blocks, sites) accelerators occupied per accelerator of the gang


class Instance(NamedTuple):
    """One episode."""

    work: Work
    serving: Serving
    window: float  # h
    horizon: float  # h: from here on nothing is charged but having waited so long
    capacity: tuple[Steps, ...]  # (sites,) accelerators that exist
    room: tuple[Steps, ...]  # (sites,) those that the warm start leaves to others
    price: tuple[Steps, ...]  # (sites,) dollars per accelerator-hour; 0 under take-or-pay
    start_up: np.ndarray  # (sites,) h: the shortest


def instance_of(chunk: Chunk, index: int) -> Instance:
    """Episode `index` of a chunk, as it stands at its window's beginning."""
    spec, episode, cohort = chunk.spec, chunk.episodes[index], chunk.cohorts[index]
    begin, window = int(episode.edges[0]), int(episode.edges[-1] - episode.edges[0]) / HOUR
    capacity = capacities(spec, episode.variant, begin)
    return Instance(
        work=_work(chunk, index, capacity),
        serving=_serving(chunk, cohort, begin, window),
        window=window,
        horizon=min(window + PATIENCE, (episode.deadline - begin) / HOUR),
        capacity=capacity,
        room=_rooms(chunk, index, capacity, begin),
        price=_prices(spec, begin),
        start_up=_start_ups(spec),
    )


def capacities(spec: Spec, variant: int, begin: int) -> tuple[Steps, ...]:
    """Capacity of each site in a variant of the supply, hours from `begin` [ms]."""
    own = spec.variants[variant]
    steps: Any = spec.capacity_steps[int(own.first_step) : int(own.last_step)]
    return _stepped(spec.rules[0].first_capacity, steps, steps.capacity, begin, int(spec.rules[0].sites), 1.0)


def _prices(spec: Spec, begin: int) -> tuple[Steps, ...]:
    """Avoidable price of each site; overage is left out, which only makes the bound lower."""
    rules, steps = spec.rules[0], spec.price_steps
    found = _stepped(rules.first_price, steps, steps.price, begin, int(rules.sites), DOLLAR)
    is_sunk = rules.take_or_pay[rules.provider] == 1
    return tuple(Steps(one.at, one.value * (not is_sunk[site])) for site, one in enumerate(found))


def _stepped(first: np.ndarray, steps: Any, values: np.ndarray, begin: int, sites: int, unit: float) -> tuple:
    """One function a site from a table of steps, in order of time within each site."""
    order = np.argsort(steps.at, kind="stable")
    steps, values = steps[order], values[order]
    chosen = [steps.site == site for site in range(sites)]
    return tuple(
        Steps(
            np.concatenate([[-np.inf], (steps.at[own] - begin) / HOUR]),
            np.concatenate([[first[site]], values[own]]) / unit,
        )
        for site, own in enumerate(chosen)
    )


def _start_ups(spec: Spec) -> np.ndarray:
    rules = spec.rules[0]
    tables = [int(table) for table in rules.start_up[: rules.sites]]
    return np.array([0.0 if table == NO else max(1, int(spec.tables[table, 0])) / HOUR for table in tables])


def _rooms(chunk: Chunk, index: int, capacity: tuple[Steps, ...], begin: int) -> tuple[Steps, ...]:
    """What is left beside the jobs that run when the window begins and that nothing can make end earlier.

    At a site that loses capacity they count only until it first does: who is evicted then, nobody knows.
    """
    spec, here = chunk.spec, present(chunk.begun, index)
    rules = spec.rules[0]
    classes = chunk.jobs.cls[here.job]
    may_yield = (rules.preempt_after > 0) & (rules.preemptible[classes] == 1)
    staying = here[(here.status == RUNNING) & ~may_yield]
    rooms = []
    for site, steps in enumerate(capacity):
        own = staying[staying.site == site]
        until = np.minimum((own.finish - begin) / HOUR, first_loss(steps))
        rooms.append(sum_of(steps, np.zeros(len(own)), until, -own.accelerators.astype(np.float64)))
    return tuple(rooms)


def _work(chunk: Chunk, index: int, capacity: tuple[Steps, ...]) -> Work:
    spec, cohort, begin = chunk.spec, chunk.cohorts[index], int(chunk.episodes[index].edges[0])
    rules, sites = spec.rules[0], int(spec.rules[0].sites)
    ids = cohort.first + np.flatnonzero(cohort.is_scored)
    ids = ids[chunk.jobs.until[ids] == 0]
    jobs: Any = chunk.jobs[ids]
    remaining = _remaining(chunk, index, ids)
    arrival = (np.maximum(jobs.arrival, begin) - begin) / HOUR
    footprint = footprints(spec, jobs.gang)
    reach = np.stack([highest_from(one, arrival) for one in capacity], axis=1)
    runs = admitted(spec, jobs.cls, jobs.tags) & (footprint <= reach)
    speed = np.maximum(rules.speed[:sites, :][:, jobs.cls].T, 1)
    may_lose = np.array([np.isfinite(first_loss(one)) for one in capacity])
    may_yield = (rules.preempt_after > 0) & (rules.preemptible[jobs.cls] == 1)
    is_steady = ~(runs & may_lose).any(axis=1) & ~may_yield
    is_fresh = ids >= int(chunk.begun.state(index).next_job)
    staged, fare = (np.where(is_fresh[:, None], part, 0.0) for part in _data(spec, jobs))
    # A run that is broken off while it stages has brought all data: the next one at that provider need not.
    staged = np.where(is_steady[:, None], staged, 0.0)
    length = (remaining[:, None] * 1000 / speed + staged + _porting(spec, jobs)) / HOUR
    length = np.where(runs, np.maximum(length, 1 / HOUR), np.inf)
    parents, kept = _family(spec, jobs, ids, np.asarray(runs.any(axis=1)))
    release = _releases(arrival, parents, length.min(axis=1))
    place = np.cumsum(kept) - 1
    family = tuple(tuple(int(place[one]) for one in parents[row] if kept[one]) for row in np.flatnonzero(kept))
    is_due = (jobs.deadline > begin) & (jobs.penalty > 0)
    return Work(
        job=ids[kept],
        cls=jobs.cls[kept],
        gang=jobs.gang[kept].astype(np.float64),
        release=release[kept],
        rate=(rules.delay_rate[jobs.cls] * jobs.gang / DOLLAR)[kept],
        deadline=np.where(is_due, (jobs.deadline - begin) / HOUR, np.inf)[kept],
        penalty=np.where(is_due, jobs.penalty / DOLLAR, 0.0)[kept],
        parents=family,
        length=length[kept],
        footprint=footprint[kept].astype(np.float64),
        fare=fare[kept],
        is_steady=is_steady[kept],
    )


def _remaining(chunk: Chunk, index: int, ids: np.ndarray) -> np.ndarray:
    """Work [ms at speed 1000] of each job: all of it, or of a waiting one what earlier runs have left.

    Where overruns are killed, at most what is requested of it.
    """
    remaining, claim = chunk.jobs.walltime[ids].copy(), chunk.jobs.requested[ids].copy()
    here = present(chunk.begun, index)
    waiting = here[here.status == WAITING]
    place = np.searchsorted(ids, waiting.job)
    is_here = (place < len(ids)) & (ids[np.minimum(place, len(ids) - 1)] == waiting.job) if len(ids) else place < 0
    remaining[place[is_here]] = waiting.remaining[is_here]
    claim[place[is_here]] = waiting.claim[is_here]
    return np.minimum(remaining, claim) if chunk.spec.rules[0].kill_overruns == 1 else remaining


def _porting(spec: Spec, jobs: Any) -> np.ndarray:
    """Set-up [ms] of native silicon on another, (jobs, sites): every run there pays it."""
    rules, sites = spec.rules[0], int(spec.rules[0].sites)
    is_foreign = (jobs.silicon[:, None] >= 0) & (jobs.silicon[:, None] != rules.silicon[:sites])
    return np.where(is_foreign, rules.port[jobs.cls][:, None], 0)


def _data(spec: Spec, jobs: Any) -> tuple[np.ndarray, np.ndarray]:
    """Time [ms] and egress [dollars] that a job's own input needs at least to come to each site, (jobs, sites).

    What parents have left is not counted: nobody knows where they ran. The time is that of the fastest link.
    """
    rules, sites = spec.rules[0], int(spec.rules[0].sites)
    provider = rules.provider[:sites]
    is_away = (jobs.input[:, None] > 0) & (provider != jobs.home[:, None])
    fastest = np.array(
        [max((int(x) for q, x in enumerate(rules.link[:, here]) if q != here), default=0) for here in provider]
    )
    time = jobs.input[:, None] * (MEGABIT * 1000) / np.maximum(fastest, 1)
    rate = rules.egress_rate[np.clip(jobs.home, 0, None)] / DOLLAR
    return np.where(is_away & (fastest > 0), time, 0.0), np.where(
        is_away, jobs.input[:, None] / MB_PER_GB * rate[:, None], 0.0
    )


def _family(spec: Spec, jobs: Any, ids: np.ndarray, has_site: np.ndarray) -> tuple[list[tuple[int, ...]], np.ndarray]:
    """The parents of each job among these, and whether it will run, (jobs,).

    A job that no site suits is written off; whose parents have no result is cancelled.
    """
    fails = (jobs.is_cancelled == 1) | ~has_site
    if spec.rules[0].kill_overruns == 1:
        fails = fails | (jobs.walltime > jobs.requested)
    place = {int(job): row for row, job in enumerate(ids)}
    parents: list[tuple[int, ...]] = [()] * len(ids)
    is_barren, runs = fails.copy(), has_site.copy()
    for row in np.flatnonzero(jobs.parents):
        root, bits = int(ids[row] - jobs.member[row]), int(jobs.parents[row])
        members = [root + bit for bit in range(bits.bit_length()) if bits >> bit & 1]
        parents[row] = tuple(place[member] for member in members if member in place)
        if any(is_barren[parent] for parent in parents[row]):
            is_barren[row], runs[row] = True, False
    return parents, runs


def _releases(release: np.ndarray, parents: list[tuple[int, ...]], shortest: np.ndarray) -> np.ndarray:
    """The earliest that each job can be ready [h]; parents come before their children."""
    for row, own in enumerate(parents):
        for parent in own:
            if np.isfinite(shortest[parent]):
                release[row] = max(release[row], release[parent] + shortest[parent])
    return release


def _serving(chunk: Chunk, cohort: Cohort, begin: int, window: float) -> Serving:
    spec = chunk.spec
    ids = cohort.first + np.flatnonzero(cohort.is_scored)
    blocks: Any = chunk.jobs[ids[chunk.jobs.until[ids] > 0]]
    footprint = footprints(spec, blocks.gang)
    return Serving(
        begin=np.maximum((blocks.arrival - begin) / HOUR, 0.0),
        end=np.minimum((blocks.until - begin) / HOUR, window),
        gang=blocks.gang.astype(np.float64),
        rate=spec.rules[0].delay_rate[blocks.cls] / DOLLAR,
        is_suited=admitted(spec, blocks.cls, blocks.tags),
        ratio=footprint / np.maximum(blocks.gang[:, None], 1),
    )
