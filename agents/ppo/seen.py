"""What a policy saw in training: observations for its envelope (trained/envelope.py).

They are drawn in the scenarios of its training, or in the variants that it was trained in; half under the policy, half
under the rule beside which it was trained, since a router that is asked in shadow mode is asked in the rule's world.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from ...envs.routing import RoutingBatch
from ...envs.scenario import Scenario
from ...fastsim import scorer
from ...fastsim.agent import Agent
from ...fastsim.layout import Layout
from ...fastsim.observe import JOB_FEATURES
from ...trained.envelope import Envelope, Seen, drawn, means_of
from ..evaluation.policies import best_rule
from ..evolution.randomised import variant

EPISODES, STREAMS = 64, 32  # side by side, half of them under the rule, from so many streams, in one world
FEWEST = 8  # of both, where there are many worlds
MOST_VARIANTS = 28  # that are looked at: they are alike
WANTED = 30_000  # observations for the regions, and as many for the limits
FRESH = JOB_FEATURES.index("is_fresh")
APART = 4  # decisions between observations that are kept: neighbours are alike
FIRST_SEED, SECOND_SEED = 7_000_001, 7_000_002  # of weeks that no training has
Progress = Callable[[float], Any]  # takes the share that is over


def nobody(_: float) -> None:
    """Tells nobody how far it is."""


def envelope_of(
    scenarios: Sequence[Scenario], variants: int, seed: int, knobs: np.ndarray, layout: Layout, tell: Progress
) -> Envelope:
    """The envelope of a policy that learned in `scenarios`, or in so many variants of them."""
    agent = Agent("policy", scorer.choose, knobs, observes=True)
    worlds = list(_worlds(scenarios, min(variants, MOST_VARIANTS), seed))
    seen: list[Seen] = []
    others: list[Seen] = []
    episodes, streams = (max(FEWEST, one // len(worlds)) for one in (EPISODES, STREAMS))
    for place, (scenario, rule) in enumerate(worlds, 1):
        for found, weeks in ((seen, FIRST_SEED), (others, SECOND_SEED)):
            batch = RoutingBatch(scenario, episodes, weeks, streams=streams, rule=rule)
            found.append(observed(batch, rule, agent, -(-WANTED // len(worlds))))
        tell(place / len(worlds))
    return drawn(seen, others, layout, FRESH)


def _worlds(scenarios: Sequence[Scenario], variants: int, seed: int) -> Iterator[tuple[Scenario, Agent]]:
    """Where it was trained, each with the rule that was tuned there, or for its base."""
    for number in range(variants or len(scenarios)):
        base = scenarios[number % len(scenarios)]
        yield (variant(base, seed, number) if variants else base), best_rule(base)


def observed(batch: RoutingBatch, rule: Agent, agent: Agent, wanted: int) -> Seen:
    """About `wanted` observations of a batch; the first half of its episodes is the agent's, the others the rule's."""
    batch.reset()
    layout, half = batch.layout, np.arange(len(batch)) < len(batch) // 2
    observations, masks, fresh = [], [], [list[np.ndarray]() for _ in half]
    for turn in range(-(-wanted // len(batch)) * APART):
        if turn % APART == 0:
            observations.append(batch.observations.copy())
            masks.append(batch.masks == 1)
        first = np.flatnonzero(batch.observations[:, FRESH] == 1)
        for episode, row in zip(first, means_of(batch.observations[first], batch.masks[first], layout), strict=True):
            fresh[episode].append(row)
        batch.step(np.where(half, batch.worlds.ask(agent), batch.worlds.ask(rule)))
    return Seen(np.concatenate(observations), np.concatenate(masks), [np.array(rows) for rows in fresh])
