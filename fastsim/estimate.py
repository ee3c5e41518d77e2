"""What a router can work out about a site for the job that is offered.

Waits, marginal prices, and what the job would cost there, from requested walltimes only.
"""

from . import timeline
from .jit import kernel
from .ledger import drawn, floor_so_far
from .needs import egress_to, footprint, grant_chance, planned_length
from .spec import PRIORITIES, Jobs, Spec
from .state import LENGTHS, QUEUES, RELEASES, SLOT_BITS, SLOT_MASK, World, priority_of
from .units import permille

SCAN = 64  # queue places that are summed one by one; beyond them the totals by priority stand in


@kernel
def ahead(world: World, slot: int, site: int) -> tuple[int, int]:
    """Accelerators and accelerator-ms (requested) queued at a site before the job of `slot`."""
    state = world.state[0]
    key, line = world.live[slot].key, QUEUES * state.sites + site
    left = timeline.keys_before(world, line, key, SCAN)
    accelerators, work = 0, 0
    if left > SCAN:
        for priority in range(priority_of(key), PRIORITIES):
            accelerators += state.queued_accelerators[site, priority]
            work += state.queued_work[site, priority]
        return accelerators, work
    entry, lengths = 0, world.keys[LENGTHS]
    while left > 0:
        block = world.blocks[world.entries[line, timeline.BLOCK, entry]]
        count = min(left, block.count)
        for place in range(count):
            accelerators += block.weights[place]
            work += block.weights[place] * abs(lengths[block.keys[place] & SLOT_MASK])
        left -= count
        entry += 1
    return accelerators, work


@kernel
def estimated_wait(spec: Spec, world: World, slot: int, accelerators: int, site: int) -> int:
    """Wait [ms] at a site until `accelerators` are free for the job of `slot`, behind those queued before it.

    Running jobs release at their requested ends (overrun ones now); what is queued beyond that drains at full capacity.
    Where the whole site is too small yet, it opens at the first known step at which it is large enough. Backfilling may
    be kinder.
    """
    before, work = ahead(world, slot, site)
    return wait_behind(spec, world, accelerators, site, before, work)


@kernel
def wait_behind(spec: Spec, world: World, accelerators: int, site: int, before: int, work: int) -> int:
    """The same behind `before` queued accelerators that have requested `work` accelerator-ms."""
    state = world.state[0]
    if accelerators > state.capacity[site]:
        opens = opening(spec, world, accelerators, site, work)
        if opens >= 0:
            return opens - state.now
    need = accelerators + before - (state.capacity[site] - state.occupied[site])
    if need <= 0:
        return 0
    key = timeline.key_reaching(world, RELEASES + site, need)
    if key >= 0:
        return max((key >> SLOT_BITS) - state.now, 0)
    last = max(timeline.last_key(world, RELEASES + site) >> SLOT_BITS, state.now)
    return last - state.now + work // max(state.capacity[site], 1)


@kernel
def opening(spec: Spec, world: World, accelerators: int, site: int, work: int) -> int:
    """When a site that is too small for `accelerators` is expected to have them, behind `work` accelerator-ms [ms].

    By known steps; −1 where none makes it large enough, and the site is not legal.
    """
    plan = world.plans[site]
    for index in range(world.state[0].planned[site]):
        capacity = spec.notices[plan[index] & SLOT_MASK].capacity
        if capacity >= accelerators:
            return (plan[index] >> SLOT_BITS) + work // capacity
    return -1


@kernel
def marginal_price(spec: Spec, world: World, site: int) -> int:
    """Avoidable price [µ$ per accelerator-hour] of one more hour here.

    Nothing below a commitment's floor, overage beyond.
    """
    state, rules = world.state[0], spec.rules[0]
    provider = rules.provider[site]
    if rules.take_or_pay[provider] == 0:
        return state.price[site]
    if drawn(spec, world, provider) < floor_so_far(spec, world, provider) + state.carried[provider]:
        return 0
    return permille(state.price[site], rules.overage_ratio[provider])


@kernel
def expected_start_up(spec: Spec, accelerators: int, site: int) -> float:
    """Time [ms] from a first request to a start: the usual start-up, and the denials to be expected before it."""
    rules = spec.rules[0]
    chance = max(1, grant_chance(spec, site, accelerators))
    return float(rules.usual_start_up[site]) + float(rules.denial[site]) * float(1000 - chance) / float(chance)


@kernel
def run_price(spec: Spec, jobs: Jobs, world: World, slot: int, site: int) -> float:
    """Avoidable cost [µ$] of a job at a site that suits it: set-up and requested work at the marginal price, egress."""
    accelerators = footprint(spec, jobs[world.live[slot].job].gang, site)
    billed = planned_length(spec, jobs, world, slot, site) - spec.rules[0].usual_start_up[site]
    metered = float(marginal_price(spec, world, site)) * float(accelerators) * float(billed) / 3_600_000.0
    return metered + float(egress_to(spec, world, slot, site))


@kernel
def start_delay(spec: Spec, jobs: Jobs, world: World, slot: int, site: int) -> float:
    """Time [ms] until a job is expected to start at a site: its estimated wait, and the start-up."""
    accelerators = footprint(spec, jobs[world.live[slot].job].gang, site)
    return float(estimated_wait(spec, world, slot, accelerators, site)) + expected_start_up(spec, accelerators, site)
