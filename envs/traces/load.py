"""From a trace to the jobs of an episode, at a wanted offered load.

Offered load means what it means for synthetic work: the jobs' accelerator-time at speed 1, Σ gang × walltime, over what
the committed sites could do on day 0 in the same span, which is the time from the first submission to the last.
"""

import math
from fractions import Fraction

import numpy as np

from ...fastsim.errors import InputError
from ...fastsim.spec import Jobs, plain_jobs
from ..names import check_name
from ..scenario import Scenario
from .classes import classify
from .portability import required_tags
from .requested import draw_requests
from .scaling import Submissions, as_recorded, overlaid, stretched
from .table import Trace, total_work

GANGS_PER_CAPACITY = 4  # where fewer of the largest gang fit, a few jobs decide the results

MOST_JOBS = 1 << 24  # of one episode: three gigabytes


def to_jobs(trace: Trace, scenario: Scenario, load: float | None = None, seed: int = 0, episode: int = 0) -> Jobs:
    """The trace's jobs in the scenario, from time 0 (a Monday, 00:00), sorted by arrival.

    Args:
        trace: What was recorded.
        scenario: Its classes give class, priority and tags; its committed sites the capacity that the load refers to.
        load: The offered load wanted; None takes the trace as it is, whatever load that is.
        seed: Names the draws, with `episode`: the same pair gives the same jobs, bit for bit. In [0, 2^63).
        episode: In [0, 2^63).

    Raises:
        InputError: the load cannot be had from this trace, or the scenario has no class that fits.
    """
    _check_names(seed, episode)
    submissions = as_recorded(trace) if load is None else _scaled(trace, scenario, load, seed, episode)
    _check_number(trace, len(submissions.job))
    job, copy = submissions.job, submissions.copy
    cls = classify(trace, scenario)[job]
    walltime, requested = trace.walltime_ms[job], trace.requested_ms[job]
    draw_requests(requested, walltime, job, copy, seed, episode)
    jobs = plain_jobs(len(job))
    jobs.arrival, jobs.walltime, jobs.requested, jobs.gang = submissions.arrival, walltime, requested, trace.gang[job]
    jobs.cls, jobs.priority = cls, np.array([entry.priority for entry in scenario.classes], dtype=np.int16)[cls]
    jobs.tags = required_tags(scenario, cls, job, copy, seed, episode)
    return jobs


def offered_load(jobs: Jobs, scenario: Scenario) -> float:
    """The load that `jobs` offer between their first and last arrival; infinite when those coincide."""
    span = int(jobs.arrival[-1] - jobs.arrival[0])
    return float(total_work(jobs.gang, jobs.walltime) / (scenario.reference_capacity * span)) if span else math.inf


def copies(trace: Trace, scenario: Scenario, load: float | None) -> int:
    """How many copies of the trace lie over each other at a load; 1 where it stands as it was recorded."""
    return 1 if load is None else math.ceil(_ratio(trace, scenario, load))


def fits(trace: Trace, scenario: Scenario) -> str | None:
    """A warning when the largest gang is above a quarter of the committed accelerators; None when it is not."""
    committed = {provider.name for provider in scenario.providers if provider.is_committed}
    accelerators = sum(site.capacity for site in scenario.sites if site.provider in committed)
    largest = int(trace.gang.max())
    if largest * GANGS_PER_CAPACITY <= accelerators:
        return None
    return (
        f"{trace.source}: the largest gang, {largest}, is above a quarter of the {accelerators} committed "
        f"accelerators; the results depend on a few jobs; take a scenario with at least {largest * GANGS_PER_CAPACITY}"
    )


def _scaled(trace: Trace, scenario: Scenario, load: float, seed: int, episode: int) -> Submissions:
    """Submissions whose offered load is `load`, to the rounding of a millisecond."""
    wanted, ratio = _work_per_millisecond(trace, scenario, load), _ratio(trace, scenario, load)
    _check_number(trace, int(ratio * len(trace)))
    overlay = overlaid(trace, ratio, seed, episode)
    if len(overlay.arrival) == 0 or overlay.arrival[0] == overlay.arrival[-1]:
        reason = f"leaves too few of the {len(trace)} jobs of {trace.source}"
        raise InputError("load", "offered load", load, reason, "take a higher load or a larger trace")
    span = round(total_work(trace.gang[overlay.job], trace.walltime_ms[overlay.job]) / wanted)
    return overlay._replace(arrival=stretched(overlay.arrival, span))


def _ratio(trace: Trace, scenario: Scenario, load: float) -> Fraction:
    """The work wanted over the work recorded."""
    return _work_per_millisecond(trace, scenario, load) * trace.span_ms / trace.work


def _work_per_millisecond(trace: Trace, scenario: Scenario, load: float) -> Fraction:
    """The accelerator-ms that arrive in a millisecond at the load wanted, exactly; refuses what makes no sense."""
    if not (math.isfinite(load) and load > 0):
        raise InputError("load", "offered load", load, "is not a positive number", "give for example 0.9")
    if scenario.reference_capacity == 0:
        reason = f"refers to the capacity of {scenario.name} on day 0, which is 0"
        raise InputError("load", "offered load", load, reason, "give no load")
    if trace.span_ms == 0:
        reason = f"cannot be had from {trace.source}, which spans no time"
        raise InputError("load", "offered load", load, reason, "give no load")
    return Fraction(load) * scenario.reference_capacity


def _check_names(seed: int, episode: int) -> None:
    for what, value in (("seed", seed), ("episode", episode)):
        check_name("trace", what, value)


def _check_number(trace: Trace, jobs: int) -> None:
    if jobs >= MOST_JOBS:
        reason = f"is {MOST_JOBS} or more, taken from {trace.source}"
        raise InputError("load", "jobs of one episode", jobs, reason, "take a lower load or a smaller scenario")
