"""Requests for capacity that has to be started: granted after a while, or denied (rules.md, section 5)."""

from . import ordered
from .jit import kernel
from .keyed import draw, quantile, uniform
from .log import DENY, REQUEST, record
from .needs import grant_chance
from .placing import freshen
from .runs import begin_run, vacate, will_not_release, will_release
from .spec import Jobs, Spec
from .state import REQUESTS, SLOT_BITS, STARTING, World, first_of_tied

GRANTS, START_UPS = 2, 3  # streams of the keyed generator


@kernel
def request(spec: Spec, jobs: Jobs, world: World, slot: int) -> None:
    """Ask a site for accelerators; the outcome is drawn now and falls later."""
    state, rules = world.state[0], spec.rules[0]
    item = world.live[slot]
    record(world, REQUEST, item.job, item.site, item.requests)
    entity, attempt = item.job - state.first_job, 8 * item.requests + item.site
    chance = grant_chance(spec, item.site, item.accelerators)
    item.is_granted = 1 if uniform(draw(state.seed, GRANTS, entity, attempt), 1000) < chance else 0
    delay = rules.denial[item.site]
    if item.is_granted == 1:
        bits = draw(state.seed, START_UPS, entity, attempt)
        delay = max(1, quantile(spec.tables[rules.start_up[item.site]], bits))
    item.requests += 1
    item.status = STARTING
    item.start = state.now
    item.finish = state.now + delay
    item.requested_end = state.now + item.requested
    if jobs[item.job].until > 0:
        item.requested_end = jobs[item.job].until
    will_release(world, slot)
    ordered.insert(world.keys[REQUESTS], state.requests, (item.finish << SLOT_BITS) | slot)
    state.requests += 1
    state.asked += 1


@kernel
def drop(world: World, slot: int) -> None:
    """A job starts no longer: its request has no outcome any more, its accelerators are free."""
    state = world.state[0]
    ordered.remove(world.keys[REQUESTS], state.requests, (world.live[slot].finish << SLOT_BITS) | slot)
    state.requests -= 1
    world.live[slot].waited += state.now - world.live[slot].ready
    vacate(world, slot)


@kernel
def resolve(spec: Spec, jobs: Jobs, world: World) -> None:
    """All outcomes of this instant, by job id."""
    state = world.state[0]
    row = world.keys[REQUESTS]
    while state.requests > 0 and row[0] >> SLOT_BITS == state.now:
        slot = first_of_tied(world, row, state.requests)
        if world.live[slot].is_granted == 1:
            ordered.remove(row, state.requests, (state.now << SLOT_BITS) | slot)
            state.requests -= 1
            will_not_release(world, slot)
            begin_run(spec, jobs, world, slot)
        else:
            record(world, DENY, world.live[slot].job, world.live[slot].site, world.live[slot].accelerators)
            drop(world, slot)
            freshen(world, slot)
            state.denied += 1
            state.wake = 1
