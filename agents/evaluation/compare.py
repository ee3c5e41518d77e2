"""Ratios of paired sums with bootstrap intervals, and what many of them together prove.

The resampled unit is the block: a stretch of drawn work, or a week of a trace (with all plays of it).
Policies met the same blocks, so a resample takes the same ones for each, and what the blocks have in common cancels.

Costs have long tails, and percentiles of resampled ratios are then too narrow. So a resample counts its distance from
the ratio in its own standard errors (bootstrap-t), on a logarithmic scale, where ratios are more nearly symmetric; and
an interval reaches equally far to both sides, as far as 95 % of resamples (Hall, "On symmetric bootstrap confidence
intervals", 1988): which side is the longer one rests on the few dearest blocks, and a sample that lacks them errs.
`benchmarks/intervals.py` measures what that covers. Few blocks have few different resamples, and Student's quantiles
stand for those.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

RESAMPLES = 10_000
LEVEL = 0.95
FEWEST_BLOCKS = 4  # fewer say nothing about their spread
FEW_BLOCKS = 8  # of fewer there are too few resamples for tails
STUDENT = {4: 3.182, 5: 2.776, 6: 2.571, 7: 2.447}  # 97.5 % quantiles of Student's t, by the number of blocks
MOST_ERRORS = 20  # an interval that reaches further: most blocks do not differ, and a resample has hardly any error
AT_ONCE = 1 << 22  # weights of resamples held in memory


class Interval(NamedTuple):
    """An estimate and the ends of its interval; these are NaN where too few blocks say nothing about its spread."""

    value: float
    low: float
    high: float


class Resamples(NamedTuple):
    """Ratios of resampled blocks, and of each its standard error; (resamples,)."""

    ratios: np.ndarray
    errors: np.ndarray


class Pivots(NamedTuple):
    """How far resampled ratios lie from the ratio, in standard errors of their own, on the scale that was chosen."""

    centre: float  # the ratio on that scale
    error: float  # its standard error there
    sizes: np.ndarray  # (resamples,), ascending, without signs
    is_log: bool


def ratio(numerators: np.ndarray, denominators: np.ndarray, blocks: np.ndarray, seed: int) -> Interval:
    """Σ numerators / Σ denominators with its studentised bootstrap interval of 95 %.

    All arrays have shape (rows,); rows with equal `blocks` are resampled together. Where both sums are 0 the ratio is
    1, where only the denominators' is it is infinite.
    """
    above, below = _by_block(numerators, denominators, blocks)
    value = _value(above, below)
    if len(above) < FEWEST_BLOCKS:
        return Interval(value, np.nan, np.nan)
    drawn = _resampled(above, below, seed)
    pivots = _pivots(above, below, drawn)
    if pivots is None:
        low, high = _tails(np.sort(drawn.ratios))
        return Interval(value, low, high)
    reach = pivots.error * (_reach(pivots.sizes) if len(above) >= FEW_BLOCKS else STUDENT[len(above)])
    ends = (pivots.centre - reach, pivots.centre + reach)
    low, high = (float(np.exp(end)) if pivots.is_log else end for end in ends)
    return Interval(value, low, high)


def paired(costs_a: np.ndarray, costs_b: np.ndarray, blocks: np.ndarray, seed: int) -> Interval:
    """Saving of b against a, as a fraction of a's cost: 1 − Σ b / Σ a, with its interval; below 0 it is a loss."""
    value, low, high = ratio(costs_b, costs_a, blocks, seed)
    return Interval(1 - value, 1 - high, 1 - low)


def p_value(costs_a: np.ndarray, costs_b: np.ndarray, blocks: np.ndarray, seed: int) -> float:
    """Two-sided p-value of "b saves nothing against a", from the resamples of the interval; 1 where there are none.

    Below 0.05 exactly where the interval of `paired` leaves 0 out; never below 1 / 10,001.
    """
    above, below = _by_block(costs_b, costs_a, blocks)
    if len(above) < FEWEST_BLOCKS:
        return 1.0
    drawn = _resampled(above, below, seed)
    pivots = _pivots(above, below, drawn)
    if pivots is None:
        side = min(int((drawn.ratios <= 1).sum()), int((drawn.ratios >= 1).sum()))
        return min(1.0, 2 * (side + 1) / (len(drawn.ratios) + 1))
    observed = (pivots.centre - (0.0 if pivots.is_log else 1.0)) / pivots.error
    if len(above) < FEW_BLOCKS:
        return student_p(observed, len(above) - 1)
    beyond = int((pivots.sizes >= abs(observed)).sum())
    return (beyond + 1) / (len(pivots.sizes) + 1)


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


def middle_mean(values: np.ndarray) -> np.ndarray:
    """Interquartile mean along the last axis: the lowest and the highest quarter are left out, rounded down."""
    count = values.shape[-1]
    cut = count // 4
    return np.sort(values, axis=-1)[..., cut : count - cut].mean(axis=-1)


def over_seeds(costs_a: np.ndarray, costs: np.ndarray, blocks: np.ndarray, seed: int) -> Interval:
    """Interquartile mean, over training seeds, of the saving against a, with an interval over seeds and blocks.

    `costs_a` is (rows,), `costs` (seeds, rows). A resample draws seeds and blocks, each with replacement (Agarwal et
    al., "Deep Reinforcement Learning at the Edge of the Statistical Precipice", 2021).
    """
    pairs = [_by_block(one, costs_a, blocks) for one in costs]
    above, below = np.stack([pair[0] for pair in pairs]), pairs[0][1]  # (seeds, blocks), (blocks,)
    value = float(middle_mean(1 - _quotient(above.sum(axis=1), np.full(len(costs), below.sum()))))
    if len(below) < FEWEST_BLOCKS:
        return Interval(value, np.nan, np.nan)
    rng = np.random.default_rng([seed, 0x5EED])
    times = _weights(len(below), rng, RESAMPLES)
    savings = 1 - _quotient(times @ above.T, (times @ below)[:, None])  # (resamples, seeds)
    chosen = rng.integers(0, len(costs), (RESAMPLES, len(costs)))
    low, high = _tails(np.sort(middle_mean(np.take_along_axis(savings, chosen, axis=1))))
    return Interval(value, low, high)


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


def student_p(t: float, freedom: int) -> float:
    """Two-sided p-value of Student's t with some degrees of freedom, by the trapezoidal rule over angles.

    With t = √freedom × tan(angle) the density is a power of the cosine.
    """
    angles = np.linspace(0, np.arctan(abs(t) / np.sqrt(freedom)), 2001)
    whole = np.linspace(0, np.pi / 2, 2001)
    parts = [float(np.trapezoid(np.cos(own) ** (freedom - 1), own)) for own in (angles, whole)]
    return max(0.0, 1 - parts[0] / parts[1])


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


def _pivots(above: np.ndarray, below: np.ndarray, drawn: Resamples) -> Pivots | None:
    """The pivots; None where ratio or errors are none, or no measure of distance: the plain percentiles must do."""
    columns = np.stack([above, below, above * above, above * below, below * below], axis=1).sum(axis=0)[None]
    value = _value(above, below)
    error = float(_errors(columns, np.array([value]))[0])
    is_known = np.isfinite(drawn.ratios).all() and np.isfinite(value) and below.sum() != 0
    if not is_known or error == 0:
        return None
    is_log = value > 0 and bool((drawn.ratios > 0).all())
    steps = drawn.errors / drawn.ratios if is_log else drawn.errors
    moved = np.log(drawn.ratios / value) if is_log else drawn.ratios - value
    is_spread = steps > 0  # not a resample of one block over and over
    centre, own = (float(np.log(value)), error / value) if is_log else (value, error)
    sizes = np.sort(np.abs(moved[is_spread] / steps[is_spread]))
    if len(above) >= FEW_BLOCKS and _reach(sizes) > MOST_ERRORS:
        return None
    return Pivots(centre, own, sizes, is_log)


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
