"""Queues with a textbook answer: their formulas, their draws, the kernel that plays them, and honest intervals.

The unit of time is the mean service, `MEAN_SERVICE` = 1000 s = 10^6 ms. Draws are rounded to whole milliseconds when
they become jobs (arrivals after summation, so that nothing accumulates): a wait moves by about 10^-6, four orders below
the intervals.

**No warm-up is cut, because there is none.** Every replication begins in equilibrium: at time 0 it meets a *crowd*,
whose size has the stationary law and whose walltimes are equilibrium residuals. That is exact for the queues here:
M/M/c (an exponential law is its own residual); M/G/1, where the stationary workload is a geometric sum of residuals
(Pollaczek-Khinchine); M/G/c/c, where given their number the residuals are independent (the insensitivity theorem).
Poisson arrivals see time averages, so the first arrival is in equilibrium too. The crowd itself is not counted.

**Intervals.** Replications are independent: each gives one mean, over LENGTH jobs, and Student's t is taken over their
number. Intervals are narrowed by regression on control variates. All of these are functions of the input alone, with
known expectations: no fault of the kernel can hide in them. They are the mean gap, the mean service and, where jobs
queue, the *bunching* over 10, 30 and 100 jobs: the mean square of block sums of (service / servers − gap), centred,
divided by its variance; less 1, its expectation is 0. They take away two thirds of the variance of a mean wait.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from scipy import stats

from tidegate.agents.rules import first_fit, only_site
from tidegate.fastsim.agent import Agent
from tidegate.fastsim.spec import (
    BURST,
    COMMITTED,
    FCFS,
    ClassTable,
    ProviderTable,
    SiteTable,
    Spec,
    SpecTable,
    plain_jobs,
)
from tidegate.fastsim.units import DAY, SECOND
from tidegate.fastsim.worlds import Worlds

MEAN_SERVICE = 1000 * SECOND
LENGTH = 10_000  # jobs counted in one replication
WORLDS = 64  # replications played at once: one round
BLOCKS = (10, 30, 100)  # jobs over which bunching is measured; they divide LENGTH or leave a rest that is dropped

Draw = Callable[[np.random.Generator, Any], np.ndarray]


@dataclass(frozen=True)
class Service:
    """A law of service times with mean 1, and the law of what is left of one that is met at a random instant."""

    name: str
    variance: float
    draw: Draw
    residual: Draw


def _hyperexponential(of_long_ones: float) -> Draw:
    """Mean 3 with this probability, else mean 1/3."""

    def draw(random: np.random.Generator, shape: Any) -> np.ndarray:
        return np.where(random.random(shape) < of_long_ones, 3, 1 / 3) * random.exponential(size=shape)

    return draw


def _exponential(random: np.random.Generator, shape: Any) -> np.ndarray:
    return random.exponential(size=shape)


EXPONENTIAL = Service("exponential", 1, _exponential, _exponential)
DETERMINISTIC = Service(
    "deterministic", 0, lambda random, shape: np.ones(shape), lambda random, shape: random.random(shape)
)
# One in four is long; a random instant falls into a long one three times in four. E S² = 2 (9/4 + 1/12).
HYPEREXPONENTIAL = Service("hyperexponential", 11 / 3, _hyperexponential(1 / 4), _hyperexponential(3 / 4))
# P(S > x) = (1 + x / 1.5)^−2.5: the third moment is infinite. The residual has the exponent 1.5: so is its variance.
HEAVY_TAILED = Service(
    "heavy-tailed",
    5,
    lambda random, shape: 1.5 * random.pareto(2.5, shape),
    lambda random, shape: 1.5 * random.pareto(1.5, shape),
)


@dataclass(frozen=True)
class Station:
    """Poisson arrivals at `servers` accelerators, gangs of one; FCFS, or (M/G/c/c) what cannot start goes elsewhere."""

    servers: int
    load: float  # Erlang: arrivals per mean service
    service: Service
    rounds: int  # of WORLDS replications
    seed: int
    loses: bool = False

    def __str__(self) -> str:
        kind = f"M/{self.service.name}/{self.servers}" + (f"/{self.servers}" if self.loses else "")
        return (
            f"{kind} at {self.load} Erlang, seed {self.seed} "
            f"(round r draws from numpy.random.default_rng(({self.seed}, r)))"
        )


def erlang_b(servers: int, load: float) -> float:
    """Share of arrivals that find all servers busy where nobody waits."""
    share = 1.0
    for busy in range(1, servers + 1):
        share = load * share / (busy + load * share)
    return share


def erlang_c(servers: int, load: float) -> float:
    """Share of arrivals that wait in M/M/c."""
    blocked = erlang_b(servers, load)
    return blocked / (1 - load / servers * (1 - blocked))


def mean_wait(servers: int, load: float) -> float:
    """Of M/M/c, in mean services."""
    return erlang_c(servers, load) / (servers - load)


def pollaczek_khinchine(load: float, service: Service) -> float:
    """Mean wait of M/G/1, in mean services."""
    return load * (1 + service.variance) / (2 * (1 - load))


def crowd_law(station: Station) -> np.ndarray:
    """P(n jobs in the crowd), n = 0, 1, …: the stationary law of M/M/c or of M/G/c/c, or the geometric one of M/G/1."""
    weights = [1.0]
    while len(weights) <= station.servers or (not station.loses and weights[-1] > 1e-18):
        weights.append(weights[-1] * station.load / min(len(weights), station.servers))
    return np.array(weights) / np.sum(weights)


def whole(times: np.ndarray) -> np.ndarray:
    """Times in mean services as whole milliseconds."""
    return np.rint(times * MEAN_SERVICE).astype(np.int64)


def walltimes(services: np.ndarray) -> np.ndarray:
    """Services in mean services as walltimes, ms: at least 1."""
    return np.maximum(whole(services), 1)


@dataclass(frozen=True)
class Arrivals:
    """What arrives at some worlds, ms. The crowds are there at time 0."""

    crowds: tuple[np.ndarray, ...]  # a world's crowd: its walltimes
    arrival: np.ndarray  # (worlds, jobs)
    walltime: np.ndarray  # (worlds, jobs)

    @property
    def gaps(self) -> np.ndarray:
        """Time from the arrival before, or from time 0, mean services."""
        return np.diff(self.arrival, axis=1, prepend=0) / MEAN_SERVICE

    @property
    def services(self) -> np.ndarray:
        """Walltimes, mean services."""
        return self.walltime / MEAN_SERVICE


def draw(station: Station, index: int) -> Arrivals:
    """Round `index` of a station."""
    random = np.random.default_rng((station.seed, index))
    law, service, shape = crowd_law(station), station.service, (WORLDS, LENGTH)
    sizes = random.choice(len(law), WORLDS, p=law)
    return Arrivals(
        tuple(walltimes(service.residual(random, size)) for size in sizes),
        whole(np.cumsum(random.exponential(1 / station.load, shape), axis=1)),
        walltimes(service.draw(random, shape)),
    )


def spec_of(servers: int, *, loses: bool = False, dispatch: int = FCFS) -> Spec:
    """One committed site and, for those who may not wait there, a burst site that is never full."""
    sites = (SiteTable(0, servers, 0, (1000,)), SiteTable(1, 1_000_000, 0, (1000,)))
    providers = (ProviderTable(COMMITTED, floor_share=0), ProviderTable(BURST))
    number = 2 if loses else 1
    return SpecTable(
        sites[:number], providers[:number], (ClassTable(0),), 60 * 365 * DAY, pass_size=0, dispatch=dispatch
    ).pack()


def play(spec: Spec, agent: Agent, arrivals: Arrivals) -> Any:
    """Outcomes of all jobs but the crowds, (worlds, jobs) RESULT."""
    worlds, length = arrivals.arrival.shape
    sizes = np.array([len(crowd) for crowd in arrivals.crowds])
    first = np.concatenate([[0], np.cumsum(sizes + length)])
    jobs = plain_jobs(first[-1])
    jobs["gang"] = 1
    for world, (crowd, arrival, walltime) in enumerate(
        zip(arrivals.crowds, arrivals.arrival, arrivals.walltime, strict=True)
    ):
        mine = jobs[first[world] : first[world + 1]]
        mine["arrival"][sizes[world] :] = arrival
        mine["walltime"] = np.concatenate([crowd, walltime])
    jobs["requested"] = jobs["walltime"]
    batch = Worlds(spec, jobs.view(np.recarray), worlds, results=length)
    for world in range(worlds):
        batch.begin(world, int(first[world]), int(first[world + 1]))
        batch.ask_results(world, int(first[world] + sizes[world]), length)
    batch.play(agent)
    return batch.batch.results


def rounds(station: Station, accelerators: int) -> Iterator[tuple[Arrivals, Any]]:
    """What arrives at a station and what becomes of it, round by round, at a site of so many accelerators."""
    spec = spec_of(accelerators, loses=station.loses)
    agent = first_fit.agent() if station.loses else only_site.agent()
    for index in range(station.rounds):
        arrivals = draw(station, index)
        yield arrivals, play(spec, agent, arrivals)


@dataclass(frozen=True)
class Sample:
    """Means of each replication, (replications,), and its controls, whose expectation is 0."""

    wait: np.ndarray  # mean services
    delayed: np.ndarray  # share that waited
    overflow: np.ndarray  # share that went elsewhere
    controls: np.ndarray  # (replications, k)


@cache
def sample(station: Station, accelerators: int | None = None) -> Sample:
    """Play all rounds of a station, at a site of `accelerators` (by default: its servers)."""
    means, controls = [], []
    for arrivals, results in rounds(station, accelerators or station.servers):
        waits = results.start - arrivals.arrival
        means.append([(waits / MEAN_SERVICE).mean(1), (waits > 0).mean(1), (results.site == 1).mean(1)])
        controls.append(controls_of(station, arrivals))
    wait, delayed, overflow = np.concatenate(means, axis=1)
    return Sample(wait, delayed, overflow, np.concatenate(controls))


def controls_of(station: Station, arrivals: Arrivals) -> np.ndarray:
    """(worlds, k), each of expectation 0; a service that cannot vary controls nothing."""
    gap = arrivals.gaps - 1 / station.load
    service = arrivals.services - 1
    columns = [gap.mean(1), *([service.mean(1)] if station.service.variance > 0 else [])]
    if not station.loses:
        step = service / station.servers - gap
        variance = station.service.variance / station.servers**2 + 1 / station.load**2
        for block in BLOCKS:
            used = step[:, : LENGTH // block * block].reshape(len(step), -1, block)
            columns.append((used.sum(2) ** 2).mean(1) / (block * variance) - 1)
    return np.stack(columns, axis=1)


@dataclass(frozen=True)
class Interval:
    """A confidence interval."""

    centre: float
    half_width: float

    def __contains__(self, value: float) -> bool:
        return abs(value - self.centre) <= self.half_width


def interval(means: np.ndarray, controls: np.ndarray, confidence: float = 0.999) -> Interval:
    """For the expectation of independent `means`, by regression on controls of expectation 0 (Student's t)."""
    design = np.column_stack([np.ones(len(means)), controls])
    inverse = np.linalg.inv(design.T @ design)
    fitted = inverse @ design.T @ means
    freedom = len(means) - design.shape[1]
    variance = ((means - design @ fitted) ** 2).sum() / freedom * inverse[0, 0]
    return Interval(float(fitted[0]), float(stats.t.ppf((1 + confidence) / 2, freedom) * np.sqrt(variance)))
