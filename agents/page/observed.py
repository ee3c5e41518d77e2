"""Episode 0 of an evaluation, played again and watched: what it came to is what was scored.

The world is read at about a thousand instants of the window. Meters only grow, so the mean of whatever they count
between two instants is exact, however much happens in between.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from ...envs.scenario import Scenario
from ...envs.traces.table import Trace
from ...fastsim.agent import Player
from ...fastsim.spec import MAX_PROVIDERS, MAX_SITES, Spec
from ...fastsim.units import NEVER
from ...fastsim.worlds import Worlds
from ..evaluation.cohort import Chunk
from ..evaluation.episodes import Episode
from ..evaluation.on_plan import fill_plan
from ..evaluation.outcomes import present
from ..evaluation.readings import read
from ..evaluation.report import Report
from ..evaluation.source import Source
from ..evaluation.window import Played
from .chosen import chosen
from .clock import POINTS, grid


class Observed(NamedTuple):
    """One episode under one policy, watched through its window."""

    policy: int  # its number in the report
    spec: Spec
    jobs: Any  # (jobs,) JOB
    present: Any  # (jobs,) LIVE: who was in the world when the window began
    instants: np.ndarray  # (points + 1,) int64 ms, from the window's beginning to its end
    readings: Any  # (points + 1,) READING
    drawn: np.ndarray  # (points + 1, MAX_PROVIDERS) int64 µ$: of each take-or-pay contract, in its running period
    floors: np.ndarray  # the same shape: the floor so far
    log: np.ndarray  # (rows, 5) int64: from the window's beginning until the cohort was done
    played: Played

    @property
    def sites(self) -> int:
        """How many there are."""
        return int(self.spec.rules[0].sites)

    def mean(self, name: str) -> np.ndarray:
        """Mean of a metered quantity between each two instants: (points, …) of what the reading has."""
        length = np.diff(self.instants).astype(float)
        grown = np.diff(self.readings[name], axis=0)
        return grown / length.reshape(-1, *(1,) * (grown.ndim - 1))


class Watched(Worlds):
    """One world that writes down its readings at given instants [ms] on its way."""

    def __init__(self, *given: Any, instants: np.ndarray, **named: Any) -> None:
        super().__init__(*given, **named)
        self.ahead = instants.tolist()
        self.readings: list[Any] = []
        self.drawn: list[np.ndarray] = []
        self.floors: list[np.ndarray] = []

    def play(self, agent: Player, until: int | np.ndarray = NEVER) -> np.ndarray:
        """As any worlds, with stops; a stop changes nothing."""
        while self.ahead and self.ahead[0] <= int(np.max(until)):
            super().play(agent, self.ahead.pop(0))
            self._write()
        return super().play(agent, until)

    def _write(self) -> None:
        self.readings.append(read(self)[0])
        drawn, floors = np.zeros((1, MAX_PROVIDERS), np.int64), np.zeros((1, MAX_PROVIDERS), np.int64)
        fill_plan(self.spec, self.batch, drawn, floors, np.zeros((1, MAX_SITES), np.int64))
        self.drawn.append(drawn[0])
        self.floors.append(floors[0])


def observed(
    scenario: Scenario,
    agents: Sequence[Player],
    report: Report,
    trace: Trace | None = None,
    progress: Callable[[float], Any] = lambda _: None,
) -> list[Observed]:
    """Episode 0 of `report` under the first policy, and the one that is compared with it, if there is one.

    `agents` and `trace` are those of the evaluation. `progress` takes the share that is over.
    """
    source = Source(scenario, report.seed, trace, report.load, windows=1)
    episode = source.episode(0)
    chunk = Chunk(source.spec, [episode])
    watched = sorted({0, chosen(report)})
    found = []
    for count, policy in enumerate(watched, 1):
        found.append(_watched(chunk, episode, agents[policy], policy))
        progress(count / len(watched))
    return found


def _watched(chunk: Chunk, episode: Episode, agent: Player, policy: int) -> Observed:
    """One policy's play."""
    instants = instants_of(chunk.spec, episode)
    worlds = Watched(chunk.spec, chunk.jobs, 1, log=True, results=chunk.room, instants=instants)
    played = chunk.play_in(worlds, agent)[0]
    return Observed(
        policy,
        chunk.spec,
        chunk.jobs,
        present(chunk.begun, 0),
        instants,
        np.stack(worlds.readings).view(np.recarray),
        np.array(worlds.drawn),
        np.array(worlds.floors),
        worlds.log(),
        played,
    )


def instants_of(spec: Spec, episode: Episode) -> np.ndarray:
    """Where an episode is read [ms]: on a grid, and where a capacity steps, so that it is one number in between."""
    begin, end = int(episode.edges[0]), int(episode.edges[-1])
    variant = spec.variants[episode.variant]
    steps = spec.capacity_steps.at[int(variant.first_step) : int(variant.last_step)]
    steps = np.unique(steps[(steps > begin) & (steps < end)])
    if len(steps) > POINTS:  # so many cannot be seen one by one
        steps = steps[:0]
    return np.union1d(grid(begin, end), steps)
