"""A learned policy that sees, in place of one block of its observation, that of another decision.

The other one is drawn from a pool of what the same policy met. Every feature keeps its distribution, and those of a
block go together, but they say nothing of the present offer: what the policy loses is what it knew from them. The draw
is named by the world, the job and its attempt, so that it is the same for any number of threads. The mask stays that of
the present offer.
"""

from dataclasses import replace

import numpy as np

from ...fastsim import network
from ...fastsim.agent import Agent, chooser
from ...fastsim.errors import InputError
from ...fastsim.keyed import draw, uniform
from ...fastsim.network import best_action, scratch_size
from ...fastsim.offers import offered_slot

HEADER = 5  # knobs before the pool: first and last feature of the block, rows of the pool, length of a row, seed


@chooser
def choose(view, observation, mask, knobs, scratch):
    """What the network does with a copy of the observation whose block is that of a drawn row of the pool."""
    first, last, rows, size = int(knobs[0]), int(knobs[1]), int(knobs[2]), int(knobs[3])
    state = view.world.state[0]
    item = view.world.live[offered_slot(view.world)]
    drawn = size * uniform(draw(int(knobs[4]), state.seed, item.job - state.first_job, item.attempts), rows)
    end = HEADER + (rows * size + 1) // 2
    pool = knobs[HEADER:end].view(np.float32)
    room = scratch.shape[0] - size
    seen = scratch[room:]
    for i in range(size):
        seen[i] = pool[drawn + i] if first <= i < last else observation[i]
    return best_action(seen, mask, knobs[end:], scratch[:room])


def shuffled(agent: Agent, name: str, block: slice, pool: np.ndarray, seed: int) -> Agent:
    """The learned `agent` with the features of `block` from rows of `pool`, (rows, size) float32; `name` says so.

    `seed` names the draws. Raises InputError where the pool is empty or the network does not fit beside a copy of an
    observation.
    """
    rows, size = pool.shape
    if rows == 0:
        raise InputError(f"policy {agent.name}", "pool of observations", rows, "has none to draw", "play longer")
    job, clock, site, width = (int(knob) for knob in agent.knobs[: network.HEADER])
    room, sites = scratch_size((size - job - clock) // site, width) + size, (size - job - clock) // site
    if room > agent.scratch:
        reason = f"needs {room} numbers to work with at {sites} sites, more than {agent.scratch}"
        raise InputError(f"policy {agent.name}", "network width", width, reason, "train a narrower one")
    first, last, _ = block.indices(size)
    flat = np.ascontiguousarray(pool, np.float32).ravel()
    padded = np.append(flat, np.zeros(flat.size % 2, np.float32)).view(np.float64)
    header = [first, last, rows, size, seed % (1 << 32)]  # what a float64 holds exactly
    knobs = np.concatenate([np.array(header, np.float64), padded, agent.knobs])
    return replace(agent, name=f"{agent.name}, {name}", choose=choose, knobs=knobs)
