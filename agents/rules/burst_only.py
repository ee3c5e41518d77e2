"""Burst only: buy everything by the hour.

Among legal burst sites, the shortest estimated wait; committed only where nothing else is legal. The lab that owns
nothing: the other end of the same comparison (Ambati et al., "Waiting Game", SC'20: all on demand).
"""

import numpy as np

from ...fastsim.agent import Agent, chooser
from ...fastsim.spec import BURST
from .shortest import shortest_wait


@chooser
def choose(view, observation, mask, knobs, scratch):
    """Shortest estimated wait among legal burst sites, else among the others, else hold."""
    return shortest_wait(view.spec, view.jobs, view.world, mask, BURST)


def agent() -> Agent:
    """The rule; it has no knobs."""
    return Agent("burst-only", choose, np.zeros(0))
