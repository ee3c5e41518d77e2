"""What starts at a site: gang FCFS, and EASY backfilling by requested walltime (rules.md, section 5).

Two ways to the same schedule: where no known step lies ahead, the classic one
with one shadow time and the accelerators to spare at it; otherwise the general one, which asks every known step.
"""

from .jit import kernel
from .ledger import budget_is_spent
from .placing import forget
from .plan import can_start, general_shadow, length_of, plain_shadow, planned_free, stays_free
from .preemption import make_way
from .requests import request
from .runs import begin_run
from .spec import EASY, NO, Jobs, Spec
from .state import QUEUES, SLOT_MASK, World
from .units import NEVER


@kernel
def dispatch_touched(spec: Spec, jobs: Jobs, world: World) -> None:
    """Every site that was touched at this instant, by number."""
    state = world.state[0]
    for site in range(state.sites):
        if state.touched[site] != 0:
            if state.queued[site] > 0 and not budget_is_spent(spec, world, spec.rules[0].provider[site]):
                dispatch(spec, jobs, world, site)
            state.touched[site] = 0  # last, since preemption touches the site that is being dispatched


@kernel
def dispatch(spec: Spec, jobs: Jobs, world: World, site: int) -> None:
    """Start what may start now at one site."""
    row = world.keys[QUEUES + site]
    state, rules = world.state[0], spec.rules[0]
    started = 0
    while started < state.queued[site]:
        slot = row[started] & SLOT_MASK
        if not can_start(spec, jobs, world, site, slot):
            if rules.preempt_after == 0 or not make_way(spec, jobs, world, site, slot):
                break
        start(spec, jobs, world, slot)
        started += 1
    if started > 0:
        state.queued[site] -= started
        for index in range(state.queued[site]):
            row[index] = row[index + started]
    if rules.dispatch == EASY and state.queued[site] > 1 and state.capacity[site] > state.occupied[site]:
        backfill(spec, jobs, world, site)


@kernel
def start(spec: Spec, jobs: Jobs, world: World, slot: int) -> None:
    """A queued job, which its queue's row forgets, gets its accelerators: its run begins, or is requested."""
    state = world.state[0]
    item = world.live[slot]
    forget(world, slot)
    state.waiting -= 1
    state.occupied[item.site] += item.accelerators
    if spec.rules[0].start_up[item.site] == NO:
        begin_run(spec, jobs, world, slot)
    else:
        request(spec, jobs, world, slot)


@kernel
def backfill(spec: Spec, jobs: Jobs, world: World, site: int) -> None:
    """Start later jobs that leave the blocked head's reservation whole."""
    state = world.state[0]
    row = world.keys[QUEUES + site]
    now = state.now
    head = row[0] & SLOT_MASK
    need, length = world.live[head].accelerators, length_of(jobs, world, head)
    is_plain = state.planned[site] == 0
    shadow, spare = -1, 0  # worked out for the first job that could start at all; mostly there is none
    count = state.queued[site]
    kept = 1
    for index in range(1, count):
        if state.occupied[site] >= state.capacity[site]:  # nothing more fits: keep the rest as it is
            for rest in range(index, count):
                row[kept] = row[rest]
                kept += 1
            break
        slot = row[index] & SLOT_MASK
        item = world.live[slot]
        may = can_start(spec, jobs, world, site, slot)
        end = now + length_of(jobs, world, slot) if may else NEVER
        if may and shadow < 0:
            if is_plain:
                shadow, spare = plain_shadow(world, site, need)
            else:
                shadow = general_shadow(spec, world, site, need, length)
        if may and shadow < NEVER and end > shadow:
            if is_plain:
                may = item.accelerators <= spare
            else:
                total = need + item.accelerators
                may = total <= planned_free(spec, world, site, shadow) and stays_free(
                    spec, world, site, total, shadow, min(shadow + length, end)
                )
        if may:
            start(spec, jobs, world, slot)
            state.queued[site] -= 1
            if item.requested_end > shadow:  # a partner's data may have made it later than planned
                spare -= item.accelerators
        else:
            row[kept] = row[index]
            kept += 1
