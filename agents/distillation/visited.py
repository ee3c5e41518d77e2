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
from ...fastsim.layout import Layout
from ...fastsim.threads import each
from ..evaluation.episodes import TUNING
from ..evolution import settings as evolution
from ..evolution.worlds import worlds_of
from ..ppo.stakes import stakes
from .settings import Settings

EPISODES, STREAMS = 4, 1  # of a variant
MANY, MANY_STREAMS = 16, 4  # of a scenario as it is
KEPT = 0.075  # chance that an offer without any stakes of its own is kept: neighbours are alike
MOMENTS, APART = 12, 7.0  # of a round at which offers are met, and hours between them: no divisor of a day or a week
LEGAL = 2  # actions that an offer has at least, if there is anything to learn from it
WEEKS = 4  # of a variant that the rule plays, to see whether it makes sense at all


class Offers(NamedTuple):
    """Some offers of one world."""

    scenario: int  # whose it is: a place among the scenarios
    observations: np.ndarray  # float32 (rows, size)
    masks: np.ndarray  # bool (rows, actions)
    weights: np.ndarray  # float32 (rows,): stakes over the chance of being kept


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
        apart = -(-self._offers // MOMENTS)

        def play(place: int) -> Offers:
            batch, whose = self.batches[place], self._whose[place]
            observations, masks = [], []
            for met in range(self._offers):
                if met % apart == 0:
                    batch.play(agents[whose], APART)
                observations.append(batch.observations.copy())
                masks.append(batch.masks == 1)
                batch.step(batch.worlds.ask(agents[whose]))
            rng = np.random.default_rng([self._seed, 0xD157111, number, place])
            return kept(whose, np.concatenate(observations), np.concatenate(masks), rng)

        return each(play, len(self.batches))


def kept(scenario: int, observations: np.ndarray, masks: np.ndarray, rng: np.random.Generator) -> Offers:
    """Some of the offers that somebody has met, by what is at stake: large jobs are few, and most of the bill."""
    stake = stakes(observations)
    chance = np.minimum(KEPT * stake, 1.0)
    rows = (masks.sum(1) >= LEGAL) & (rng.random(len(masks)) < chance)
    return Offers(scenario, observations[rows], masks[rows], (stake / chance)[rows].astype(np.float32))


def _variants(scenarios: Sequence[Scenario], settings: Settings) -> list[Scenario]:
    """The variants that an evolution with this seed would play, the scenarios taking turns."""
    if settings.variants == 0:
        return []
    drawn = evolution.Settings(seed=settings.seed, variants=settings.variants, episodes=WEEKS, sets=1)
    return [world.scenario for world in worlds_of(scenarios, drawn, TUNING, 0)]
