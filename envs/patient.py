"""The plain rule under which warm starts are made.

The site with the least cost of the run as it is planned, plus delay × time until it starts.

It is here, and not among the agents, because environments may not know agents; it has no knobs, so that a warm start is
the same for everyone.
"""

import numpy as np

from ..fastsim.agent import Agent, chooser
from ..fastsim.estimate import run_price, start_delay
from ..fastsim.offers import offered_slot


@chooser
def choose(view, observation, mask, knobs, scratch):
    """Least marginal cost plus delay cost among legal sites; hold only when none is legal."""
    spec, jobs, world = view.spec, view.jobs, view.world
    slot = offered_slot(world)
    work = jobs[world.live[slot].job]
    rate = float(spec.rules[0].delay_rate[work.cls]) * float(work.gang)
    best, least = world.state[0].sites, 0.0
    for site in range(world.state[0].sites):
        if mask[site] == 0:
            continue
        score = run_price(spec, jobs, world, slot, site)
        score += rate * start_delay(spec, jobs, world, slot, site) / 3_600_000.0
        if best == world.state[0].sites or score < least:
            best, least = site, score
    return best


def patient() -> Agent:
    """The rule as an agent."""
    return Agent("patient", choose, np.zeros(0))
