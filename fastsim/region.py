"""Whether rows of numbers lie in a region: each number within a range, all together not too far from their mean."""

import numpy as np

from .jit import direct, entry, kernel, signature

IN, OUT_OF_RANGE, TOO_FAR = range(3)
ROW, ROWS = np.zeros(1), np.zeros((1, 1))
OBSERVATION, MASK = np.zeros(1, np.float32), np.zeros(1, np.bool_)


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


@kernel
def fill(observation: np.ndarray, common: int, site: int, row: np.ndarray) -> None:
    """The observation as one site has it."""
    for at in range(common):
        row[at] = observation[at]
    own = row.shape[0] - common
    for at in range(own):
        row[common + at] = observation[common + site * own + at]


@direct
@entry(signature(0, OBSERVATION, MASK, 0, ROWS))
def lay_out(observation: np.ndarray, mask: np.ndarray, common: int, rows: np.ndarray) -> int:
    """Fill `rows` (sites, features) with the observation as each legal site has it; how many those are.

    Its first `common` numbers are of all sites. Where none is legal it is filled with all of them.
    """
    sites, count = rows.shape[0], 0
    for site in range(sites):
        if mask[site]:
            fill(observation, common, site, rows[count])
            count += 1
    if count == 0:
        for site in range(sites):
            fill(observation, common, site, rows[site])
    return count


@direct
@entry(signature(None, ROWS, 0, ROWS, 0, ROW, ROW))
def remember(rows: np.ndarray, count: int, last: np.ndarray, at: int, total: np.ndarray, mean: np.ndarray) -> None:
    """The mean of the first `count` rows takes the place `at` among the last ones; `total` and `mean` are of those.

    With the last place the total is added up anew, so that roundings do not pile up.
    """
    for feature in range(total.shape[0]):
        value = rows[0, feature]
        for row in range(1, count):
            value += rows[row, feature]
        value /= count
        total[feature] += value - last[at, feature]
        last[at, feature] = value
        if at == last.shape[0] - 1:
            value = last[0, feature]
            for place in range(1, last.shape[0]):
                value += last[place, feature]
            total[feature] = value
        mean[feature] = total[feature] / last.shape[0]
