"""What a policy is asked, and what it answers, in episodes that are not evaluated."""

from typing import NamedTuple

import numpy as np

from ...envs.scenario import Scenario
from ...fastsim.advance import CROWDED, OFFERED
from ...fastsim.agent import Agent
from ...fastsim.errors import InputError
from ...fastsim.worlds import Worlds
from ..evaluation.cohort import Chunk
from ..evaluation.episodes import TUNING
from ..evaluation.source import Source, chunks

EPISODES = 8
OFFERS = 16_384  # about so many, where there are more


class Offers(NamedTuple):
    """Offers and their answers."""

    observations: np.ndarray  # (offers, size) float32
    masks: np.ndarray  # (offers, actions) bool, true = legal
    actions: np.ndarray  # (offers,) int64
    episode: np.ndarray  # (offers,) int64, that each is from

    def where(self, which: np.ndarray) -> "Offers":
        """Some of them: `which` is an index, or (offers,) bool."""
        return Offers(*(array[which] for array in self))

    def thinned(self, most: int) -> "Offers":
        """At most `most` of them, evenly spread."""
        count = len(self.actions)
        return self if count <= most else self.where(np.arange(most) * count // most)


def met(scenario: Scenario, agent: Agent, seed: int, episodes: int = EPISODES, most: int = OFFERS) -> Offers:
    """Offers that `agent` meets in the windows of episodes that rules are tuned on.

    About `most`: every so many-th, so that they are from the whole of each window. Answers that are not legal are left
    out. Raises InputError where no legal one is left, or a world outgrows its room.
    """
    source = Source(scenario, seed, draws=TUNING, windows=1)
    begun = [Chunk(source.spec, drawn) for drawn in chunks(source.episode, episodes)]
    stride = max(1, sum(_decisions(chunk, agent) for chunk in begun) // most)
    first, parts = 0, []
    for chunk in begun:
        parts += [part._replace(episode=part.episode + first) for part in _walk(chunk, agent, stride)]
        first += len(chunk.episodes)
    if not parts:
        raise InputError(f"policy {agent.name}", "legal answers", 0, "there is nothing to learn from", "leave it out")
    return Offers(*(np.concatenate(arrays) for arrays in zip(*parts, strict=True)))


def _worlds(chunk: Chunk) -> tuple[Worlds, np.ndarray]:
    """The chunk's episodes at the beginning of their windows, and the ends of these [ms]."""
    worlds, numbers = Worlds(chunk.spec, chunk.jobs, len(chunk.episodes)), np.arange(len(chunk.episodes))
    worlds.copy_from(chunk.begun, numbers, numbers)
    return worlds, np.array([episode.edges[-1] for episode in chunk.episodes], np.int64)


def _decisions(chunk: Chunk, agent: Agent) -> int:
    """How many offers are answered in the windows."""
    worlds, ends = _worlds(chunk)
    before = worlds.batch.state.decisions.sum()
    worlds.play(agent, ends)
    return int(worlds.batch.state.decisions.sum() - before)


def _walk(chunk: Chunk, agent: Agent, stride: int) -> list[Offers]:
    """The first offer of every window and each `stride`-th from there."""
    worlds, ends = _worlds(chunk)
    found, which, turns = [], np.arange(len(worlds)), 0
    while True:
        _to_offers(worlds, agent, ends, turns, which)
        which, turns = which[worlds.status[which] == OFFERED], stride
        if len(which) == 0:
            return found
        answers = worlds.ask(agent)
        rows = which[answers[which] >= 0]  # a network whose scores are no numbers has none
        found.append(Offers(worlds.observations[rows], worlds.masks[rows] > 0, answers[rows], rows))


def _to_offers(worlds: Worlds, agent: Agent, ends: np.ndarray, turns: int, which: np.ndarray) -> None:
    """Play `turns` decisions of some episodes, and on to an offer or the end; fewer where room must be made."""
    none = np.full(len(worlds), -1, np.int64)
    while len(which):
        worlds.run(none, agent, ends, turns, observes=True, episodes=which)
        worlds.make_room()
        which, turns = which[worlds.status[which] == CROWDED], 0
