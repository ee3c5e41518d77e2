"""Preemption: who makes room for a blocked job of higher priority (rules.md, section 5)."""

import numpy as np

from . import timeline
from .jit import kernel
from .log import PREEMPT, record
from .placing import enqueue
from .plan import length_of, planned_free
from .runs import break_off, yield_key
from .spec import Jobs, Spec
from .state import SCRATCH, SLOT_BITS, SLOT_MASK, WAITING, YIELDS, World, priority_of
from .units import NEVER


@kernel
def make_way(spec: Spec, jobs: Jobs, world: World, site: int, slot: int) -> bool:
    """Preempt the fewest jobs with which the one of `slot`, first in the queue, can start; none if it cannot."""
    state = world.state[0]
    item = world.live[slot]
    lacking = item.accelerators - (state.capacity[site] - state.occupied[site])
    if lacking <= 0 or preemptible_below(world, site, priority_of(item.key)) < lacking:
        return False
    chosen = choose_victims(spec, world, site, priority_of(item.key), lacking)
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
def choose_victims(spec: Spec, world: World, site: int, priority: int, lacking: int) -> int:
    """Put the first victims that have `lacking` accelerators together on SCRATCH, in order; returns how many, or 0."""
    state = world.state[0]
    row, line = world.keys[SCRATCH], YIELDS * state.sites + site
    latest = state.now - spec.rules[0].preempt_after
    if latest < 0:
        return 0
    count = 0
    for lower in range(priority):
        if state.preemptible[site, lower] > 0:
            first, end = yield_key(lower, latest, 0), yield_key(lower + 1, NEVER - 1, 0)
            count = timeline.keys_between(world, line, first, end, row, count)
    chosen = 0
    while lacking > 0 and chosen < count:
        put_first(world, row, chosen, count)
        lacking -= world.live[row[chosen]].accelerators
        chosen += 1
    return chosen if lacking <= 0 else 0


@kernel
def put_first(world: World, row: np.ndarray, place: int, count: int) -> None:
    """Of the yielding keys from `place` on whose jobs started together put the largest id there, and make it a slot.

    Their keys are in the order of slots.
    """
    best = place
    for index in range(place + 1, count):
        if row[index] >> SLOT_BITS != row[place] >> SLOT_BITS:
            break
        if world.live[row[index] & SLOT_MASK].job > world.live[row[best] & SLOT_MASK].job:
            best = index
    key = row[best]
    row[best] = row[place]
    row[place] = key & SLOT_MASK


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
