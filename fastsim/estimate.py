"""What a router can work out about a site for the job that is offered.

Waits and marginal prices, from requested walltimes only.
"""

from . import ordered, timeline
from .jit import kernel
from .ledger import drawn, floor_so_far
from .spec import PRIORITIES, Spec
from .state import QUEUES, RELEASES, SLOT_BITS, SLOT_MASK, World, priority_of
from .units import permille

SCAN = 64  # queue places that are summed one by one; beyond them the totals by priority stand in


@kernel
def ahead(world: World, slot: int, site: int) -> tuple[int, int]:
    """Accelerators and accelerator-ms (requested) queued at a site before the job of `slot`."""
    state = world.state[0]
    key = world.live[slot].key
    row = world.keys[QUEUES + site]
    place = ordered.position(row, state.queued[site], key)
    accelerators, work = 0, 0
    if place <= SCAN:
        for index in range(place):
            item = world.live[row[index] & SLOT_MASK]
            accelerators += item.accelerators
            work += item.accelerators * item.requested
    else:
        for priority in range(priority_of(key), PRIORITIES):
            accelerators += state.queued_accelerators[site, priority]
            work += state.queued_work[site, priority]
    return accelerators, work


@kernel
def estimated_wait(world: World, slot: int, accelerators: int, site: int) -> int:
    """Wait [ms] at a site until `accelerators` are free for the job of `slot`, behind those queued before it.

    Running jobs release at their requested ends (overrun ones now); what is queued beyond that drains at full capacity.
    Backfilling may be kinder.
    """
    state = world.state[0]
    before, work = ahead(world, slot, site)
    need = accelerators + before - (state.capacity[site] - state.occupied[site])
    if need <= 0:
        return 0
    key = timeline.key_reaching(world, RELEASES + site, need)
    if key >= 0:
        return max((key >> SLOT_BITS) - state.now, 0)
    last = max(timeline.last_key(world, RELEASES + site) >> SLOT_BITS, state.now)
    return last - state.now + work // max(state.capacity[site], 1)


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
