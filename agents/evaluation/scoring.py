"""From the outcomes of a cohort to what it cost and how it fared. Integers: µ$, ms, accelerator-ms, counts."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from ...fastsim.log import CANCEL, FINISH
from ...fastsim.spec import BURST, MAX_CLASSES, Jobs, Spec
from ...fastsim.units import HOUR, SECOND
from .fares import Fares, wait_quantiles
from .fit import footprints_at
from .readings import FIELDS

COSTS = ("burst", "overage", "delay", "penalty", "write_off")  # the parts of the avoidable cost, µ$
SHORTEST = 10 * SECOND  # run, for a bounded slowdown
SCORE = np.dtype(
    [
        *((name, "i8") for name in ("episode", "block", "length")),  # length: ms
        *((name, "i8") for name in ("burst", "delay", "penalty", "write_off")),  # of the cohort, µ$
        *((name, "i8") for name in ("jobs", "unfinished", "pipelines")),  # of the cohort; pipelines: completed
        *((name, "i8") for name in ("work", "burst_work")),  # of last runs, accelerator-ms
        *((name, "i8") for name in ("productive", "available")),  # gang × ms: at work, and from ready to end
        *((name, "i8") for name in ("demanded", "missing")),  # of serving, accelerator-ms
        ("covered", "i8"),  # use that drew on commitments, accelerator-ms
        ("overflow", "i8"),  # use of burst for which committed sites had no room, accelerator-ms
        *FIELDS,  # what grew within the block
        # ms, by class, and last of all jobs; NaN: no job
        *((name, "f8", (MAX_CLASSES + 1,)) for name in ("wait_p50", "wait_p95")),
    ],
    align=True,
)


class Columns(NamedTuple):
    """What scoring reads of jobs (rules.md, section 2), each column in one piece; arrays of shape (jobs,), int64."""

    arrival: np.ndarray
    gang: np.ndarray
    cls: np.ndarray
    walltime: np.ndarray
    deadline: np.ndarray
    until: np.ndarray
    member: np.ndarray


def columns(jobs: Jobs, chosen: np.ndarray) -> Columns:
    """Of the jobs (n,) that are `chosen` (n,) bool."""
    return Columns(*(jobs[name][chosen].astype(np.int64) for name in Columns._fields))


@dataclass(frozen=True)
class Outcomes:
    """What became of the scored jobs of one episode; arrays of shape (jobs,), int64 unless said otherwise."""

    jobs: Columns
    job: np.ndarray  # ids
    block: np.ndarray  # of arrival; 0 for jobs that waited at the window's beginning
    ready: np.ndarray  # ms: since when it could have run within the window
    waited: np.ndarray  # ms, since the window's beginning
    spent: np.ndarray  # µ$, of runs and egress since the window's beginning
    penalty: np.ndarray  # µ$
    written_off: np.ndarray  # µ$
    site: np.ndarray  # of the last run; −1: it is waiting, or never ran
    start: np.ndarray  # of the last run, ms; −1: as above
    finish: np.ndarray  # ms
    outcome: np.ndarray  # how it left: a kind of the log; 0: it has not
    is_unfinished: np.ndarray  # bool
    is_ready: np.ndarray  # bool: it was ready at some time

    @cached_property
    def ran_out(self) -> np.ndarray:
        """Bool: it has run its walltime, to a result or until its user gave it up. Blocks of serving have none."""
        given_up = (self.outcome == CANCEL) & (self.start >= 0)
        return ((self.outcome == FINISH) | given_up) & (self.jobs.until == 0)

    @cached_property
    def response(self) -> np.ndarray:
        """From ready to end [ms]; means something where it has ended."""
        return self.finish - self.ready


def score(spec: Spec, outcomes: Outcomes, blocks: int) -> tuple[Any, Fares]:
    """What the jobs of an episode cost, block by block, and how each fared.

    The former is a record array (blocks,) of SCORE. Classes of serving are charged no delay here: their meters say
    what they missed. What is read from meters and counters is left at 0.
    """
    rows = np.zeros(blocks, SCORE).view(np.recarray)
    block = outcomes.block
    rows.block = np.arange(blocks)
    rows.delay = delays(spec, outcomes, blocks)
    rows.burst = sums(block, outcomes.spent, blocks)
    rows.penalty = sums(block, outcomes.penalty, blocks)
    rows.write_off = sums(block, outcomes.written_off, blocks)
    rows.jobs = np.bincount(block, minlength=blocks)
    rows.unfinished = np.bincount(block[outcomes.is_unfinished], minlength=blocks)
    work, is_burst = _work(spec, outcomes)
    rows.work = sums(block, work, blocks)
    rows.burst_work = sums(block[is_burst], work[is_burst], blocks)
    ran, gang = outcomes.ran_out, outcomes.jobs.gang
    ideal = ideal_run(spec, outcomes)
    productive = np.minimum(ideal, outcomes.response)
    rows.productive = sums(block[ran], (gang * productive)[ran], blocks)
    rows.available = sums(block[ran], (gang * outcomes.response)[ran], blocks)
    found = fares(outcomes, ideal)
    rows.wait_p50, rows.wait_p95 = wait_quantiles(found, block, blocks)
    return rows, found


def fares(outcomes: Outcomes, ideal: np.ndarray) -> Fares:
    """How each job fared; `ideal` (jobs,) is what its walltime takes [ms]."""
    slowdown = np.maximum(1.0, outcomes.response / np.maximum(ideal, SHORTEST))
    is_due = (outcomes.jobs.deadline > 0) & (outcomes.outcome != CANCEL)
    is_met = (outcomes.outcome == FINISH) & (outcomes.finish <= outcomes.jobs.deadline)
    return Fares(
        cls=outcomes.jobs.cls.astype(np.int8),
        waited=np.where(outcomes.is_ready, outcomes.waited, -1),
        slowdown=np.where(outcomes.ran_out, slowdown, np.nan).astype(np.float32),
        due=np.where(is_due, is_met, -1).astype(np.int8),
        is_block=outcomes.jobs.until > 0,
    )


def pipelines(outcomes: Outcomes) -> tuple[np.ndarray, np.ndarray]:
    """Response [ms] and block of each pipeline of the cohort that is complete: all its members have finished."""
    root = outcomes.job - outcomes.jobs.member
    begins = np.flatnonzero(np.diff(root, prepend=-1))
    if len(begins) == 0:
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    members = np.diff(begins, append=len(root))
    # Not what is left of one that arrived before the window: its members count as ready from there.
    is_whole = outcomes.jobs.arrival[begins] == outcomes.ready[begins]
    is_complete = np.minimum.reduceat((outcomes.outcome == FINISH).astype(np.int64), begins) == 1
    chosen = (members > 1) & is_whole & is_complete
    end = np.maximum.reduceat(outcomes.finish, begins)
    return (end - outcomes.jobs.arrival[begins])[chosen], outcomes.block[begins][chosen]


def sums(block: np.ndarray, amounts: np.ndarray, blocks: int) -> np.ndarray:
    """Exact sums by block; `bincount` would add floats."""
    total = np.zeros(blocks, np.int64)
    np.add.at(total, block, amounts)
    return total


def cost(use: np.ndarray, rate: np.ndarray) -> np.ndarray:
    """Cost [µ$] of accelerator-ms at µ$ per accelerator-hour (rules.md, section 1)."""
    return use // HOUR * rate + use % HOUR * rate // HOUR


def ideal_run(spec: Spec, outcomes: Outcomes) -> np.ndarray:
    """How long [ms] each job's walltime takes where it last ran, without set-up, failures or evictions."""
    speed = np.maximum(spec.rules[0].speed[outcomes.site, outcomes.jobs.cls], 1)
    return (outcomes.jobs.walltime * 1000 + speed - 1) // speed


def delays(spec: Spec, outcomes: Outcomes, blocks: int) -> np.ndarray:
    """Delay cost [µ$] by block: gang × time waited of each class, at its rate; nothing for blocks of serving."""
    waited = np.zeros((blocks, MAX_CLASSES), np.int64)
    chosen = outcomes.jobs.until == 0
    amounts = (outcomes.jobs.gang * outcomes.waited)[chosen]
    np.add.at(waited, (outcomes.block[chosen], outcomes.jobs.cls[chosen]), amounts)
    return cost(waited, spec.rules[0].delay_rate).sum(axis=1)


def _work(spec: Spec, outcomes: Outcomes) -> tuple[np.ndarray, np.ndarray]:
    """Accelerator-ms of each job's last run, and whether it was at a burst site."""
    rules = spec.rules[0]
    ran = np.where(outcomes.start >= 0, outcomes.finish - outcomes.start, 0)
    work = footprints_at(spec, outcomes.jobs.gang, outcomes.site) * ran
    return work, (outcomes.site >= 0) & (rules.kind[rules.provider[outcomes.site]] == BURST)
