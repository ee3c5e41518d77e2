"""Pipelines: children that wait for their parents, become ready, or are cancelled (rules.md, sections 6 and 8).

Children that are pending stand in a row by job id. A pipeline's members have consecutive ids, so they stand side by
side.
"""

from . import ordered
from .jit import kernel
from .ledger import wait
from .log import CANCEL, READY, record
from .placing import enter, freshen, leave
from .spec import Jobs, Spec
from .state import PENDING, PENDINGS, SLOT_BITS, SLOT_MASK, World


@kernel
def pend(jobs: Jobs, world: World, job: int) -> None:
    """A child comes into the world; it is not ready before all its parents have finished."""
    state = world.state[0]
    slot = enter(jobs, world, job, PENDING)
    world.live[slot].missing = jobs[job].parents
    ordered.insert(world.keys[PENDINGS], state.pending, (job << SLOT_BITS) | slot)
    state.pending += 1


@kernel
def next_pending(jobs: Jobs, world: World, after: int, job: int) -> int:
    """Slot of the first pending member after job `after` in the pipeline of `job`, or −1."""
    state = world.state[0]
    row = world.keys[PENDINGS]
    place = ordered.position(row, state.pending, (after + 1) << SLOT_BITS)
    if place == state.pending:
        return -1
    slot = row[place] & SLOT_MASK
    other = world.live[slot].job
    return slot if other - jobs[other].member == job - jobs[job].member else -1


@kernel
def unpend(world: World, slot: int) -> None:
    """A child is pending no longer."""
    state = world.state[0]
    ordered.remove(world.keys[PENDINGS], state.pending, (world.live[slot].job << SLOT_BITS) | slot)
    state.pending -= 1


@kernel
def hand_on(spec: Spec, jobs: Jobs, world: World, job: int, site: int) -> None:
    """A job has finished at a site: its children have its output, and become ready if it was the last parent, by id."""
    work = jobs[job]
    slot = next_pending(jobs, world, job, job)
    while slot >= 0:
        child = world.live[slot]
        if (jobs[child.job].parents >> work.member) & 1 == 1:
            child.missing &= ~(1 << work.member)
            child.stored[spec.rules[0].provider[site]] += work.output
            child.megabytes += work.output
            if child.missing == 0:
                unpend(world, slot)
                record(world, READY, child.job, -1, jobs[child.job].gang)
                wait(world, jobs[child.job].cls, jobs[child.job].gang)
                freshen(world, slot)
        slot = next_pending(jobs, world, child.job, job)


@kernel
def cancel_descendants(jobs: Jobs, world: World, job: int) -> None:
    """A job has ended without a result: all that descends from it is cancelled, by id."""
    gone = 1 << jobs[job].member
    slot = next_pending(jobs, world, job, job)
    while slot >= 0:
        child = world.live[slot].job
        if jobs[child].parents & gone != 0:
            gone |= 1 << jobs[child].member
            unpend(world, slot)
            cancel(world, child)
            leave(jobs, world, slot, CANCEL)
        slot = next_pending(jobs, world, child, job)


@kernel
def cancel(world: World, job: int) -> None:
    """A job that has not run is cancelled."""
    world.state[0].cancelled += 1
    record(world, CANCEL, job, -1, 0)
