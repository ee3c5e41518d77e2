"""Sections 3 and 8 of the rules: time, and what happens at one instant, in its order."""

from dataclasses import dataclass

from .contracts import Totals, cost_of_run, let_meters_run, post_burst, settle_period, totals
from .dispatch import dispatch, outcome
from .log import (
    ANNOUNCE,
    ARRIVE,
    CAPACITY,
    EXPIRE,
    MISS,
    NOWHERE,
    PENALTY,
    PRICE,
    WITHDRAW,
    WRITE_OFF,
    WRITTEN_OFF,
    Row,
)
from .offers import offers
from .pipelines import cancel, parents
from .quantities import cost
from .runs import end_run, evict, fail, next_failure
from .state import Choose, Running, Starting, State, Waiting
from .world import World


@dataclass
class Outcome:
    """What has become of a job that has left the world or has started."""

    start: int | None  # ms, its last start
    finish: int | None  # ms, when it left
    waited: int  # ms that it waited or was starting; of a block, without what its runs add
    spent: int  # µ$, what its runs have cost
    penalty: int  # µ$
    how: str | None  # it left: 'FINISH', 'CANCEL', 'KILL', 'EXPIRE' or 'WRITE_OFF'


@dataclass
class Result:
    """What is known when the clock stands at `until`."""

    log: list[Row]  # section 9
    start: dict[int, int]  # the last start of each job that has started [ms]
    totals: Totals  # at `until`
    illegal: int  # actions that were replaced
    jobs: dict[int, Outcome]  # of the jobs that have left the world or have started
    pending: set[int]  # at `until`
    waiting: dict[int, Waiting]  # at `until`
    starting: dict[int, Starting]  # at `until`
    running: dict[int, Running]  # at `until`


class Simulator:
    """A world and its state. `run` may be called again with a later time: a run in parts is the whole run."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.state = State(world)
        self.calendar = calendar(world)

    def run(self, choose: Choose, until: int) -> Result:
        """Process the instants before `until` and leave the clock there; `until` is not before the clock."""
        while (instant := self.next_instant()) < until:
            self.let_time_pass(instant)
            self.process(choose)
        self.let_time_pass(until)
        return result(self.state)

    # Time

    def next_instant(self) -> int:
        """The first instant that has not been processed."""
        state, interval = self.state, self.world.offer_interval
        candidates = [(state.processed // interval + 1) * interval, state.period_start + self.world.period]
        candidates += [run.end for run in state.running.values()]
        candidates += [start.outcome for start in state.starting.values()]
        candidates += [next_failure(state, n)[0] for n, site in enumerate(self.world.sites) if site.failure is not None]
        while self.calendar and self.calendar[0] <= state.processed:
            self.calendar.pop(0)
        return min([*self.calendar[:1], *(time for time in candidates if time > state.processed)])

    def let_time_pass(self, to: int) -> None:
        """The meters run until `to`."""
        let_meters_run(self.state, to - self.state.clock)
        self.state.clock = to

    def process(self, choose: Choose) -> None:
        """Section 3: everything that happens at one instant, in its order."""
        state = self.state
        state.processed = state.clock
        state.touched = set()
        state.has_loss = False
        state.is_wake_up = state.clock % self.world.offer_interval == 0
        for waiting in state.waiting.values():
            waiting.fresh = False
        ends(state)
        timers(state)
        failures(state)
        capacity_losses_and_gains(state)
        outcomes(state)
        announcements_and_withdrawals(state)
        price_steps(state)
        settlement(state)
        arrivals(state)
        offers(state, choose)
        for site in range(len(self.world.sites)):
            if site in state.touched:
                dispatch(state, site)


def calendar(world: World) -> list[int]:
    """Instants that nothing that is decided can move, in order; those of periods, offers and failures are left out."""
    times = {at for site in world.sites for at, _ in site.price_steps}
    for site in world.sites:
        for at, _, announced, withdrawn in site.steps:
            times.add(at if withdrawn is None else withdrawn)
            if 0 < announced < at:
                times.add(announced)
    for job in world.jobs:
        times.update([job.arrival, *(time for time in (job.deadline, job.until) if time > 0)])
    return sorted(times)


# One instant


def ends(state: State) -> None:
    """1: runs that end now, by job id."""
    for job in sorted(job for job, run in state.running.items() if run.end == state.clock):
        end_run(state, job)


def timers(state: State) -> None:
    """2: deadlines, and the ends of blocks that do not run, by job id."""
    for job in sorted([*state.pending, *state.waiting, *state.starting, *state.running]):
        spec = state.job(job)
        if spec.deadline == state.clock > 0:
            state.record(MISS, job, NOWHERE, spec.penalty)
            state.post(spec.cls, PENALTY, spec.penalty)
            state.life[job].penalty += spec.penalty
        if spec.until == state.clock > 0 and job not in state.running:
            expire(state, job)


def expire(state: State, job: int) -> None:
    """Section 8: a block that waits or starts when it ends."""
    where = state.waiting.pop(job, None) or state.starting.pop(job)
    if where.site is not None:
        state.touched.add(where.site)
    state.record(EXPIRE, job, NOWHERE if where.site is None else where.site, 0)
    state.leave_the_world(job, "EXPIRE")


def failures(state: State) -> None:
    """3: by site."""
    for n, site in enumerate(state.world.sites):
        if site.failure is not None and next_failure(state, n)[0] == state.clock:
            fail(state, n)


def capacity_losses_and_gains(state: State) -> None:
    """4 and 5."""
    now = [
        (n, capacity)
        for n, site in enumerate(state.world.sites)
        for at, capacity, _, withdrawn in site.steps
        if at == state.clock and withdrawn is None
    ]
    losses = [(site, new) for site, new in now if new < state.capacity[site]]
    gains = [(site, new) for site, new in now if new >= state.capacity[site]]
    for site, new in losses + gains:
        state.capacity[site] = new
        state.touched.add(site)
        state.is_wake_up = True
        state.record(CAPACITY, -1, site, new)
        while state.occupied(site) > new:
            evict(state, first_to_go(state, site))
    state.has_loss = len(losses) > 0


def first_to_go(state: State, site: int) -> int:
    """4: the job that is evicted first."""
    places = {**state.running, **state.starting}
    here = [job for job, place in places.items() if place.site == site]
    return min(here, key=lambda job: (state.job(job).priority, -places[job].start, -job))


def outcomes(state: State) -> None:
    """6: of requests, by job id."""
    for job in sorted(job for job, start in state.starting.items() if start.outcome == state.clock):
        outcome(state, job)


def announcements_and_withdrawals(state: State) -> None:
    """7: by (site, at)."""
    for n, site in enumerate(state.world.sites):
        for at, capacity, announced, withdrawn in site.steps:
            if state.clock == announced < at and announced > 0:
                kind = ANNOUNCE
            elif state.clock == withdrawn:
                kind = WITHDRAW
            else:
                continue
            state.record(kind, -1, n, capacity)
            state.touched.add(n)
            state.is_wake_up = True


def price_steps(state: State) -> None:
    """8, first half."""
    for n, site in enumerate(state.world.sites):
        for at, price in site.price_steps:
            if at == state.clock:
                post_burst(state, n)
                state.price[n] = price
                state.record(PRICE, -1, n, price)
                state.is_wake_up = True


def settlement(state: State) -> None:
    """8, second half: the period's end, if it is now."""
    if state.clock == state.period_start + state.world.period:
        settle_period(state)
        state.touched.update(n for n in range(len(state.world.sites)) if state.owner(n).budget is not None)
        state.is_wake_up = True


def arrivals(state: State) -> None:
    """9, and section 8: by id."""
    for job, spec in enumerate(state.world.jobs):
        if spec.arrival == state.clock:
            state.record(ARRIVE, job, NOWHERE, spec.gang)
            if any(state.life[parent].how in ("WRITE_OFF", "CANCEL") for parent in parents(state, job)):
                cancel(state, job)
            elif not any(state.suits(site, job) for site in range(len(state.world.sites))):
                write_off(state, job)
            elif spec.parents:
                state.pending.add(job)
            else:
                state.begin_to_wait(job)


def write_off(state: State, job: int) -> None:
    """Section 8: a job that no site suits."""
    spec = state.job(job)
    amount = cost(spec.gang * spec.requested, max(state.price))
    amount += cost(spec.gang * state.world.max_hold, state.job_class(job).delay_rate)
    state.record(WRITE_OFF, job, NOWHERE, amount)
    state.post(spec.cls, WRITTEN_OFF, amount)
    state.leave_the_world(job, "WRITE_OFF")


# What is told


def result(state: State) -> Result:
    """What is known now."""
    lives = {job: life for job, life in enumerate(state.life) if life.left is not None or life.started is not None}
    due = {job: cost_of_run(state, job, run) for job, run in state.running.items()}
    return Result(
        log=state.log,
        start={job: life.started for job, life in lives.items() if life.started is not None},
        totals=totals(state),
        illegal=state.illegal,
        jobs={
            job: Outcome(life.started, life.left, life.waited, life.spent + due.get(job, 0), life.penalty, life.how)
            for job, life in lives.items()
        },
        pending=state.pending,
        waiting=state.waiting,
        starting=state.starting,
        running=state.running,
    )


def run(world: World, choose: Choose, until: int) -> Result:
    """The world from time 0 until `until` [ms] under `choose`; the instant `until` itself is not processed."""
    return Simulator(world).run(choose, until)
