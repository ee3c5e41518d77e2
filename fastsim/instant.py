"""What happens at one instant before any offer: steps 1 to 9 of rules.md, section 3, in that order."""

from .arrivals import arrive
from .ends import end_runs
from .failures import fail
from .jit import kernel
from .requests import resolve
from .spec import Jobs, Spec
from .state import HEAP, REQUESTS, SLOT_BITS, TIMERS, World
from .supply import announce, change_prices, gain_capacity, lose_capacity, schedule
from .timers import ring


@kernel
def next_instant(spec: Spec, jobs: Jobs, world: World) -> int:
    """Time of the next instant, or NEVER."""
    state = world.state[0]
    at = min(state.next_schedule, state.next_failure)
    if state.finishes > 0:
        at = min(at, world.keys[HEAP, 0] >> SLOT_BITS)
    if state.requests > 0:
        at = min(at, world.keys[REQUESTS, 0] >> SLOT_BITS)
    if state.timers > 0:
        at = min(at, world.keys[TIMERS, 0] >> SLOT_BITS)
    if state.next_job < state.last_job:
        at = min(at, jobs[state.next_job].arrival)
    if state.waiting > 0 and spec.rules[0].pass_size > 0:
        at = min(at, state.next_wake)
    return at


@kernel
def open_instant(spec: Spec, jobs: Jobs, world: World, at: int) -> None:
    """Move the clock to `at` and let everything happen that comes before offers; fresh jobs are listed for them."""
    state = world.state[0]
    state.now = at
    state.is_open = 1
    state.offers = 0
    state.offer = 0
    state.loss = 0
    state.wake = 0
    interval = spec.rules[0].offer_interval
    if state.next_wake < at:
        state.next_wake = (at + interval - 1) // interval * interval
    if state.next_wake == at:
        state.wake = 1
        state.next_wake += interval
    if state.finishes > 0 and world.keys[HEAP, 0] >> SLOT_BITS == at:
        end_runs(spec, jobs, world)
    if state.timers > 0 and world.keys[TIMERS, 0] >> SLOT_BITS == at:
        ring(jobs, world)
    if state.next_failure == at:
        fail(spec, jobs, world)
    is_scheduled = state.next_schedule == at
    if is_scheduled:
        lose_capacity(spec, jobs, world)
        gain_capacity(spec, world)
    if state.requests > 0 and world.keys[REQUESTS, 0] >> SLOT_BITS == at:
        resolve(spec, jobs, world)
    if is_scheduled:
        announce(spec, world)
        change_prices(spec, world)
        schedule(spec, world)
    while state.next_job < state.last_job and jobs[state.next_job].arrival == at:
        arrive(spec, jobs, world, state.next_job)
        state.next_job += 1
