"""Validation: the same few weeks played again and again while a policy is learned, beside the best rule.

The weeks are drawn for this only: no run learns from them, no rule was tuned or chosen on them, and evaluation holds
out others. They are the same whatever a run's seed, so that runs may be compared. Playing them draws nothing from any
generator of random numbers that learning draws from.
"""

import math
import time
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from ...envs.scenario import Scenario
from ...fastsim.agent import Agent
from ...fastsim.errors import InputError
from ...fastsim.threads import each
from ...fastsim.worlds import Worlds
from ..bound.clairvoyant import Clairvoyant
from ..evaluation.cohort import Chunk
from ..evaluation.episodes import VALIDATION
from ..evaluation.fares import joined
from ..evaluation.measures import ground_of, share, waits
from ..evaluation.outcomes import present
from ..evaluation.policies import best_rule
from ..evaluation.source import Source
from ..evaluation.window import Played
from ..tuning.course import weekly
from .events import Png
from .mix import Mix, mixes
from .pictures import by_class, by_hour

SEED = 1  # names the weeks
AVOIDABLE, SAVED, GAP = "eval/avoidable_cost", "eval/saved_of_best_tuned", "eval/gap_closed"
WAIT, WAIT_OF = "eval/wait_p95_hours", "eval/wait_p95_of_best_tuned"
SECONDS = "time/evaluation_s"


class Fared(NamedTuple):
    """What some weeks came to under one policy."""

    cost: float  # avoidable, dollars a week; infinite where so much waits that the world cannot hold it
    wait: float  # 95th percentile over all jobs but blocks of serving, hours


NEVER = Fared(math.inf, math.inf)


def saved(cost: float, rule: float) -> float:
    """The share of the rule's cost that a policy saves; below 0 it costs more. NaN where the rule costs nothing."""
    return 1 - share(cost, rule)


def gap_closed(cost: float, rule: float, clairvoyant: float) -> float:
    """How far a policy has come from the rule, 0, to the clairvoyant, 1; NaN where these cost the same."""
    return share(rule - cost, rule - clairvoyant)


class Weeks:
    """Some weeks of one scenario, and what the rule came to on them."""

    def __init__(self, scenario: Scenario, rule: Agent, count: int) -> None:
        """Raises InputError where a warm-up outgrows its world."""
        source = Source(scenario, SEED, draws=VALIDATION)
        self.chunks = [Chunk(source.spec, episodes) for episodes in source.chunks(count)]
        self.ground = ground_of(scenario, source.spec)
        self.rule = self.fare(rule)[0]

    def fare(self, agent: Agent) -> tuple[Fared, tuple[Mix, Mix] | None]:
        """What they come to under an agent, with the mix of all its decisions and that of first offers."""
        try:
            seen = [one for chunk in self.chunks for one in self._watched(chunk, agent)]
        except InputError as error:
            if error.where != "simulator":
                raise
            return NEVER, None
        played = [one for one, _, _ in seen]
        wait = waits(joined([one.fares for one in played]))["wait_p95_hours"]
        every, first = seen[0][1:]
        for _, more, fresh in seen[1:]:
            every, first = every + more, first + fresh
        return Fared(weekly(played), wait), (every, first)

    def _watched(self, chunk: Chunk, agent: Agent) -> list[tuple[Played, Mix, Mix]]:
        """Every episode of a chunk, with its mixes."""
        classes, actions = len(self.ground.classes), len(self.ground.sites) + 1

        def play(number: int) -> tuple[Played, Mix, Mix]:
            worlds = Worlds(chunk.spec, chunk.jobs, 1, results=chunk.room, log=True)
            (played,) = chunk.play_in(worlds, agent, (number,))
            here, end = present(chunk.begun, number), int(chunk.episodes[number].edges[-1])
            return played, *mixes(worlds.log(), chunk.jobs, here.job[here.attempts > 0], end, classes, actions)

        return each(play, len(chunk.episodes))


class Foresight:
    """Some single weeks of a scenario, under the rule and under who knows the future and betters it."""

    def __init__(self, scenario: Scenario, rule: Agent, count: int, largest: int) -> None:
        source = Source(scenario, SEED, draws=VALIDATION, windows=1)
        self._chunks = each(lambda number: Chunk(source.spec, [source.episode(number)]), count)
        self.rule = self.cost(rule)
        better = each(lambda number: self._better(self._chunks[number], rule, largest), count)
        self.clairvoyant = weekly(better)

    def cost(self, agent: Agent) -> float:
        """Dollars a week under an agent."""
        try:
            return weekly([one for chunk in self._chunks for one in chunk.play(agent)])
        except InputError as error:
            if error.where != "simulator":
                raise
            return math.inf

    def closed(self, agent: Agent) -> float:
        """The share of the gap that an agent closes."""
        return gap_closed(self.cost(agent), self.rule, self.clairvoyant)

    @staticmethod
    def _better(chunk: Chunk, rule: Agent, largest: int) -> Played:
        return chunk.play(Clairvoyant(chunk, rule, largest))[0]


class Validation:
    """What a policy comes to, as points of TensorBoard: means over the scenarios, and pictures of the first."""

    def __init__(self, scenarios: Sequence[Scenario], episodes: int, foreseen: int = 0, largest: int = 0) -> None:
        """`episodes`: weeks of each scenario; `foreseen` of them, single ones, are played by a clairvoyant too.

        It tries the offers of the `largest` jobs of each week. Raises InputError where a scenario cannot be played.
        """
        rules = [best_rule(scenario) for scenario in scenarios]
        self._title = f"{scenarios[0].name}, {episodes} validation weeks"
        self._weeks = [Weeks(one, rule, episodes) for one, rule in zip(scenarios, rules, strict=True)]
        self._foresight = [
            Foresight(one, rule, foreseen, largest) for one, rule in zip(scenarios, rules, strict=True) if foreseen
        ]

    @property
    def metrics(self) -> tuple[str, ...]:
        """The scalars that tell how good a policy is."""
        return (AVOIDABLE, SAVED, WAIT, WAIT_OF, *([GAP] if self._foresight else []))

    def point(self, agent: Agent) -> dict[str, float | Png]:
        """What an agent comes to; no pictures where the first scenario cannot hold what waits under it."""
        began = time.monotonic()
        found = [weeks.fare(agent) for weeks in self._weeks]
        fares, rules, mix = [one for one, _ in found], [weeks.rule for weeks in self._weeks], found[0][1]
        pairs = list(zip(fares, rules, strict=True))
        point: dict[str, float | Png] = {
            AVOIDABLE: float(np.mean([own.cost for own in fares])),
            SAVED: float(np.mean([saved(own.cost, rule.cost) for own, rule in pairs])),
            WAIT: float(np.mean([own.wait for own in fares])),
            WAIT_OF: float(np.mean([share(own.wait, rule.wait) for own, rule in pairs])),
        }
        if self._foresight:
            point[GAP] = float(np.mean([one.closed(agent) for one in self._foresight]))
        if mix is not None:
            ground = self._weeks[0].ground
            point["mix/by_class"] = by_class(f"Actions by class of job: {self._title}", ground, mix)
            point["mix/by_hour"] = by_hour(f"Actions by hour of day: {self._title}", ground, mix)
        return point | {SECONDS: time.monotonic() - began}
