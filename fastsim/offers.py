"""Offers: who is asked about, what is legal, and what an action does (rules.md, section 4)."""

from . import ordered, timeline
from .jit import kernel
from .ledger import budget_is_spent
from .log import OFFER, record
from .needs import footprint, suits
from .placing import add_offer, enqueue, hold, withdraw
from .spec import Jobs, Spec
from .state import HELD, OFFERS, QUEUES, SLOT_MASK, UNPLACED, World
from .units import NEVER


@kernel
def list_pass(spec: Spec, world: World) -> None:
    """Add the pass: of the first waiting jobs in job order, those that are due for another offer."""
    state = world.state[0]
    rules = spec.rules[0]
    sites = state.sites
    looked = 0
    after = -1
    while looked < rules.pass_size and looked < state.waiting:
        key = next_waiting(world, sites, after)
        item = world.live[key & SLOT_MASK]
        if state.loss == 1 or state.now - item.offered >= rules.reoffer_gap:
            add_offer(world, key & SLOT_MASK)
        after = key
        looked += 1


@kernel
def next_waiting(world: World, sites: int, after: int) -> int:
    """The first key after `after` among held and queued jobs."""
    best, held = NEVER << 20, world.keys[HELD]
    index = ordered.position(held, world.state[0].held, after + 1)
    if index < world.state[0].held:
        best = held[index]
    for site in range(sites):
        key = timeline.key_from(world, QUEUES * sites + site, after + 1)
        if key != timeline.NONE:
            best = min(best, key)
    return best


@kernel
def is_legal(spec: Spec, jobs: Jobs, world: World, job: int, site: int) -> bool:
    """The site suits the job, is or will by announcement be large enough, and its budget is not spent."""
    return (
        suits(spec, jobs, world, job, site)
        and footprint(spec, jobs[job].gang, site) <= world.state[0].announced_reach[site]
        and not budget_is_spent(spec, world, spec.rules[0].provider[site])
    )


@kernel
def write_mask(spec: Spec, jobs: Jobs, world: World, mask) -> None:
    """Legal actions of the present offer: 1, the others 0; at least one is legal."""
    slot = offered_slot(world)
    sites = world.state[0].sites
    item = world.live[slot]
    any_site = False
    for site in range(sites):
        legal = is_legal(spec, jobs, world, item.job, site)
        mask[site] = 1 if legal else 0
        any_site = any_site or legal
    may_hold = world.state[0].now - item.ready < spec.rules[0].max_hold and spec.rules[0].pass_size > 0
    mask[sites] = 1 if may_hold or not any_site else 0


@kernel
def offered_slot(world: World) -> int:
    """Slot of the job that is being offered."""
    return world.keys[OFFERS, world.state[0].offer] & SLOT_MASK


@kernel
def carry_out(spec: Spec, jobs: Jobs, world: World, asked: int, mask) -> None:
    """Answer the present offer with action `asked`; an illegal one becomes hold, or the lowest legal site."""
    state = world.state[0]
    sites = state.sites
    slot = offered_slot(world)
    item = world.live[slot]
    action = asked
    if asked < 0 or asked > sites or mask[asked] == 0:
        state.illegal += 1
        action = sites
        if mask[sites] == 0:
            action = 0
            while mask[action] == 0:
                action += 1
    record(world, OFFER, item.job, action, asked)
    state.decisions += 1
    if item.attempts == 0:
        state.first_offers += 1
    item.attempts += 1
    item.offered = state.now
    if item.site != action:
        if item.site != UNPLACED:
            withdraw(world, slot)
            state.moves += 1
        if action == sites:
            hold(world, slot)
        else:
            enqueue(spec, jobs, world, slot, action)
    state.offer += 1
