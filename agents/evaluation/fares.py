"""How each scored job fared, in columns, and their quantiles: an evaluation may hold tens of millions of jobs."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

from ...fastsim.spec import MAX_CLASSES
from ...fastsim.units import TIME_BITS


class Fares(NamedTuple):
    """Arrays of shape (jobs,)."""

    cls: np.ndarray  # int8
    waited: np.ndarray  # int64 ms; −1: it never was ready
    slowdown: np.ndarray  # float32; NaN: it has not run its walltime
    due: np.ndarray  # int8; 1: it met its deadline, 0: it did not, −1: it had none, or its user gave it up
    is_block: np.ndarray  # bool: of serving

    def where(self, which: Any) -> "Fares":
        """Some of them: `which` is an index, or (jobs,) bool."""
        return Fares(*(column[which] for column in self))


def joined(parts: Sequence[Fares]) -> Fares:
    """The jobs of all parts, one after the other."""
    return Fares(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))


def by_class(fares: Fares, classes: int) -> list[Fares]:
    """The jobs of each class."""
    order = np.argsort(fares.cls, kind="stable")  # small numbers are sorted by counting
    edges = np.searchsorted(fares.cls[order], np.arange(classes + 1))
    return [fares.where(order[begin:end]) for begin, end in pairwise(edges)]


def quantiles(values: np.ndarray) -> tuple[float, float]:
    """Median and 95th percentile; NaN where there is nothing. NumPy sorts faster than it partitions."""
    ascending, edges = np.sort(values), np.array([0, len(values)])
    median, high = (_quantile(ascending, edges, share)[0] for share in (0.5, 0.95))
    return float(median), float(high)


def wait_quantiles(fares: Fares, block: np.ndarray, blocks: int) -> np.ndarray:
    """Median and 95th percentile of the waits in each block [ms], (2, blocks, MAX_CLASSES + 1).

    By class; last of all but blocks of serving. `block` is (jobs,) int64.
    """
    was_ready = fares.waited >= 0
    waited, first = fares.waited[was_ready], block[was_ready] * (MAX_CLASSES + 1)  # group of the block's class 0
    is_job = ~fares.is_block[was_ready]
    group = np.concatenate([first + fares.cls[was_ready], first[is_job] + MAX_CLASSES])
    # One sort of group and wait in one number is faster than one of each group.
    keys = np.sort(group << TIME_BITS | np.concatenate([waited, waited[is_job]]))
    edges = np.searchsorted(keys, np.arange(blocks * (MAX_CLASSES + 1) + 1) << TIME_BITS)
    values = keys & ((1 << TIME_BITS) - 1)
    return np.stack([_quantile(values, edges, share) for share in (0.5, 0.95)]).reshape(2, blocks, -1)


def _quantile(values: np.ndarray, edges: np.ndarray, share: float) -> np.ndarray:
    """A quantile of each group of ascending `values`, which lie between `edges` (groups + 1,); NaN where none do."""
    counts = np.diff(edges)
    is_there = counts > 0
    begin, last = edges[:-1][is_there], counts[is_there] - 1
    place = share * last
    low = place.astype(np.int64)
    here, beyond = values[begin + low], values[begin + np.minimum(low + 1, last)]
    found = np.full(len(counts), np.nan)
    found[is_there] = here + (beyond - here) * (place - low)
    return found
