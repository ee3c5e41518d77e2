"""What a router knows of each site for the job that is offered, read with the kernels that agents read it with."""

from typing import Any, NamedTuple

import numpy as np

from ...fastsim.estimate import ahead, expected_start_up, marginal_price, wait_behind
from ...fastsim.jit import by_reference, entry
from ...fastsim.ledger import drawn, floor_so_far, spend
from ...fastsim.needs import egress_to, footprint, grant_chance, planned_length, set_up, staging
from ...fastsim.observe import lowest_capacity
from ...fastsim.offers import offered_slot
from ...fastsim.preemption import choose_victims
from ...fastsim.spec import Jobs, Spec
from ...fastsim.state import SCRATCH, SLOT_BITS, SLOT_MASK, World, world_of
from ...fastsim.weighing import PARTS, dearest_metered, lost_by_those_who_yield, weigh
from .offer import Found

KNOWN = np.dtype(
    [
        (name, "i8")
        for name in (
            "accelerators",  # the job's footprint
            *("capacity", "occupied"),
            "queued",  # accelerators queued before it
            "wait",  # estimated, ms
            *("price", "marginal"),  # µ$ per accelerator-hour
            "start_up",  # expected, with denials, ms
            "chance",  # of one request, permille
            *("egress", "staging", "set_up"),  # µ$, ms, ms
            "length",  # planned, from the start of its run, ms
            "lowest",  # known capacity until its planned end
            *("lost", "victims"),  # accelerator-ms that the runs would lose that make way, −1: none would; how many
            *("drawn", "floor", "carried", "spend"),  # of the provider in this period so far, µ$
        )
    ],
    align=True,
)


class Known(NamedTuple):
    """All sites, as known at one offer."""

    sites: Any  # (sites,) KNOWN; of a site that is not legal only capacity, price and contract
    parts: np.ndarray  # (sites, PARTS) float64 µ$, as weighing.py says: what the job would cost there
    victims: list[list[int]]  # of each site: the jobs that would make way


@entry()
def read_site(
    spec: Spec, jobs: Jobs, batch: World, site: int, is_legal: bool, out: Any, parts: np.ndarray, victims: np.ndarray
) -> None:
    """Fill `out` (1,) KNOWN, `parts` (PARTS,) float64 and `victims` (slots,) int64 with the slots of who makes way."""
    terms, world = by_reference(spec), by_reference(world_of(batch, 0))
    state, slot, row = world.state[0], offered_slot(world), out[0]
    provider, work = terms.rules[0].provider[site], jobs[world.live[slot].job]
    row.capacity, row.occupied, row.price = state.capacity[site], state.occupied[site], state.price[site]
    row.marginal = marginal_price(terms, world, site)
    row.accelerators = footprint(terms, work.gang, site)
    if terms.rules[0].take_or_pay[provider] == 1:
        row.drawn, row.floor = drawn(terms, world, provider), floor_so_far(terms, world, provider)
        row.carried = state.carried[provider]
    else:
        row.spend = spend(terms, world, provider)
    row.lost = -1
    if not is_legal:
        return
    queued, queued_work = ahead(world, slot, site)
    row.queued = queued
    row.wait = wait_behind(terms, world, row.accelerators, site, queued, queued_work)
    row.start_up = int(expected_start_up(terms, row.accelerators, site))
    row.chance = grant_chance(terms, site, row.accelerators)
    row.egress, row.staging = egress_to(terms, world, slot, site), staging(terms, world, slot, site)
    row.set_up = set_up(terms, jobs, world, slot, site)
    row.length = planned_length(terms, jobs, world, slot, site)
    row.lowest = lowest_capacity(terms, world, site, state.now + row.wait + row.length)
    hour = float(terms.rules[0].delay_rate[work.cls]) * float(work.gang)
    weigh(terms, jobs, world, site, row.wait, hour, dearest_metered(terms, world), parts)
    row.lost = lost_by_those_who_yield(terms, jobs, world, slot, site, row.accelerators)
    if row.lost >= 0:
        lacking = row.accelerators - (row.capacity - row.occupied)
        row.victims = choose_victims(terms, world, site, work.priority, lacking)
        for index in range(row.victims):
            victims[index] = world.keys[SCRATCH, index]


def read(found: Found) -> Known:
    """What is known at an offer."""
    worlds, count = found.worlds, len(found.scenario.sites)
    sites, parts = np.zeros(count, KNOWN).view(np.recarray), np.zeros((count, PARTS))
    slots, victims = np.zeros(worlds.batch.live.shape[1], np.int64), []
    for site in range(count):
        is_legal = bool(found.mask[site])
        out = sites[site : site + 1]
        read_site(worlds.spec, worlds.jobs, worlds.batch, site, is_legal, out, parts[site], slots)
        victims.append(worlds.batch.live.job[0, slots[: int(out[0].victims)]].tolist())
    return Known(sites, parts, victims)


def announced(found: Found, site: int) -> list[tuple[int, int]]:
    """The known steps of a site's capacity that are still to come: when [ms], to how many accelerators."""
    worlds = found.worlds
    plan = worlds.batch.plans[0, site, : int(worlds.state().planned[site])].tolist()
    return [(key >> SLOT_BITS, int(worlds.spec.notices[key & SLOT_MASK].capacity)) for key in plan]


def obstacle(found: Found, site: int) -> str:
    """Why a site is not legal, in words."""
    rules, state, work = found.worlds.spec.rules[0], found.worlds.state(), found.work
    provider = int(rules.provider[site])
    missing = int(work.tags) & ~int(rules.tags[provider])
    if rules.speed[site, work.cls] == 0:
        return "its class cannot run there"
    if missing:
        return f"needs {', '.join(tag for bit, tag in enumerate(found.scenario.tags) if missing >> bit & 1)}"
    if 0 <= rules.budget[provider] <= _spend(found, site):
        return "its budget is spent"
    if max(state.capacity[site], state.announced_reach[site]) < work.gang:
        return "too small"
    return "too small for its granules"


def _spend(found: Found, site: int) -> int:
    out, parts = np.zeros(1, KNOWN).view(np.recarray), np.zeros(PARTS)
    worlds = found.worlds
    read_site(worlds.spec, worlds.jobs, worlds.batch, site, False, out, parts, np.zeros(1, np.int64))
    return int(out[0].spend)
