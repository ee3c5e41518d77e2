"""Ratios of paired sums with bootstrap intervals.

The resampled unit is the block: an episode of drawn work, or a week of a trace (with all episodes that replay it).
Policies met the same blocks, so a resample takes the same ones for each, and what the blocks have in common cancels.
"""

from typing import NamedTuple

import numpy as np

RESAMPLES = 10_000
LEVEL = 0.95
AT_ONCE = 1 << 22  # weights of resamples held in memory


class Interval(NamedTuple):
    """An estimate and the ends of its interval; these are NaN where one block says nothing about its spread."""

    value: float
    low: float
    high: float


def ratio(numerators: np.ndarray, denominators: np.ndarray, blocks: np.ndarray, seed: int) -> Interval:
    """Σ numerators / Σ denominators with its percentile bootstrap interval of 95 %.

    All arrays have shape (rows,); rows with equal `blocks` are resampled together. Where both sums are 0 the ratio is
    1, where only the denominators' is it is infinite.
    """
    of_block = np.unique(blocks, return_inverse=True)[1]
    count = int(of_block.max()) + 1
    above, below = np.zeros(count), np.zeros(count)
    np.add.at(above, of_block, numerators)
    np.add.at(below, of_block, denominators)
    value = float(_quotient(above.sum(keepdims=True), below.sum(keepdims=True))[0])
    if count == 1:
        return Interval(value, np.nan, np.nan)
    drawn = np.sort(_resampled(above, below, seed))
    tail = int(RESAMPLES * (1 - LEVEL) / 2)
    return Interval(value, float(drawn[tail]), float(drawn[-tail - 1]))


def paired(costs_a: np.ndarray, costs_b: np.ndarray, blocks: np.ndarray, seed: int) -> Interval:
    """Saving of b against a, as a fraction of a's cost: 1 − Σ b / Σ a, with its interval; below 0 it is a loss."""
    value, low, high = ratio(costs_b, costs_a, blocks, seed)
    return Interval(1 - value, 1 - high, 1 - low)


def _resampled(above: np.ndarray, below: np.ndarray, seed: int) -> np.ndarray:
    """The ratio in each resample, (RESAMPLES,)."""
    rng = np.random.default_rng([seed, 0xB007])
    count = len(above)
    at_once = max(1, AT_ONCE // count)
    drawn = []
    for first in range(0, RESAMPLES, at_once):
        size = min(at_once, RESAMPLES - first)
        times = rng.multinomial(count, np.full(count, 1 / count), size).astype(np.float64)
        drawn.append(_quotient(times @ above, times @ below))
    return np.concatenate(drawn)


def _quotient(above: np.ndarray, below: np.ndarray) -> np.ndarray:
    """Quotients; 1 where both are 0, infinite where only `below` is."""
    safe = np.where(below == 0, 1, below)
    return np.where(below == 0, np.where(above == 0, 1.0, np.inf), above / safe)
