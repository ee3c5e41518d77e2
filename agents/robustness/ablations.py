"""Learned policies without a part of what they see or are: what they lose shows what they use.

Blind: the site scorer reads the job, the clock and a block for each site through weights of its own. Where the rows of
a block are zero, its features count as zeros, which is the middle of most of them: a policy that is blind to the block,
and otherwise the same one. Shuffled (shuffled.py): the block is that of another decision. Linear (linear.py): a
weighted sum of the same features that answers as much like the policy as one can.
"""

from collections.abc import Sequence
from dataclasses import replace
from math import prod
from typing import NamedTuple

import numpy as np

from ...envs.scenario import Scenario
from ...fastsim.agent import Agent, Player
from ...fastsim.network import HEADER, pack, weight_shapes
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


def blind(agent: Agent, block: str) -> Agent:
    """A learned agent that reads zeros in place of the job, the clock or all sites."""
    job, clock, site, width = (int(size) for size in agent.knobs[:HEADER])
    weights = _unpacked(agent.knobs, job, clock, site, width)
    rows = {"job": slice(0, job), "clock": slice(job, job + clock), "site": slice(None)}[block]
    for name in ("embed_site",) if block == "site" else ("embed_common", "hold_common"):
        weights[name][rows] = 0
    return replace(agent, name=f"{agent.name}, blind to {block}", knobs=pack(weights, job, clock, site, width))


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
    held_out = offers.episode % OF_EVERY == 0
    score = fitted(offers.where(~held_out), job + clock, site)
    return [
        *(Ablated(agent, blind(agent, block)) for block in BLOCKS),
        *(Ablated(agent, shuffled(agent, name, block, pool, seed)) for name, block in parts.items()),
        Ablated(agent, linear(agent, score), score.agreement(offers.where(held_out))),
    ]


def _unpacked(knobs: np.ndarray, job: int, clock: int, site: int, width: int) -> dict[str, np.ndarray]:
    """The weights by name, as `pack` takes them."""
    flat, at, weights = knobs[HEADER:].copy().view(np.float32), 0, {}
    for name, shape in weight_shapes(job, clock, site, width).items():
        weights[name] = flat[at : at + prod(shape)].reshape(shape)
        at += prod(shape)
    return weights
