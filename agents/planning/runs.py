"""How long jobs really run, given what they request: the share that is still running, from the published terms.

A router sees requests only, and they are too long: by the terms of `small_team` a job runs two thirds of its request. A
scenario publishes how requests come about (exact, too short, or longer by a uniform factor) and how many jobs end
early; from these follows the ratio walltime / request, whose survival function is a table here. Planning with requested
ends instead makes capacity look scarce that will be free.
"""

from decimal import Decimal
from typing import NamedTuple

import numpy as np

from ...envs.work import JobClass, Requests

CELLS = 400
RATIOS = np.linspace(0.0, 2.0, CELLS + 1)  # of elapsed time to the request; no job runs more than twice its request
POINTS = 64  # of each uniform draw
LEAST = 1e-3  # share still running below which the rest is taken as over


class Survival(NamedTuple):
    """Of one class: the share still running after a part of the request, and the area below it, (CELLS + 1,)."""

    share: np.ndarray
    area: np.ndarray

    @property
    def mean(self) -> float:
        """Walltime over request."""
        return float(self.area[-1])

    def ran(self, ratio: np.ndarray) -> np.ndarray:
        """Expected part of the request that is spent running up to `ratio`; before 0 it is set up, and runs too."""
        return np.interp(ratio, RATIOS, self.area) + np.minimum(ratio, 0.0)

    def left(self, ratio: np.ndarray) -> np.ndarray:
        """Share still running at `ratio`, at least LEAST."""
        return np.maximum(np.interp(ratio, RATIOS, self.share), LEAST)


def factors(requests: Requests) -> tuple[np.ndarray, np.ndarray]:
    """Request over planned walltime, and the weight of each; both (points,)."""
    middles = (np.arange(POINTS) + 0.5) / POINTS
    exact, overrun = float(requests.exact), float(requests.overrun)
    parts = (
        (exact, np.ones(1)),
        (overrun, 0.5 + 0.5 * middles),
        (1 - exact - overrun, 1 + (float(requests.up_to) - 1) * middles),
    )
    values = [part for _, part in parts]
    weights = [np.full(len(part), share / len(part)) for share, part in parts]
    return np.concatenate(values), np.concatenate(weights)


def survival(requests: Requests, cls: JobClass) -> Survival:
    """Of a class of jobs."""
    factor, weight = factors(requests)
    early = cls.early_ends
    share, within = (early.share, early.within) if early else (Decimal(0), Decimal(0))
    parts = [(np.ones(1), 1 - float(share)), (float(within) * (np.arange(POINTS) + 0.5) / POINTS, float(share))]
    running = np.zeros(CELLS + 1)
    for part, chance in parts:
        ratios = np.outer(part, 1 / factor)  # walltime over request
        above = np.sort(ratios.ravel())
        order = np.argsort(ratios.ravel(), kind="stable")
        sums = np.concatenate([[0.0], np.cumsum((np.ones((len(part), 1)) / len(part) * weight).ravel()[order])])
        running += chance * (1 - sums[np.searchsorted(above, RATIOS + 1e-9)])
    area = np.concatenate([[0.0], np.cumsum((running[1:] + running[:-1]) / 2) * (RATIOS[1] - RATIOS[0])])
    return Survival(running, area)


def until_the_end() -> Survival:
    """Of blocks of serving, which run as long as they say."""
    running = (RATIOS < 1).astype(np.float64)
    return Survival(running, np.minimum(RATIOS, 1.0))
