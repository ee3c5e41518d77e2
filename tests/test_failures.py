"""Failures strike as often as clusters have measured, anywhere alike, and cost the time that the formulas say.

A machine of G accelerators has G / 8 nodes; at a rate of f failures per node and day its failures come every
1 / (f G / 8) days, exponentially. Llama 3: 419 unexpected interruptions in 54 days on 16,384 GPUs, 3.79e-3 per node-day
(Grattafiori et al., 2024). Meta's clusters: 6.5e-3, a mean time to failure of 1.8 h at 16,384 GPUs and 28.8 h at 1,024
(Kokolis et al., 2025). Intervals are 99.9 % wide and their half-widths at most 1 %; seeds are fixed.
"""

from dataclasses import dataclass, replace
from functools import cache

import numpy as np
import pytest
from scipy import stats

from tidegate.agents.rules import only_site
from tidegate.envs.quantiles import exponential_table
from tidegate.fastsim.log import FAIL
from tidegate.fastsim.spec import COMMITTED, ClassTable, ProviderTable, SiteTable, SpecTable, plain_jobs
from tidegate.fastsim.units import DAY, HOUR, MINUTE
from tidegate.fastsim.worlds import Worlds

from .physics import interval

NODE = 8  # accelerators
LLAMA, META = 3.79e-3, 6.5e-3  # failures per node-day


@dataclass(frozen=True)
class Cluster:
    """One site that fails, and what its jobs do about it."""

    accelerators: int
    rate: float  # failures per node-day
    checkpoint: int = 10 * MINUTE  # ms
    restart: int = 5 * MINUTE  # ms
    capacity: int = 0  # what is left of it from the first ms on; 0: all

    @property
    def gap(self) -> float:
        """Mean time between failures, ms."""
        return DAY / (self.rate * self.accelerators / NODE)

    def worlds(self, gangs: list[int], worlds: int, work: int, *, log: bool = False) -> Worlds:
        """Worlds in which jobs of these gangs, with `work` ms to do, have the cluster from the second ms on."""
        steps = ((1, self.capacity, 0),) if self.capacity else ()
        site = SiteTable(
            0,
            self.accelerators,
            HOUR,
            (1000,),
            capacity_steps=steps,
            failure=exponential_table(round(self.gap)),
        )
        classes = (ClassTable(HOUR, self.checkpoint, self.restart),)
        spec = SpecTable((site,), (ProviderTable(COMMITTED, floor_share=1000),), classes, 1000 * DAY, pass_size=0)
        jobs = plain_jobs(len(gangs))
        jobs.gang, jobs.walltime, jobs.requested, jobs.arrival = gangs, work, work, 2
        played = Worlds(spec.pack(), jobs, worlds, slots=max(4, len(gangs)), log=log, results=len(gangs))
        for world in range(worlds):
            played.begin(world, seed=world)
            played.ask_results(world, 0, len(gangs))
        return played


def failures(cluster: Cluster, gang: int, worlds: int, days: int) -> np.ndarray:
    """How often a job of `gang` accelerators is hit in so many days, in each world."""
    played = cluster.worlds([gang], worlds, 20_000 * DAY)
    played.play(only_site.agent(), days * DAY)
    return played.batch.state.failed[:, 0]


def test_llama_3_is_interrupted_as_often_as_it_was():
    counts = failures(Cluster(16_384, LLAMA), 16_384, 300, 54)
    mean = interval(counts, np.zeros((len(counts), 0)))
    print(f"{mean.centre:.2f} ± {mean.half_width:.2f} interruptions, 419 measured")
    low, high = stats.poisson.interval(0.999, mean.centre)
    assert low <= 419 <= high
    assert LLAMA * 16_384 / NODE * 54 in mean and mean.half_width <= 0.01 * mean.centre
    # and each run of 54 days is as uncertain as Poisson says
    assert abs(counts.var(ddof=1) / mean.centre - 1) < 3.3 * np.sqrt(2 / len(counts))


@pytest.mark.parametrize(
    ("cluster", "gang", "hours"), [(16_384, 16_384, 1.803), (1_024, 1_024, 28.85), (16_384, 1_024, 28.85)]
)
def test_metas_mean_time_to_failure(cluster, gang, hours):
    """A small job in a large machine fails as seldom as in one of its own size: failures elsewhere do not hit it."""
    worlds, days = 120, round(1000 * hours / 24)
    counts = failures(Cluster(cluster, META), gang, worlds, days)
    total = int(counts.sum())
    measured, half_width = worlds * days * 24 / total, 3.29 / np.sqrt(total)
    print(f"{measured:.3f} h ± {half_width:.2%} of {total} failures, {hours} h expected")
    assert abs(measured / hours - 1) <= half_width <= 0.01


def test_failures_fall_anywhere_alike():
    """Jobs side by side are hit in proportion to their accelerators; when what nobody has is hit, nothing happens."""
    gangs = [8, 4096, 1024, 2048, 16, 512, 2048, 1024, 1024]
    cluster = Cluster(16_384, META)
    played = cluster.worlds(gangs, 1, 20_000 * DAY, log=True)
    played.play(only_site.agent(), 4000 * DAY)
    log, fallen = played.log(), int(played.state().failures[0])
    hits = np.bincount(log[log[:, 1] == FAIL][:, 2], minlength=len(gangs))
    idle = cluster.accelerators - sum(gangs)
    expected = fallen * np.array([*gangs, idle]) / cluster.accelerators
    found = stats.chisquare([*hits, fallen - hits.sum()], expected)
    print(f"{fallen} failures, {hits.sum()} of them on jobs, p = {found.pvalue:.3f}")
    assert found.pvalue > 0.001 and hits.sum() == played.state().failed and fallen > 50_000


def test_half_a_machine_fails_half_as_often():
    """What fails is the nominal machine: with half its capacity gone, half of the failures hit nothing."""
    cluster = Cluster(16_384, META, capacity=8192)
    played = cluster.worlds([8192], 20, 20_000 * DAY)
    played.play(only_site.agent(), 1000 * DAY)
    fallen, hit = int(played.batch.state.failures[:, 0, 0].sum()), int(played.batch.state.failed.sum())
    low, high = stats.binom.interval(0.999, fallen, 0.5)
    assert low <= hit <= high and fallen > 100_000


def effective_share(cluster: Cluster) -> float:
    """Work / time of a job that has the whole machine, exactly.

    From a checkpoint to the next, work that takes Δ takes (e^λΔ − 1) / λ, and e^λΔ − 1 failures. Each brings a restart
    R, which every failure during it prolongs by another R: R / (1 − λR) on average.
    """
    often, down = cluster.checkpoint / cluster.gap, cluster.restart / cluster.gap
    return often * (1 - down) / np.expm1(often)


def meta_share(cluster: Cluster) -> float:
    """E[ETTR] = 1 − N f (u0 + Δ / 2), without the time that writing a checkpoint takes (Kokolis et al., 2025)."""
    return 1 - (cluster.restart + cluster.checkpoint / 2) / cluster.gap


def daly_share(cluster: Cluster) -> float:
    """λΔ / (e^λR (e^λΔ − 1)), likewise (Daly, 2006): a restart that fails begins anew."""
    often, down = cluster.checkpoint / cluster.gap, cluster.restart / cluster.gap
    return often / (np.exp(down) * np.expm1(often))


MACHINES = {
    "Llama 3": Cluster(16_384, LLAMA, 10 * MINUTE, 5 * MINUTE),
    "small": Cluster(1_024, META, 42 * MINUTE, 10 * MINUTE),
    "medium": Cluster(4_096, META, 21 * MINUTE, 10 * MINUTE),
    "large": Cluster(16_384, META, 10 * MINUTE, 10 * MINUTE),
    "too large": Cluster(131_072, META, 5 * MINUTE, 5 * MINUTE),
}


@cache
def measured_share(cluster: Cluster, worlds: int = 200, checkpoints: int = 2000) -> tuple[float, float]:
    """Work / time of a job that works for so many checkpoints, and the half-width of its interval."""
    work = checkpoints * cluster.checkpoint
    played = cluster.worlds([cluster.accelerators], worlds, work)
    played.play(only_site.agent())
    times = interval((played.batch.results.finish - played.batch.results.start)[:, 0] / work, np.zeros((worlds, 0)))
    return 1 / times.centre, times.half_width / times.centre**2


@pytest.mark.parametrize("name", MACHINES)
def test_failures_cost_the_time_that_the_formula_says(name):
    cluster = MACHINES[name]
    share, half_width = measured_share(cluster)
    exact = effective_share(cluster)
    formulas = f"Meta {meta_share(cluster):.4f}, Daly {daly_share(cluster):.4f}"
    print(f"{name}: {share:.4f} ± {half_width:.4f}; exact {exact:.4f}, {formulas}")
    assert abs(share - exact) <= half_width <= 0.01 * exact


@pytest.mark.parametrize("name", ["Llama 3", "small", "medium", "large"])
def test_the_published_formulas_are_right_to_first_order(name):
    """Meta's is linear in the rate; Daly's differs in what a failure during a restart does: half the square of λR."""
    cluster = MACHINES[name]
    share, half_width = measured_share(cluster)
    lost = (cluster.restart + cluster.checkpoint / 2) / cluster.gap
    assert abs(share - meta_share(cluster)) <= lost**2 + half_width
    assert abs(share - daly_share(cluster)) <= (cluster.restart / cluster.gap) ** 2 / 2 + half_width


def test_llama_3_trains_more_than_nine_tenths_of_the_time():
    assert measured_share(MACHINES["Llama 3"])[0] > 0.9


def test_metas_formula_is_not_for_the_largest_machines():
    """At 131,072 accelerators, with 10 minutes and 10, it says less than nothing."""
    cluster = Cluster(131_072, META, 10 * MINUTE, 10 * MINUTE)
    assert meta_share(cluster) < 0 < effective_share(cluster)


@pytest.mark.parametrize("wrong", [{"rate": 1.03 * META}, {"checkpoint": 11 * MINUTE}, {"restart": 11 * MINUTE}])
def test_a_wrong_formula_is_rejected(wrong):
    share, half_width = measured_share(MACHINES["large"])
    assert abs(share - effective_share(replace(MACHINES["large"], **wrong))) > half_width
