"""Capacity that comes and goes, what is known of it ahead, and prices (rules.md, section 3, steps 4, 5, 7 and 8).

A site's *plan* is the row of its known steps and promises that are still to come.
"""

from . import ordered, timeline
from .jit import kernel
from .ledger import change_price, post_burst, resize, settle
from .log import ANNOUNCE, CAPACITY, EVICT, PRICE, WITHDRAW, record
from .outcomes import note_break
from .placing import freshen
from .requests import drop
from .runs import break_off
from .spec import WITHDRAWN, Jobs, Spec
from .state import RELEASES, RUNNING, SCRATCH, SLOT_BITS, SLOT_MASK, World, priority_of
from .units import NEVER

LOST = 2  # a touched site whose capacity fell at this instant


@kernel
def schedule(spec: Spec, world: World) -> None:
    """Find the next instant of the schedules: steps, notices, prices, the period's end."""
    state = world.state[0]
    at = state.period_end
    if state.next_step < state.last_step:
        at = min(at, spec.capacity_steps[state.next_step].at)
    if state.next_notice < state.last_notice:
        at = min(at, spec.notices[state.next_notice].time)
    if state.next_price < len(spec.price_steps):
        at = min(at, spec.price_steps[state.next_price].at)
    state.next_schedule = min(at, NEVER)


@kernel
def lose_capacity(spec: Spec, jobs: Jobs, world: World) -> None:
    """Steps below the present capacity; whoever no longer fits is evicted and is fresh."""
    state = world.state[0]
    index = state.next_step
    while index < state.last_step and spec.capacity_steps[index].at == state.now:
        step = spec.capacity_steps[index]
        if step.capacity < state.capacity[step.site]:
            state.loss = 1
            state.wake = 1
            resize(world, step.site, step.capacity)
            record(world, CAPACITY, -1, step.site, step.capacity)
            while state.occupied[step.site] > state.capacity[step.site]:
                evict(spec, jobs, world, first_to_go(world, step.site))
            state.touched[step.site] = LOST
        index += 1


@kernel
def evict(spec: Spec, jobs: Jobs, world: World, slot: int) -> None:
    """A job that runs or starts loses its place; it waits again, unplaced and fresh."""
    state = world.state[0]
    item = world.live[slot]
    lost = 0
    if item.status == RUNNING:
        accelerators = item.accelerators
        lost = break_off(spec, jobs, world, slot)
        state.lost_to_evictions += lost * accelerators
    else:
        drop(world, slot)
        note_break(world, slot)
    record(world, EVICT, item.job, item.site, lost)
    state.evictions += 1
    freshen(world, slot)


@kernel
def first_to_go(world: World, site: int) -> int:
    """Slot of the job that a cut takes first: lowest priority, then latest start, then largest id."""
    row = world.keys[SCRATCH]
    count = timeline.keys_of(world, RELEASES + site, row)
    chosen = row[0] & SLOT_MASK
    for index in range(1, count):
        if goes_before(world, row[index] & SLOT_MASK, chosen):
            chosen = row[index] & SLOT_MASK
    return chosen


@kernel
def goes_before(world: World, one: int, other: int) -> bool:
    """Whether the job of slot `one` is taken before that of `other`: lower priority, later start, larger id."""
    first, second = world.live[one], world.live[other]
    mine, its = priority_of(first.key), priority_of(second.key)
    if mine != its:
        return mine < its
    return first.start > second.start or (first.start == second.start and first.job > second.job)


@kernel
def gain_capacity(spec: Spec, world: World) -> None:
    """The other steps of this instant; then every site knows again what lies ahead."""
    state = world.state[0]
    while state.next_step < state.last_step and spec.capacity_steps[state.next_step].at == state.now:
        step = spec.capacity_steps[state.next_step]
        if state.touched[step.site] != LOST:
            resize(world, step.site, step.capacity)
            state.touched[step.site] = 1
            record(world, CAPACITY, -1, step.site, step.capacity)
        state.next_step += 1
        state.wake = 1
        pass_step(spec, world, step.site, step.later)


@kernel
def pass_step(spec: Spec, world: World, site: int, later: int) -> None:
    """A site's step has happened: its plan, and what it may still reach (`later` steps), are brought up to now."""
    state = world.state[0]
    row = world.plans[site]
    passed = 0
    while passed < state.planned[site] and row[passed] >> SLOT_BITS <= state.now:
        passed += 1
    if passed > 0:
        state.planned[site] -= passed
        for index in range(state.planned[site]):
            row[index] = row[index + passed]
    state.reach[site] = max(state.capacity[site], later)
    look_ahead(spec, world, site)


@kernel
def look_ahead(spec: Spec, world: World, site: int) -> None:
    """What a site's plan says: the largest capacity it knows of, and how many steps go below the present one."""
    state = world.state[0]
    row = world.plans[site]
    state.announced_reach[site] = state.capacity[site]
    state.dips[site] = 0
    for index in range(state.planned[site]):
        capacity = spec.notices[row[index] & SLOT_MASK].capacity
        state.announced_reach[site] = max(state.announced_reach[site], capacity)
        state.dips[site] += 1 if capacity < state.capacity[site] else 0


@kernel
def take_notice(spec: Spec, world: World, index: int) -> None:
    """A step or promise becomes part of its site's plan, or is part of it no longer."""
    state = world.state[0]
    notice = spec.notices[index]
    row = world.plans[notice.site]
    if notice.kind == WITHDRAWN:
        place = ordered.position(row, state.planned[notice.site], notice.at << SLOT_BITS)
        state.planned[notice.site] -= 1
        for later in range(place, state.planned[notice.site]):
            row[later] = row[later + 1]
    else:
        ordered.insert(row, state.planned[notice.site], (notice.at << SLOT_BITS) | index)
        state.planned[notice.site] += 1
    look_ahead(spec, world, notice.site)


@kernel
def announce(spec: Spec, world: World) -> None:
    """What becomes known now, and what is withdrawn."""
    state = world.state[0]
    while state.next_notice < state.last_notice and spec.notices[state.next_notice].time == state.now:
        notice = spec.notices[state.next_notice]
        take_notice(spec, world, state.next_notice)
        record(world, WITHDRAW if notice.kind == WITHDRAWN else ANNOUNCE, -1, notice.site, notice.capacity)
        state.touched[notice.site] = 1
        state.next_notice += 1
        state.wake = 1


@kernel
def change_prices(spec: Spec, world: World) -> None:
    """Price steps, each after posting what ran at the old price; then settlement, if a period ends."""
    state = world.state[0]
    while state.next_price < len(spec.price_steps) and spec.price_steps[state.next_price].at == state.now:
        step = spec.price_steps[state.next_price]
        if spec.rules[0].take_or_pay[spec.rules[0].provider[step.site]] == 0:
            post_burst(spec, world, step.site)
        change_price(world, step.site, step.price)
        record(world, PRICE, -1, step.site, step.price)
        state.wake = 1
        state.next_price += 1
    if state.period_end == state.now:
        settle(spec, world)
        state.wake = 1
        for site in range(state.sites):
            if spec.rules[0].budget[spec.rules[0].provider[site]] >= 0:
                state.touched[site] = 1
