"""Sorted rows and a binary heap of int64 keys, in preallocated arrays.

A key carries its slot in the low bits (`time << SLOT_BITS | slot`), so keys are unique. Rows are short (jobs running or
waiting at one site): moving a few hundred bytes costs less than any tree.
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


@kernel
def push(heap: np.ndarray, count: int, key: int) -> None:
    """Add `key` to a heap of `count`."""
    index = count
    while index > 0:
        parent = (index - 1) >> 1
        if heap[parent] <= key:
            break
        heap[index] = heap[parent]
        index = parent
    heap[index] = key


@kernel
def sift(heap: np.ndarray, count: int, index: int, key: int) -> None:
    """Put `key` at `index` or below it, in a heap of `count` whose other keys are in order."""
    while True:
        child = 2 * index + 1
        if child >= count:
            break
        if child + 1 < count and heap[child + 1] < heap[child]:
            child += 1
        if heap[child] >= key:
            break
        heap[index] = heap[child]
        index = child
    heap[index] = key


@kernel
def pop(heap: np.ndarray, count: int) -> int:
    """Take the smallest key out of a heap of `count`."""
    smallest = heap[0]
    if count > 1:
        sift(heap, count - 1, 0, heap[count - 1])
    return smallest


@kernel
def discard(heap: np.ndarray, count: int, key: int) -> None:
    """Take `key`, which is there, out of a heap of `count`: a rare event, so a search will do."""
    index = 0
    while heap[index] != key:
        index += 1
    last = heap[count - 1]
    if index == count - 1:
        return
    while index > 0 and heap[(index - 1) >> 1] > last:  # the last key may belong above
        heap[index] = heap[(index - 1) >> 1]
        index = (index - 1) >> 1
    sift(heap, count - 1, index, last)
