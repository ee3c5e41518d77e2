"""What starts at a site: gang FCFS, and EASY backfilling by requested walltime (rules.md, section 5).

Two ways to the same schedule: where no announced step dips below the present capacity or lies ahead, the classic one
with one shadow time and the accelerators to spare at it; otherwise the general one, which asks every announced step.
"""

from . import ordered
from .jit import kernel
from .ledger import budget_is_spent
from .placing import start
from .spec import EASY, Jobs, Spec
from .state import QUEUES, RELEASES, SLOT_BITS, SLOT_MASK, World
from .units import NEVER


@kernel
def dispatch_touched(spec: Spec, jobs: Jobs, world: World) -> None:
    """Every site that was touched at this instant, by number."""
    state = world.state[0]
    for site in range(state.sites):
        if state.touched[site] != 0:
            state.touched[site] = 0
            if state.queued[site] > 0 and not budget_is_spent(spec, world, spec.rules[0].provider[site]):
                dispatch(spec, jobs, world, site)


@kernel
def dispatch(spec: Spec, jobs: Jobs, world: World, site: int) -> None:
    """Start what may start now at one site."""
    row = world.keys[QUEUES + site]
    state = world.state[0]
    started = 0
    while started < state.queued[site] and can_start(spec, world, site, row[started] & SLOT_MASK):
        start(spec, jobs, world, row[started] & SLOT_MASK)
        started += 1
    if started > 0:
        state.queued[site] -= started
        for index in range(state.queued[site]):
            row[index] = row[index + started]
    if spec.rules[0].dispatch == EASY and state.queued[site] > 1 and state.capacity[site] > state.occupied[site]:
        backfill(spec, jobs, world, site)


@kernel
def can_start(spec: Spec, world: World, site: int, slot: int) -> bool:
    """The job fits now, and at every announced step within its requested duration."""
    state = world.state[0]
    item = world.live[slot]
    if item.accelerators > state.capacity[site] - state.occupied[site]:
        return False
    if state.dips[site] == 0:
        return True
    now = state.now
    return stays_free(spec, world, site, item.accelerators, now, now + item.requested)


@kernel
def backfill(spec: Spec, jobs: Jobs, world: World, site: int) -> None:
    """Start later jobs that leave the blocked head's reservation whole."""
    state = world.state[0]
    row = world.keys[QUEUES + site]
    now = state.now
    head = row[0] & SLOT_MASK
    need, length = world.live[head].accelerators, world.live[head].requested
    is_plain = state.planned[site] == 0
    if is_plain:
        shadow, spare = plain_shadow(world, site, need)
    else:
        shadow, spare = general_shadow(spec, world, site, need, length), 0
    count = state.queued[site]
    kept = 1
    for index in range(1, count):
        if state.occupied[site] >= state.capacity[site]:  # nothing more fits: keep the rest as it is
            for rest in range(index, count):
                row[kept] = row[rest]
                kept += 1
            break
        slot = row[index] & SLOT_MASK
        item = world.live[slot]
        end = now + item.requested
        may = can_start(spec, world, site, slot)
        if may and shadow < NEVER and end > shadow:
            if is_plain:
                may = item.accelerators <= spare
                spare -= item.accelerators if may else 0
            else:
                total = need + item.accelerators
                may = total <= planned_free(spec, world, site, shadow) and stays_free(
                    spec, world, site, total, shadow, min(shadow + length, end)
                )
        if may:
            start(spec, jobs, world, slot)
            state.queued[site] -= 1
        else:
            row[kept] = row[index]
            kept += 1


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
def planned_free(spec: Spec, world: World, site: int, at: int) -> int:
    """Capacity planned for `at` (≥ now) less the running jobs whose requested end is after it."""
    state = world.state[0]
    row = world.keys[RELEASES + site]
    free = planned_capacity(spec, world, site, at) - state.occupied[site]
    for index in range(ordered.position(row, state.running[site], (at + 1) << SLOT_BITS)):
        free += world.live[row[index] & SLOT_MASK].accelerators
    return free


@kernel
def planned_capacity(spec: Spec, world: World, site: int, at: int) -> int:
    """Present capacity, changed by the announced steps up to and including `at`."""
    state = world.state[0]
    capacity = state.capacity[site]
    if state.planned[site] > 0:
        for index in range(state.next_step, len(spec.capacity_steps)):
            step = spec.capacity_steps[index]
            if step.at > at:
                break
            if step.site == site and is_announced(step, state.now):
                capacity = step.capacity
    return capacity


@kernel
def is_announced(step, now: int) -> bool:
    """A step is known from `announced` on, unless it comes as a surprise."""
    return step.announced <= now and step.announced < step.at


@kernel
def stays_free(spec: Spec, world: World, site: int, need: int, begin: int, end: int) -> bool:
    """`need` accelerators are free at every announced step strictly between `begin` and `end`."""
    state = world.state[0]
    for index in range(state.next_step, len(spec.capacity_steps)):
        step = spec.capacity_steps[index]
        if step.at >= end:
            break
        if (
            step.site == site
            and step.at > begin
            and is_announced(step, state.now)
            and planned_free(spec, world, site, step.at) < need
        ):
            return False
    return True


@kernel
def general_shadow(spec: Spec, world: World, site: int, need: int, length: int) -> int:
    """Earliest candidate (now, a requested end, an announced step) from which `need` stay free for `length`."""
    state = world.state[0]
    row = world.keys[RELEASES + site]
    running = state.running[site]
    release, step = 0, state.next_step
    at = state.now
    while True:
        if planned_free(spec, world, site, at) >= need and stays_free(spec, world, site, need, at, at + length):
            return at
        while release < running and row[release] >> SLOT_BITS <= at:
            release += 1
        while step < len(spec.capacity_steps) and not (
            spec.capacity_steps[step].site == site
            and spec.capacity_steps[step].at > at
            and is_announced(spec.capacity_steps[step], state.now)
        ):
            step += 1
        upcoming = NEVER
        if release < running:
            upcoming = row[release] >> SLOT_BITS
        if step < len(spec.capacity_steps):
            upcoming = min(upcoming, spec.capacity_steps[step].at)
        if upcoming == NEVER:
            return NEVER
        at = upcoming
