"""What a site counts on: its capacity by known steps, less what is released by requested ends (rules.md, section 5)."""

from . import ordered, timeline
from .jit import kernel
from .spec import Jobs, Spec
from .state import RELEASES, SLOT_BITS, SLOT_MASK, World
from .units import NEVER


@kernel
def length_of(jobs: Jobs, world: World, slot: int) -> int:
    """Planned length [ms] of a queued job, were it to start now."""
    item = world.live[slot]
    until = jobs[item.job].until
    return until - world.state[0].now if until > 0 else item.requested


@kernel
def planned_capacity(spec: Spec, world: World, site: int, at: int) -> int:
    """Present capacity, changed by the known steps and promises up to and including `at`."""
    state = world.state[0]
    row = world.plans[site]
    passed = ordered.position(row, state.planned[site], (at + 1) << SLOT_BITS)
    return spec.notices[row[passed - 1] & SLOT_MASK].capacity if passed > 0 else state.capacity[site]


@kernel
def planned_free(spec: Spec, world: World, site: int, at: int) -> int:
    """Capacity planned for `at` (≥ now) less the jobs that run or start and whose requested end is after it."""
    return planned_capacity(spec, world, site, at) - world.state[0].occupied[site] + released(world, site, at)


@kernel
def released(world: World, site: int, at: int) -> int:
    """Accelerators of the jobs that run or start and whose requested end is not after `at`."""
    return timeline.weight_before(world, RELEASES + site, (at + 1) << SLOT_BITS)


@kernel
def stays_free(spec: Spec, world: World, site: int, need: int, begin: int, end: int) -> bool:
    """`need` accelerators are free at every known step strictly between `begin` and `end`."""
    state = world.state[0]
    row = world.plans[site]
    for index in range(ordered.position(row, state.planned[site], (begin + 1) << SLOT_BITS), state.planned[site]):
        at = row[index] >> SLOT_BITS
        if at >= end:
            break
        if planned_free(spec, world, site, at) < need:
            return False
    return True


@kernel
def can_start(spec: Spec, jobs: Jobs, world: World, site: int, slot: int) -> bool:
    """The job fits now, and at every known step within its planned length."""
    state = world.state[0]
    item = world.live[slot]
    if item.accelerators > state.capacity[site] - state.occupied[site]:
        return False
    if state.dips[site] == 0:
        return True
    now = state.now
    return stays_free(spec, world, site, item.accelerators, now, now + length_of(jobs, world, slot))


@kernel
def plain_shadow(world: World, site: int, need: int) -> tuple[int, int]:
    """Earliest instant at which `need`, more than now, are free by requested ends, and how many are then free beyond.

    An overrun job counts as ending now.
    """
    state = world.state[0]
    free = state.capacity[site] - state.occupied[site]
    key = timeline.key_reaching(world, RELEASES + site, need - free)
    if key < 0:
        return NEVER, 0
    shadow = max(key >> SLOT_BITS, state.now)
    return shadow, free - need + released(world, site, shadow)


@kernel
def general_shadow(spec: Spec, world: World, site: int, need: int, length: int) -> int:
    """Earliest instant from now on from which `need` stay free for `length`, or NEVER.

    Between two known steps what is free only grows, and the steps to come bind a later beginning no less: where the
    first instant at which `need` are free will not do, none before the next step will.
    """
    state = world.state[0]
    plan = world.plans[site]
    at, capacity = state.now, state.capacity[site]
    for step in range(state.planned[site] + 1):
        end = plan[step] >> SLOT_BITS if step < state.planned[site] else NEVER
        missing = need - capacity + state.occupied[site]
        if missing > 0:
            key = timeline.key_reaching(world, RELEASES + site, missing)
            at = max(at, key >> SLOT_BITS) if key >= 0 else NEVER
        if at < end and stays_free(spec, world, site, need, at, at + length):
            return at
        if step < state.planned[site]:
            at, capacity = end, spec.notices[plan[step] & SLOT_MASK].capacity
    return NEVER
