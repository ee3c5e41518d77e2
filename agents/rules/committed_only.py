"""Committed only: never buy burst.

Among legal committed sites, the shortest estimated wait; burst only where nothing else is legal. The lab without burst,
with which work on bursting compares itself (de Assunção, di Costanzo, Buyya, HPDC 2009).
"""

import numpy as np

from ...fastsim.agent import Agent, chooser
from ...fastsim.spec import COMMITTED
from .shortest import shortest_wait


@chooser
def choose(view, observation, mask, knobs, scratch):
    """Shortest estimated wait among legal committed sites, else among the others, else hold."""
    return shortest_wait(view.spec, view.jobs, view.world, mask, COMMITTED)


def agent() -> Agent:
    """The rule; it has no knobs."""
    return Agent("committed-only", choose, np.zeros(0))
