"""A batch under anybody who can play it: an agent that only chooses, or one that does more than choose."""

from typing import Protocol

import numpy as np

from ...fastsim.agent import Agent
from ...fastsim.units import NEVER
from ...fastsim.worlds import Worlds


class Directed(Protocol):
    """An agent that plays worlds itself: it stops to plan, or looks ahead."""

    @property
    def name(self) -> str:
        """As reports call it."""
        ...

    def play(self, worlds: Worlds, until: int | np.ndarray) -> np.ndarray:
        """As Worlds.play does under an agent that only chooses."""
        ...


Player = Agent | Directed


def play(worlds: Worlds, agent: Player, until: int | np.ndarray = NEVER) -> np.ndarray:
    """Play every episode under `agent` until `until` [ms] or its last result.

    Returns why each stopped (fastsim/advance.py).
    """
    if isinstance(agent, Agent):
        return worlds.play(agent, until)
    return agent.play(worlds, until)
