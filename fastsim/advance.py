"""The loop: from one offer to the next, to a time, or to the end of what is asked for."""

from .dispatch import dispatch_touched
from .failures import foresee
from .instant import next_instant, open_instant
from .jit import by_reference, entry, kernel
from .ledger import delay_cost
from .offers import list_pass
from .outcomes import clear_outcome
from .spec import KNOWN, MOST_IMPUTED, Jobs, Spec
from .state import World, world_of
from .supply import look_ahead, pass_step, schedule, take_notice
from .timeline import clear

OFFERED, REACHED, SETTLED, CROWDED, LOG_IS_FULL, OVERLOADED = range(6)  # the last three: it cannot go on
LOG_ROWS_A_JOB = 32


@kernel
def begin(
    spec: Spec, jobs: Jobs, world: World, first_job: int, last_job: int, now: int, seed: int, variant: int
) -> None:
    """An empty world at `now` that will meet the jobs from `first_job` up to `last_job`, excluded.

    `seed` names its failures, grants and start-ups, `variant` the schedules that it follows.
    """
    clear(world)
    state = world.state[0]
    rules = spec.rules[0]
    state.sites = rules.sites
    state.now = now
    state.seed = seed
    state.variant = variant
    state.first_job = first_job
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
        state.reach[site] = spec.variants[variant].nominal[site]
        state.price_offset[site] = 0
    begin_schedules(spec, world, variant)
    for site in range(state.sites):
        state.delivered_offset[site] = -state.capacity[site] * now
        state.supply_offset[site] = -state.capacity[site] * now
        look_ahead(spec, world, site)
    foresee(spec, world)
    schedule(spec, world)


@kernel
def begin_schedules(spec: Spec, world: World, variant: int) -> None:
    """What has happened and what has become known before now, without events."""
    state = world.state[0]
    drawn = spec.variants[variant]
    state.next_step, state.last_step = drawn.first_step, drawn.last_step
    state.next_notice, state.last_notice = drawn.first_notice, drawn.last_notice
    while state.next_notice < state.last_notice:
        notice = spec.notices[state.next_notice]
        if notice.kind != KNOWN and notice.time >= state.now:
            break
        take_notice(spec, world, state.next_notice)
        state.next_notice += 1
    while state.next_step < state.last_step and spec.capacity_steps[state.next_step].at < state.now:
        step = spec.capacity_steps[state.next_step]
        state.capacity[step.site] = step.capacity
        state.next_step += 1
        pass_step(spec, world, step.site, step.later)
    while state.next_price < len(spec.price_steps) and spec.price_steps[state.next_price].at < state.now:
        change = spec.price_steps[state.next_price]
        state.price_offset[change.site] += (state.price[change.site] - change.price) * change.at
        state.price[change.site] = change.price
        state.next_price += 1


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
        if is_overloaded(spec, jobs, world, at):
            return OVERLOADED
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
    # One instant writes some rows for every job (a run may stage from every provider) and a few for every account.
    if world.log.shape[0] > 0 and world.log.shape[0] - state.log_rows < LOG_ROWS_A_JOB * world.live.shape[0] + 1024:
        return LOG_IS_FULL
    return OFFERED


@kernel
def is_overloaded(spec: Spec, jobs: Jobs, world: World, at: int) -> bool:
    """Whether the instant `at` could bring more than integers are proved to hold (rules.md, section 1)."""
    state = world.state[0]
    present, job = state.present, state.next_job
    while job < state.last_job and jobs[job].arrival == at:
        present += jobs[job].gang
        job += 1
    if present > spec.rules[0].most_present:
        return True
    return at >= state.next_wake and delay_cost(spec, world) + state.write_offs > MOST_IMPUTED


@kernel
def ask_results(world: World, first_job: int, count: int) -> None:
    """From now on keep the outcomes of `count` jobs from `first_job` on; none of them may have finished."""
    state = world.state[0]
    state.first_result = first_job
    state.asked_results = count
    state.open_results = count
    for index in range(count):
        clear_outcome(world, index)


@entry()
def begin_one(
    spec: Spec,
    jobs: Jobs,
    batch: World,
    episode: int,
    first_job: int,
    last_job: int,
    now: int,
    seed: int,
    variant: int,
) -> None:
    """`begin` for one episode of a batch."""
    begin(by_reference(spec), jobs, by_reference(world_of(batch, episode)), first_job, last_job, now, seed, variant)


@entry()
def ask_results_of(batch: World, episode: int, first_job: int, count: int) -> None:
    """`ask_results` for one episode of a batch."""
    ask_results(by_reference(world_of(batch, episode)), first_job, count)
