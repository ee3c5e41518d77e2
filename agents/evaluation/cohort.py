"""A chunk of episodes, warmed up once and then played to the end of their cohorts under each agent.

All agents begin from copies of the same states. Jobs that wait then, and those that arrive until the window's end, are
the cohort; play goes on, with arrivals, until each of them has left the world.
"""

import numpy as np

from ...fastsim.spec import Spec
from ...fastsim.worlds import Worlds
from ..rules import cost_greedy
from .episodes import Episode
from .on_plan import put_on_plan
from .outcomes import cohort_of
from .playing import Player, play
from .window import Played, scored, through


class Chunk:
    """Some episodes, their states at the beginning of their windows, and their cohorts."""

    def __init__(self, spec: Spec, episodes: list[Episode]) -> None:
        """Raises InputError where a world outgrows its room."""
        self.spec = spec
        self.episodes = episodes
        last = np.cumsum([len(episode.jobs) for episode in episodes]).tolist()  # of each in the common table of jobs
        self.jobs = np.concatenate([episode.jobs for episode in episodes]).view(np.recarray)
        self.begun = Worlds(spec, self.jobs, len(episodes))
        for index, one in enumerate(episodes):
            first = last[index] - len(one.jobs)
            self.begun.begin(index, first, last[index], one.begin, seed=one.seed, variant=one.variant)
        self.begun.play(cost_greedy.agent(), np.array([episode.edges[0] for episode in episodes]))
        put_on_plan(self.begun)
        self.cohorts = [cohort_of(self.begun, index, one.edges) for index, one in enumerate(episodes)]
        self.room = max(1, *(len(cohort.is_scored) for cohort in self.cohorts))

    def play(self, agent: Player) -> list[Played]:
        """Every episode under `agent`."""
        worlds = Worlds(self.spec, self.jobs, len(self.episodes), results=self.room)
        numbers = np.arange(len(self.episodes))
        worlds.copy_from(self.begun, numbers, numbers)
        for index, cohort in enumerate(self.cohorts):
            worlds.ask_results(index, cohort.first, len(cohort.is_scored))
        # One more keeps a world going to the window's end even when its last job has finished.
        worlds.batch.state.open_results[:, 0] += 1 - np.array([cohort.gone for cohort in self.cohorts])
        window = through(worlds, agent, [episode.edges for episode in self.episodes])
        worlds.batch.state.open_results[:, 0] -= 1
        play(worlds, agent, np.array([episode.deadline for episode in self.episodes]))
        return [scored(worlds, index, cohort, window) for index, cohort in enumerate(self.cohorts)]
