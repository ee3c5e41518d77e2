"""From the outcomes of a cohort to what it cost and how long it waited. Integers: µ$, ms, accelerator-ms, counts."""

from typing import Any, NamedTuple

import numpy as np

from ...fastsim.spec import BURST, MAX_CLASSES, MAX_SITES, Spec
from ...fastsim.units import HOUR

COUNTERS = ("decisions", "first_offers", "illegal", "moves", "evictions", "written_off")
COSTS = ("burst", "overage", "delay", "write_off")  # the parts of the avoidable cost, µ$
ACCOUNTS = ("floors", "overage", "used")  # read at the edges of blocks, µ$
SCORE = np.dtype(
    [
        *((name, "i8") for name in ("episode", "block", "length")),  # length: ms
        *((name, "i8") for name in (*COSTS, "floors", "used")),  # µ$
        *((name, "i8") for name in ("jobs", "unfinished", "work", "burst_work")),  # work: accelerator-ms
        *((name, "i8") for name in COUNTERS),
        *((name, "i8", (MAX_SITES,)) for name in ("busy", "supply")),  # accelerator-ms used and delivered
        # ms, by class, and last of all jobs; NaN: no job
        *((name, "f8", (MAX_CLASSES + 1,)) for name in ("wait_p50", "wait_p95")),
    ],
    align=True,
)


class Outcomes(NamedTuple):
    """What became of the scored jobs of one episode; arrays of shape (jobs,)."""

    block: np.ndarray  # int64: of arrival; 0 for jobs that waited at the window's beginning
    cls: np.ndarray  # int64
    gang: np.ndarray  # int64
    waited: np.ndarray  # int64 ms, since the window's beginning
    spent: np.ndarray  # int64 µ$, burst cost since the window's beginning
    site: np.ndarray  # int64: where it ran to its end; −1: nowhere
    ran: np.ndarray  # int64 ms, of that run
    written_off: np.ndarray  # int64 µ$
    is_unfinished: np.ndarray  # bool


def score(spec: Spec, outcomes: Outcomes, blocks: int) -> Any:
    """What the jobs of an episode cost, block by block: a record array (blocks,) of SCORE.

    What is read from meters and counters (`length`, accounts, `COUNTERS`, use) is left at 0.
    """
    rows = np.zeros(blocks, SCORE).view(np.recarray)
    rows.block = np.arange(blocks)
    rows.delay = _delay(spec, outcomes, blocks)
    rows.burst = _by_block(outcomes.block, outcomes.spent, blocks)
    rows.write_off = _by_block(outcomes.block, outcomes.written_off, blocks)
    rows.jobs = np.bincount(outcomes.block, minlength=blocks)
    rows.unfinished = np.bincount(outcomes.block[outcomes.is_unfinished], minlength=blocks)
    work, is_burst = _work(spec, outcomes)
    rows.work = _by_block(outcomes.block, work, blocks)
    rows.burst_work = _by_block(outcomes.block[is_burst], work[is_burst], blocks)
    for block in range(blocks):
        rows.wait_p50[block], rows.wait_p95[block] = _wait_quantiles(outcomes, outcomes.block == block)
    return rows


def quantiles(waited: np.ndarray) -> tuple[float, float]:
    """Median and 95th percentile; NaN where there is nothing."""
    if len(waited) == 0:
        return np.nan, np.nan
    median, high = np.quantile(waited, [0.5, 0.95])
    return float(median), float(high)


def _by_block(block: np.ndarray, amounts: np.ndarray, blocks: int) -> np.ndarray:
    """Exact sums by block; `bincount` would add floats."""
    sums = np.zeros(blocks, np.int64)
    np.add.at(sums, block, amounts)
    return sums


def _delay(spec: Spec, outcomes: Outcomes, blocks: int) -> np.ndarray:
    """Delay cost [µ$] by block: accelerators × time waited of each class, at its rate (rules.md, section 1)."""
    waited = np.zeros((blocks, MAX_CLASSES), np.int64)
    np.add.at(waited, (outcomes.block, outcomes.cls), outcomes.gang * outcomes.waited)
    rate = spec.rules[0].delay_rate
    return (waited // HOUR * rate + waited % HOUR * rate // HOUR).sum(axis=1)


def _work(spec: Spec, outcomes: Outcomes) -> tuple[np.ndarray, np.ndarray]:
    """Accelerator-ms of each job's last run, and whether it was at a burst site."""
    rules = spec.rules[0]
    unit = np.where(
        (rules.cube[outcomes.site] > 0) & (outcomes.gang >= rules.cube_from[outcomes.site]),
        rules.cube[outcomes.site],
        np.maximum(rules.granule[outcomes.site], 1),
    )
    work = (outcomes.gang + unit - 1) // unit * unit * outcomes.ran
    return work, (outcomes.site >= 0) & (rules.kind[rules.provider[outcomes.site]] == BURST)


def _wait_quantiles(outcomes: Outcomes, chosen: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Median and 95th percentile of chosen jobs' waits [ms], by class and last of all. Written-off jobs have none."""
    chosen = chosen & (outcomes.written_off == 0)
    waited, cls = outcomes.waited[chosen], outcomes.cls[chosen]
    pairs = [quantiles(waited[cls == one]) for one in range(MAX_CLASSES)]
    table = np.array([*pairs, quantiles(waited)])
    return table[:, 0], table[:, 1]
