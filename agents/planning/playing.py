"""A batch under an agent that plans, from plan to plan.

A *planning* agent answers offers as any other does, but its knobs are worked out anew every so often, for each episode
from what is known there. So its episodes are stepped: to the next multiple of `every`, or the end if that is earlier.
"""

from typing import Any, Protocol

import numpy as np

from ...fastsim.advance import CROWDED, LOG_IS_FULL, SETTLED
from ...fastsim.agent import Agent
from ...fastsim.threads import spread
from ...fastsim.units import NEVER
from ...fastsim.worlds import FOREVER, Worlds


class Planning(Protocol):
    """An agent that plans. What it plans for an episode depends on that episode's state alone."""

    @property
    def name(self) -> str:
        """As reports call it."""
        ...

    @property
    def choose(self) -> Any:
        """Of the signature CHOOSE (fastsim/agent.py)."""
        ...

    @property
    def every(self) -> int:
        """Time between two plans [ms]."""
        ...

    def plan(self, worlds: Worlds, episode: int) -> np.ndarray:
        """The knobs (k,) float64 with which an episode goes on; threads may plan for several at once."""
        ...


def play(worlds: Worlds, agent: Planning, until: int | np.ndarray = NEVER) -> np.ndarray:
    """Play every episode under a planning `agent` until `until` [ms] or its last result.

    Returns why each stopped (fastsim/advance.py).
    """
    ends = np.full(len(worlds), until, np.int64) if np.isscalar(until) else np.asarray(until, np.int64)
    going = np.arange(len(worlds))
    while len(going) > 0:
        _step(worlds, agent, going, ends)
        now = worlds.batch.state.now[going, 0]
        going = going[(worlds.status[going] != SETTLED) & (now < ends[going])]
    return worlds.status


def _step(worlds: Worlds, agent: Planning, episodes: np.ndarray, ends: np.ndarray) -> None:
    """Plan for each of these episodes and play it to its next plan, or its end."""
    now = worlds.batch.state.now[:, 0]
    stops = np.minimum(ends, (now // agent.every + 1) * agent.every)
    none = np.full(len(worlds), -1, np.int64)
    knobs: dict[int, np.ndarray] = {}

    def work(first: int, last: int) -> None:
        for episode in episodes[first:last].tolist():
            if episode not in knobs:
                knobs[episode] = agent.plan(worlds, episode)
            one = np.array([episode])
            worlds.run(none, Agent(agent.name, agent.choose, knobs[episode]), stops, FOREVER, episodes=one)

    spread(work, len(episodes), 1)
    while worlds.make_room():  # what had no room goes on with the plan that it has
        episodes = episodes[np.isin(worlds.status[episodes], (CROWDED, LOG_IS_FULL))]
        spread(work, len(episodes), 1)
