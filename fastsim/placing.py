"""Where a job waits: it enters, is offered, is queued or held, and leaves.

Each verb keeps everything that depends on it in step: queues, meters, the totals that estimates read.
"""

from . import ordered, timeline
from .jit import kernel
from .needs import footprint, planned_length
from .outcomes import note_end
from .spec import MAX_PROVIDERS, Jobs, Spec
from .state import (
    HELD,
    LENGTHS,
    OFFERS,
    QUEUES,
    SLOT_BITS,
    TIMERS,
    UNPLACED,
    WAITING,
    World,
    give_slot,
    order_key,
    priority_of,
    take_slot,
)


@kernel
def enter(jobs: Jobs, world: World, job: int, status: int) -> int:
    """A job comes into the world: it takes a slot, and its timer is set."""
    state = world.state[0]
    slot = take_slot(world)
    item = world.live[slot]
    work = jobs[job]
    state.present += work.gang
    item.job = job
    item.status = status
    item.key = order_key(job, work.priority, slot)
    item.attempts = 0
    item.waited = 0
    item.spent = 0
    item.site = UNPLACED
    item.start = -1
    item.ready = state.now
    item.remaining = work.walltime
    item.claim = work.requested
    item.requests = 0
    item.is_resumed = 0
    item.has_snapshot = 0
    item.missing = 0
    item.megabytes = work.input
    for provider in range(MAX_PROVIDERS):
        item.stored[provider] = 0
    item.stored[work.home] = work.input
    at = max(work.until, work.deadline)
    item.is_timed = 1 if at > 0 else 0
    if at > 0:
        ordered.insert(world.keys[TIMERS], state.timers, (at << SLOT_BITS) | slot)
        state.timers += 1
    return slot


@kernel
def add_offer(world: World, slot: int) -> None:
    """List a job for an offer at this instant; the list stays in job order."""
    state = world.state[0]
    ordered.insert(world.keys[OFFERS], state.offers, world.live[slot].key)
    state.offers += 1


@kernel
def freshen(world: World, slot: int) -> None:
    """A job is unplaced from now on, and offered at this instant."""
    item = world.live[slot]
    item.status = WAITING
    item.site = UNPLACED
    item.start = -1
    item.ready = world.state[0].now
    add_offer(world, slot)


@kernel
def enqueue(spec: Spec, jobs: Jobs, world: World, slot: int, site: int) -> None:
    """An unplaced job joins a site's queue."""
    join(spec, jobs, world, slot, site, planned_length(spec, jobs, world, slot, site))


@kernel
def join(spec: Spec, jobs: Jobs, world: World, slot: int, site: int, planned: int) -> None:
    """The same; it counts on `planned` ms there."""
    item = world.live[slot]
    work = jobs[item.job]
    state = world.state[0]
    item.site = site
    item.accelerators = footprint(spec, work.gang, site)
    item.requested = planned
    world.keys[LENGTHS, slot] = -item.requested if work.until > 0 else item.requested
    timeline.add(world, QUEUES * state.sites + site, item.key, item.accelerators)
    state.queued[site] += 1
    state.queued_accelerators[site, work.priority] += item.accelerators
    state.queued_work[site, work.priority] += item.accelerators * item.requested
    state.touched[site] = 1
    state.waiting += 1


@kernel
def hold(world: World, slot: int) -> None:
    """An unplaced job is held."""
    state = world.state[0]
    item = world.live[slot]
    item.site = state.sites
    ordered.insert(world.keys[HELD], state.held, item.key)
    state.held += 1
    state.waiting += 1


@kernel
def withdraw(world: World, slot: int) -> None:
    """A queued or held job becomes unplaced."""
    state = world.state[0]
    item = world.live[slot]
    if item.site == state.sites:
        ordered.remove(world.keys[HELD], state.held, item.key)
        state.held -= 1
    else:
        timeline.take_out(world, QUEUES * state.sites + item.site, item.key)
        state.queued[item.site] -= 1
        forget(world, slot)
        state.touched[item.site] = 1
    state.waiting -= 1
    item.site = UNPLACED


@kernel
def forget(world: World, slot: int) -> None:
    """A job leaves its queue's totals."""
    item = world.live[slot]
    state = world.state[0]
    priority = priority_of(item.key)
    state.queued_accelerators[item.site, priority] -= item.accelerators
    state.queued_work[item.site, priority] -= item.accelerators * item.requested


@kernel
def leave(jobs: Jobs, world: World, slot: int, kind: int) -> None:
    """A job leaves the world, for the reason that the log's `kind` gives."""
    state = world.state[0]
    item = world.live[slot]
    work = jobs[item.job]
    state.present -= work.gang
    if item.is_timed == 1:
        ordered.remove(world.keys[TIMERS], state.timers, (max(work.until, work.deadline) << SLOT_BITS) | slot)
        state.timers -= 1
    note_end(world, item.job, item.waited, item.spent, kind)
    give_slot(world, slot)
