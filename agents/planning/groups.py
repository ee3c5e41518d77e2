"""Groups of work that a plan does not tell apart, and how much of each is expected, from the scenario's own rates.

A group is jobs of one class, of similar requests, of gangs that sites round up alike, which the same sites suit.
Nothing here is drawn: rates, gangs, walltimes and requests are what the scenario's file says.
"""

from collections.abc import Iterator
from decimal import Decimal
from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np

from ...envs.pipelines import Stage
from ...envs.scenario import Scenario
from ...envs.work import ANY, JobClass
from ...fastsim.spec import Spec
from ...fastsim.units import HOUR
from ..evaluation.fit import admitted, footprints
from .runs import factors

BOUNDS = (2.0, 12.0)  # hours requested: short, medium, long
WASTE = 2.0  # a gang is small where some site rounds it up to more than so many times itself
QUANTILES = 256  # of the walltimes
RAREST = 1e-4  # share of a class's gangs below which a group is left out


class Key(NamedTuple):
    """What the jobs of a group have in common."""

    cls: int
    length: int  # which part of BOUNDS
    is_small: bool
    sites: int  # bit set: those that suit
    ports: int  # bit set: those where it needs a port


class Group(NamedTuple):
    """A group, and what is expected of it."""

    key: Key
    requested: float  # hours at speed 1, mean
    ran: float  # hours at speed 1 that they run, mean
    footprint: np.ndarray  # (sites,) accelerators occupied per accelerator of the gang
    gangs: np.ndarray  # (168,) accelerators that arrive in each hour of the week, at the load of day 0


def suited(spec: Spec, reach: np.ndarray, cls: np.ndarray, tags: np.ndarray, gangs: np.ndarray) -> np.ndarray:
    """Bit set of the sites that suit each job, (n,); `reach` (sites,) is what they have, now or as announced."""
    fits = admitted(spec, cls, tags) & (footprints(spec, gangs) <= reach)
    return fits @ (1 << np.arange(fits.shape[1]))


def ported(spec: Spec, silicon: np.ndarray) -> np.ndarray:
    """Bit set of the sites whose silicon is not the native one of each job, (n,)."""
    sites = int(spec.rules[0].sites)
    return ((silicon[:, None] >= 0) & (silicon[:, None] != spec.rules[0].silicon[:sites])) @ (1 << np.arange(sites))


def keys_of(spec: Spec, reach: np.ndarray, jobs: Any, requested: np.ndarray) -> np.ndarray:
    """Rows of Key, (n, 5) int64, of jobs (n,) that request so many hours."""
    prints = footprints(spec, jobs.gang)
    columns = (
        jobs.cls,
        np.searchsorted(BOUNDS, requested, side="right"),
        (prints > WASTE * jobs.gang[:, None]).any(axis=1),
        suited(spec, reach, jobs.cls, jobs.tags, jobs.gang),
        ported(spec, jobs.silicon),
    )
    return np.stack([np.asarray(column, np.int64) for column in columns], axis=1)


class _Source(NamedTuple):
    """One stream of arrivals of a class: alone, or as a stage of a pipeline."""

    cls: int
    gangs: dict[int, float]  # gang → its share of the accelerators
    requests: tuple[np.ndarray, np.ndarray, np.ndarray]  # hours requested, hours run, and weights
    week: np.ndarray  # (168,) accelerators an hour


def _sources(scenario: Scenario) -> Iterator[_Source]:
    offered, classes = scenario.offered(), {cls.name: cls for cls in scenario.classes}
    for cls in scenario.classes:
        rate = offered.alone_per_hour(cls) * cls.mean_gang
        yield _source(scenario, cls, None, rate, cls.rhythm)
    for pipeline in scenario.pipelines:
        for stage in pipeline.stages:
            cls = classes[stage.job_class]
            rate = offered.pipelines_per_hour(pipeline) * stage.mean_accelerators(cls)
            yield _source(scenario, cls, stage, rate, pipeline.rhythm)


def _source(scenario: Scenario, cls: JobClass, stage: Stage | None, rate: Fraction, rhythm: Decimal) -> _Source:
    sizes = (stage and stage.gangs) or cls.gangs
    total = sum(size * float(weight) for size, weight in sizes.items())
    gangs = {size: size * float(weight) / total for size, weight in sizes.items()}
    walltime = (stage and stage.walltime) or cls.walltime
    planned = walltime.table[2 : 4 * QUANTILES : 4] / HOUR
    factor, weight = factors(scenario.workload.requests)
    hours = np.minimum(np.outer(planned, factor), walltime.longest / HOUR).ravel()
    lasting = float(cls.mean_of_walltime(walltime) / walltime.mean)  # of the planned time, early ends included
    ran = np.repeat(planned * lasting, len(factor))
    week = float(rate) * (1 + float(rhythm) * (np.array([float(part) for part in scenario.workload.week]) - 1))
    return _Source(scenario.classes.index(cls), gangs, (hours, ran, np.tile(weight / QUANTILES, QUANTILES)), week)


def _kinds(scenario: Scenario, cls: JobClass) -> Iterator[tuple[int, int, float]]:
    """Tags, native silicon and share of the jobs of a class."""
    tags, natives = sum(cls.portability.values()), sum(cls.native.values())
    for tag, weight in cls.portability.items():
        if tag != ANY:
            yield scenario.tag_mask(tag), -1, float(weight / tags)
            continue
        for name, part in cls.native.items():
            silicon = -1 if name == ANY else scenario.silicons.index(name)
            yield 0, silicon, float(weight / tags * part / natives)


def groups_of(scenario: Scenario, spec: Spec) -> tuple[Group, ...]:
    """All groups of jobs that are expected, in the order of their keys."""
    sites = int(spec.rules[0].sites)
    reach = np.array([site.nominal for site in scenario.sites])
    week: dict[Key, np.ndarray] = {}
    hours: dict[Key, np.ndarray] = {}
    prints: dict[Key, np.ndarray] = {}
    for source in _sources(scenario):
        one = np.ones(1, np.int64)
        lengths = np.searchsorted(BOUNDS, source.requests[0], side="right")
        for tags, silicon, share in _kinds(scenario, scenario.classes[source.cls]):
            for gang, part in source.gangs.items():
                place = int(suited(spec, reach, one * source.cls, one * tags, one * gang)[0])
                port, each = int(ported(spec, one * silicon)[0]), footprints(spec, one * gang)[0] / gang
                for length in range(len(BOUNDS) + 1):
                    chosen = lengths == length
                    chance = float(source.requests[2][chosen].sum())
                    if chance * part * share < RAREST or place == 0:
                        continue
                    key = Key(source.cls, length, bool((each > WASTE).any()), place, port)
                    arriving = source.week * share * part * chance
                    means = [float(part[chosen] @ source.requests[2][chosen]) / chance for part in source.requests[:2]]
                    weight = float(arriving.sum())
                    week[key] = week.get(key, np.zeros(168)) + arriving
                    hours[key] = hours.get(key, np.zeros(2)) + weight * np.array(means)
                    prints[key] = prints.get(key, np.zeros(sites)) + weight * each
    found = []
    for key in sorted(week):
        total = week[key].sum()
        requested, ran = (hours[key] / total).tolist()
        found.append(Group(key, requested, ran, prints[key] / total, week[key]))
    return tuple(found)
