"""Whether the kernel's state is in order between two instants: slots, rows, and every total that is kept of them.

That ends come when they should is the auditors' business.
"""

import numpy as np

from tidegate.fastsim import timeline
from tidegate.fastsim.jit import by_reference, entry, kernel
from tidegate.fastsim.runs import may_yield, yield_key
from tidegate.fastsim.spec import NO, PRIORITIES, Jobs, Spec
from tidegate.fastsim.state import (
    EMPTY,
    FREE,
    HELD,
    PENDING,
    PENDINGS,
    QUEUES,
    RELEASES,
    REQUESTS,
    RUNNING,
    SCRATCH,
    SLOT_BITS,
    SLOT_MASK,
    STARTING,
    STARTS,
    TIMERS,
    WAITING,
    YIELDS,
    World,
    world_of,
)

BROKEN = (
    *("", "free slots", "heap of ends", "row of outcomes", "row of timers", "row of pending children", "queues"),
    *(
        "accelerators",
        "totals of queues",
        "waiting gangs",
        "jobs that came and went",
        "data",
        "plan",
        "timeline of releases",
        "timelines of starts and of who may yield",
    ),
)
FINE, FREE_SLOTS, ENDS, OUTCOMES, TIMED, CHILDREN, QUEUED, ACCELERATORS = range(8)
TOTALS, GANGS, CAME_AND_WENT, DATA, PLAN, RELEASED, PLACES = range(8, 15)


@entry()
def inspect(spec: Spec, jobs: Jobs, batch: World, episode: int) -> int:
    """What is out of order in one episode, or FINE."""
    terms, world = by_reference(spec), by_reference(world_of(batch, episode))
    state = world.state[0]
    seen = np.zeros(max(1, state.slots), np.int64)  # times that a slot stands in a row of those that wait or run
    counts = np.zeros(5, np.int64)  # by status
    broken = slots_are_free(world, seen)
    for slot in range(state.slots):
        counts[world.live[slot].status] += 1
    if broken == FINE:
        broken = rows_are_right(world, seen, counts)
    if broken == FINE:
        broken = queues_are_right(jobs, world, seen, counts)
    for site in range(state.sites):
        if broken == FINE:
            broken = site_is_right(terms, jobs, world, site)
    for site in range(state.sites):
        if broken == FINE:
            broken = line_is_right(world, site)
        if broken == FINE:
            broken = places_are_right(terms, jobs, world, site)
    if broken == FINE:
        broken = jobs_add_up(terms, jobs, world, counts)
    for slot in range(state.slots):
        if seen[slot] != 1 and broken == FINE:
            broken = FREE_SLOTS
    return broken


@kernel
def slots_are_free(world: World, seen: np.ndarray) -> int:
    """Slots that are listed as free are nobody's, and listed once."""
    state = world.state[0]
    if state.slots > world.live.shape[0] or state.free_slots > state.slots:
        return FREE_SLOTS
    for index in range(state.free_slots):
        slot = world.keys[FREE, index]
        seen[slot] += 1
        if world.live[slot].status != EMPTY or seen[slot] != 1:
            return FREE_SLOTS
    return FINE


@kernel
def is_ascending(row: np.ndarray, count: int) -> bool:
    """Whether the first `count` keys are in order, each once."""
    is_so = True
    for index in range(1, count):
        is_so = is_so and row[index] > row[index - 1]
    return is_so


@kernel
def rows_are_right(world: World, seen: np.ndarray, counts: np.ndarray) -> int:
    """Who runs has an end ahead; the rows of outcomes, timers and pending children hold whom they should."""
    state, keys = world.state[0], world.keys
    timed = 0
    for slot in range(state.slots):
        item = world.live[slot]
        timed += 1 if item.status != EMPTY and item.is_timed == 1 else 0
        if item.status == RUNNING:
            seen[slot] += 1
            if item.finish < state.now or item.start > state.now:
                return ENDS
    for index in range(state.requests):
        item = world.live[keys[REQUESTS, index] & SLOT_MASK]
        seen[keys[REQUESTS, index] & SLOT_MASK] += 1
        if item.status != STARTING or keys[REQUESTS, index] >> SLOT_BITS != item.finish or item.finish < state.now:
            return OUTCOMES
    for index in range(state.timers):
        if world.live[keys[TIMERS, index] & SLOT_MASK].is_timed == 0 or keys[TIMERS, index] >> SLOT_BITS < state.now:
            return TIMED
    for index in range(state.pending):
        item = world.live[keys[PENDINGS, index] & SLOT_MASK]
        seen[keys[PENDINGS, index] & SLOT_MASK] += 1
        if item.status != PENDING or item.missing == 0 or keys[PENDINGS, index] >> SLOT_BITS != item.job:
            return CHILDREN
    if counts[RUNNING] != state.finishes:
        return ENDS
    if counts[STARTING] != state.requests or not is_ascending(keys[REQUESTS], state.requests):
        return OUTCOMES
    if timed != state.timers or not is_ascending(keys[TIMERS], state.timers):
        return TIMED
    return FINE if counts[PENDING] == state.pending and is_ascending(keys[PENDINGS], state.pending) else CHILDREN


@kernel
def queues_are_right(jobs: Jobs, world: World, seen: np.ndarray, counts: np.ndarray) -> int:
    """Whoever waits is held or queued, once, in job order; the totals of each queue are those of its jobs."""
    state = world.state[0]
    total = 0
    for site in range(state.sites + 1):
        row, count = world.keys[HELD], state.held
        if site < state.sites:
            row = world.keys[SCRATCH]
            count = timeline.keys_of(world, QUEUES * state.sites + site, row)
            if count != state.queued[site]:
                return QUEUED
        total += count
        if not is_ascending(row, count):
            return QUEUED
        for index in range(count):
            item = world.live[row[index] & SLOT_MASK]
            seen[row[index] & SLOT_MASK] += 1
            if item.status != WAITING or item.site != site or item.key != row[index]:
                return QUEUED
    for site in range(state.sites):
        row = world.keys[SCRATCH]
        timeline.keys_of(world, QUEUES * state.sites + site, row)
        for priority in range(PRIORITIES):
            accelerators, work = 0, 0
            for index in range(state.queued[site]):
                item = world.live[row[index] & SLOT_MASK]
                if jobs[item.job].priority == priority:
                    accelerators += item.accelerators
                    work += item.accelerators * item.requested
            if state.queued_accelerators[site, priority] != accelerators or state.queued_work[site, priority] != work:
                return TOTALS
    return FINE if total == state.waiting == counts[WAITING] else QUEUED


@kernel
def site_is_right(spec: Spec, jobs: Jobs, world: World, site: int) -> int:
    """Who runs or starts at a site makes up its accelerators; its plan lies ahead."""
    state, plan = world.state[0], world.plans[site]
    there, occupied, metered, preemptible = 0, 0, 0, 0
    for slot in range(state.slots):
        item = world.live[slot]
        if item.site == site and (item.status == RUNNING or item.status == STARTING):
            there += 1
            occupied += item.accelerators
            if item.status == RUNNING:
                metered += item.accelerators
                preemptible += item.accelerators if may_yield(spec, jobs[item.job].cls) else 0
    for priority in range(PRIORITIES):
        preemptible -= state.preemptible[site, priority]
    if occupied != state.occupied[site] or metered != state.metered[site] or occupied > state.capacity[site]:
        return ACCELERATORS
    if there != state.running[site] or preemptible != 0:
        return ACCELERATORS
    reach, dips = state.capacity[site], 0
    for index in range(state.planned[site]):
        notice = spec.notices[plan[index] & SLOT_MASK]
        if notice.site != site or notice.at < state.now or notice.at != plan[index] >> SLOT_BITS:
            return PLAN
        reach = max(reach, notice.capacity)
        dips += 1 if notice.capacity < state.capacity[site] else 0
    is_plan = is_ascending(plan, state.planned[site]) and reach == state.announced_reach[site]
    return FINE if is_plan and dips == state.dips[site] else PLAN


@kernel
def line_is_right(world: World, site: int) -> int:
    """A site's timeline has the jobs that run or start there, each at its requested end, with its accelerators."""
    state, line = world.state[0], RELEASES + site
    row = world.keys[SCRATCH]
    count, weight, before = timeline.keys_of(world, line, row), 0, -1
    for index in range(count):
        key = row[index]
        item = world.live[key & SLOT_MASK]
        is_there = item.site == site and (item.status == RUNNING or item.status == STARTING)
        if key <= before or not is_there or item.requested_end != key >> SLOT_BITS:
            return RELEASED
        if timeline.weight_before(world, line, key) != weight or timeline.key_reaching(world, line, weight + 1) != key:
            return RELEASED
        weight, before = weight + item.accelerators, key
    return FINE if count == state.running[site] and timeline.last_key(world, line) == before else RELEASED


@kernel
def places_are_right(spec: Spec, jobs: Jobs, world: World, site: int) -> int:
    """A site's other timelines have the jobs that run there: all, if it fails, by start; and those that may yield."""
    state, row = world.state[0], world.keys[SCRATCH]
    running, yielding = 0, 0
    for slot in range(state.slots):
        item = world.live[slot]
        if item.site == site and item.status == RUNNING:
            running += 1 if spec.rules[0].failure[site] != NO else 0
            yielding += 1 if may_yield(spec, jobs[item.job].cls) else 0
    for kind in (STARTS, YIELDS):
        line, weight = kind * state.sites + site, 0
        count = timeline.keys_of(world, line, row)
        if count != (running if kind == STARTS else yielding) or not is_ascending(row, count):
            return PLACES
        for index in range(count):
            slot = row[index] & SLOT_MASK
            item = world.live[slot]
            key = (item.start << SLOT_BITS) | slot
            if kind == YIELDS:
                key = yield_key(jobs[item.job].priority, item.start, slot)
            if item.site != site or item.status != RUNNING or row[index] != key:
                return PLACES
            if timeline.weight_before(world, line, key) != weight:
                return PLACES
            weight += item.accelerators
    return FINE


@kernel
def jobs_add_up(spec: Spec, jobs: Jobs, world: World, counts: np.ndarray) -> int:
    """Every job that has come has gone or is there; who waits or starts adds to the gangs of its class."""
    state = world.state[0]
    gone = state.finished + state.cancelled + state.killed + state.expired + state.written_off
    if state.next_job - state.first_job != gone + state.slots - counts[EMPTY]:
        return CAME_AND_WENT
    present = 0
    for slot in range(state.slots):
        present += jobs[world.live[slot].job].gang if world.live[slot].status != EMPTY else 0
    if present != state.present:
        return CAME_AND_WENT
    for cls in range(spec.rules[0].classes):
        gangs = 0
        for slot in range(state.slots):
            item = world.live[slot]
            if (item.status == WAITING or item.status == STARTING) and jobs[item.job].cls == cls:
                gangs += jobs[item.job].gang
        if gangs != state.waiting_gangs[cls]:
            return GANGS
    for slot in range(state.slots):
        item = world.live[slot]
        if item.status != EMPTY:
            megabytes = 0
            for provider in range(spec.rules[0].providers):
                megabytes += max(0, item.stored[provider])
            if megabytes != item.megabytes:
                return DATA
        if item.status != EMPTY and jobs[item.job].until == 0 and (item.remaining <= 0 or item.claim <= 0):
            return DATA
    return FINE
