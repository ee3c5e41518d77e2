"""Only site: the first site, whatever the mask says; for worlds that have no other."""

import numpy as np

from ...fastsim.agent import Agent, chooser


@chooser
def choose(view, observation, mask, knobs, scratch):
    """Site 0."""
    return 0


def agent() -> Agent:
    """The rule; it has no knobs."""
    return Agent("only-site", choose, np.zeros(0))
