"""Rolling LP: cost-greedy with what an hourly plan says that capacity is worth to others.

    score(site) = price × accelerators × expected run × (1 + losses) + egress + delay rate × gang × wait
                  + shadow × accelerators × Σ over slots of (shadow price × time occupied in the slot)

The shadow prices (agents/planning) are the duals of each site's capacity in each slot: what one more accelerator-hour
there would save. A site that is full for a day is dear to a job that runs for a day and cheap to one that waits until
then. `expected` runs are shorter than requested ones, by the scenario's published terms; losses are what a recall of
spot capacity is expected to destroy.

Duals as prices of admission are the bid prices of revenue management (Talluri, van Ryzin, Management Science 1998).
"""

from dataclasses import dataclass

import numpy as np

from ...fastsim.agent import chooser
from ...fastsim.estimate import ahead, expected_start_up, marginal_price
from ...fastsim.jit import kernel
from ...fastsim.needs import egress_to, footprint, planned_length, set_up
from ...fastsim.offers import offered_slot
from ...fastsim.plan import plain_shadow
from ...fastsim.spec import EASY, MAX_CLASSES, MAX_SITES
from ...fastsim.state import QUEUES, SLOT_MASK
from ...fastsim.timeline import first_key

# Where the knobs are: `HEADER` weights and facts, then tables.
SHADOW, WAIT, STAY, NOW, SLOTS = range(5)
HEADER = 8
RATIO = HEADER  # (MAX_CLASSES,) expected run over the request
HAZARD = RATIO + MAX_CLASSES  # (MAX_SITES,) losses of all capacity an hour
PRICE = HAZARD + MAX_SITES  # (MAX_SITES,) µ$ per accelerator-hour under take-or-pay, 0 under the floor
TABLE = PRICE + MAX_SITES  # (SLOTS + 1,) ms, edges of the slots; then two tables:
# (MAX_SITES, SLOTS) shadow prices, µ$ per accelerator-hour; (MAX_SITES, SLOTS + 1) accelerators that are expected to
# become free until each edge, by ends of who runs and by announced steps


@dataclass(frozen=True)
class Knobs:
    """Weights of the score."""

    shadow: float = 0.5  # on the shadow prices
    wait: float = 1.0  # on the expected wait
    stay: float = 0.05  # share of the score by which another site must be better


@kernel
def shadow_cost(knobs: np.ndarray, site: int, begin: float, end: float) -> float:
    """Shadow price [µ$ per accelerator] of a site from `begin` to `end` [ms]; beyond the last slot it stays."""
    slots = int(knobs[SLOTS])
    edges, prices = TABLE, TABLE + slots + 1 + site * slots
    total = 0.0
    for slot in range(slots):
        low = knobs[edges + slot]
        high = knobs[edges + slot + 1] if slot + 1 < slots else max(end, low)
        overlap = min(end, high) - max(begin, low)
        if overlap > 0.0:
            total += overlap * knobs[prices + slot]
    return total / 3_600_000.0


@kernel
def lost_share(knobs: np.ndarray, spec, cls: int, site: int, hours: float) -> float:
    """Hours lost to recalls per hour of work: until the last checkpoint, or the beginning, and the restart.

    Without checkpoints a run that takes e^(hazard × hours) tries; by its series, since libm differs between machines.
    """
    hazard = knobs[HAZARD + site]
    rules = spec.rules[0]
    restart = hazard * float(rules.restart[cls]) / 3_600_000.0
    if rules.checkpoint[cls] > 0:
        return restart + hazard * min(float(rules.checkpoint[cls]) / 3_600_000.0, hours) / 2.0
    x = min(hazard * hours, 4.0)
    return restart + x * (0.5 + x * (1.0 / 6.0 + x * (1.0 / 24.0 + x / 120.0)))


@kernel
def is_backfilled(spec, world, slot: int, accelerators: int, site: int, length: int) -> bool:
    """Whether a job of a planned length [ms] may pass the blocked head of a site's queue."""
    state = world.state[0]
    if spec.rules[0].dispatch != EASY or state.queued[site] == 0:
        return False
    head = first_key(world, QUEUES * state.sites + site) & SLOT_MASK
    need = world.live[head].accelerators
    if head == slot or need <= state.capacity[site] - state.occupied[site]:
        return False
    shadow, spare = plain_shadow(world, site, need)
    return state.now + length <= shadow or accelerators <= spare


@kernel
def expected_wait(spec, world, slot: int, accelerators: int, site: int, length: int, knobs: np.ndarray) -> float:
    """Time [ms] until a site is expected to have room for a job: behind those before it, unless it may pass them.

    What ran when the plan was made is expected to end as it says; what is queued beyond that drains at full capacity.
    """
    state, slots = world.state[0], int(knobs[SLOTS])
    before, work = ahead(world, slot, site)
    if before > 0 and is_backfilled(spec, world, slot, accelerators, site, length):
        before, work = 0, 0
    missing = float(accelerators + before - (state.capacity[site] - state.occupied[site]))
    if missing <= 0.0:
        return 0.0
    now, edges = float(state.now), TABLE
    released = TABLE + slots + 1 + MAX_SITES * slots + site * (slots + 1)
    since = 0.0  # released by now
    for edge in range(slots):
        begin, end = knobs[edges + edge], knobs[edges + edge + 1]
        low, high = knobs[released + edge], knobs[released + edge + 1]
        if now >= end:
            continue
        if now > begin:
            since = low + (high - low) * (now - begin) / (end - begin)
        if high - since >= missing and high > low:
            return max(0.0, begin + (end - begin) * (since + missing - low) / (high - low) - now)
    return knobs[edges + slots] - now + float(work) / float(max(state.capacity[site], 1))


@chooser
def choose(view, observation, mask, knobs, scratch):
    """Least score among legal sites, the present one favoured; hold only when no site is legal."""
    spec, jobs, world = view.spec, view.jobs, view.world
    state, rules = world.state[0], spec.rules[0]
    slot = offered_slot(world)
    item = world.live[slot]
    work = jobs[item.job]
    ratio = 1.0 if work.until > 0 else knobs[RATIO + work.cls]
    rate = float(rules.delay_rate[work.cls]) * float(work.gang) / 3_600_000.0
    best, least = state.sites, 0.0
    for site in range(state.sites):
        if mask[site] == 0:
            continue
        occupied = footprint(spec, work.gang, site)
        accelerators = float(occupied)
        prepared = float(set_up(spec, jobs, world, slot, site))
        counted = planned_length(spec, jobs, world, slot, site)
        planned = float(counted - rules.usual_start_up[site])
        length = planned if work.until > 0 else prepared + (planned - prepared) * ratio
        length += length * lost_share(knobs, spec, work.cls, site, length / 3_600_000.0)
        wait = knobs[WAIT] * expected_wait(spec, world, slot, occupied, site, counted, knobs)
        wait += expected_start_up(spec, occupied, site)
        price = float(marginal_price(spec, world, site))
        if rules.take_or_pay[rules.provider[site]] == 1:
            price = knobs[PRICE + site]
        begin = float(state.now) + wait
        score = price * accelerators * length / 3_600_000.0 + float(egress_to(spec, world, slot, site))
        score += rate * wait + knobs[SHADOW] * accelerators * shadow_cost(knobs, site, begin, begin + length)
        if item.site == site:
            score *= 1.0 - knobs[STAY]
        if best == state.sites or score < least:
            best, least = site, score
    return best
