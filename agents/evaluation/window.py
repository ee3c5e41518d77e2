"""A window played from edge to edge, and what it came to: costs of the cohort, growth of meters and counters."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from ...fastsim.agent import Player
from ...fastsim.spec import MAX_SITES, Spec
from ...fastsim.worlds import Worlds
from .fares import Fares
from .outcomes import Cohort, outcomes_of
from .overflow import SAMPLED, overflowing
from .readings import READING, read
from .scoring import cost, delays, pipelines, score, sums


class Window(NamedTuple):
    """What was read of a batch on the way."""

    readings: Any  # (edges, episodes) READING
    overflow: np.ndarray  # (blocks, episodes) int64 accelerator-ms


class Played(NamedTuple):
    """One episode under one agent."""

    rows: Any  # (blocks,) SCORE
    fares: Fares
    responses: np.ndarray  # (pipelines,) int64 ms, of complete ones


def through(
    worlds: Worlds,
    agent: Player,
    edges: list[np.ndarray],
    progress: Callable[[int], Any] | None = None,
    *,
    overflows: bool = True,
) -> Window:
    """Play every episode from the first of its `edges` [ms] to the last; it is at the first now.

    An episode with fewer blocks than others, or shorter ones, waits at its edge for them. `progress` takes the number
    of blocks that are over. Without `overflows` nobody looks every hour what burst takes off committed queues: over
    years that takes a third of the time, and a plan does not ask for it.
    """
    blocks = max(map(len, edges)) - 1
    padded = [[*row, *(row[-1],) * (blocks + 1 - len(row))] for row in edges]
    table = np.ascontiguousarray(np.array(padded, np.int64).T)  # (edges, episodes)
    readings, sampled = [read(worlds)], []
    for block in range(blocks):
        begin, end = table[block], table[block + 1]
        total = np.zeros(len(worlds), np.int64)
        for step in range(-(-int((end - begin).max()) // SAMPLED) if overflows else 0):
            at = np.minimum(begin + step * SAMPLED, end)
            worlds.play(agent, at)
            total += overflowing(worlds) * np.minimum(SAMPLED, end - at)
        worlds.play(agent, end)
        readings.append(read(worlds))
        sampled.append(total)
        if progress is not None:
            progress(block + 1)
    return Window(np.stack(readings).view(np.recarray), np.stack(sampled))


def scored(worlds: Worlds, episode: int, cohort: Cohort, window: Window) -> Played:
    """What an episode that has been played to its end came to."""
    outcomes = outcomes_of(worlds, episode, cohort)
    blocks = len(cohort.edges) - 1
    rows, fares = score(worlds.spec, outcomes, blocks)
    rows.length = np.diff(cohort.edges)
    for name in READING.names or ():
        rows[name] = np.diff(window.readings[name][: blocks + 1, episode], axis=0)
    rows.overflow = window.overflow[:blocks, episode]
    rows.covered = covered(worlds.spec, rows)
    rows.demanded = cohort.demanded
    missing = rows.waiting * cohort.serving
    rows.missing = missing.sum(axis=1)
    rows.delay += cost(missing, worlds.spec.rules[0].delay_rate).sum(axis=1)
    responses, block = pipelines(outcomes)
    rows.pipelines = sums(block, np.ones_like(block), blocks)
    return Played(rows, fares, responses)


def cost_of_jobs(worlds: Worlds, episode: int, cohort: Cohort) -> int:
    """What a cohort's jobs have cost so far [µ$]: runs, delay, penalties, write-offs; blocks of serving: runs only."""
    outcomes = outcomes_of(worlds, episode, cohort)
    own = outcomes.spent + outcomes.penalty + outcomes.written_off
    return int(own.sum() + delays(worlds.spec, outcomes, len(cohort.edges) - 1).sum())


def cost_of_meters(worlds: Worlds, episode: int, cohort: Cohort) -> int:
    """What serving has missed and overage, µ$, since the world began; scored is how it grows within the window."""
    reading = read(worlds)[episode]
    missed = cost(reading.waiting * cohort.serving, worlds.spec.rules[0].delay_rate).sum()
    return int(reading.overage + missed)


def covered(spec: Spec, rows: Any) -> np.ndarray:
    """Accelerator-ms that drew on commitments in each row: of each contract's use, the part of its value that did."""
    rules, total = spec.rules[0], np.zeros(len(rows))
    values = cost(rows.busy, rules.first_price)  # under take-or-pay a site has one price
    for provider in np.flatnonzero(rules.take_or_pay[: rules.providers]):
        own = (rules.provider == provider) & (np.arange(MAX_SITES) < rules.sites)
        value = values[:, own].sum(axis=1)
        part = np.clip(rows.used[:, provider] / np.maximum(value, 1), 0, 1)
        total += part * rows.busy[:, own].sum(axis=1)
    return np.rint(total).astype(np.int64)
