"""A job's way through the world: it enters, is queued or held, starts, and leaves.

Each verb keeps everything that depends on it in step: queues, meters, the heap of finishes, the totals that estimates
read.
"""

from . import ordered
from .jit import kernel
from .ledger import occupy, wait
from .log import START, record
from .spec import COMMITTED, Jobs, Spec
from .state import (
    HEAP,
    HELD,
    QUEUES,
    RELEASES,
    SLOT_BITS,
    UNPLACED,
    World,
    give_slot,
    order_key,
    priority_of,
    take_slot,
)
from .units import cost, scaled_up


@kernel
def footprint(spec: Spec, gang: int, site: int) -> int:
    """Accelerators that a gang occupies at a site, and is billed for."""
    rules = spec.rules[0]
    unit = rules.granule[site]
    if rules.cube[site] > 0 and gang >= rules.cube_from[site]:
        unit = rules.cube[site]
    if unit == 1:
        return gang
    return (gang + unit - 1) // unit * unit


@kernel
def suits(spec: Spec, jobs: Jobs, world: World, job: int, site: int) -> bool:
    """Speed, tags, and a capacity, now or later, that is large enough."""
    work = jobs[job]
    return (
        spec.rules[0].speed[site, work.cls] > 0
        and (work.tags & ~spec.rules[0].tags[spec.rules[0].provider[site]]) == 0
        and footprint(spec, work.gang, site) <= world.state[0].reach[site]
    )


@kernel
def enter(jobs: Jobs, world: World, job: int) -> int:
    """A job becomes ready now: it takes a slot and waits, unplaced."""
    slot = take_slot(world)
    item = world.live[slot]
    work = jobs[job]
    item.job = job
    item.key = order_key(job, work.priority, slot)
    item.attempts = 0
    item.waited = 0
    item.spent = 0
    item.site = UNPLACED
    item.start = -1
    item.ready = world.state[0].now
    wait(world, work.cls, work.gang)
    return slot


@kernel
def enqueue(spec: Spec, jobs: Jobs, world: World, slot: int, site: int) -> None:
    """An unplaced job joins a site's queue."""
    item = world.live[slot]
    work = jobs[item.job]
    state = world.state[0]
    speed = spec.rules[0].speed[site, work.cls]
    item.site = site
    item.accelerators = footprint(spec, work.gang, site)
    item.requested = work.requested if speed == 1000 else scaled_up(work.requested, speed)
    ordered.insert(world.keys[QUEUES + site], state.queued[site], item.key)
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
        ordered.remove(world.keys[QUEUES + item.site], state.queued[item.site], item.key)
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
def start(spec: Spec, jobs: Jobs, world: World, slot: int) -> None:
    """A queued job, already taken off its queue's row, begins to run."""
    state = world.state[0]
    item = world.live[slot]
    work = jobs[item.job]
    site = item.site
    speed = spec.rules[0].speed[site, work.cls]
    forget(world, slot)
    state.waiting -= 1
    wait(world, work.cls, -work.gang)
    occupy(world, site, item.accelerators)
    item.start = state.now
    item.finish = state.now + (work.walltime if speed == 1000 else scaled_up(work.walltime, speed))
    item.requested_end = state.now + item.requested
    ordered.push(world.keys[HEAP], state.finishes, (item.finish << SLOT_BITS) | slot)
    state.finishes += 1
    ordered.insert(world.keys[RELEASES + site], state.running[site], (item.requested_end << SLOT_BITS) | slot)
    state.running[site] += 1
    record(world, START, item.job, site, item.accelerators)
    note_start(world, slot)


@kernel
def stop(spec: Spec, world: World, slot: int) -> None:
    """A running job, already taken off the heap of finishes, gives its accelerators back."""
    state = world.state[0]
    item = world.live[slot]
    occupy(world, item.site, -item.accelerators)
    ordered.remove(world.keys[RELEASES + item.site], state.running[item.site], (item.requested_end << SLOT_BITS) | slot)
    state.running[item.site] -= 1
    state.touched[item.site] = 1
    item.spent += price_paid(spec, world, slot, state.now)


@kernel
def price_paid(spec: Spec, world: World, slot: int, until: int) -> int:
    """Burst cost [µ$] of a job's present run from its start to `until`, following the price steps.

    0 at committed sites.
    """
    item = world.live[slot]
    site = item.site
    if spec.rules[0].kind[spec.rules[0].provider[site]] == COMMITTED:
        return 0
    price, begin, total = spec.rules[0].first_price[site], item.start, 0
    for step in range(len(spec.price_steps)):
        change = spec.price_steps[step]
        if change.at >= until:
            break
        if change.site == site:
            if change.at > begin:
                total += cost(item.accelerators * (change.at - begin), price)
                begin = change.at
            price = change.price
    return total + cost(item.accelerators * (until - begin), price)


@kernel
def leave(world: World, slot: int) -> None:
    """A finished job leaves the world."""
    note_finish(world, slot)
    world.state[0].finished += 1
    give_slot(world, slot)


@kernel
def evict(spec: Spec, jobs: Jobs, world: World, slot: int) -> None:
    """A running job loses its place and its work; it waits again, unplaced."""
    state = world.state[0]
    item = world.live[slot]
    ordered.discard(world.keys[HEAP], state.finishes, (item.finish << SLOT_BITS) | slot)
    state.finishes -= 1
    stop(spec, world, slot)
    item.waited += item.start - item.ready
    item.ready = state.now
    item.start = -1
    item.site = UNPLACED
    work = jobs[item.job]
    wait(world, work.cls, work.gang)
    state.evictions += 1
    note_eviction(world, slot)


@kernel
def result_of(world: World, job: int) -> int:
    """Index of a job among the results, or −1 when its outcome is not asked for."""
    index = job - world.state[0].first_result
    return index if 0 <= index < world.state[0].asked_results else -1


@kernel
def note_start(world: World, slot: int) -> None:
    """Keep where and when a job started."""
    item = world.live[slot]
    index = result_of(world, item.job)
    if index >= 0:
        outcome = world.results[index]
        outcome.site = item.site
        outcome.start = item.start
        outcome.finish = item.finish
        outcome.waited = item.waited + item.start - item.ready


@kernel
def note_finish(world: World, slot: int) -> None:
    """Keep what a job's runs cost."""
    item = world.live[slot]
    index = result_of(world, item.job)
    if index >= 0:
        world.results[index].spent = item.spent
        world.state[0].open_results -= 1


@kernel
def note_eviction(world: World, slot: int) -> None:
    """An evicted job has no start any more."""
    item = world.live[slot]
    index = result_of(world, item.job)
    if index >= 0:
        world.results[index].start = -1
        world.results[index].evictions += 1
