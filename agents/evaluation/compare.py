"""Ratios of paired sums with bootstrap intervals, and what many of them together prove.

The resampled unit is the block: a stretch of drawn work, or a week of a trace (with all plays of it).
Policies met the same blocks, so a resample takes the same ones for each, and what the blocks have in common cancels.

Costs have long tails, and percentiles of resampled ratios are then too narrow. So a resample counts its distance from
the ratio in its own standard errors (bootstrap-t), on a logarithmic scale, where ratios are more nearly symmetric; and
an interval reaches equally far to both sides, as far as 95 % of resamples (Hall, "On symmetric bootstrap confidence
intervals", 1988): which side is the longer one rests on the few dearest blocks, and a sample that lacks them errs.
`benchmarks/intervals.py` measures what that covers. Few blocks have few different resamples, and Student's quantiles
stand for those. What training seeds add to an error (seeds.py) widens each distance, by Student's quantiles again.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

RESAMPLES = 10_000
LEVEL = 0.95
FEWEST_BLOCKS = 4  # fewer say nothing about their spread
FEW_BLOCKS = 8  # of fewer there are too few resamples for tails
MOST_ERRORS = 20  # an interval that reaches further: most blocks do not differ, and a resample has hardly any error
AT_ONCE = 1 << 22  # weights of resamples held in memory


class Interval(NamedTuple):
    """An estimate and the ends of its interval; these are NaN where too few blocks say nothing about its spread."""

    value: float
    low: float
    high: float


class Spread(NamedTuple):
    """What adds to the error of a sum of numerators beside the spread of its blocks."""

    error: float = 0.0  # standard error, in the numerators' unit
    freedom: int = 1  # degrees of freedom of that


NOTHING = Spread()


class Resamples(NamedTuple):
    """Ratios of resampled blocks, and of each its standard error; (resamples,)."""

    ratios: np.ndarray
    errors: np.ndarray


class Pivots(NamedTuple):
    """How far resampled ratios lie from the ratio, in standard errors of their own, on the scale that was chosen."""

    centre: float  # the ratio on that scale
    error: float  # its standard error there
    sizes: np.ndarray  # ascending, without signs; of each resample one, or two where a spread adds to it
    is_log: bool


def ratio(
    numerators: np.ndarray, denominators: np.ndarray, blocks: np.ndarray, seed: int, spread: Spread = NOTHING
) -> Interval:
    """Σ numerators / Σ denominators with its studentised bootstrap interval of 95 %.

    All arrays have shape (rows,); rows with equal `blocks` are resampled together. Where both sums are 0 the ratio is
    1, where only the denominators' is it is infinite.
    """
    above, below = _by_block(numerators, denominators, blocks)
    value = _value(above, below)
    if len(above) < FEWEST_BLOCKS:
        return Interval(value, np.nan, np.nan)
    found = _distribution(above, below, seed, spread)
    if isinstance(found, np.ndarray):
        return Interval(value, *_tails(found))
    reach = found.error * _reach(found.sizes)
    ends = (found.centre - reach, found.centre + reach)
    low, high = (float(np.exp(end)) if found.is_log else end for end in ends)
    return Interval(value, low, high)


def paired(
    costs_a: np.ndarray, costs_b: np.ndarray, blocks: np.ndarray, seed: int, spread: Spread = NOTHING
) -> Interval:
    """Saving of b against a, as a fraction of a's cost: 1 − Σ b / Σ a, with its interval; below 0 it is a loss."""
    value, low, high = ratio(costs_b, costs_a, blocks, seed, spread)
    return Interval(1 - value, 1 - high, 1 - low)


def p_value(costs_a: np.ndarray, costs_b: np.ndarray, blocks: np.ndarray, seed: int, spread: Spread = NOTHING) -> float:
    """Two-sided p-value of "b saves nothing against a", from the resamples of the interval; 1 where there are none.

    Below 0.05 exactly where the interval of `paired` leaves 0 out; never below one in the number of resamples.
    """
    above, below = _by_block(costs_b, costs_a, blocks)
    if len(above) < FEWEST_BLOCKS:
        return 1.0
    found = _distribution(above, below, seed, spread)
    if isinstance(found, np.ndarray):
        side = min(int((found <= 1).sum()), int((found >= 1).sum()))
        return min(1.0, 2 * (side + 1) / (len(found) + 1))
    observed = (found.centre - (0.0 if found.is_log else 1.0)) / found.error
    return (int((found.sizes >= abs(observed)).sum()) + 1) / (len(found.sizes) + 1)


def holm(p_values: Sequence[float]) -> list[float]:
    """p-values adjusted for being many: each is the level at which its hypothesis falls (Holm, 1979).

    Whoever calls what is below 0.05 a difference is wrong about any of them in at most 5 % of such families.
    """
    order = np.argsort(p_values, kind="stable")
    adjusted, highest = [0.0] * len(order), 0.0
    for place, index in enumerate(order):
        highest = max(highest, min(1.0, (len(order) - place) * p_values[index]))
        adjusted[index] = highest
    return adjusted


def _by_block(numerators: np.ndarray, denominators: np.ndarray, blocks: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Both summed up by block, (blocks,)."""
    of_block = np.unique(blocks, return_inverse=True)[1]
    count = int(of_block.max()) + 1
    above, below = np.zeros(count), np.zeros(count)
    np.add.at(above, of_block, numerators)
    np.add.at(below, of_block, denominators)
    return above, below


def _weights(count: int, rng: np.random.Generator, resamples: int) -> np.ndarray:
    """How often each block is drawn in each resample, (resamples, blocks)."""
    return rng.multinomial(count, np.full(count, 1 / count), resamples).astype(np.float64)


def students(freedom: int) -> np.ndarray:
    """Quantiles of the size of Student's t, ascending, as many as there are resamples; (resamples,).

    With t = √freedom × tan(angle) the density is a power of the cosine: its integral is the trapezoidal rule's.
    """
    angles = np.linspace(0, np.pi / 2, 4001)
    density = np.cos(angles) ** (freedom - 1)
    below = np.concatenate([[0.0], np.cumsum(density[1:] + density[:-1])])
    shares = (np.arange(RESAMPLES) + 0.5) / RESAMPLES
    return np.sqrt(freedom) * np.tan(np.interp(shares, below / below[-1], angles))


def _value(above: np.ndarray, below: np.ndarray) -> float:
    return float(_quotient(above.sum(keepdims=True), below.sum(keepdims=True))[0])


def _resampled(above: np.ndarray, below: np.ndarray, seed: int) -> Resamples:
    """The ratio in each resample, and its standard error."""
    rng = np.random.default_rng([seed, 0xB007])
    count = len(above)
    columns = np.stack([above, below, above * above, above * below, below * below], axis=1)
    sums = np.empty((RESAMPLES, columns.shape[1]))
    at_once = max(1, AT_ONCE // count)
    for first in range(0, RESAMPLES, at_once):
        last = min(first + at_once, RESAMPLES)
        sums[first:last] = _weights(count, rng, last - first) @ columns
    ratios = _quotient(sums[:, 0], sums[:, 1])
    return Resamples(ratios, _errors(sums, ratios))


def _errors(sums: np.ndarray, ratios: np.ndarray) -> np.ndarray:
    """Standard errors of ratios, linearised: the spread of above − ratio × below over the sum of below."""
    known = np.where(np.isfinite(ratios), ratios, 0.0)
    square = sums[:, 2] - 2 * known * sums[:, 3] + known**2 * sums[:, 4]
    # What cancels to nothing leaves a rounding error of the squares.
    square = np.where(square > 1e-13 * sums[:, 2], square, 0.0)
    return _quotient(np.sqrt(square), np.abs(sums[:, 1]))


def _distribution(above: np.ndarray, below: np.ndarray, seed: int, spread: Spread) -> Pivots | np.ndarray:
    """The pivots; where they are no measure of distance, the resampled ratios themselves, ascending (resamples,)."""
    drawn = _resampled(above, below, seed)
    pivots = _pivots(above, below, drawn)
    if spread.error == 0:
        return np.sort(drawn.ratios) if pivots is None else pivots
    moves = np.random.default_rng([seed, 0x5EED]).permutation(students(spread.freedom))
    moves *= float(_quotient(np.array([spread.error]), np.abs(below.sum(keepdims=True)))[0])
    if pivots is None:
        return np.sort(_both_ways(drawn.ratios, moves))
    steps = moves / (pivots.error * (np.exp(pivots.centre) if pivots.is_log else 1.0))
    sizes = np.resize(pivots.sizes, RESAMPLES)  # some resamples may have had no error
    return pivots._replace(sizes=np.sort(np.abs(_both_ways(sizes, steps))))


def _both_ways(values: np.ndarray, moves: np.ndarray) -> np.ndarray:
    """Values moved up, and down: which way each goes is then no matter of chance."""
    return np.concatenate([values + moves, values - moves])


def _pivots(above: np.ndarray, below: np.ndarray, drawn: Resamples) -> Pivots | None:
    """The pivots; None where ratio or errors are none, or no measure of distance: the plain percentiles must do."""
    columns = np.stack([above, below, above * above, above * below, below * below], axis=1).sum(axis=0)[None]
    value = _value(above, below)
    error = float(_errors(columns, np.array([value]))[0])
    is_known = np.isfinite(drawn.ratios).all() and np.isfinite(value) and below.sum() != 0
    if not is_known or error == 0:
        return None
    is_log = value > 0 and bool((drawn.ratios > 0).all())
    centre, own = (float(np.log(value)), error / value) if is_log else (value, error)
    if len(above) < FEW_BLOCKS:
        return Pivots(centre, own, students(len(above) - 1), is_log)
    steps = drawn.errors / drawn.ratios if is_log else drawn.errors
    moved = np.log(drawn.ratios / value) if is_log else drawn.ratios - value
    is_spread = steps > 0  # not a resample of one block over and over
    sizes = np.sort(np.abs(moved[is_spread] / steps[is_spread]))
    return None if _reach(sizes) > MOST_ERRORS else Pivots(centre, own, sizes, is_log)


def _reach(sizes: np.ndarray) -> float:
    """Below which 95 % of some ascending values lie."""
    return float(sizes[len(sizes) - int(len(sizes) * (1 - LEVEL))])


def _tails(values: np.ndarray) -> tuple[float, float]:
    """Below and above which 2.5 % of some ascending values lie."""
    tail = int(len(values) * (1 - LEVEL) / 2)
    return float(values[tail]), float(values[-tail - 1])


def _quotient(above: np.ndarray, below: np.ndarray) -> np.ndarray:
    """Quotients; 1 where both are 0, infinite where only `below` is."""
    safe = np.where(below == 0, 1, below)
    return np.where(below == 0, np.where(above == 0, 1.0, np.inf), above / safe)
