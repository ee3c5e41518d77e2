"""Sorted rows of int64 keys, in preallocated arrays.

A key carries its slot in the low bits, so keys are unique. Rows are short (the jobs that wait at one site): moving a
few hundred bytes costs less than any tree.
"""

import numpy as np

from .jit import kernel


@kernel
def position(row: np.ndarray, count: int, key: int) -> int:
    """Number of the first `count` keys that are below `key`."""
    low, high = 0, count
    while low < high:
        middle = (low + high) >> 1
        if row[middle] < key:
            low = middle + 1
        else:
            high = middle
    return low


@kernel
def insert(row: np.ndarray, count: int, key: int) -> None:
    """Add `key` to the `count` sorted ones; the row stays sorted. New keys mostly belong near the end."""
    index = count
    while index > 0 and row[index - 1] > key:
        row[index] = row[index - 1]
        index -= 1
    row[index] = key


@kernel
def remove(row: np.ndarray, count: int, key: int) -> None:
    """Take `key`, which is there, out of the `count` sorted ones."""
    for index in range(position(row, count, key), count - 1):
        row[index] = row[index + 1]
