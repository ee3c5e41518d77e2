"""What the offered job would cost at each site, part by part, for a policy that weighs the parts.

Money and time are told as shares of one total, all parts at all legal sites, so that they stay ratios and their
proportions, which are all that a choice needs, stay what they are.
"""

import math

import numpy as np

from .estimate import expected_start_up, marginal_price
from .jit import kernel
from .needs import egress_to, footprint, planned_length
from .offers import offered_slot
from .preemption import choose_victims, preemptible_below
from .spec import Jobs, Spec
from .state import SCRATCH, World

METERED, COMMITTED, WAITING, STARTING, EVICTING, MAKES_WAY, HOUR = range(7)  # in the order of the observation
PARTS = 7
H = 3_600_000.0


@kernel
def logarithm(value: float, octaves: float) -> float:
    """Logarithm to base 2 over `octaves`, in [−1, 1]: straight between powers of two, so that it needs no libm."""
    mantissa, exponent = math.frexp(value)
    return max(-1.0, min((exponent - 2.0 + 2.0 * mantissa) / octaves, 1.0))


@kernel
def dearest_metered(spec: Spec, world: World) -> int:
    """The highest price [µ$ per accelerator-hour] of a metered site now; 0 without one."""
    state, rules = world.state[0], spec.rules[0]
    dearest = 0
    for site in range(state.sites):
        if rules.take_or_pay[rules.provider[site]] == 0:
            dearest = max(dearest, state.price[site])
    return dearest


@kernel
def share_out(mask: np.ndarray, hour: float, at: int, step: int, out: np.ndarray) -> None:
    """Turn parts into shares of all, in place: those of the first site begin at `at`, of others each `step` further.

    A site that is not legal costs nothing and waits for ever. `hour`: of the job's delay, µ$.
    """
    sites, total = mask.shape[0] - 1, 0.0
    for site in range(sites):
        if mask[site] == 1:
            for part in range(MAKES_WAY):
                total += float(out[at + site * step + part])
    total = max(total, 1.0)
    for site in range(sites):
        first = at + site * step
        for part in range(MAKES_WAY):
            out[first + part] = float(out[first + part]) / total if mask[site] == 1 else 0.0
        if mask[site] == 0:
            out[first + WAITING] = 1.0
            out[first + MAKES_WAY] = 0.0
        out[first + HOUR] = min(hour / total, 1.0)


@kernel
def weigh(
    spec: Spec, jobs: Jobs, world: World, site: int, wait: int, hour: float, dearest: int, parts: np.ndarray
) -> None:
    """Fill `parts` (PARTS,) with what the offered job would cost at a legal site, µ$.

    `wait`: how long it is estimated to wait there, ms; `hour`: what an hour of its delay costs, µ$; `dearest`: the
    highest metered price, µ$ per accelerator-hour.
    """
    state, rules, slot = world.state[0], spec.rules[0], offered_slot(world)
    accelerators = footprint(spec, jobs[world.live[slot].job].gang, site)
    length = float(planned_length(spec, jobs, world, slot, site))
    use = float(accelerators) * (length - float(rules.usual_start_up[site])) / H
    parts[METERED] = float(marginal_price(spec, world, site)) * use + float(egress_to(spec, world, slot, site))
    is_owned = rules.take_or_pay[rules.provider[site]] == 1
    parts[COMMITTED] = float(state.price[site]) * use if is_owned else 0.0
    parts[WAITING] = hour * float(wait) / H
    parts[STARTING] = hour * expected_start_up(spec, accelerators, site) / H
    lost = lost_by_those_who_yield(spec, jobs, world, slot, site, accelerators)
    parts[EVICTING] = float(dearest if dearest > 0 else state.price[site]) * float(max(lost, 0)) / H
    parts[MAKES_WAY] = 1.0 if lost >= 0 else 0.0


@kernel
def lost_by_those_who_yield(spec: Spec, jobs: Jobs, world: World, slot: int, site: int, accelerators: int) -> int:
    """Accelerator-ms lost by the runs that would make way for a job if it came first in the queue: work and restarts.

    −1: none would, since there is room or they are too few.
    """
    state, rules = world.state[0], spec.rules[0]
    priority = jobs[world.live[slot].job].priority
    lacking = accelerators - (state.capacity[site] - state.occupied[site])
    if rules.preempt_after == 0 or lacking <= 0 or preemptible_below(world, site, priority) < lacking:
        return -1
    chosen = choose_victims(spec, world, site, priority, lacking)
    if chosen == 0:
        return -1
    total = 0
    for index in range(chosen):
        item = world.live[world.keys[SCRATCH, index]]
        cls = jobs[item.job].cls
        done = max(0, state.now - item.begin)
        interval = rules.checkpoint[cls]
        lost = done % interval if interval > 0 else done
        total += item.accelerators * (lost + rules.restart[cls])
    return total
