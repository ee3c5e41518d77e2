"""Input shaking (Tsafrir and Feitelson, 2007): the same jobs, minutes earlier or later, requesting a little else.

A schedule can hang on the second at which one job came. A verdict that does not survive such a change says something
of that second, not of the policies.
"""

import numpy as np

from ...envs.generator import fill_paths
from ...fastsim.units import MINUTE
from ..evaluation.episodes import Episode

JITTER = 10 * MINUTE  # an arrival moves by up to so much, either way
REQUESTS = 100  # permille by which a request changes at most, either way
NAME = 0x5A4E


def shaken(episode: Episode, seed: int, number: int) -> Episode:
    """The episode with every submission moved, and every request changed, as `seed` and the episode's number draw it.

    Members of a pipeline move together, and deadlines with their jobs; blocks of serving stay where their demand is.
    """
    rng = np.random.default_rng([seed, number, NAME])
    jobs = episode.jobs.copy()
    leaders = np.arange(len(jobs)) - np.where(jobs.member > 0, jobs.member, 0)
    moved = rng.integers(-JITTER, JITTER, len(jobs), endpoint=True)[leaders]
    factors = rng.integers(1000 - REQUESTS, 1000 + REQUESTS, len(jobs), endpoint=True)
    first = int(episode.jobs.arrival[0]) if len(jobs) else 0
    moved = np.where(jobs.until > 0, 0, np.maximum(moved, first - jobs.arrival))  # none before the episode begins
    jobs.arrival += moved
    jobs.deadline = np.where(jobs.deadline > 0, jobs.deadline + moved, 0)
    jobs.requested = np.where(jobs.until > 0, jobs.requested, np.maximum(1, jobs.requested * factors // 1000))
    jobs = jobs[np.argsort(jobs.arrival, kind="stable")]
    fill_paths(jobs, np.zeros(len(jobs), np.int64))
    return episode._replace(jobs=jobs)
