"""Scaling a trace to an offered load, by copies, thinning and a small stretch of time.

Plain compression of time would be shorter, but it squeezes the daily and weekly rhythm: at twice the load a day would
have 12 hours, and the nightly valleys into which a good policy moves work would be gone. So load is added by laying
copies of the trace over it, and taken away by leaving jobs out. What remains, a stretch of time so that the load is met
exactly, is near 1.

- *Copies*: for a ratio r of the wanted load to the recorded one, ceil(r) copies. The first stands as it was recorded.
  Each other one is rotated by a keyed whole number of weeks (days, where the trace spans less than two weeks), so that
  its rhythm stays, and shifted by a keyed jitter of up to three hours either way, so that its batches do not fall on
  those of another copy.
- *Thinning*: of the last copy, each job is kept with probability r − ceil(r) + 1. A trace's work lies in few jobs: with
  independent draws the work kept would vary by 4 to 40 %, and time would have to be stretched by as much. So the jobs
  are taken in order of their work, shuffled by keyed draws within strata of 4, and sampled systematically.
"""

from fractions import Fraction
from typing import NamedTuple

import numpy as np

from ...fastsim.jit import entry
from ...fastsim.keyed import draw, uniform
from ...fastsim.units import DAY, HOUR, WEEK
from .streams import CERTAIN, JITTER, SHUFFLE, START, TURN, entity
from .table import Trace

MOST_JITTER = 3 * HOUR
STRATUM = 4  # jobs; on three recorded traces the work kept varied 0.2 to 0.4 times as much as with independent draws


class Submissions(NamedTuple):
    """Which jobs of a trace are submitted, and when; arrays of shape (jobs,), by arrival."""

    job: np.ndarray  # int64, index into the trace
    copy: np.ndarray  # int64, 0: as recorded
    arrival: np.ndarray  # int64 [ms]


def as_recorded(trace: Trace) -> Submissions:
    """Every job once, at its recorded time."""
    jobs = np.arange(len(trace))
    return Submissions(jobs, np.zeros_like(jobs), trace.submit_ms.copy())


def overlaid(trace: Trace, ratio: Fraction, seed: int, episode: int) -> Submissions:
    """About `ratio` (> 0) times the trace's work, in the trace's own span."""
    copies = -(-ratio.numerator // ratio.denominator)
    share = ratio - (copies - 1)
    everything = np.arange(len(trace))
    jobs = [everything] * (copies - 1) + [thinned(trace, share, seed, copies - 1, episode)]
    arrivals = [rotated(trace.submit_ms, copy, seed, episode)[jobs[copy]] for copy in range(copies)]
    copy = np.repeat(np.arange(copies), [len(part) for part in jobs])
    job, arrival = np.concatenate(jobs), np.concatenate(arrivals)
    order = np.argsort(arrival, kind="stable")
    return Submissions(job[order], copy[order], arrival[order])


def stretched(arrival: np.ndarray, span: int) -> np.ndarray:
    """Times scaled about 0 such that the first and the last, which differ, lie `span` ms apart, to the millisecond."""
    present = int(arrival[-1] - arrival[0])
    # Python integers: the product of two times exceeds 64 bits.
    return np.array([at * span // present for at in arrival.tolist()], dtype=np.int64)


def rotated(submit: np.ndarray, copy: int, seed: int, episode: int) -> np.ndarray:
    """Submission times [ms] of one copy, in the trace's order; copy 0 stands as recorded.

    Each hour of the week (of the day) is rotated among the weeks (days) in which the trace has it, so that a trace that
    spans no whole number of weeks has no gap and no doubled week at its seam.
    """
    if copy == 0:
        return submit
    span = int(submit[-1])
    unit = WEEK if span >= 2 * WEEK else DAY
    whole = span // unit
    first = int(chosen(seed, TURN, 0, episode, max(whole - 1, 1)))
    turn = 1 + (first + copy - 1) % (whole - 1) if whole > 1 else 0
    jitter = int(chosen(seed, JITTER, copy, episode, 2 * MOST_JITTER + 1)) - MOST_JITTER
    shifted = (submit + jitter) % (span + 1)
    phase = shifted % unit
    return phase + (shifted // unit + turn) % ((span - phase) // unit + 1) * unit


def thinned(trace: Trace, share: Fraction, seed: int, copy: int, episode: int) -> np.ndarray:
    """Indices of the jobs that a copy keeps, ascending: each with probability `share`, about that share of the work."""
    if share >= 1:
        return np.arange(len(trace))
    work = trace.gang * trace.walltime_ms
    rank = np.empty(len(trace), dtype=np.int64)
    rank[np.argsort(-work, kind="stable")] = np.arange(len(trace))
    bits = np.empty(len(trace), dtype=np.uint64)
    fill_with_draws(bits, seed, SHUFFLE, copy, episode)
    shuffled = np.lexsort((bits, rank // STRATUM))
    probability = int(share * CERTAIN)
    start = int(chosen(seed, START, copy, episode, CERTAIN))
    taken = (start + probability * np.arange(len(trace) + 1)) // CERTAIN
    return np.sort(shuffled[np.diff(taken) > 0])


@entry()
def fill_with_draws(bits: np.ndarray, seed: int, stream: int, copy: int, episode: int) -> None:
    """Give each job of one copy its 64 random bits; `bits` has the shape (jobs,), uint64."""
    for job in range(len(bits)):
        bits[job] = draw(seed, stream, entity(copy, job), episode)


@entry()
def chosen(seed: int, stream: int, copy: int, episode: int, choices: int) -> int:
    """An integer in [0, choices) for one copy."""
    return uniform(draw(seed, stream, copy, episode), choices)
