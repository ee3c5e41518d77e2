"""Requested walltimes for jobs whose trace did not record one; no trace of accelerator jobs does.

Over-estimates of 1 to 3 times are typical, and in logs of HPC sites 30 % of the jobs run to their limit.
"""

import numpy as np

from ...fastsim.jit import entry
from ...fastsim.keyed import draw, uniform
from ...fastsim.units import MINUTE
from .streams import AT_LIMIT, FACTOR, entity

SHARE_AT_LIMIT = 300  # permille
LEAST_FACTOR, MOST_FACTOR = 1000, 3000  # permille
GRAIN = 5 * MINUTE  # people ask for round times


@entry()
def draw_requests(
    requested: np.ndarray, walltime: np.ndarray, job: np.ndarray, copy: np.ndarray, seed: int, episode: int
) -> None:
    """Replace each negative request by a drawn one, which is never below the walltime.

    All arrays are int64 of shape (jobs,), times in ms; `job` and `copy` name the draws.
    """
    for i in range(len(requested)):
        if requested[i] < 0:
            name = entity(copy[i], job[i])
            if uniform(draw(seed, AT_LIMIT, name, episode), 1000) < SHARE_AT_LIMIT:
                requested[i] = walltime[i]
            else:
                factor = LEAST_FACTOR + uniform(draw(seed, FACTOR, name, episode), MOST_FACTOR - LEAST_FACTOR + 1)
                estimate = (walltime[i] * factor + 999) // 1000
                requested[i] = (estimate + GRAIN - 1) // GRAIN * GRAIN
