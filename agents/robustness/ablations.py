"""Learned policies that do not see a part of the observation: what they lose shows what they use.

The site scorer reads the job, the clock and a block for each site through weights of its own. Where the rows of a block
are zero, its features count as zeros, which is the middle of most of them: a policy that is blind to the block, and
otherwise the same one. (Shuffling a feature over decisions, the other usual way, would need the decisions of a whole
play at once, and those follow from each other.)
"""

from dataclasses import replace
from math import prod

import numpy as np

from ...fastsim.agent import Agent, Player
from ...fastsim.network import HEADER, pack, weight_shapes

BLOCKS = ("job", "clock", "site")


def blind(agent: Agent, block: str) -> Agent:
    """A learned agent that reads zeros in place of the job, the clock or all sites."""
    job, clock, site, width = (int(size) for size in agent.knobs[:HEADER])
    weights = _unpacked(agent.knobs, job, clock, site, width)
    rows = {"job": slice(0, job), "clock": slice(job, job + clock), "site": slice(None)}[block]
    for name in ("embed_site",) if block == "site" else ("embed_common", "hold_common"):
        weights[name][rows] = 0
    return replace(agent, name=f"{agent.name}, blind to {block}", knobs=pack(weights, job, clock, site, width))


def ablated(agents: list[Player]) -> list[tuple[Agent, Agent]]:
    """Each learned agent with each of its blind versions."""
    learned = [agent for agent in agents if isinstance(agent, Agent) and agent.observes]
    return [(agent, blind(agent, block)) for agent in learned for block in BLOCKS]


def _unpacked(knobs: np.ndarray, job: int, clock: int, site: int, width: int) -> dict[str, np.ndarray]:
    """The weights by name, as `pack` takes them."""
    flat, at, weights = knobs[HEADER:].copy().view(np.float32), 0, {}
    for name, shape in weight_shapes(job, clock, site, width).items():
        weights[name] = flat[at : at + prod(shape)].reshape(shape)
        at += prod(shape)
    return weights
