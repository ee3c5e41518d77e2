"""Reading the tables of demand.py: a choice, the growth of the load."""

import numpy as np

from ..fastsim.jit import kernel
from ..fastsim.keyed import uniform
from .demand import CERTAIN


@kernel
def choice(table: np.ndarray, row: int, bits: np.uint64) -> int:
    """One of the values of a row of choices, by their cumulative probabilities."""
    point = uniform(bits, CERTAIN)
    option = 0
    while table[1, row, option] <= point:
        option += 1
    return table[0, row, option]


@kernel
def growth_at(growth: np.ndarray, at: int) -> int:
    """The load at an instant [ms], in permille of day 0."""
    step = len(growth) - 1
    while growth[step, 0] > at:
        step -= 1
    return growth[step, 1]
