"""What evolution minimises: the cost of paired episodes beside that of a reference, and no longer waits for it.

    loss of a world = ln(cost / reference cost), WORSE times that where it is above 0
                      + waits × max(0, ln(p95 wait / reference p95 wait))

Who puts a policy in the place of a rule minds its losses more than its savings, and longer waits as much as either: the
second term keeps a policy from paying for its savings with the waits of the many small jobs, whose delay costs little.
A wait below MOMENT counts as one, a cost below SMALL of the bill as that. The loss is the mean over worlds. They count
alike, whatever their size; beyond 1 a world's part grows ever slower, and it stays below 2: one in which nothing can be
won, or in which next to nothing was to be paid, does not outweigh all others.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from ...envs.scenario import Scenario
from ...fastsim.agent import Agent
from ...fastsim.errors import InputError
from ...fastsim.units import DAY, MINUTE
from ..evaluation.episodes import Draws, Episode
from ..evaluation.source import Change
from ..tuning.course import Course, weekly

WORSE = 2.0  # so many times as much as better
MOMENT = 2 * MINUTE  # ms
SMALL = 0.001  # of the total bill under the reference
TAIL = 28 * DAY  # after the windows of a stretch that is cut short, ms


class Fared(NamedTuple):
    """What a course came to under one agent."""

    cost: float  # avoidable, dollars per week
    wait: float  # ms: 95th percentile over all jobs but blocks of serving
    floors: float = 0.0  # of commitments, dollars per week: the rest of the bill


class World:
    """A course, and what the reference came to on it."""

    def __init__(
        self,
        scenario: Scenario,
        reference: Agent,
        seed: int,
        draws: Draws,
        first: int,
        count: int,
        change: Change | None = None,
        waits: float = 1.0,
    ) -> None:
        """`change` makes another stretch of each, `waits` says how much longer waits count.

        Raises InputError where what waits outgrows the world's room.
        """
        self.scenario, self.waits = scenario, waits
        self._course = Course(scenario, seed, draws, first, count, change)
        self.reference = self.fare(reference)
        if not math.isfinite(self.reference.cost):
            reason = "so much waits that the world's integers cannot hold it"
            raise InputError("reference", reference.name, scenario.name, reason, "choose another")

    def fare(self, agent: Agent) -> Fared:
        """What the course comes to under an agent."""
        try:
            played = list(self._course.play(agent))
        except InputError as error:
            if error.where != "simulator":
                raise
            return Fared(math.inf, math.inf)
        fares = [one.fares for one in played]
        waits = [one.waited[(one.waited >= 0) & ~one.is_block] for one in fares]
        return Fared(weekly(played), percentile(np.concatenate(waits)), weekly(played, ("floors",)))

    @property
    def least(self) -> float:
        """The cost as which a smaller one counts, dollars per week."""
        return max(1.0, SMALL * (self.reference.cost + self.reference.floors))

    def loss(self, agent: Agent) -> float:
        """The part of this world in the loss."""
        found = self.fare(agent)
        if not math.isfinite(found.cost):
            return math.inf
        dearer = math.log(max(found.cost, self.least) / max(self.reference.cost, self.least))
        longer = math.log(max(found.wait, MOMENT) / max(self.reference.wait, MOMENT))
        return bounded(dearer * (WORSE if dearer > 0 else 1.0) + self.waits * max(0.0, longer))


def bounded(loss: float) -> float:
    """The same up to 1, and beyond it ever nearer to 2: in the same order."""
    return loss if loss <= 1 else 2 - math.exp(1 - loss)


def cut_short(episode: Episode, number: int) -> Episode:
    """A stretch that ends soon after its windows: who has not finished then is charged until then."""
    return episode._replace(end=min(episode.end, int(episode.edges[-1]) + TAIL))


def percentile(waits: np.ndarray) -> float:
    """95th percentile of waits (jobs,) [ms]; 0 without jobs."""
    if len(waits) == 0:
        return 0.0
    place = len(waits) * 95 // 100
    return float(np.partition(waits, place)[place])


def loss(worlds: Sequence[World], agent: Agent) -> float:
    """Mean over the worlds; infinite where one of them cannot hold what waits."""
    return sum(world.loss(agent) for world in worlds) / len(worlds)
