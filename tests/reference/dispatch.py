"""Section 5 of the rules: queues, planned capacity, preemption, backfilling, and requests."""

import itertools

from .contracts import is_spent
from .log import DENY, REQUEST
from .quantities import GRANTS, START_UPS, draw, quantile, uniform
from .runs import begin_run, duration, preempt, set_up, speed
from .state import Starting, State, Waiting

NOBODY: frozenset[int] = frozenset()


# Planning


def planned_length(state: State, job: int, site: int) -> int:
    """How long a job says it takes at a site, ms; of a block it is fixed by its end whenever it is asked."""
    usual = state.site(site).usual_start_up if state.site(site).start_up is not None else 0
    return usual + set_up(state, job, site) + duration(state.life[job].claim, speed(state, job, site))


def length(state: State, job: int) -> int:
    """The planned length of a job that is queued."""
    until = state.job(job).until
    return until - state.clock if until > 0 else state.waiting[job].planned_length


def free(state: State, site: int, without: frozenset[int]) -> int:
    """What is free now, as if the jobs of `without` did not run."""
    return state.capacity[site] - state.occupied(site) + sum(state.footprint(job, site) for job in without)


def planned_free(state: State, site: int, time: int, without: frozenset[int] = NOBODY) -> int:
    """What is free at `time` by what is known and requested."""
    known = [state.capacity[site], *(capacity for at, capacity in state.known_steps(site) if at <= time)]
    still = [
        job
        for jobs in (state.running, state.starting)
        for job, place in jobs.items()
        if place.site == site and place.requested_end > time and job not in without
    ]
    return known[-1] - sum(state.footprint(job, site) for job in still)


def steps_between(state: State, site: int, after: int, before: int) -> list[int]:
    """The times of known steps and promises with after < time < before."""
    return [at for at, _ in state.known_steps(site) if after < at < before]


def can_start_now(state: State, site: int, job: int, without: frozenset[int] = NOBODY) -> bool:
    """Free now, and at every known step or promise while it runs."""
    n, steps = state.footprint(job, site), steps_between(state, site, state.clock, state.clock + length(state, job))
    return n <= free(state, site, without) and all(n <= planned_free(state, site, s, without) for s in steps)


def shadow_time(state: State, site: int, head: int) -> int | None:
    """The earliest time at which the head fits, by the plan."""
    n, r = state.footprint(head, site), length(state, head)
    ends = [p.requested_end for jobs in (state.running, state.starting) for p in jobs.values() if p.site == site]
    candidates = {state.clock, *(at for at, _ in state.known_steps(site)), *ends}
    for time in sorted(time for time in candidates if time >= state.clock):
        if all(n <= planned_free(state, site, s) for s in [time, *steps_between(state, site, time, time + r)]):
            return time
    return None


def leaves_reservation(state: State, site: int, head: int, shadow: int, job: int) -> bool:
    """Whether the job ends by the shadow time or leaves the head's reservation whole."""
    end = state.clock + length(state, job)
    both = state.footprint(head, site) + state.footprint(job, site)
    steps = steps_between(state, site, shadow, min(shadow + length(state, head), end))
    return end <= shadow or all(both <= planned_free(state, site, s) for s in [shadow, *steps])


# Dispatch


def queue_of(state: State, site: int) -> list[int]:
    """The jobs that are queued at the site, in job order."""
    return sorted((job for job, waiting in state.waiting.items() if waiting.site == site), key=state.job_order)


def dispatch(state: State, site: int) -> None:
    """Start what can start at a touched site."""
    if is_spent(state, site):
        return
    while (queue := queue_of(state, site)) and makes_room(state, site, queue[0]):
        start(state, site, queue[0])
    if queue and state.world.dispatch == "easy":
        backfill(state, site, queue[0], queue[1 : 1 + state.world.backfill_depth])


def makes_room(state: State, site: int, first: int) -> bool:
    """Whether the first of the queue can start now, be it that others are preempted, which they are then."""
    if can_start_now(state, site, first):
        return True
    chosen = victims(state, site, first) if state.world.preempt_after > 0 else []
    if not chosen or not can_start_now(state, site, first, frozenset(chosen)):
        return False
    for job in chosen:
        preempt(state, job)
        state.waiting[job] = Waiting(state.clock, fresh=False, site=site)
        state.waiting[job].planned_length = planned_length(state, job, site)
    return True


def victims(state: State, site: int, first: int) -> list[int]:
    """The fewest jobs, in the order of preemption, without which the first has room; none if all are not enough."""
    here = [
        job
        for job in state.running_at(site)
        if state.job_class(job).preemptible
        and state.job(job).priority < state.job(first).priority
        and state.clock - state.running[job].start >= state.world.preempt_after
    ]
    here.sort(key=lambda job: (state.job(job).priority, -state.running[job].start, -job))
    for count in range(len(here) + 1):
        if state.footprint(first, site) <= free(state, site, frozenset(here[:count])):
            return here[:count]
    return []


def backfill(state: State, site: int, head: int, later: list[int]) -> None:
    """EASY: later jobs start that do not keep the head from its shadow time."""
    shadow = shadow_time(state, site, head)
    for job in later:
        if can_start_now(state, site, job) and (shadow is None or leaves_reservation(state, site, head, shadow, job)):
            start(state, site, job)


# Starting


def start(state: State, site: int, job: int) -> None:
    """The job leaves the queue; its run begins, or it makes a request."""
    requested_end = state.clock + length(state, job)
    del state.waiting[job]
    table, life = state.site(site).start_up, state.life[job]
    if table is None:
        begin_run(state, job, site)
        return
    attempt = 8 * life.requests + site
    is_granted = uniform(draw(state.world.seed, GRANTS, job, attempt), 1000) < chance(state, job, site)
    delay = max(1, quantile(table, draw(state.world.seed, START_UPS, job, attempt)))
    outcome = state.clock + (delay if is_granted else state.site(site).denial)
    state.starting[job] = Starting(site, state.clock, requested_end, outcome, is_granted)
    state.record(REQUEST, job, site, life.requests)
    life.requests += 1


def chance(state: State, job: int, site: int) -> int:
    """The probability of a grant, permille."""
    n, points = state.footprint(job, site), state.site(site).grants
    if not points:
        return 1000
    if n <= points[0][0]:
        return points[0][1]
    for (size, high), (larger, low) in itertools.pairwise(points):
        if n <= larger:
            return high - (high - low) * (n - size) // (larger - size)
    return points[-1][1]


def outcome(state: State, job: int) -> None:
    """A request is granted, and the run begins; or it is denied."""
    start = state.starting.pop(job)
    if start.is_granted:
        begin_run(state, job, start.site)
        return
    state.record(DENY, job, start.site, state.footprint(job, start.site))
    state.touched.add(start.site)
    state.is_wake_up = True
    state.begin_to_wait(job)
