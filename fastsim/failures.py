"""Failures: when and where they fall, and what the job that is hit loses (rules.md, section 6)."""

from . import ordered, timeline
from .jit import kernel
from .keyed import draw, quantile, uniform
from .ledger import miss_service
from .log import FAIL, record
from .runs import save, set_end, will_not_release
from .spec import NO, Jobs, Spec
from .state import HEAP, SCRATCH, SLOT_BITS, SLOT_MASK, STARTS, World
from .units import NEVER

FAILURES = 1  # stream of the keyed generator


@kernel
def foresee(spec: Spec, world: World) -> None:
    """The first failure of every site from now on; nothing before it strikes."""
    state = world.state[0]
    for site in range(state.sites):
        state.failures[site] = 0
        state.failure_at[site] = NEVER
        if spec.rules[0].failure[site] != NO:
            state.failure_at[site] = gap(spec, world, site)
            while state.failure_at[site] < state.now:
                go_on(spec, world, site)
    note_next(world)


@kernel
def gap(spec: Spec, world: World, site: int) -> int:
    """Time [ms] between the last failure of a site and its next."""
    state = world.state[0]
    bits = draw(state.seed, FAILURES, site, 2 * state.failures[site])
    return max(1, quantile(spec.tables[spec.rules[0].failure[site]], bits))


@kernel
def go_on(spec: Spec, world: World, site: int) -> None:
    """A failure has been; the next one is drawn."""
    state = world.state[0]
    state.failures[site] += 1
    state.failure_at[site] += gap(spec, world, site)


@kernel
def note_next(world: World) -> None:
    """When any site fails next."""
    state = world.state[0]
    state.next_failure = NEVER
    for site in range(state.sites):
        state.next_failure = min(state.next_failure, state.failure_at[site])


@kernel
def fail(spec: Spec, jobs: Jobs, world: World) -> None:
    """All failures of this instant, by site."""
    state = world.state[0]
    for site in range(state.sites):
        if state.failure_at[site] == state.now:
            bits = draw(state.seed, FAILURES, site, 2 * state.failures[site] + 1)
            position = uniform(bits, spec.variants[state.variant].nominal[site])
            if position < min(state.metered[site], state.capacity[site]):
                strike(spec, jobs, world, job_at(world, site, position))
            go_on(spec, world, site)
    note_next(world)


@kernel
def strike(spec: Spec, jobs: Jobs, world: World, slot: int) -> None:
    """A running job goes on from its last checkpoint after a restart, on the accelerators that it has."""
    state = world.state[0]
    item = world.live[slot]
    work = jobs[item.job]
    restart = spec.rules[0].restart[work.cls]
    lost = save(spec, jobs, world, slot)
    record(world, FAIL, item.job, item.site, lost)
    state.failed += 1
    state.lost_to_failures += lost * item.accelerators
    state.restarting += restart * item.accelerators
    if work.until > 0:
        miss_service(world, work.cls, work.gang * min(restart, work.until - state.now))
        return
    ordered.discard(world.keys[HEAP], state.finishes, (item.finish << SLOT_BITS) | slot)
    state.finishes -= 1
    will_not_release(world, slot)
    item.begin = state.now + restart + max(0, item.begin - state.now)
    set_end(spec, jobs, world, slot)


@kernel
def job_at(world: World, site: int, position: int) -> int:
    """Slot of the running job at a position; they lie side by side from 0, in the order (start, id)."""
    line, row = STARTS * world.state[0].sites + site, world.keys[SCRATCH]
    first = timeline.key_reaching(world, line, position + 1) & ~SLOT_MASK
    count = timeline.keys_between(world, line, first, first + SLOT_MASK + 1, row, 0)  # they started together
    position -= timeline.weight_before(world, line, first)
    while True:
        best = 0
        for index in range(1, count):
            if world.live[row[index] & SLOT_MASK].job < world.live[row[best] & SLOT_MASK].job:
                best = index
        slot = row[best] & SLOT_MASK
        position -= world.live[slot].accelerators
        if position < 0:
            return slot
        count -= 1
        row[best] = row[count]
