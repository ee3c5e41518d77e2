"""What happens at one instant before any offer: steps 1 to 6 of rules.md, section 3, in that order."""

from . import ordered
from .jit import kernel
from .ledger import WRITE_OFF_ACCOUNT, post, post_burst, resize, settle
from .log import ANNOUNCE, ARRIVE, CAPACITY, EVICT, FINISH, PRICE, WRITE_OFF, record
from .offers import add_offer
from .placing import enter, evict, leave, result_of, stop, suits
from .spec import BURST, Jobs, Spec
from .state import HEAP, RELEASES, SLOT_BITS, SLOT_MASK, World, priority_of
from .units import NEVER, cost

LOST = 2  # a touched site whose capacity fell at this instant


@kernel
def next_instant(spec: Spec, jobs: Jobs, world: World) -> int:
    """Time of the next instant, or NEVER."""
    state = world.state[0]
    at = state.next_schedule
    if state.finishes > 0:
        at = min(at, world.keys[HEAP, 0] >> SLOT_BITS)
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
        complete(spec, world)
    if state.next_schedule == at:
        lose_capacity(spec, jobs, world)
        gain_capacity(spec, world)
        announce(spec, world)
        change_prices(spec, world)
        schedule(spec, world)
    while state.next_job < state.last_job and jobs[state.next_job].arrival == at:
        arrive(spec, jobs, world, state.next_job)
        state.next_job += 1


@kernel
def schedule(spec: Spec, world: World) -> None:
    """Find the next instant of the schedules: steps, announcements, prices, the period's end."""
    state = world.state[0]
    at = state.period_end
    if state.next_step < len(spec.capacity_steps):
        at = min(at, spec.capacity_steps[state.next_step].at)
    if state.next_announcement < len(spec.announcements):
        at = min(at, spec.capacity_steps[spec.announcements[state.next_announcement]].announced)
    if state.next_price < len(spec.price_steps):
        at = min(at, spec.price_steps[state.next_price].at)
    state.next_schedule = min(at, NEVER)


@kernel
def complete(spec: Spec, world: World) -> None:
    """All completions of this instant, by job id."""
    state = world.state[0]
    heap = world.keys[HEAP]
    state.wake = 1
    while state.finishes > 0 and heap[0] >> SLOT_BITS == state.now:
        # Keys that tie carry slots, not ids; the few that tie are taken in the order of their ids.
        slot = heap[0] & SLOT_MASK
        first = slot
        if is_tied(heap, state.finishes):
            for index in range(state.finishes):
                other = heap[index] & SLOT_MASK
                if heap[index] >> SLOT_BITS == state.now and world.live[other].job < world.live[first].job:
                    first = other
        if first == slot:
            ordered.pop(heap, state.finishes)
        else:
            ordered.discard(heap, state.finishes, (state.now << SLOT_BITS) | first)
        state.finishes -= 1
        stop(spec, world, first)
        record(world, FINISH, world.live[first].job, world.live[first].site, world.live[first].accelerators)
        leave(world, first)


@kernel
def is_tied(heap, count: int) -> bool:
    """Whether another finish falls at the same time as the heap's top: it would be a child of the root."""
    at = heap[0] >> SLOT_BITS
    return (count > 1 and heap[1] >> SLOT_BITS == at) or (count > 2 and heap[2] >> SLOT_BITS == at)


@kernel
def lose_capacity(spec: Spec, jobs: Jobs, world: World) -> None:
    """Steps below the present capacity; whoever no longer fits is evicted and is fresh."""
    state = world.state[0]
    index = state.next_step
    while index < len(spec.capacity_steps) and spec.capacity_steps[index].at == state.now:
        step = spec.capacity_steps[index]
        if step.capacity < state.capacity[step.site]:
            state.loss = 1
            state.wake = 1
            resize(world, step.site, step.capacity)
            record(world, CAPACITY, -1, step.site, step.capacity)
            while state.occupied[step.site] > state.capacity[step.site]:
                slot = first_to_go(world, step.site)
                record(world, EVICT, world.live[slot].job, step.site, world.live[slot].accelerators)
                evict(spec, jobs, world, slot)
                add_offer(world, slot)
            state.touched[step.site] = LOST
        index += 1


@kernel
def first_to_go(world: World, site: int) -> int:
    """Slot of the running job that a cut takes first: lowest priority, then latest start, then largest id."""
    row = world.keys[RELEASES + site]
    chosen = row[0] & SLOT_MASK
    for index in range(1, world.state[0].running[site]):
        slot = row[index] & SLOT_MASK
        item, best = world.live[slot], world.live[chosen]
        mine, its = priority_of(item.key), priority_of(best.key)
        if mine < its or (
            mine == its and (item.start > best.start or (item.start == best.start and item.job > best.job))
        ):
            chosen = slot
    return chosen


@kernel
def gain_capacity(spec: Spec, world: World) -> None:
    """The other steps of this instant; then every site knows again what lies ahead."""
    state = world.state[0]
    stepped = 0
    while state.next_step < len(spec.capacity_steps) and spec.capacity_steps[state.next_step].at == state.now:
        step = spec.capacity_steps[state.next_step]
        stepped = 1
        if state.touched[step.site] != LOST:
            record_gain(world, step.site, step.capacity)
        state.next_step += 1
    if stepped == 1:
        state.wake = 1
        look_ahead(spec, world)


@kernel
def record_gain(world: World, site: int, capacity: int) -> None:
    """A site grows, or is confirmed at its size."""
    resize(world, site, capacity)
    world.state[0].touched[site] = 1
    record(world, CAPACITY, -1, site, capacity)


@kernel
def announce(spec: Spec, world: World) -> None:
    """Steps that become known now."""
    state = world.state[0]
    announced = 0
    while (
        state.next_announcement < len(spec.announcements)
        and spec.capacity_steps[spec.announcements[state.next_announcement]].announced == state.now
    ):
        step = spec.capacity_steps[spec.announcements[state.next_announcement]]
        record(world, ANNOUNCE, -1, step.site, step.capacity)
        state.touched[step.site] = 1
        state.next_announcement += 1
        announced = 1
    if announced == 1:
        state.wake = 1
        look_ahead(spec, world)


@kernel
def look_ahead(spec: Spec, world: World) -> None:
    """Per site: the largest capacity ahead, known or not, and what announced steps say."""
    state = world.state[0]
    for site in range(state.sites):
        state.reach[site] = state.capacity[site]
        state.announced_reach[site] = state.capacity[site]
        state.planned[site] = 0
        state.dips[site] = 0
    for index in range(state.next_step, len(spec.capacity_steps)):
        step = spec.capacity_steps[index]
        state.reach[step.site] = max(state.reach[step.site], step.capacity)
        if step.announced <= state.now and step.announced < step.at:
            state.announced_reach[step.site] = max(state.announced_reach[step.site], step.capacity)
            state.planned[step.site] += 1
            state.dips[step.site] += 1 if step.capacity < state.capacity[step.site] else 0


@kernel
def change_prices(spec: Spec, world: World) -> None:
    """Price steps, each after posting what ran at the old price; then settlement, if a period ends."""
    state = world.state[0]
    while state.next_price < len(spec.price_steps) and spec.price_steps[state.next_price].at == state.now:
        step = spec.price_steps[state.next_price]
        if spec.rules[0].kind[spec.rules[0].provider[step.site]] == BURST:
            post_burst(spec, world, step.site)
        state.price[step.site] = step.price
        record(world, PRICE, -1, step.site, step.price)
        state.wake = 1
        state.next_price += 1
    if state.period_end == state.now:
        settle(spec, world)
        state.wake = 1
        for site in range(state.sites):
            if spec.rules[0].budget[spec.rules[0].provider[site]] >= 0:
                state.touched[site] = 1


@kernel
def arrive(spec: Spec, jobs: Jobs, world: World, job: int) -> None:
    """A job becomes ready and is fresh; or it is written off, if it suits no site."""
    work = jobs[job]
    record(world, ARRIVE, job, -1, work.gang)
    for site in range(world.state[0].sites):
        if suits(spec, jobs, world, job, site):
            add_offer(world, enter(jobs, world, job))
            return
    dearest = 0
    for site in range(world.state[0].sites):
        dearest = max(dearest, world.state[0].price[site])
    rate = spec.rules[0].delay_rate[work.cls]
    amount = cost(work.gang * work.requested, dearest) + cost(work.gang * spec.rules[0].max_hold, rate)
    world.state[0].write_offs += amount
    world.state[0].written_off += 1
    record(world, WRITE_OFF, job, -1, amount)
    post(world, work.cls, WRITE_OFF_ACCOUNT, amount)
    index = result_of(world, job)
    if index >= 0:
        world.results[index].written_off = amount
        world.state[0].open_results -= 1
