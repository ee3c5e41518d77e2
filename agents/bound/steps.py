"""Functions of time that are constant between steps: capacities and prices as a clairvoyant knows them."""

from typing import NamedTuple

import numpy as np


class Steps(NamedTuple):
    """`value[i]` holds from `at[i]` until `at[i + 1]`; the first holds before, the last for ever."""

    at: np.ndarray  # (steps,) float64 h, ascending
    value: np.ndarray  # (steps,) float64

    def within(self, edges: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Integral [value × h], lowest and highest value in each slot between two `edges` (slots + 1,) [h]."""
        cuts = np.union1d(edges, self.at[(self.at > edges[0]) & (self.at < edges[-1])])
        values = self.value[np.maximum(np.searchsorted(self.at, cuts[:-1], side="right") - 1, 0)]
        first = np.searchsorted(cuts, edges[:-1])
        integral = np.add.reduceat(values * np.diff(cuts), first)
        return integral, np.minimum.reduceat(values, first), np.maximum.reduceat(values, first)


def constant(value: float) -> Steps:
    """The same value at all times."""
    return Steps(np.zeros(1), np.array([value], np.float64))


def sum_of(base: Steps, begin: np.ndarray, end: np.ndarray, amount: np.ndarray) -> Steps:
    """`base` and, from each `begin` to its `end` (parts,) [h], an `amount` more; below 0: less."""
    at = np.unique(np.concatenate([base.at, begin, end]))
    value = base.value[np.maximum(np.searchsorted(base.at, at, side="right") - 1, 0)].astype(np.float64)
    change = np.zeros(len(at))
    np.add.at(change, np.searchsorted(at, begin), amount)
    np.subtract.at(change, np.searchsorted(at, end), amount)
    return Steps(at, value + np.cumsum(change))


def highest_from(steps: Steps, times: np.ndarray) -> np.ndarray:
    """The largest value at each of some times [h] or later."""
    coming = np.maximum.accumulate(steps.value[::-1])[::-1]
    return coming[np.maximum(np.searchsorted(steps.at, times, side="right") - 1, 0)]


def first_loss(steps: Steps) -> float:
    """When [h] a site first loses capacity after 0; infinite if never."""
    losses = steps.at[1:][(np.diff(steps.value) < 0) & (steps.at[1:] > 0)]
    return float(losses[0]) if len(losses) else np.inf
