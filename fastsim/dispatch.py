"""What starts at a site: gang FCFS, and EASY backfilling by requested walltime (rules.md, section 5).

Two ways to the same schedule: where no known step lies ahead, the classic one
with one shadow time and the accelerators to spare at it; otherwise the general one, which asks every known step.
"""

from typing import Any

from . import timeline
from .jit import kernel
from .ledger import budget_is_spent
from .placing import forget
from .plan import can_start, general_shadow, length_of, plain_shadow, planned_free, stays_free
from .preemption import make_way
from .requests import request
from .runs import begin_run
from .spec import EASY, NO, Jobs, Spec
from .state import LENGTHS, QUEUES, SCRATCH, SLOT_MASK, World
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
    state, rules = world.state[0], spec.rules[0]
    line = QUEUES * state.sites + site
    while state.queued[site] > 0:
        key = timeline.first_key(world, line)
        slot = key & SLOT_MASK
        if not can_start(spec, jobs, world, site, slot):
            if rules.preempt_after == 0 or not make_way(spec, jobs, world, site, slot):
                break
        timeline.take_out(world, line, key)
        state.queued[site] -= 1
        start(spec, jobs, world, slot)
    if rules.dispatch == EASY and state.queued[site] > 1 and state.capacity[site] > state.occupied[site]:
        backfill(spec, jobs, world, site)


@kernel
def start(spec: Spec, jobs: Jobs, world: World, slot: int) -> None:
    """A queued job, which the caller takes out of the queue, gets its accelerators: its run begins, or is requested."""
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
def fitting(block: Any, free: int) -> int:
    """How many of a block of a queue want no more than `free` accelerators: all are compared, which vectorises."""
    weights, found = block.weights, 0
    for place in range((block.count + timeline.CHUNK - 1) & -timeline.CHUNK):
        found += 1 if weights[place] <= free else 0
    return found


@kernel
def candidates(world: World, block: Any, free: int, spare: int, length: int) -> int:
    """How many of a block of a queue want at most `free`, and end within `length` [ms] or want at most `spare`.

    A block of serving, whose length shrinks while it waits, counts as short. All are compared, which vectorises.
    """
    keys, weights, lengths, found = block.keys, block.weights, world.keys[LENGTHS], 0
    for place in range(block.count):
        is_short = lengths[keys[place] & SLOT_MASK] <= length
        found += 1 if (weights[place] <= free) & (is_short | (weights[place] <= spare)) else 0
    return found


@kernel
def backfill(spec: Spec, jobs: Jobs, world: World, site: int) -> None:
    """Of the first jobs behind the blocked head, start those that leave its reservation whole.

    The queue itself stays as it is on the way; whoever has started, noted on SCRATCH, leaves it at the end.
    """
    state = world.state[0]
    line, begun = QUEUES * state.sites + site, world.keys[SCRATCH]
    now = state.now
    head = timeline.first_key(world, line)
    need, length = world.live[head & SLOT_MASK].accelerators, length_of(jobs, world, head & SLOT_MASK)
    is_plain = state.planned[site] == 0
    shadow, spare = -1, 0  # worked out for the first job that fits; mostly there is none
    started, left = 0, spec.rules[0].backfill_depth
    for entry in range(world.heads[line]):
        block = world.blocks[world.entries[line, timeline.BLOCK, entry]]
        free = state.capacity[site] - state.occupied[site]
        if free <= 0 or left == 0:  # nothing more fits, or is looked at
            break
        first = 1 if entry == 0 else 0  # the head comes first
        last = min(block.count, first + left)
        left -= last - first
        if fitting(block, free) == 0:
            continue
        if shadow < 0:
            if is_plain:
                shadow, spare = plain_shadow(world, site, need)
            else:
                shadow = general_shadow(spec, world, site, need, length)
        if is_plain and candidates(world, block, free, spare, shadow - now) == 0:
            continue
        for place in range(first, last):
            if block.weights[place] > free:
                continue
            slot = block.keys[place] & SLOT_MASK
            if not is_plain and not can_start(spec, jobs, world, site, slot):
                continue
            item = world.live[slot]
            end = now + length_of(jobs, world, slot)
            if shadow < NEVER and end > shadow:
                if is_plain:
                    may = item.accelerators <= spare
                else:
                    total = need + item.accelerators
                    may = total <= planned_free(spec, world, site, shadow) and stays_free(
                        spec, world, site, total, shadow, min(shadow + length, end)
                    )
                if not may:
                    continue
            start(spec, jobs, world, slot)
            begun[started] = block.keys[place]
            started += 1
            free = state.capacity[site] - state.occupied[site]
            if item.requested_end > shadow:  # a partner's data may have made it later than planned
                spare -= item.accelerators
    for index in range(started):
        timeline.take_out(world, line, begun[index])
    state.queued[site] -= started
