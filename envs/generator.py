"""Synthetic jobs of a scenario: integers only, drawn by name, so that a seed and a stream mean the same everywhere.

Each class is a Poisson process of submissions whose rate follows the hours of the week and the scenario's growth:
exponential gaps, in units of expected submissions, are laid along the cumulative rate. A submission is a batch of jobs
with gang and tags in common. Nothing depends on where the stream is cut: more days only add jobs.
"""

from decimal import Decimal
from fractions import Fraction
from functools import lru_cache
from itertools import accumulate
from typing import NamedTuple

import numpy as np

from ..fastsim.errors import InputError
from ..fastsim.jit import entry, kernel
from ..fastsim.keyed import bits_of, key, quantile, uniform
from ..fastsim.spec import JOB, Jobs
from ..fastsim.units import DAY, HOUR
from .quantiles import exponential_table, table_mean
from .quantities import whole
from .scenario import Scenario
from .work import SHORTEST, JobClass

UNIT = 1 << 28  # one expected submission
MOST = 1 << 40  # units of one class in one hour: × 3,600,000 ms stays below 2^62
CERTAIN = 1 << 30  # probability 1
ENTITY_BITS = 40  # of an entity, for the number of the submission; the class is above

# Attempts of a submission's key: its own draws, then four for each of its jobs.
GAP, GANG, TAGS, SIZE = 0, 1, 2, 3
WALLTIME, EARLY, STOP, REQUEST, FACTOR, SPACING = 0, 1, 2, 3, 4, 5
DRAWS = 8  # attempts per job


class Demand(NamedTuple):
    """The work of a scenario at one load, compiled.

    Choices are values and cumulative probabilities (of `CERTAIN`), padded at the end.
    """

    rate: np.ndarray  # (classes, 168) int64: units in each hour of the week, Monday 00:00 first, on day 0
    growth: np.ndarray  # (steps, 2) int64: from when [ms], permille
    gap: np.ndarray  # (2048,) int64: quantiles of the gap, units
    walltime: np.ndarray  # (classes, 2048) int64: quantiles of the planned walltime, ms
    longest: np.ndarray  # (classes,) int64: longest request, ms
    gangs: np.ndarray  # (2, classes, choices) int64
    tags: np.ndarray  # (2, classes, choices) int64
    batches: np.ndarray  # (2, classes, choices) int64
    spacing: np.ndarray  # (classes,) int64: mean time between jobs of a batch, ms
    early: np.ndarray  # (classes, 2) int64, of CERTAIN: probability of an early end, part of the walltime
    priority: np.ndarray  # (classes,) int64
    requests: np.ndarray  # (3,) int64, permille: exact, overrun, largest factor


def _choices(options: list[dict[int, Decimal]]) -> np.ndarray:
    """One row of values and one of cumulative probabilities for each class."""
    width = max(len(weights) for weights in options)
    table = np.full((2, len(options), width), CERTAIN, np.int64)
    for row, weights in enumerate(options):
        values = sorted(weights)
        total = sum(Fraction(weights[value]) for value in values)
        table[0, row, : len(values)] = values
        below = accumulate(Fraction(weights[value]) for value in values)
        table[1, row, : len(values)] = [CERTAIN * sum_ // total for sum_ in below]
    return table


def _rates(scenario: Scenario, cls: JobClass, load: Decimal | None, gap: Fraction) -> list[int]:
    """Units of a class in each hour of the week."""
    submissions = scenario.jobs_per_hour(cls, load) / cls.mean_batch
    rhythm = Fraction(cls.rhythm)
    rates = [round(submissions * gap * (1 + rhythm * (factor - 1))) for factor in scenario.workload.week]
    if max(rates) * scenario.workload.largest_growth >= MOST:
        what, most = f"submissions per hour of {cls.name}", MOST // UNIT
        raise InputError(scenario.name, what, max(rates) // UNIT, f"at most {most} are possible", "lower the load")
    return rates


@lru_cache(maxsize=32)
def demand_of(scenario: Scenario, load: Decimal | None = None) -> Demand:
    """The tables that `submit` reads. Raises InputError where a class is submitted too often."""
    classes, requests = scenario.classes, scenario.workload.requests
    gap = exponential_table(UNIT)
    early = [(ends.share, ends.within) if (ends := cls.early_ends) else (Decimal(0), Decimal(0)) for cls in classes]
    steps = [(whole(step.at_day, "days"), whole(step.factor, "permille")) for step in scenario.workload.growth]
    permilles = [whole(part, "permille") for part in (requests.exact, requests.overrun, requests.up_to)]
    return Demand(
        rate=np.array([_rates(scenario, cls, load, table_mean(gap)) for cls in classes], np.int64),
        growth=np.array([(0, 1000), *steps], np.int64),
        gap=gap,
        walltime=np.stack([cls.walltime.table for cls in classes]),
        longest=np.array([cls.walltime.longest for cls in classes], np.int64),
        gangs=_choices([cls.gangs for cls in classes]),
        tags=_choices([{scenario.tag_mask(tag): weight for tag, weight in cls.portability.items()} for cls in classes]),
        batches=_choices([cls.batches for cls in classes]),
        spacing=np.array([whole(cls.spacing_seconds, "seconds") for cls in classes], np.int64),
        early=np.array([[int(part * CERTAIN) for part in pair] for pair in early], np.int64),
        priority=np.array([cls.priority for cls in classes], np.int64),
        requests=np.array(permilles, np.int64),
    )


@kernel
def choice(table: np.ndarray, cls: int, bits: np.uint64) -> int:
    """One of the values of a class's choices."""
    point = uniform(bits, CERTAIN)
    option = 0
    while table[1, cls, option] <= point:
        option += 1
    return table[0, cls, option]


@kernel
def rate_at(demand: Demand, cls: int, hour: int) -> int:
    """Units of a class in one hour of the scenario."""
    step = len(demand.growth) - 1
    while demand.growth[step, 0] > hour * HOUR:
        step -= 1
    return demand.rate[cls, hour % 168] * demand.growth[step, 1] // 1000


@kernel
def requested(demand: Demand, cls: int, planned: int, submission: np.uint64, first: int) -> int:
    """Requested walltime [ms] of a job planned to run `planned` ms."""
    case = uniform(bits_of(submission, first + REQUEST), 1000)
    factor = bits_of(submission, first + FACTOR)
    exact, overrun = demand.requests[0], demand.requests[1]
    permille = 1000
    if case >= exact + overrun:
        permille = 1000 + uniform(factor, demand.requests[2] - 999)
    elif case >= exact:
        permille = 500 + uniform(factor, 500)
    return max(1, min(planned * permille // 1000, demand.longest[cls]))


@kernel
def fill_job(demand: Demand, cls: int, submission: np.uint64, first: int, job: np.record) -> None:
    """Walltime, request, class and priority of one job, from the draws numbered `first` on."""
    planned = quantile(demand.walltime[cls], bits_of(submission, first + WALLTIME))
    walltime = planned
    if uniform(bits_of(submission, first + EARLY), CERTAIN) < demand.early[cls, 0]:
        part = uniform(bits_of(submission, first + STOP), demand.early[cls, 1])
        walltime = max(SHORTEST, planned * (part >> 10) >> 20)  # 38 + 20 bits
    job.walltime = walltime
    job.requested = requested(demand, cls, planned, submission, first)
    job.cls = cls
    job.priority = demand.priority[cls]


@kernel
def submit(demand: Demand, cls: int, submission: np.uint64, at: int, end: int, jobs: np.recarray, count: int) -> int:
    """Append the jobs of one submission that arrive before `end`, as far as there is room; the new count."""
    gang = choice(demand.gangs, cls, bits_of(submission, GANG))
    tags = choice(demand.tags, cls, bits_of(submission, TAGS))
    size = choice(demand.batches, cls, bits_of(submission, SIZE))
    for member in range(size):
        first = DRAWS * (member + 1)
        if member > 0 and demand.spacing[cls] > 0:
            at += uniform(bits_of(submission, first + SPACING), 2 * demand.spacing[cls])
        if at >= end:
            break
        if count < len(jobs):
            jobs[count].arrival = at
            jobs[count].gang = gang
            jobs[count].tags = tags
            fill_job(demand, cls, submission, first, jobs[count])
        count += 1
    return count


@kernel
def submit_class(
    demand: Demand, cls: int, seed: int, stream: int, start: int, end: int, jobs: np.recarray, count: int
) -> int:
    """Append the jobs of one class that arrive in [start, end), submission by submission; the new count."""
    number = cls << ENTITY_BITS
    submission = key(seed, stream, number)
    gap = quantile(demand.gap, bits_of(submission, GAP))
    reached = start % HOUR  # of this hour: first ms, then units, that are behind
    for hour in range(start // HOUR, (end + HOUR - 1) // HOUR):
        units = rate_at(demand, cls, hour)
        reached = reached * units // HOUR
        while gap < units - reached:
            reached += gap
            at = max(start, hour * HOUR + reached * HOUR // units)
            count = submit(demand, cls, submission, at, end, jobs, count)
            number += 1
            submission = key(seed, stream, number)
            gap = quantile(demand.gap, bits_of(submission, GAP))
        gap -= units - reached
        reached = 0
    return count


@entry()
def submit_all(demand: Demand, seed: int, stream: int, start: int, end: int, jobs: np.recarray) -> int:
    """Fill `jobs` class by class; the number of jobs there are, which may be more than there is room for."""
    count = 0
    for cls in range(len(demand.rate)):
        count = submit_class(demand, cls, seed, stream, start, end, jobs, count)
    return count


def generate(
    scenario: Scenario, seed: int, stream: int, days: int, load: Decimal | float | None = None, *, start: int = 0
) -> Jobs:
    """The jobs that arrive in `days` days from `start` [ms]: a record array of JOB in order of arrival.

    `load` replaces the scenario's. Streams of one seed are independent of each other. Raises InputError for a seed or
    stream outside [0, 2^63), a window outside the scenario's span, or a load outside (0, `scenario.largest_load`].
    """
    exact_load = None if load is None else Decimal(str(load))
    _check(scenario, seed, stream, days, exact_load, start)
    demand = demand_of(scenario, exact_load)
    end = start + days * DAY
    expected = scenario.jobs_per_day * days * float(scenario.workload.largest_growth)
    room = int(1.1 * expected * (1.0 if exact_load is None else float(exact_load / scenario.workload.load))) + 1000
    while True:
        jobs = np.zeros(room, JOB).view(np.recarray)
        count = int(submit_all(demand, seed, stream, start, end, jobs))
        if count <= room:
            break
        room = count
    order = np.argsort(jobs.arrival[:count], kind="stable")
    return jobs[order]


def _check(scenario: Scenario, seed: int, stream: int, days: int, load: Decimal | None, start: int) -> None:
    """Refuse what the generator cannot name."""
    for what, value in (("seed", seed), ("stream", stream)):
        if not 0 <= value < 1 << 63:
            raise InputError(scenario.name, what, value, "outside [0, 2^63)", "choose another")
    if start < 0 or days < 0 or start + days * DAY > scenario.span:
        reason = f"the scenario spans {scenario.episodes.span_days} days"
        raise InputError(scenario.name, "window", f"{days} days from {start} ms", reason, "choose a window inside")
    most = scenario.largest_load
    if load is not None and not 0 < load <= most:
        reason = f"outside (0, {most}], where overflow is excluded"
        raise InputError(scenario.name, "load", load, reason, "choose another")
