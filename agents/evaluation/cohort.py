"""A chunk of episodes, warmed up once and then played to the end of their cohorts under each agent.

All agents begin from copies of the same states. Jobs that wait then, and those that arrive until the window's end, are
the cohort; play goes on, with arrivals, until each of them has left the world.
"""

from collections.abc import Sequence

import numpy as np

from ...fastsim.agent import Agent, Player
from ...fastsim.spec import Spec
from ...fastsim.threads import each
from ...fastsim.worlds import Worlds
from ..rules import cost_greedy
from .episodes import Episode
from .on_plan import put_on_plan
from .outcomes import cohort_of
from .window import Played, scored, through


class Chunk:
    """Some episodes, their states at the beginning of their windows, and their cohorts."""

    def __init__(self, spec: Spec, episodes: list[Episode], *, overflows: bool = True) -> None:
        """Warmed up. Raises InputError where a world outgrows its room. `overflows` as in window.py."""
        self.overflows = overflows
        last = np.cumsum([len(episode.jobs) for episode in episodes]).tolist()  # of each in the common table of jobs
        tables = [episode.jobs for episode in episodes]
        jobs = tables[0] if len(tables) == 1 else np.concatenate(tables).view(np.recarray)
        begun = Worlds(spec, jobs, len(episodes))
        for index, one in enumerate(episodes):
            first = last[index] - len(one.jobs)
            begun.begin(index, first, last[index], one.begin, seed=one.seed, variant=one.variant)
        begun.play(cost_greedy.agent(), np.array([episode.edges[0] for episode in episodes]))
        put_on_plan(begun)
        self._begin(begun, episodes)

    @classmethod
    def of(cls, begun: Worlds, episodes: list[Episode]) -> "Chunk":
        """Episodes that have begun already: their worlds are at the first of their edges."""
        found = cls.__new__(cls)
        found.overflows = True
        found._begin(begun, episodes)
        return found

    def _begin(self, begun: Worlds, episodes: list[Episode]) -> None:
        self.spec, self.jobs, self.begun, self.episodes = begun.spec, begun.jobs, begun, episodes
        self.cohorts = each(lambda index: cohort_of(begun, index, episodes[index].edges), len(episodes))
        self.room = max(1, *(len(cohort.is_scored) for cohort in self.cohorts))
        self._spare: list[Worlds] = []  # of one episode each, for the next who plays: new memory is dear

    def play(self, agent: Player) -> list[Played]:
        """Every episode under `agent`."""
        if isinstance(agent, Agent):  # whole episodes on threads: none waits for another at an edge
            return each(lambda number: self.play_alone(number, agent), len(self.episodes))
        worlds = Worlds(self.spec, self.jobs, len(self.episodes), results=self.room)
        return self.play_in(worlds, agent, range(len(self.episodes)))

    def play_alone(self, number: int, agent: Player) -> Played:
        """One of the episodes."""
        try:
            worlds = self._spare.pop()
        except IndexError:
            worlds = Worlds(self.spec, self.jobs, 1, results=self.room)
        played = self.play_in(worlds, agent, (number,))[0]
        self._spare.append(worlds)
        return played

    def play_in(self, worlds: Worlds, agent: Player, numbers: Sequence[int] = (0,)) -> list[Played]:
        """Some of the episodes in worlds that the caller has made: over the chunk's jobs, with room for results."""
        cohorts, episodes = [self.cohorts[number] for number in numbers], [self.episodes[number] for number in numbers]
        worlds.copy_from(self.begun, np.array(numbers), np.arange(len(numbers)))
        for index, cohort in enumerate(cohorts):
            worlds.ask_results(index, cohort.first, len(cohort.is_scored))
        # One more keeps a world going to the window's end even when its last job has finished.
        worlds.batch.state.open_results[:, 0] += 1 - np.array([cohort.gone for cohort in cohorts])
        window = through(worlds, agent, [episode.edges for episode in episodes], overflows=self.overflows)
        worlds.batch.state.open_results[:, 0] -= 1
        worlds.play(agent, np.array([episode.deadline for episode in episodes]))
        return [scored(worlds, index, cohort, window) for index, cohort in enumerate(cohorts)]
