"""Policies that differ by their training seed only, taken together as one: what training makes, not one draw of it.

Their cost is the interquartile mean over the seeds, which one run gone wrong does not move (Agarwal et al., "Deep
Reinforcement Learning at the Edge of the Statistical Precipice", 2021). Two errors add up: that of the blocks, which
all seeds share, and that of the seeds, which are few and are resampled by themselves. A handful of them has too few
resamples for tails, so that only the standard error is taken from these, and Student's quantiles stand for their
distances; where the mean is a plain one that is the classical interval. What seeds and blocks vary in together counts
in both: the interval is rather too wide, and where the seeds hardly differ it is that of the blocks alone.
"""

from typing import NamedTuple

import numpy as np

from . import compare
from .compare import NOTHING, Spread

FEWEST_SEEDS = 4  # of fewer the interquartile mean leaves none out


class Middle(NamedTuple):
    """A group as one policy."""

    amounts: np.ndarray  # (rows,): mean of the seeds in the middle, whose sums are neither among the lowest nor highest
    spread: Spread  # of the sum, from seed to seed; nothing where there is one seed, which does not tell


def middle_mean(values: np.ndarray) -> np.ndarray:
    """Interquartile mean along the last axis: the lowest and the highest quarter are left out, rounded down."""
    count = values.shape[-1]
    cut = count // 4
    return np.sort(values, axis=-1)[..., cut : count - cut].mean(axis=-1)


def middle(amounts: np.ndarray, seed: int) -> Middle:
    """The group of seeds whose amounts are (seeds, rows); `seed` names its resamples."""
    count, sums = len(amounts), amounts.sum(axis=1)
    cut = count // 4
    mean = amounts[np.argsort(sums, kind="stable")[cut : count - cut]].mean(axis=0)
    if count == 1:
        return Middle(mean, NOTHING)
    chosen = np.random.default_rng([seed, 0x5EED5]).integers(0, count, (compare.RESAMPLES, count))
    error = float(middle_mean(sums[chosen] - sums[0]).std()) * np.sqrt(count / (count - 1))
    return Middle(mean, Spread(error, count - 1))


def between(one: Middle, other: Middle) -> Spread:
    """What the seeds of both add to the sum of `other`, as a share of the sum of `one`; as few seeds as either has."""
    sums = [float(group.amounts.sum()) for group in (one, other)]
    errors = (other.spread.error, one.spread.error * sums[1] / sums[0] if sums[0] else 0.0)
    freedom = [group.spread.freedom for group in (one, other) if group.spread.error > 0]
    return Spread(float(np.hypot(*errors)), min(freedom, default=1))
