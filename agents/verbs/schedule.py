"""One site under one dispatch: the world that a trace is replayed in."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...envs.traces.table import Trace
from ...fastsim.advance import SETTLED
from ...fastsim.errors import InputError
from ...fastsim.spec import COMMITTED, EASY, FCFS, ClassTable, Jobs, ProviderTable, SiteTable, SpecTable, plain_jobs
from ...fastsim.units import HOUR, NEVER
from ...fastsim.worlds import Worlds
from ..rules.only_site import agent

SLICES = 50  # of the trace's span, between two looks at the progress
DISPATCH = {"fcfs": FCFS, "easy": EASY}


@dataclass(frozen=True)
class Schedule:
    """Who ran when; times in ms from the first submission, arrays of shape (jobs,)."""

    start: np.ndarray
    finish: np.ndarray
    wait: np.ndarray
    work: int  # accelerator-ms
    capacity: int
    seconds: float  # of the simulation itself

    @property
    def makespan(self) -> int:
        """From the first submission to the last finish [ms]."""
        return int(self.finish.max())

    @property
    def utilisation(self) -> float:
        """Work over capacity × makespan."""
        return self.work / (self.capacity * self.makespan)


def scheduled(trace: Trace, capacity: int, dispatch: str, progress: Callable[[float], Any]) -> Schedule:
    """Run the trace on one site of `capacity` accelerators. `progress` takes the share of jobs that have finished.

    Raises InputError for a gang that never fits, or a schedule longer than the world's time.
    """
    _check_gangs(trace, capacity)
    jobs = jobs_of(trace)
    worlds = Worlds(_one_site(capacity, dispatch), jobs, 1, results=len(jobs))
    worlds.begin(0)
    worlds.ask_results(0, 0, len(jobs))
    worlds.play(agent(), 0)  # starts the threads
    began = time.perf_counter()
    _play(worlds, trace, progress)
    seconds = time.perf_counter() - began
    results = worlds.batch.results[0]
    start = results.start.copy()
    return Schedule(start, results.finish.copy(), start - jobs.arrival, trace.work, capacity, seconds)


def jobs_of(trace: Trace) -> Jobs:
    """The trace's jobs, one class and one priority; a job whose request is unknown requests its walltime."""
    jobs = plain_jobs(len(trace))
    jobs.arrival, jobs.walltime, jobs.gang = trace.submit_ms, trace.walltime_ms, trace.gang
    jobs.requested = np.where(trace.requested_ms < 0, trace.walltime_ms, trace.requested_ms)
    return jobs


def _one_site(capacity: int, dispatch: str) -> Any:
    """No prices, no pass, no wake-ups: only dispatch is left."""
    return SpecTable(
        sites=(SiteTable(provider=0, capacity=capacity, price=0, speed=(1000,)),),
        providers=(ProviderTable(COMMITTED, floor_share=1000),),
        classes=(ClassTable(0),),
        period=NEVER,
        pass_size=0,
        dispatch=DISPATCH[dispatch],
    ).pack()


def _play(worlds: Worlds, trace: Trace, progress: Callable[[float], Any]) -> None:
    """Play until every job has finished, in slices of time that double after the last arrival."""
    rule, state = agent(), worlds.state()
    slice_ = max(HOUR, trace.span_ms // SLICES)
    until = 0
    while worlds.play(rule, until)[0] != SETTLED:
        progress(int(worlds.state().finished) / len(trace))
        if until == NEVER:
            reason = f"takes more than 69 years on {state.capacity[0]} accelerators"
            raise InputError("replay", "trace", trace.source, reason, "give more accelerators")
        until = min(NEVER, until + slice_)
        slice_ *= 2 if until > trace.span_ms else 1


def _check_gangs(trace: Trace, capacity: int) -> None:
    row = int(np.argmax(trace.gang))
    if trace.gang[row] > capacity:
        what = f"gang of job {trace.job_id[row]}"
        reason = f"never fits on {capacity} accelerators"
        raise InputError(trace.source, what, int(trace.gang[row]), reason, "raise --capacity or leave the job out")
