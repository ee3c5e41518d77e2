"""Offers: who is asked about, what is legal, and what an action does (rules.md, section 4)."""

from . import timeline
from .jit import kernel
from .ledger import budget_is_spent
from .log import OFFER, record
from .needs import footprint, suits
from .placing import add_offer, enqueue, hold, withdraw
from .spec import Jobs, Spec
from .state import HELD, OFFERS, QUEUES, SLOT_MASK, UNPLACED, World

END = (1 << 63) - 1  # after all keys


@kernel
def list_pass(spec: Spec, world: World) -> None:
    """Add the pass: of the first waiting jobs in job order, those that are due for another offer.

    Queues and the held are in that order: they are merged, each from its beginning.
    """
    state = world.state[0]
    rules = spec.rules[0]
    latest = state.now if state.loss == 1 else state.now - rules.reoffer_gap  # last offer of who is due
    for site in range(state.sites):
        begin_queue(world, site)
    held, left = 0, min(rules.pass_size, state.waiting)
    while left > 0:
        key, site, limit = world.keys[HELD, held] if held < state.held else END, state.sites, END
        for other in range(state.sites):
            if state.next_key[other] < key:
                key, site, limit = state.next_key[other], other, key
            else:
                limit = min(limit, state.next_key[other])
        if site == state.sites:
            offer_if_due(world, key, latest)
            held += 1
            left -= 1
        else:
            left = go_on(world, site, limit, latest, left)


@kernel
def offer_if_due(world: World, key: int, latest: int) -> None:
    """List a waiting job whose last offer was not after `latest`."""
    slot = key & SLOT_MASK
    if world.live[slot].offered <= latest:
        add_offer(world, slot)


@kernel
def begin_queue(world: World, site: int) -> None:
    """A pass has seen nobody of a site's queue yet."""
    state = world.state[0]
    state.next_entry[site] = 0
    state.next_place[site] = 0
    is_empty = state.queued[site] == 0
    state.next_key[site] = END if is_empty else timeline.first_key(world, QUEUES * state.sites + site)


@kernel
def go_on(world: World, site: int, limit: int, latest: int, left: int) -> int:
    """A pass sees the next of a site's queue whose keys are below `limit`, at most `left` (≥ 1); what is left then."""
    state = world.state[0]
    line, entry, place = QUEUES * state.sites + site, state.next_entry[site], state.next_place[site]
    block = world.blocks[world.entries[line, timeline.BLOCK, entry]]
    key = block.keys[place]
    while left > 0 and key < limit:
        offer_if_due(world, key, latest)
        left -= 1
        place += 1
        if place == block.count:
            entry += 1
            place = 0
            if entry == world.heads[line]:
                key = END
                break
            block = world.blocks[world.entries[line, timeline.BLOCK, entry]]
        key = block.keys[place]
    state.next_entry[site], state.next_place[site], state.next_key[site] = entry, place, key
    return left


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
