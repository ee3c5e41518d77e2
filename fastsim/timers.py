"""Timers: deadlines that are missed, and blocks of serving whose time is over (rules.md, section 8)."""

from . import ordered
from .jit import kernel
from .ledger import PENALTY, post, wait
from .log import EXPIRE, MISS, record
from .outcomes import note_penalty
from .placing import leave, withdraw
from .requests import drop
from .spec import Jobs
from .state import SLOT_BITS, STARTING, TIMERS, World, first_of_tied


@kernel
def ring(jobs: Jobs, world: World) -> None:
    """All timers of this instant, by job id."""
    state = world.state[0]
    row = world.keys[TIMERS]
    while state.timers > 0 and row[0] >> SLOT_BITS == state.now:
        slot = first_of_tied(world, row, state.timers)
        ordered.remove(row, state.timers, (state.now << SLOT_BITS) | slot)
        state.timers -= 1
        world.live[slot].is_timed = 0
        if jobs[world.live[slot].job].until > 0:
            expire(jobs, world, slot)
        else:
            miss(jobs, world, world.live[slot].job)


@kernel
def miss(jobs: Jobs, world: World, job: int) -> None:
    """A job has not finished by its deadline."""
    state = world.state[0]
    penalty = jobs[job].penalty
    record(world, MISS, job, -1, penalty)
    state.missed += 1
    state.penalties += penalty
    post(world, jobs[job].cls, PENALTY, penalty)
    note_penalty(world, job, penalty)


@kernel
def expire(jobs: Jobs, world: World, slot: int) -> None:
    """A block's time is over and it does not run: it leaves the world."""
    state = world.state[0]
    item = world.live[slot]
    record(world, EXPIRE, item.job, item.site if item.site < state.sites else -1, 0)
    if item.status == STARTING:
        drop(world, slot)
    else:
        withdraw(world, slot)
        item.waited += state.now - item.ready
    wait(world, jobs[item.job].cls, -jobs[item.job].gang)
    state.expired += 1
    leave(jobs, world, slot, EXPIRE)
