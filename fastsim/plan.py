"""What a site counts on: its capacity by known steps, less what is released by requested ends (rules.md, section 5)."""

from . import ordered
from .jit import kernel
from .spec import Jobs, Spec
from .state import PLANS, RELEASES, SLOT_BITS, SLOT_MASK, World
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
    row = world.keys[PLANS + site]
    passed = ordered.position(row, state.planned[site], (at + 1) << SLOT_BITS)
    return spec.notices[row[passed - 1] & SLOT_MASK].capacity if passed > 0 else state.capacity[site]


@kernel
def planned_free(spec: Spec, world: World, site: int, at: int) -> int:
    """Capacity planned for `at` (≥ now) less the jobs that run or start and whose requested end is after it."""
    state = world.state[0]
    row = world.keys[RELEASES + site]
    free = planned_capacity(spec, world, site, at) - state.occupied[site]
    for index in range(ordered.position(row, state.running[site], (at + 1) << SLOT_BITS)):
        free += world.live[row[index] & SLOT_MASK].accelerators
    return free


@kernel
def stays_free(spec: Spec, world: World, site: int, need: int, begin: int, end: int) -> bool:
    """`need` accelerators are free at every known step strictly between `begin` and `end`."""
    state = world.state[0]
    row = world.keys[PLANS + site]
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
    """Earliest instant at which `need` are free by requested ends, and how many are then free beyond them.

    An overrun job counts as ending now.
    """
    state = world.state[0]
    row = world.keys[RELEASES + site]
    free = state.capacity[site] - state.occupied[site]
    shadow = NEVER
    for index in range(state.running[site]):
        if row[index] >> SLOT_BITS > shadow:
            break
        free += world.live[row[index] & SLOT_MASK].accelerators
        if free >= need and shadow == NEVER:
            shadow = max(row[index] >> SLOT_BITS, state.now)
    return shadow, free - need


@kernel
def general_shadow(spec: Spec, world: World, site: int, need: int, length: int) -> int:
    """Earliest candidate (now, a requested end, a known step) from which `need` stay free for `length`."""
    state = world.state[0]
    releases, plan = world.keys[RELEASES + site], world.keys[PLANS + site]
    release, step = 0, 0
    at = state.now
    while True:
        if planned_free(spec, world, site, at) >= need and stays_free(spec, world, site, need, at, at + length):
            return at
        while release < state.running[site] and releases[release] >> SLOT_BITS <= at:
            release += 1
        while step < state.planned[site] and plan[step] >> SLOT_BITS <= at:
            step += 1
        upcoming = NEVER
        if release < state.running[site]:
            upcoming = releases[release] >> SLOT_BITS
        if step < state.planned[site]:
            upcoming = min(upcoming, plan[step] >> SLOT_BITS)
        if upcoming == NEVER:
            return NEVER
        at = upcoming
