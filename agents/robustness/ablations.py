"""Learned policies without a part of what they see or are: what they lose shows what they use.

Blind: it sees zeros, which is the middle of most features, in place of the job, of the clock or of all sites. Shuffled
(shuffled.py): the block is that of another decision. Linear (linear.py): a weighted sum of the same features that
answers as much like the policy as one can.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from ...envs.scenario import Scenario
from ...fastsim.agent import Agent, Player
from ...fastsim.network import HEADER
from .linear import Agreement, fitted, linear
from .offers import Offers, met

BLOCKS = ("job", "clock", "site")
ALL = "all"  # blocks at once, from the same other decision
VERSIONS = 2 * len(BLOCKS) + 2
POOL = 4096  # observations to draw from
OF_EVERY = 4  # episodes, one is kept from the fit, to see how often the weighted sum answers as the policy does


class Ablated(NamedTuple):
    """A version of a learned agent."""

    whole: Agent
    part: Agent
    agreement: Agreement | None = None  # of a weighted sum


def learned(agents: Sequence[Player]) -> list[Agent]:
    """Those that can be ablated."""
    return [agent for agent in agents if isinstance(agent, Agent) and agent.observes]


def ablated(agent: Agent, scenario: Scenario, seed: int) -> list[Ablated]:
    """`VERSIONS` of a learned agent: blind, shuffled, and as a weighted sum.

    The latter two are made from what the agent meets in episodes of the scenario that are not evaluated. Raises
    InputError where these cannot be played, or the network leaves no room for shuffling.
    """
    return versions(agent, met(scenario, agent, seed), seed)


def versions(agent: Agent, offers: Offers, seed: int) -> list[Ablated]:
    """The same from the offers that the agent met."""
    from .shuffled import shuffled  # to be compiled, which rules do without

    job, clock, site, _ = (int(size) for size in agent.knobs[:HEADER])
    pool = offers.thinned(POOL).observations
    parts = {"job": slice(0, job), "clock": slice(job, job + clock), "site": slice(job + clock, None), ALL: slice(None)}
    nothing = np.zeros_like(pool[:1])
    held_out = offers.episode % OF_EVERY == 0
    score = fitted(offers.where(~held_out), job + clock, site)
    return [
        *(Ablated(agent, shuffled(agent, f"blind to {block}", parts[block], nothing, seed)) for block in BLOCKS),
        *(Ablated(agent, shuffled(agent, f"{name} shuffled", block, pool, seed)) for name, block in parts.items()),
        Ablated(agent, linear(agent, score), score.agreement(offers.where(held_out))),
    ]
