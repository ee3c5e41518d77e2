"""Preemption: who makes room for a blocked job of higher priority (rules.md, section 5)."""

from . import timeline
from .jit import kernel
from .log import PREEMPT, record
from .placing import enqueue
from .plan import length_of, planned_free
from .runs import break_off
from .spec import Jobs, Spec
from .state import RELEASES, RUNNING, SCRATCH, SLOT_BITS, SLOT_MASK, WAITING, World, priority_of
from .supply import goes_before


@kernel
def make_way(spec: Spec, jobs: Jobs, world: World, site: int, slot: int) -> bool:
    """Preempt the fewest jobs with which the one of `slot`, first in the queue, can start; none if it cannot."""
    state = world.state[0]
    item = world.live[slot]
    lacking = item.accelerators - (state.capacity[site] - state.occupied[site])
    if lacking <= 0 or preemptible_below(world, site, priority_of(item.key)) < lacking:
        return False
    chosen = choose_victims(spec, jobs, world, site, priority_of(item.key), lacking)
    if chosen == 0:
        return False
    row = world.keys[SCRATCH]
    if state.dips[site] > 0 and not fits_without(spec, jobs, world, site, slot, chosen):
        return False
    for index in range(chosen):
        preempt(spec, jobs, world, row[index])
    return True


@kernel
def preemptible_below(world: World, site: int, priority: int) -> int:
    """Accelerators of jobs that run at a site, are of preemptible classes and of lower priority."""
    total = 0
    for lower in range(priority):
        total += world.state[0].preemptible[site, lower]
    return total


@kernel
def choose_victims(spec: Spec, jobs: Jobs, world: World, site: int, priority: int, lacking: int) -> int:
    """Put the first victims that have `lacking` accelerators together on SCRATCH, in order; returns how many, or 0."""
    state, rules = world.state[0], spec.rules[0]
    row = world.keys[SCRATCH]
    count, there = 0, 0
    for index in range(timeline.keys_of(world, RELEASES + site, row)):
        slot = row[index] & SLOT_MASK
        item = world.live[slot]
        if (
            item.status == RUNNING
            and priority_of(item.key) < priority
            and rules.preemptible[jobs[item.job].cls] == 1
            and state.now - item.start >= rules.preempt_after
        ):
            row[count] = slot
            count += 1
            there += item.accelerators
    if there < lacking:
        return 0
    chosen = 0
    while lacking > 0:
        for index in range(chosen + 1, count):
            if goes_before(world, row[index], row[chosen]):
                first = row[index]
                row[index] = row[chosen]
                row[chosen] = first
        lacking -= world.live[row[chosen]].accelerators
        chosen += 1
    return chosen


@kernel
def fits_without(spec: Spec, jobs: Jobs, world: World, site: int, slot: int, chosen: int) -> bool:
    """Whether a job fits at every known step within its length once the chosen victims are gone."""
    state = world.state[0]
    plan, victims = world.plans[site], world.keys[SCRATCH]
    end = state.now + length_of(jobs, world, slot)
    for index in range(state.planned[site]):
        at = plan[index] >> SLOT_BITS
        if at >= end:
            break
        free = planned_free(spec, world, site, at)
        for victim in range(chosen):
            if world.live[victims[victim]].requested_end > at:
                free += world.live[victims[victim]].accelerators
        if free < world.live[slot].accelerators:
            return False
    return True


@kernel
def preempt(spec: Spec, jobs: Jobs, world: World, slot: int) -> None:
    """A running job makes way; it is queued at its site again."""
    state = world.state[0]
    item = world.live[slot]
    site, accelerators = item.site, item.accelerators
    lost = break_off(spec, jobs, world, slot)
    record(world, PREEMPT, item.job, site, lost)
    state.preemptions += 1
    state.lost_to_preemptions += lost * accelerators
    item.status = WAITING
    item.start = -1
    enqueue(spec, jobs, world, slot, site)
