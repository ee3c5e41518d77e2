"""What a job needs at a site: accelerators, and time before it works (rules.md, sections 2 and 6)."""

from .jit import kernel
from .spec import Jobs, Spec
from .state import World
from .units import egress, scaled_up, transfer


@kernel
def footprint(spec: Spec, gang: int, site: int) -> int:
    """Accelerators that a gang occupies at a site, and is billed for."""
    rules = spec.rules[0]
    unit = rules.granule[site]
    if rules.cube[site] > 0 and gang >= rules.cube_from[site]:
        unit = rules.cube[site]
    if unit == 1:
        return gang
    return (gang + unit - 1) // unit * unit


@kernel
def suits(spec: Spec, jobs: Jobs, world: World, job: int, site: int) -> bool:
    """Speed, tags, and a capacity, now or later, that is large enough."""
    work = jobs[job]
    return (
        spec.rules[0].speed[site, work.cls] > 0
        and (work.tags & ~spec.rules[0].tags[spec.rules[0].provider[site]]) == 0
        and footprint(spec, work.gang, site) <= world.state[0].reach[site]
    )


@kernel
def staging(spec: Spec, world: World, slot: int, site: int) -> int:
    """Time [ms] that a job's data take to come to a site's provider, one source after the other."""
    item = world.live[slot]
    time = 0
    if item.megabytes > 0:
        here = spec.rules[0].provider[site]
        for provider in range(spec.rules[0].providers):
            if provider != here and item.stored[provider] > 0:
                time += transfer(item.stored[provider], spec.rules[0].link[provider, here])
    return time


@kernel
def egress_to(spec: Spec, world: World, slot: int, site: int) -> int:
    """Cost [µ$] of moving a job's data to a site's provider."""
    item = world.live[slot]
    cost = 0
    if item.megabytes > 0:
        here = spec.rules[0].provider[site]
        for provider in range(spec.rules[0].providers):
            if provider != here and item.stored[provider] > 0:
                cost += egress(item.stored[provider], spec.rules[0].egress_rate[provider])
    return cost


@kernel
def set_up(spec: Spec, jobs: Jobs, world: World, slot: int, site: int) -> int:
    """Time [ms] before a job works at a site: staging, port and restart, without a partner's data."""
    rules = spec.rules[0]
    work = jobs[world.live[slot].job]
    time = staging(spec, world, slot, site)
    if work.silicon >= 0 and work.silicon != rules.silicon[site]:
        time += rules.port[work.cls]
    if world.live[slot].is_resumed == 1:
        time += rules.restart[work.cls]
    return time


@kernel
def planned_length(spec: Spec, jobs: Jobs, world: World, slot: int, site: int) -> int:
    """How long [ms] a job counts on at a site from its start; the site must suit it."""
    item = world.live[slot]
    work = jobs[item.job]
    if work.until > 0:
        return work.until - world.state[0].now
    speed = spec.rules[0].speed[site, work.cls]
    length = item.claim if speed == 1000 else scaled_up(item.claim, speed)
    return spec.rules[0].usual_start_up[site] + set_up(spec, jobs, world, slot, site) + length


@kernel
def grant_chance(spec: Spec, site: int, accelerators: int) -> int:
    """Probability [permille] that a request is granted, linear between the site's points; certain without any."""
    rules = spec.rules[0]
    points = rules.grants[site]
    if points == 0:
        return 1000
    if accelerators <= rules.grant_size[site, 0]:
        return rules.grant_permille[site, 0]
    for point in range(1, points):
        size, chance = rules.grant_size[site, point], rules.grant_permille[site, point]
        if accelerators <= size:
            before, was = rules.grant_size[site, point - 1], rules.grant_permille[site, point - 1]
            return was - (was - chance) * (accelerators - before) // (size - before)
    return rules.grant_permille[site, points - 1]
