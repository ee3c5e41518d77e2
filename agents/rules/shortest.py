"""What several rules share: the shortest wait of a kind, the first site with room, the soonest start, when to spill.

All of it rests on requested walltimes, as a router knows them.
"""

from ...fastsim.estimate import estimated_wait, run_price, start_delay
from ...fastsim.jit import kernel
from ...fastsim.needs import footprint
from ...fastsim.offers import offered_slot
from ...fastsim.spec import BURST, COMMITTED


@kernel
def wait_at(spec, jobs, world, site):
    """Estimated wait [ms] of the offered job at a site."""
    slot = offered_slot(world)
    return estimated_wait(spec, world, slot, footprint(spec, jobs[world.live[slot].job].gang, site), site)


@kernel
def shortest_wait(spec, jobs, world, mask, kind):
    """Legal site of `kind` with the shortest estimated wait, else the same among the other kind, else hold."""
    best, least, of_kind = world.state[0].sites, 0, False
    for site in range(world.state[0].sites):
        if mask[site] == 0:
            continue
        matches = spec.rules[0].kind[spec.rules[0].provider[site]] == kind
        if of_kind and not matches:
            continue
        wait = wait_at(spec, jobs, world, site)
        if best == world.state[0].sites or (matches and not of_kind) or wait < least:
            best, least, of_kind = site, wait, matches
    return best


@kernel
def first_that_fits(spec, jobs, world, mask, kind):
    """First legal site of `kind` where the offered job could start now, or −1."""
    for site in range(world.state[0].sites):
        if (
            mask[site] == 1
            and spec.rules[0].kind[spec.rules[0].provider[site]] == kind
            and wait_at(spec, jobs, world, site) == 0
        ):
            return site
    return -1


@kernel
def soonest(spec, jobs, world, mask, kind):
    """Legal site of `kind` where the offered job is expected to start first, start-up and denials included, or −1.

    Of equal starts the cheaper one counts (spot before on demand), of equal prices the lower site.
    """
    slot = offered_slot(world)
    best, least, cheapest = -1, 0.0, 0.0
    for site in range(world.state[0].sites):
        if mask[site] == 0 or spec.rules[0].kind[spec.rules[0].provider[site]] != kind:
            continue
        delay = start_delay(spec, jobs, world, slot, site)
        price = run_price(spec, jobs, world, slot, site)
        if best < 0 or delay < least or (delay == least and price < cheapest):
            best, least, cheapest = site, delay, price
    return best


@kernel
def wait_or_spill(spec, jobs, world, mask, waits):
    """Where a job goes that is to wait for committed sites if `waits`, and else to spill to burst.

    It goes to a committed site that has room in any case, and stays with the committed ones when burst is not expected
    to start it sooner: to spill would then only cost. Where one kind has no legal site the other one has it, and where
    none is legal it is held.
    """
    committed = soonest(spec, jobs, world, mask, COMMITTED)
    burst = soonest(spec, jobs, world, mask, BURST)
    if committed < 0:
        return burst if burst >= 0 else world.state[0].sites
    if burst < 0 or waits or wait_at(spec, jobs, world, committed) == 0:
        return committed
    slot = offered_slot(world)
    is_sooner = start_delay(spec, jobs, world, slot, burst) < start_delay(spec, jobs, world, slot, committed)
    return burst if is_sooner else committed


@kernel
def waited(world):
    """Time [ms] that the offered job has waited in its life, before earlier runs too."""
    item = world.live[offered_slot(world)]
    return world.state[0].now - item.ready + item.waited


@kernel
def requested_run(jobs, world):
    """Run time [ms] that the offered job still requests, at the reference's speed; of a block of serving, its rest."""
    item = world.live[offered_slot(world)]
    until = jobs[item.job].until
    return until - world.state[0].now if until > 0 else item.claim
