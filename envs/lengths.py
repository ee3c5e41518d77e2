"""How long a job will really run, given what it has requested and how far it has come: for futures of a snapshot.

The scenario's published terms, turned round by Bayes' rule. Planned is a log-normal walltime P, cut at the class's
longest; requested is P, or P × u with u in [0.5, 1), or P × f with f in [1, up_to], at most the longest; some jobs are
cancelled at a time that is uniform in the first part of P. P lies on the cells of its quantile table, evenly in each.
"""

from typing import NamedTuple

import numpy as np

from ..fastsim.keyed import CELLS
from .scenario import Scenario
from .work import JobClass

LEAST = 0.5  # of what is planned is requested by who requests too little


class Cells(NamedTuple):
    """The prior of what is planned: cells of equal probability, each (cells,) float64 ms."""

    low: np.ndarray
    high: np.ndarray


class Drawn(NamedTuple):
    """Draws of one job's end."""

    walltime: np.ndarray  # (count,) int64 ms at speed 1, more than it has run
    is_cancelled: np.ndarray  # (count,) bool: its user gives it up then


def walltimes(scenario: Scenario, cls: int, requested: int, done: int, rng: np.random.Generator, count: int) -> Drawn:
    """`count` draws of the walltime of a job of class number `cls` that has done `done` ms of work.

    What no term of the scenario explains (a request beyond the longest, a run far beyond its request) runs for as long
    as it has requested, or a tenth of what it has run on.
    """
    job_class = scenario.classes[cls]
    low, high, weight = _planned(job_class, scenario, requested)
    inside = np.clip((high - np.maximum(low, done)) / np.maximum(high - low, 1e-9), 0.0, 1.0)
    inside = np.where(high <= low, high > done, inside)
    early, within = _early(job_class)
    middle = np.maximum(0.5 * (low + high) * within, 1.0)
    stays = early * np.clip(1.0 - done / middle, 0.0, 1.0)
    whole, given_up = weight * (1.0 - early) * inside, weight * stays
    total = whole.sum() + given_up.sum()
    if total <= 0.0:
        lasts = max(requested, done + done // 10 + 1)
        return Drawn(np.full(count, lasts, np.int64), np.zeros(count, bool))
    chosen = rng.choice(2 * len(low), count, p=np.concatenate([whole, given_up]) / total)
    cell, is_cancelled = chosen % len(low), chosen >= len(low)
    begin = np.where(is_cancelled, done, np.maximum(low[cell], done))
    end = np.where(is_cancelled, middle[cell], high[cell])
    found = begin + rng.random(count) * np.maximum(end - begin, 0.0)
    return Drawn(np.maximum(found.astype(np.int64), done + 1), is_cancelled)


def _early(job_class: JobClass) -> tuple[float, float]:
    """The share of jobs that are cancelled, and within what part of their plan."""
    terms = job_class.early_ends
    return (0.0, 1.0) if terms is None else (float(terms.share), float(terms.within))


def _cells(job_class: JobClass) -> Cells:
    table = job_class.walltime.table.astype(np.float64)
    edges = np.append(table[:CELLS], table[-1])
    return Cells(edges[:-1], edges[1:])


def _planned(job_class: JobClass, scenario: Scenario, requested: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Where what is planned may lie, from `low` to `high` [ms], and how likely: what is requested, looked back from."""
    terms, longest = scenario.workload.requests, float(job_class.walltime.longest)
    exact, overrun, factor = float(terms.exact), float(terms.overrun), float(terms.up_to)
    low, high = _cells(job_class)
    middle, width, asked = 0.5 * (low + high), high - low, float(requested)
    if requested >= job_class.walltime.longest:  # cut: the factor may have been any that reaches it
        reach = np.clip((factor - longest / middle) / max(factor - 1.0, 1e-9), 0.0, 1.0)
        weight = exact * (middle >= longest) + (1.0 - exact - overrun) * np.where(
            middle * factor >= longest, reach, 0.0
        )
        return low, high, weight / len(low)
    parts = [
        _within(low, high, asked / factor, asked, (1.0 - exact - overrun) / (middle * max(factor - 1.0, 1e-9))),
        _within(low, high, asked, asked / LEAST, overrun / (middle * (1.0 - LEAST))),
    ]
    at = int(np.clip(np.searchsorted(low, asked, side="right") - 1, 0, len(low) - 1))
    is_there = low[at] <= asked <= high[at] and width[at] > 0
    density = exact / (len(low) * width[at]) if is_there else 0.0
    parts.append((np.array([asked]), np.array([asked]), np.array([density])))
    return tuple(np.concatenate(column) for column in zip(*parts, strict=True))  # type: ignore[return-value]


def _within(
    low: np.ndarray, high: np.ndarray, begin: float, end: float, likelihood: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The cells between `begin` and `end`, cut to that, and their probability times the likelihood [1/ms]."""
    first, last = np.maximum(low, begin), np.minimum(high, end)
    part = np.clip((last - first) / np.maximum(high - low, 1e-9), 0.0, 1.0)
    is_in = last > first
    return first[is_in], last[is_in], (part * likelihood)[is_in] / len(low)
