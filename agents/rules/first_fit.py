"""First fit: the first legal site, committed ones first, where the job can start now.

Else queue at the shortest committed wait.

What cluster operators write first ("on-prem first, spill when full"), and the naive strategy of de Assunção, di
Costanzo and Buyya (HPDC 2009); with re-offers it spills as soon as burst has room.
"""

import numpy as np

from ...fastsim.agent import Agent, chooser
from ...fastsim.spec import BURST, COMMITTED
from .shortest import first_that_fits, shortest_wait


@chooser
def choose(view, observation, mask, knobs, scratch):
    """A committed site with room, else a burst site with room, else the committed queue."""
    action = first_that_fits(view.spec, view.jobs, view.world, mask, COMMITTED)
    if action < 0:
        action = first_that_fits(view.spec, view.jobs, view.world, mask, BURST)
    if action < 0:
        action = shortest_wait(view.spec, view.jobs, view.world, mask, COMMITTED)
    return action


def agent() -> Agent:
    """The rule; it has no knobs."""
    return Agent("first-fit", choose, np.zeros(0))
