"""The offers that are labelled: in random variants of the scenarios and in these themselves, in worlds that go on.

Who answers them decides what is seen. In the first round each teacher does, and from then on the student: a policy that
learned from its teachers' offers only would not know what to do where its own mistakes lead (Ross, Gordon and Bagnell,
"A Reduction of Imitation Learning and Structured Prediction to No-Regret Online Learning", 2011).
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from ...envs.routing import RoutingBatch
from ...envs.scenario import Scenario
from ...fastsim.agent import Agent
from ...fastsim.keyed import world_seed
from ...fastsim.layout import Layout
from ...fastsim.threads import each
from ..evaluation.episodes import TUNING
from ..evolution import settings as evolution
from ..evolution.worlds import worlds_of
from ..ppo.branches import Branches, mean_stake
from ..ppo.stakes import MOST
from .settings import Settings

EPISODES, STREAMS = 4, 1  # of a variant
MANY, MANY_STREAMS = 16, 4  # of a scenario as it is
APART = 1.75  # hours that are played before an offer is looked for, and in which it has to come
WEEKS = 4  # of a variant that the rule plays, to see whether it makes sense at all


class Offers(NamedTuple):
    """Some offers of one world."""

    scenario: int  # whose it is: a place among the scenarios
    observations: np.ndarray  # float32 (rows, size)
    masks: np.ndarray  # bool (rows, actions)
    weights: np.ndarray  # float32 (rows,): by how much each counts


class Visits:
    """Worlds whose episodes go on from round to round, whoever answers."""

    def __init__(self, scenarios: Sequence[Scenario], settings: Settings) -> None:
        """Raises InputError where a scenario cannot be played or has no variant that makes sense."""
        self._seed, self._offers = settings.seed, settings.offers
        drawn = _variants(scenarios, settings)
        self._whose = [*(number % len(scenarios) for number in range(len(drawn))), *range(len(scenarios))]
        worlds = [*drawn, *scenarios]

        def batch(number: int) -> RoutingBatch:
            episodes, streams = (EPISODES, STREAMS) if number < len(drawn) else (MANY, MANY_STREAMS)
            return RoutingBatch(worlds[number], episodes, settings.seed + number, streams=streams)

        self.batches = each(batch, len(worlds))
        for one in self.batches:
            one.reset()
        self.layouts: list[Layout] = [one.layout for one in self.batches[-len(scenarios) :]]

    def collect(self, agents: Sequence[Agent], number: int) -> list[Offers]:
        """Offers of round `number`; `agents` answer, one for each scenario."""

        def play(place: int) -> Offers:
            batch, whose = self.batches[place], self._whose[place]
            lots = int(world_seed(self._seed, number * len(self.batches) + place))
            return sampled(batch, whose, agents[whose], self._offers, lots)

        return each(play, len(self.batches))


def sampled(batch: RoutingBatch, scenario: int, agent: Agent, count: int, lots: int) -> Offers:
    """Up to `count` offers an episode that an agent meets, APART from each other and more; `lots` says which.

    After each pause one of the next offers is taken: with s its stake beside the mean of all jobs, by the chance
    s / MOST, at least 1 / MOST and at most 1, if more than one action is legal. It counts as s + 1 would if all were
    kept, where s is clipped between 1 and MOST: (s + 1) / chance = MOST + 1 / chance.

    Jobs wait and are offered again, large ones most of all. Beside the mean of all jobs many are large, and are met
    alike; beside the mean of all offers the few largest would be met, or any, and next to none between.
    """
    branches, mean = Branches(batch, 1), mean_stake(batch)
    parts: list[list[np.ndarray]] = []
    for _ in range(count):
        batch.play(agent, APART)
        labels = branches.meet(agent, lots, MOST * mean, 1 / MOST, APART)
        rows = labels.weights > 0
        weights = (MOST + labels.weights[rows]).astype(np.float32)
        parts.append([labels.observations[rows], labels.masks[rows] == 1, weights])
    return Offers(scenario, *(np.concatenate(part) for part in zip(*parts, strict=True)))


def _variants(scenarios: Sequence[Scenario], settings: Settings) -> list[Scenario]:
    """The variants that an evolution with this seed would play, the scenarios taking turns."""
    if settings.variants == 0:
        return []
    drawn = evolution.Settings(seed=settings.seed, variants=settings.variants, episodes=WEEKS, sets=1)
    return [world.scenario for world in worlds_of(scenarios, drawn, TUNING, 0)]
