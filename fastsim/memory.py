"""Zeroed arrays whose untouched parts take no memory.

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
