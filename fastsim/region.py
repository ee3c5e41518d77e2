"""Whether rows of numbers lie in a region: each number within a range, all together not too far from their mean."""

import numpy as np

from .jit import direct, entry, signature

IN, OUT_OF_RANGE, TOO_FAR = range(3)
ROW, ROWS = np.zeros(1), np.zeros((1, 1))


@direct
@entry(signature(0, ROWS, ROW, ROW, ROW, ROWS, 0.0))
def located(
    rows: np.ndarray, low: np.ndarray, high: np.ndarray, mean: np.ndarray, factor: np.ndarray, limit: float
) -> int:
    """IN, or the first thing that is wrong with one of `rows` (n, features).

    `factor` (features, features) is upper triangular: the distance of a row is |factor (row − mean)|, at most `limit`.
    """
    for row in rows:
        for at in range(row.shape[0]):
            if row[at] < low[at] or row[at] > high[at]:
                return OUT_OF_RANGE
    for row in rows:
        squares = 0.0
        for i in range(row.shape[0]):
            apart = 0.0
            for at in range(i, row.shape[0]):
                apart += factor[i, at] * (row[at] - mean[at])
            squares += apart * apart
        if squares > limit * limit:
            return TOO_FAR
    return IN
