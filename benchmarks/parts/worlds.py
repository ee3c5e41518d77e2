"""The worlds that the simulator is timed in: one site, two plain sites, and a site as large as one likes."""

from typing import Any

import numpy as np

from tidegate.fastsim.spec import (
    BURST,
    COMMITTED,
    EASY,
    FCFS,
    ClassTable,
    ProviderTable,
    SiteTable,
    Spec,
    SpecTable,
    plain_jobs,
)
from tidegate.fastsim.units import DAY, DOLLAR, HOUR

CLASSES = (
    (1024, 48.0, 1.5),
    (256, 8.0, 0.5),
    (128, 6.0, 1.0),
    (64, 1.0, 4.0),
    (32, 0.5, 6.0),
)  # gang, mean h, $ of delay
COMMITTED_GANGS, BURST_GANGS = 8192, 4096  # accelerators of the two plain sites


def one_site(capacity: int, is_easy: bool) -> Spec:
    """A committed site whose queue is all there is: no pass, so each job is offered once."""
    return SpecTable(
        (SiteTable(0, capacity, DOLLAR, (1000,)),),
        (ProviderTable(COMMITTED, floor_share=1000),),
        (ClassTable(DOLLAR),),
        30 * DAY,
        pass_size=0,
        dispatch=EASY if is_easy else FCFS,
    ).pack()


def two_sites(pass_size: int) -> Spec:
    """A committed and a burst site, flat prices, five classes, EASY; `pass_size` 0: decided once, at arrival."""
    speed = (1000,) * len(CLASSES)
    return SpecTable(
        (SiteTable(0, COMMITTED_GANGS, 2 * DOLLAR, speed), SiteTable(1, BURST_GANGS, 5 * DOLLAR, speed)),
        (ProviderTable(COMMITTED, floor_share=1000), ProviderTable(BURST)),
        tuple(ClassTable(int(rate * DOLLAR)) for _, _, rate in CLASSES),
        30 * DAY,
        pass_size=pass_size,
    ).pack()


def two_sites_jobs(episodes: int, count: int) -> Any:
    """`count` jobs for each episode, one after the other: work in equal shares of the classes, at load 0.9."""
    rng = np.random.default_rng(1)
    gangs, hours, _ = (np.array(column) for column in zip(*CLASSES, strict=True))
    often = 1 / (gangs * hours)
    per_hour = 0.9 * COMMITTED_GANGS / len(CLASSES) * often.sum()
    jobs = plain_jobs(episodes * count).reshape(episodes, count)
    jobs["cls"] = rng.choice(len(CLASSES), jobs.shape, p=often / often.sum())
    jobs["gang"] = gangs[jobs["cls"]]
    jobs["arrival"] = np.cumsum(rng.exponential(HOUR / per_hour, jobs.shape), axis=1)
    jobs["walltime"] = 1 + rng.exponential(HOUR * hours[jobs["cls"]])
    jobs["requested"] = jobs["walltime"] * rng.uniform(1, 3, jobs.shape)
    return jobs.ravel().view(np.recarray)


def crowd(running: int, queued: int, count: int) -> Any:
    """`count` jobs of one accelerator, one a second, for a site that is full with `running` and keeps `queued` waiting.

    The first ones fill site and queue at once; from then on jobs end as often as they arrive.
    """
    rng = np.random.default_rng(2)
    first = running + queued
    jobs = plain_jobs(first + count)
    jobs.gang = 1
    jobs.arrival[first:] = 1000 * np.arange(1, count + 1)
    # The runs that are under way end one a second; a later one takes the place of one of them.
    jobs.walltime[:running] = 1000 * rng.permutation(np.arange(1, running + 1))
    jobs.walltime[running:] = 1000 * running
    jobs.requested = jobs.walltime * rng.uniform(1, 3, len(jobs))
    return jobs
