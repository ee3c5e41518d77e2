"""The kernel has the right physics: queueing theory inside 99.9 % intervals, and Little's law to the millisecond.

Statistical tests ask two things: the interval holds the exact value, and it is narrow (half-width at most 1 % of that
value). `TIDEGATE_PHYSICS_JOBS=100` plays a hundred times the jobs and asks for a tenth of the half-width, 0.1 %. Where
theory gives every wait and not only the mean, waits are compared one by one. Seeds are fixed; physics.py says how an
interval is made.
"""

import os
from dataclasses import replace

import numpy as np
import pytest

from tidegate.agents.rules import only_site
from tidegate.fastsim.log import ARRIVE, EVICT, FINISH, START
from tidegate.fastsim.spec import BURST, EASY, FCFS, ClassTable, ProviderTable, SiteTable, SpecTable, plain_jobs
from tidegate.fastsim.units import DAY, HOUR
from tidegate.fastsim.worlds import Worlds

from . import physics
from .kernel_worlds import keyed_agent
from .physics import (
    DETERMINISTIC,
    EXPONENTIAL,
    HEAVY_TAILED,
    HYPEREXPONENTIAL,
    Arrivals,
    Station,
    erlang_b,
    erlang_c,
    interval,
    mean_wait,
    pollaczek_khinchine,
    sample,
)

SPEEDS, GRANULES = ((1000, 800), (700, 1300)), (1, 4)  # of two busy sites, [site][class] and [site]
STEPS = ((9, 8, 0), (12, 70, 2), (20, 30, 6), (26, 16, 0), (31, 68, 0))  # hour, capacity, announced hours before
MORE = int(os.environ.get("TIDEGATE_PHYSICS_JOBS", "1"))  # times the jobs

ONE_SERVER = Station(1, 0.6, EXPONENTIAL, rounds=5, seed=1)
FOUR_SERVERS = Station(4, 2.8, EXPONENTIAL, rounds=10, seed=2)
REGULAR = Station(1, 0.7, DETERMINISTIC, rounds=4, seed=3)
IRREGULAR = Station(1, 0.6, HYPEREXPONENTIAL, rounds=6, seed=4)
OVERFLOW = Station(6, 6.0, EXPONENTIAL, rounds=2, seed=5, loses=True)
HEAVY_OVERFLOW = Station(6, 6.0, HEAVY_TAILED, rounds=3, seed=6, loses=True)
LARGE_OVERFLOW = Station(20, 20.0, HEAVY_TAILED, rounds=7, seed=7, loses=True)


def agree(station: Station, quantity: str, exact: float, *, accelerators: int | None = None) -> None:
    """The interval for a quantity of `Sample` holds the exact value and is narrow."""
    played = replace(station, rounds=station.rounds * MORE)
    outcome = sample(played, accelerators)  # kept: several tests ask about one station
    found = interval(getattr(outcome, quantity), outcome.controls)
    told = f"{quantity} of {played}: {found.centre:.6g} ± {found.half_width:.2g}, exact {exact:.6g}"
    print(f"{told}; ratio {found.centre / exact:.5f} ± {found.half_width / exact:.5f}")
    assert exact in found, f"outside: {told}"
    assert found.half_width <= 0.01 / MORE**0.5 * exact, f"too wide: {told}"


def test_one_exponential_server_keeps_jobs_waiting_as_mm1_says():
    agree(ONE_SERVER, "wait", 0.6 / (1 - 0.6))
    agree(ONE_SERVER, "delayed", 0.6)


def test_four_exponential_servers_keep_jobs_waiting_as_erlang_c_says():
    agree(FOUR_SERVERS, "wait", mean_wait(4, 2.8))
    agree(FOUR_SERVERS, "delayed", erlang_c(4, 2.8))


@pytest.mark.parametrize("station", [REGULAR, IRREGULAR], ids=lambda station: station.service.name)
def test_one_server_of_any_law_keeps_jobs_waiting_as_pollaczek_and_khinchine_say(station):
    agree(station, "wait", pollaczek_khinchine(station.load, station.service))
    agree(station, "delayed", station.load)


@pytest.mark.parametrize(
    "station", [OVERFLOW, HEAVY_OVERFLOW, LARGE_OVERFLOW], ids=["exponential", "heavy-tailed", "heavy-tailed, large"]
)
def test_the_share_that_overflows_is_erlang_b_whatever_the_law_of_service(station):
    agree(station, "overflow", erlang_b(station.servers, station.load))


@pytest.mark.parametrize(
    ("station", "quantity", "wrong"),
    [
        pytest.param(FOUR_SERVERS, "wait", mean_wait(5, 2.8), id="the wait with one server more"),
        pytest.param(FOUR_SERVERS, "delayed", erlang_b(4, 2.8), id="Erlang B for Erlang C"),
        pytest.param(ONE_SERVER, "wait", mean_wait(1, 0.61), id="a load two per cent higher"),
        pytest.param(REGULAR, "wait", mean_wait(1, 0.7), id="the exponential law for the deterministic"),
        pytest.param(IRREGULAR, "wait", mean_wait(1, 0.6), id="the exponential law for the hyperexponential"),
        pytest.param(LARGE_OVERFLOW, "overflow", erlang_b(21, 20), id="losses with one server more"),
        pytest.param(OVERFLOW, "overflow", erlang_c(6, 5.99), id="Erlang C for Erlang B"),
    ],
)
def test_a_wrong_formula_is_rejected(station, quantity, wrong):
    with pytest.raises(AssertionError, match="outside"):
        agree(station, quantity, wrong)


@pytest.mark.parametrize("accelerators", [3, 5])
def test_a_site_of_the_wrong_size_is_rejected(accelerators):
    """Though it begins in the equilibrium of the right size."""
    with pytest.raises(AssertionError, match="outside"):
        agree(replace(FOUR_SERVERS, rounds=1), "wait", mean_wait(4, 2.8), accelerators=accelerators)


def test_an_interval_misses_as_often_as_it_says():
    """5 % of 4,000 intervals for means that controls explain in part; four standard deviations are 55."""
    random = np.random.default_rng(8)
    missed = 0
    for _ in range(4000):
        controls = random.normal(size=(12, 3))
        missed += 0.0 not in interval(controls @ [1.0, -2.0, 0.5] + random.normal(size=12), controls, 0.95)
    assert abs(missed - 200) <= 55, "seed 8"


def first_few(station: Station, worlds: int, length: int) -> Arrivals:
    """The first jobs of a station's round 0, without crowds."""
    drawn = physics.draw(station, 0)
    return Arrivals(no_crowds(worlds), drawn.arrival[:worlds, :length], drawn.walltime[:worlds, :length])


def no_crowds(worlds: int) -> tuple[np.ndarray, ...]:
    """Every world begins empty."""
    return (np.zeros(0, np.int64),) * worlds


def many_ties(servers: int, worlds: int, length: int) -> Arrivals:
    """Times so short that arrivals and completions fall on the same milliseconds all the time, at 96 % load."""
    random = np.random.default_rng((10, servers))
    gaps = random.geometric(1 / 3, (worlds, length)) - 1  # mean 2
    services = random.geometric(1 / (1.92 * servers), (worlds, length))
    return Arrivals(no_crowds(worlds), np.cumsum(gaps, axis=1), services)


def kiefer_wolfowitz(arrivals: Arrivals, servers: int) -> np.ndarray:
    """Waits [ms] from the ordered vector of work left at the servers, all worlds at once.

    A job waits for the least of it and adds its service there; until the next arrival every server works off the gap.
    """
    gaps = np.diff(arrivals.arrival, axis=1, append=arrivals.arrival[:, -1:])
    work = np.zeros((len(gaps), servers), np.int64)
    waits = np.zeros_like(gaps)
    for job in range(gaps.shape[1]):
        waits[:, job] = work[:, 0]
        work[:, 0] += arrivals.walltime[:, job]
        work = np.sort(np.maximum(work - gaps[:, job, None], 0), axis=1)
    return waits


def waits_exactly(arrivals: Arrivals, servers: int, dispatch: int, expected: np.ndarray, replay: str) -> None:
    """The kernel starts every job exactly so long [ms] after its arrival."""
    results = physics.play(physics.spec_of(servers, dispatch=dispatch), only_site.agent(), arrivals)
    np.testing.assert_array_equal(results.waited, expected, err_msg=replay)
    np.testing.assert_array_equal(results.start, arrivals.arrival + expected, err_msg=replay)
    np.testing.assert_array_equal(results.finish, results.start + arrivals.walltime, err_msg=replay)
    assert (expected > 0).any() and (expected == 0).any(), f"jobs that wait and jobs that do not: {replay}"


@pytest.mark.parametrize("dispatch", [FCFS, EASY], ids=["FCFS", "EASY"])
@pytest.mark.parametrize("service", [EXPONENTIAL, DETERMINISTIC, HYPEREXPONENTIAL, HEAVY_TAILED], ids=lambda s: s.name)
def test_every_wait_at_one_accelerator_is_lindleys(service, dispatch):
    """W(i + 1) = max(0, W(i) + S(i) − T(i + 1)), unrolled: a random walk less its running minimum."""
    station = Station(1, 0.9, service, rounds=1, seed=9)
    arrivals = first_few(station, 16, 2000)
    steps = np.zeros_like(arrivals.arrival)
    steps[:, 1:] = arrivals.walltime[:, :-1] - np.diff(arrivals.arrival, axis=1)
    walk = np.cumsum(steps, axis=1)
    waits_exactly(arrivals, 1, dispatch, walk - np.minimum.accumulate(walk, axis=1), str(station))


@pytest.mark.parametrize("dispatch", [FCFS, EASY], ids=["FCFS", "EASY"])
@pytest.mark.parametrize("servers", [1, 2, 3, 8, 21])
def test_every_wait_at_many_accelerators_is_kiefers_and_wolfowitzs(servers, dispatch):
    """Jobs of one accelerator leave nothing to fill, so EASY is FCFS."""
    station = Station(servers, 0.95 * servers, HEAVY_TAILED, rounds=1, seed=11)
    for arrivals, replay in (
        (first_few(station, 16, 1000), str(station)),
        (many_ties(servers, 16, 1000), f"many_ties({servers}, 16, 1000)"),
    ):
        waits_exactly(arrivals, servers, dispatch, kiefer_wolfowitz(arrivals, servers), replay)


def busy_world(seed: int, *, losses: bool) -> Worlds:
    """1200 gangs of two days at two burst sites under an agent that places, holds and moves them at random.

    At prices and rates of HOUR µ$ per accelerator-hour, a µ$ of the ledger is an accelerator-millisecond.
    """
    random = np.random.default_rng(seed)
    jobs = plain_jobs(1200)
    jobs["arrival"] = np.sort(random.integers(0, 2 * DAY, len(jobs)))
    jobs["walltime"] = 1 + random.exponential(HOUR, len(jobs))
    jobs["requested"] = jobs["walltime"] * random.uniform(0.5, 3, len(jobs)) + 1
    jobs["gang"] = random.integers(1, 9, len(jobs))
    jobs["cls"] = random.integers(0, 2, len(jobs))
    jobs["priority"] = random.integers(0, 3, len(jobs))
    steps = tuple((hour * HOUR, size, (hour - ahead) * HOUR) for hour, size, ahead in STEPS)
    sites = tuple(
        SiteTable(
            0, size, HOUR, speed, granule, price_steps=((7 * HOUR, HOUR),), capacity_steps=steps if losses else ()
        )
        for size, speed, granule in zip((64, 72), SPEEDS, GRANULES, strict=True)
    )
    spec = SpecTable(
        sites, (ProviderTable(BURST),), (ClassTable(HOUR), ClassTable(HOUR)), DAY, first_period=-5 * HOUR
    ).pack()
    worlds = Worlds(spec, jobs, 1, log=True, results=len(jobs))
    worlds.begin(0)
    worlds.ask_results(0, 0, len(jobs))
    return worlds


def area(worlds: Worlds, rises: tuple[int, ...], falls: tuple[int, ...], weight: np.ndarray) -> int:
    """Area under a level up to now, ms: rows of these kinds change it at their time by their weight."""
    log = worlds.log()
    change = weight * (np.isin(log[:, 1], rises).astype(np.int64) - np.isin(log[:, 1], falls))
    return int((change * (worlds.state().now - log[:, 0])).sum())


def waited(worlds: Worlds) -> int:
    """Accelerator-ms: area under the gangs that wait."""
    job = np.maximum(worlds.log()[:, 2], 0)
    return area(worlds, (ARRIVE, EVICT), (START,), worlds.jobs.gang[job])


def occupied(worlds: Worlds) -> int:
    """Accelerator-ms: area under the accelerators that are occupied."""
    log, running = worlds.log(), {}
    weight = np.zeros(len(log), np.int64)
    for row, (_, kind, job, _, value) in enumerate(log.tolist()):  # the row of an eviction does not say how many
        if kind == START:
            running[job] = value
        weight[row] = running.get(job, 0)
    return area(worlds, (START,), (FINISH, EVICT), weight)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("losses", [False, True], ids=["steady", "with evictions"])
def test_littles_law_holds_to_the_millisecond(seed, losses):
    """Area under what waits = sum of waits = what the ledger metered; the same for what is occupied; at any time."""
    worlds = busy_world(seed, losses=losses)
    for until in (5 * HOUR, 9 * HOUR + 1, DAY, 40 * HOUR):
        worlds.play(keyed_agent(seed), until)
        assert (worlds.totals().delay, worlds.totals().burst) == (waited(worlds), occupied(worlds)), f"seed {seed}"
    worlds.play(keyed_agent(seed))
    jobs, results = worlds.jobs, worlds.batch.results[0]
    assert worlds.totals().delay == waited(worlds) == (jobs.gang * results.waited).sum(), f"seed {seed}"
    assert worlds.totals().burst == occupied(worlds), f"seed {seed}"
    granule, speed = np.array(GRANULES)[results.site], np.array(SPEEDS)[results.site, jobs.cls]
    duration = -(-jobs.walltime * 1000 // speed)
    np.testing.assert_array_equal(results.finish - results.start, duration, err_msg=f"seed {seed}")
    kept = int((-(-jobs.gang // granule) * granule * duration).sum())
    lost = occupied(worlds) - kept  # by runs that an eviction ended
    assert (lost > 0) == (results.evictions.sum() > 0) == losses and lost >= 0, f"seed {seed}"
