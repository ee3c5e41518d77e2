"""Zeroed arrays whose untouched parts take no memory, and copies of records as they lie.

NumPy asks for pages of 2 MiB, which make stepping a thousand worlds up to half as fast again, and which are taken whole
when one byte is touched. A world uses a small part of its rows: of the largest batches that would be several times as
much memory as they use, so these get the small pages that an anonymous mapping has.
"""

import mmap
from typing import Any

import numpy as np

LARGE = 3 << 29  # bytes of one array: mid_lab reaches it with 3,000 episodes


def zeros(shape: tuple[int, ...], dtype: Any) -> np.ndarray:
    """A zeroed array."""
    kind = np.dtype(dtype)
    size = int(np.prod(shape, dtype=np.int64)) * kind.itemsize
    if size < LARGE:
        return np.zeros(shape, kind)
    return np.frombuffer(mmap.mmap(-1, size), kind).reshape(shape)


def put(target: np.ndarray, source: np.ndarray) -> None:
    """Write `source` on `target`, of the same shape; records as they lie: field by field takes twenty times as long."""
    if target.dtype.names is not None and target.dtype == source.dtype:
        target, source = (one.view(f"V{one.dtype.itemsize}") for one in (target, source))
    target[...] = source


def copied(source: np.ndarray) -> np.ndarray:
    """A copy, a plain array."""
    found = np.empty(source.shape, source.dtype)
    put(found, source)
    return found
