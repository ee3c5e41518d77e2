"""The keyed integer generator: every random number has a name.

`draw(seed, stream, entity, attempt)` gives the same 64 bits whenever it is asked, in whatever order, so that nothing an
agent does can perturb the world, and two agents meet the same one. The mixer is splitmix64's (Steele, Lea and Flood,
2014). The four names are non-negative integers.

Bits are np.uint64 throughout. Two rules keep them exact: an unsigned value never meets a signed one (Numba would make
both float64), and no unsigned product or sum exceeds 64 bits (where compiled code wraps, NumPy scalars would warn).
Compiled kernels return bits to Python as an int; hand them back as `np.uint64(bits)`.
"""

import numpy as np

from .jit import entry, kernel

GOLDEN = np.uint64(0x9E3779B97F4A7C15)
FIRST = np.uint64(0xBF58476D1CE4E5B9)
SECOND = np.uint64(0x94D049BB133111EB)
LOW = np.uint64(0xFFFFFFFF)
S2, S20, S27, S30, S31, S32, S44, S54 = (np.uint64(shift) for shift in (2, 20, 27, 30, 31, 32, 44, 54))
CELL = np.uint64(1023)
FRACTION = np.uint64((1 << 24) - 1)

WORLDS = (1 << 62) - 1  # stream that names the seeds of worlds

CELLS = 1024  # equal cells of a quantile table; the last of them is divided into 1024 again
POINTS = 2 * CELLS
FRACTION_BITS = 24
LARGEST = 1 << 38  # of a quantile table: a cell's width × the fraction stays below 2^62


@kernel
def product(left: np.uint64, right: np.uint64) -> np.uint64:
    """`left` × `right` modulo 2^64, by halves, so that nothing overflows on the way."""
    low = (left & LOW) * (right & LOW)
    cross = (((left >> S32) * (right & LOW)) & LOW) + (((left & LOW) * (right >> S32)) & LOW)
    high = ((low >> S32) + cross) & LOW
    return (high << S32) | (low & LOW)


@kernel
def mix(bits: np.uint64) -> np.uint64:
    """Spread every bit over all 64: a bijection, 0 to 0."""
    bits = np.uint64(bits)
    bits = product(bits ^ (bits >> S30), FIRST)
    bits = product(bits ^ (bits >> S27), SECOND)
    return bits ^ (bits >> S31)


@kernel
def key(seed: int, stream: int, entity: int) -> np.uint64:
    """The key of an entity, from which its draws follow by `attempt`."""
    bits = mix(np.uint64(seed) ^ GOLDEN)
    bits = mix(bits ^ np.uint64(stream) ^ GOLDEN)
    return mix(bits ^ np.uint64(entity) ^ GOLDEN)


@kernel
def bits_of(entity_key: np.uint64, attempt: int) -> np.uint64:
    """64 random bits of an entity: its draw number `attempt`."""
    return mix(np.uint64(entity_key) ^ np.uint64(attempt) ^ GOLDEN)


@kernel
def draw(seed: int, stream: int, entity: int, attempt: int) -> np.uint64:
    """64 random bits, named by four non-negative integers."""
    return bits_of(key(seed, stream, entity), attempt)


@entry()
def world_seed(seed: int, stream: int) -> int:
    """Seed of a world's failures, grants and start-ups, for the stream of jobs that it meets under `seed`."""
    return int(draw(seed, WORLDS, stream, 0) >> S2)


@kernel
def uniform(bits: np.uint64, n: int) -> int:
    """An integer in [0, n), for n up to 2^30, from the upper 32 bits."""
    return int((np.int64(np.uint64(bits) >> S32) * n) >> 32)


@kernel
def quantile(table: np.ndarray, bits: np.uint64) -> int:
    """A draw from the distribution whose quantiles are `table`, linear between them.

    `table` is (2048,) int64, ascending: point i < 1024 is the quantile at i / 1024, point 1023 + j that at
    1023 / 1024 + j / 2^20.
    """
    bits = np.uint64(bits)
    cell = np.int64(bits >> S54)
    if cell == CELLS - 1:
        cell += np.int64((bits >> S44) & CELL)
    fraction = np.int64((bits >> S20) & FRACTION)
    return table[cell] + (((table[cell + 1] - table[cell]) * fraction) >> FRACTION_BITS)
