"""The loop: from one offer to the next, to a time, or to the end of what is asked for."""

from .dispatch import dispatch_touched
from .instant import look_ahead, next_instant, open_instant, schedule
from .jit import entry, kernel
from .offers import list_pass
from .spec import Jobs, Spec
from .state import World, world_of

OFFERED, REACHED, SETTLED, CROWDED, LOG_IS_FULL = range(5)


@kernel
def begin(spec: Spec, jobs: Jobs, world: World, first_job: int, last_job: int, now: int) -> None:
    """An empty world at `now` that will meet the jobs from `first_job` up to `last_job`, excluded."""
    state = world.state[0]
    rules = spec.rules[0]
    state.sites = rules.sites
    state.now = now
    state.next_job = first_job
    state.last_job = last_job
    state.first_result = last_job
    state.period_begin = rules.first_period
    while state.period_begin + rules.period <= now:
        state.period_begin += rules.period
    state.period_end = state.period_begin + rules.period
    for site in range(state.sites):
        state.capacity[site] = rules.first_capacity[site]
        state.price[site] = rules.first_price[site]
    while state.next_step < len(spec.capacity_steps) and spec.capacity_steps[state.next_step].at < now:
        step = spec.capacity_steps[state.next_step]
        state.capacity[step.site] = step.capacity
        state.next_step += 1
    while state.next_price < len(spec.price_steps) and spec.price_steps[state.next_price].at < now:
        change = spec.price_steps[state.next_price]
        state.price[change.site] = change.price
        state.next_price += 1
    while (
        state.next_announcement < len(spec.announcements)
        and spec.capacity_steps[spec.announcements[state.next_announcement]].announced < now
    ):
        state.next_announcement += 1
    for site in range(state.sites):
        state.delivered_offset[site] = -state.capacity[site] * now
        state.supply_offset[site] = -state.capacity[site] * now
    look_ahead(spec, world)
    schedule(spec, world)


@kernel
def advance(spec: Spec, jobs: Jobs, world: World, until: int) -> int:
    """Run to the next offer (OFFERED) or to `until` (REACHED).

    Or stop because every result is settled, or for want of room.
    """
    state = world.state[0]
    while True:
        if state.offer < state.offers:
            return OFFERED
        if state.is_open == 1:
            dispatch_touched(spec, jobs, world)
            state.is_open = 0
        if state.asked_results > 0 and state.open_results == 0:
            return SETTLED
        at = next_instant(spec, jobs, world)
        if at >= until:
            state.now = max(state.now, until)
            return REACHED
        status = room(jobs, world, at)
        if status != OFFERED:
            return status
        open_instant(spec, jobs, world, at)
        if state.wake == 1 and state.waiting > 0:
            list_pass(spec, world)


@kernel
def room(jobs: Jobs, world: World, at: int) -> int:
    """OFFERED when the instant `at` surely finds slots and log rows enough, else what is lacking."""
    state = world.state[0]
    free = world.live.shape[0] - state.slots + state.free_slots
    last = state.next_job + free
    if last < state.last_job and jobs[last].arrival <= at:
        return CROWDED
    # One instant writes at most a few rows for every job and a few for every account.
    if world.log.shape[0] > 0 and world.log.shape[0] - state.log_rows < 8 * world.live.shape[0] + 1024:
        return LOG_IS_FULL
    return OFFERED


@kernel
def ask_results(world: World, first_job: int, count: int) -> None:
    """From now on keep the outcomes of `count` jobs from `first_job` on; none of them may have finished."""
    state = world.state[0]
    state.first_result = first_job
    state.asked_results = count
    state.open_results = count
    for index in range(count):
        world.results[index].start = -1
        world.results[index].site = -1


@entry()
def begin_one(spec: Spec, jobs: Jobs, batch: World, episode: int, first_job: int, last_job: int, now: int) -> None:
    """`begin` for one episode of a batch."""
    begin(spec, jobs, world_of(batch, episode), first_job, last_job, now)


@entry()
def ask_results_of(batch: World, episode: int, first_job: int, count: int) -> None:
    """`ask_results` for one episode of a batch."""
    ask_results(world_of(batch, episode), first_job, count)
