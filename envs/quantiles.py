"""Quantile tables for the keyed generator, in decimal arithmetic: the same everywhere, which libm does not promise.

A table is what `fastsim.keyed.quantile` reads: (2048,) int64, ascending, linear in between. Its mean is known exactly.
"""

from decimal import ROUND_HALF_EVEN, Context, Decimal, localcontext
from fractions import Fraction
from functools import lru_cache
from itertools import pairwise

import numpy as np

from ..fastsim.keyed import CELLS, LARGEST, POINTS

PRECISION = Context(prec=20, rounding=ROUND_HALF_EVEN)
P95 = Fraction(95, 100)

# Wichura (1988), algorithm AS 241, from the highest power: the middle, and the tails down to e^-25.
_MIDDLE = (
    "2509.0809287301226727 33430.575583588128105 67265.770927008700853 45921.953931549871457 "
    "13731.693765509461125 1971.5909503065514427 133.14166789178437745 3.3871328727963666080",
    "5226.4952788528545610 28729.085735721942674 39307.895800092710610 21213.794301586595867 "
    "5394.1960214247511077 687.18700749205790830 42.313330701600911252 1",
)
_TAILS = (
    "0.000774545014278341407640 0.0227238449892691845833 0.241780725177450611770 1.27045825245236838258 "
    "3.64784832476320460504 5.76949722146069140550 4.63033784615654529590 1.42343711074968357734",
    "0.00000000105075007164441684324 0.000547593808499534494600 0.0151986665636164571966 0.148103976427480074590 "
    "0.689767334985100004550 1.67638483018380384940 2.05319162663775882187 1",
)
_RATIONALS = [[[Decimal(number) for number in side.split()] for side in pair] for pair in (_MIDDLE, _TAILS)]


def _ratio(rational: list[list[Decimal]], x: Decimal) -> Decimal:
    """A rational function at x, by Horner's rule."""
    numerator, denominator = Decimal(0), Decimal(0)
    for above, below in zip(*rational, strict=True):
        numerator = numerator * x + above
        denominator = denominator * x + below
    return numerator / denominator


def normal_quantile(p: Fraction) -> Decimal:
    """Quantile of the standard normal distribution at p in [2^-20, 1 − 2^-20], to about 16 digits."""
    with localcontext(PRECISION):
        q = Decimal(p.numerator) / Decimal(p.denominator) - Decimal("0.5")
        if abs(q) <= Decimal("0.425"):
            return q * _ratio(_RATIONALS[0], Decimal("0.180625") - q * q)
        tail = _ratio(_RATIONALS[1], (-(Decimal("0.5") - abs(q)).ln()).sqrt() - Decimal("1.6"))
        return tail if q > 0 else -tail


def _positions() -> list[Fraction]:
    """The probabilities at which a table has its points, without the last one, which is 1."""
    last = Fraction(CELLS - 1, CELLS)
    return [Fraction(i, CELLS) for i in range(CELLS)] + [last + Fraction(j, CELLS**2) for j in range(1, CELLS)]


@lru_cache(maxsize=1)
def _normal_quantiles() -> list[Decimal]:
    """Quantiles of the standard normal at every position but 0 and 1."""
    return [normal_quantile(p) for p in _positions()[1:]]


def _frozen(values: list[int]) -> np.ndarray:
    """A read-only table."""
    table = np.array(values, np.int64)
    assert table.shape == (POINTS,)
    table.flags.writeable = False
    return table


@lru_cache(maxsize=256)
def lognormal_table(median: int, p95: int, low: int, high: int) -> np.ndarray:
    """Log-normal with this median and 95th percentile, values outside [low, high] moved to its ends; (2048,) int64.

    Raises ValueError unless 0 < median < p95 and 0 < low <= high < 2^38.
    """
    if not (0 < median < p95 and 0 < low <= high < LARGEST):
        raise ValueError(f"no log-normal table for median {median}, p95 {p95}, low {low}, high {high}")
    with localcontext(PRECISION):
        sigma = (Decimal(p95) / Decimal(median)).ln() / normal_quantile(P95)
        inside = [int((median * (sigma * z).exp()).to_integral_value()) for z in _normal_quantiles()]
    return _frozen([low, *(min(max(value, low), high) for value in inside), high])


@lru_cache(maxsize=16)
def exponential_table(mean: int) -> np.ndarray:
    """Exponential with this mean; (2048,) int64. The last 2^-20 is spread evenly over two means, which is its own mean.

    Raises ValueError unless 0 < mean <= 2^32.
    """
    if not 0 < mean <= 1 << 32:
        raise ValueError(f"no exponential table for mean {mean}")
    with localcontext(PRECISION):
        survival = [1 - p for p in _positions()]
        logs = [(Decimal(s.numerator) / Decimal(s.denominator)).ln() for s in survival]
        values = [int((-mean * log).to_integral_value()) for log in logs]
    return _frozen([*values, values[-1] + 2 * mean])


def table_mean(table: np.ndarray) -> Fraction:
    """Mean of what `quantile` draws from a table, before rounding down."""
    middles = [int(low) + int(high) for low, high in pairwise(table)]
    return Fraction(sum(middles[: CELLS - 1]), 2 * CELLS) + Fraction(sum(middles[CELLS - 1 :]), 2 * CELLS**2)


@lru_cache(maxsize=64)
def gamma_table(mean: int, variation: Fraction) -> np.ndarray:
    """Gamma with this mean and coefficient of variation; (2048,) int64. With a variation of 0 it is the mean.

    After Wilson and Hilferty (1931): the cube root of a Gamma variate is nearly normal. For variations up to 0.5 the
    quantiles between 1 % and 99.9 % are within 3 %; the whole is scaled so that the mean is exact.

    Raises ValueError unless 0 < mean <= 2^32 and 0 <= variation <= 0.5.
    """
    if not (0 < mean <= 1 << 32 and 0 <= variation <= Fraction(1, 2)):
        raise ValueError(f"no Gamma table for mean {mean}, variation {variation}")
    with localcontext(PRECISION):
        ninth = Decimal(variation.numerator) ** 2 / (9 * Decimal(variation.denominator) ** 2)
        roots = [max(Decimal(0), 1 - ninth + z * ninth.sqrt()) for z in _normal_quantiles()]
        cubes = [Decimal(0) if ninth else Decimal(1), *(root**3 for root in roots)]
        scaled = [int(mean * cube) for cube in [*cubes, cubes[-1]]]
        factor = Decimal(mean) * Decimal(mean) / int(table_mean(np.array(scaled, np.int64)))
        values = [int((factor * cube).to_integral_value()) for cube in cubes]
    return _frozen([*values, values[-1]])
