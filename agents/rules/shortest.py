"""Two searches that several rules share: the shortest estimated wait of a kind, and the first site with room."""

from ...fastsim.estimate import estimated_wait
from ...fastsim.jit import kernel
from ...fastsim.needs import footprint
from ...fastsim.offers import offered_slot


@kernel
def wait_at(spec, jobs, world, site):
    """Estimated wait [ms] of the offered job at a site."""
    slot = offered_slot(world)
    return estimated_wait(world, slot, footprint(spec, jobs[world.live[slot].job].gang, site), site)


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
