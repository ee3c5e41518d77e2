"""A course: fixed episodes, warmed up once, which any number of agents then play from copies."""

import math
from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from ...envs.scenario import Scenario
from ...fastsim.agent import Agent
from ...fastsim.errors import InputError
from ...fastsim.units import DOLLAR, WEEK
from ..evaluation.cohort import Chunk
from ..evaluation.episodes import Draws
from ..evaluation.scoring import COSTS
from ..evaluation.source import Change, Source
from ..evaluation.window import Played


class Course:
    """`count` windows of drawn work, in stretches from number `first` on; all are kept in memory."""

    def __init__(
        self, scenario: Scenario, seed: int, draws: Draws, first: int, count: int, change: Change | None = None
    ) -> None:
        """`change` makes another stretch of each. Raises InputError where a warm-up outgrows its room."""
        source = Source(scenario, seed, draws=draws, change=change)
        self.chunks = [Chunk(source.spec, episodes) for episodes in source.chunks(count, first)]

    def play(self, agent: Agent) -> Iterator[Played]:
        """Every stretch under an agent. Raises InputError where a world outgrows its room."""
        for chunk in self.chunks:
            yield from chunk.play(agent)

    def cost(self, agent: Agent) -> float:
        """Mean avoidable cost under an agent, dollars per week of the windows, as evaluation tells it.

        Infinite where so much waits under it that the world's integers cannot hold it.
        """
        try:
            return weekly(self.play(agent))
        except InputError as error:
            if error.where != "simulator":
                raise
            return math.inf


def weekly(stretches: Iterable[Played], parts: Sequence[str] = COSTS) -> float:
    """Mean of some parts of the bill over some stretches, dollars per week; of the avoidable cost unless said."""
    cost, length = 0, 0
    for played in stretches:
        cost += sum(int(played.rows[name].sum()) for name in parts)
        length += int(np.sum(played.rows.length))
    return cost / DOLLAR / (length / WEEK)
