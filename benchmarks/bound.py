"""How tight the clairvoyant bound is, beside the exact optimum on toy episodes, and how long it takes on real ones."""

from collections.abc import Iterator

import numpy as np
from parts.machine import described
from parts.results import options, publish, table

from tidegate.agents.bound.exact import exact
from tidegate.agents.bound.headroom import bound
from tidegate.agents.bound.instance import Instance, instance_of
from tidegate.agents.bound.items import items_of
from tidegate.agents.bound.program import program_of, slots
from tidegate.agents.bound.solve import solved
from tidegate.agents.evaluation.cohort import Chunk
from tidegate.agents.evaluation.episodes import Episode
from tidegate.agents.evaluation.source import Source
from tidegate.envs.scenario import load
from tidegate.fastsim.spec import BURST, COMMITTED, ClassTable, ProviderTable, SiteTable, Spec, SpecTable, plain_jobs
from tidegate.fastsim.units import DAY, DOLLAR, HOUR

TOYS, CAPACITY, ARRIVALS, HORIZON = 12, 16, 12, 36.0  # h
GAP = 0.01  # of the exact program
SHAPES = (("up to one half of the site", 8), ("up to a quarter", 4), ("up to an eighth", 2))


def toy_spec() -> Spec:
    """Committed accelerators, and as many metered ones at $3; waiting costs $1 or $4."""
    return SpecTable(
        sites=(SiteTable(0, CAPACITY, DOLLAR, (1000, 1000)), SiteTable(1, CAPACITY, 3 * DOLLAR, (1000, 1000))),
        providers=(ProviderTable(COMMITTED, floor_share=1000), ProviderTable(BURST)),
        classes=(ClassTable(DOLLAR), ClassTable(4 * DOLLAR)),
        period=30 * DAY,
    ).pack()


def toys(largest: int) -> Iterator[Instance]:
    """Random episodes of half a day, whose work is one and a half times what the committed site can do in it."""
    for seed in range(TOYS):
        rng = np.random.default_rng(seed)
        jobs = plain_jobs(100)
        jobs.gang = rng.integers(1, largest + 1, len(jobs))
        jobs.walltime = rng.integers(1, 7, len(jobs)) * HOUR
        jobs = jobs[np.cumsum(jobs.gang * jobs.walltime) <= 1.5 * ARRIVALS * HOUR * CAPACITY]
        jobs.requested = jobs.walltime
        jobs.cls = rng.integers(0, 2, len(jobs))
        jobs.arrival = np.sort(rng.integers(0, ARRIVALS, len(jobs))) * HOUR
        chunk = Chunk(toy_spec(), [Episode(jobs, np.array([0, ARRIVALS]) * HOUR)])
        yield instance_of(chunk, 0)._replace(horizon=HORIZON)


def tightness() -> Iterator[tuple[str, ...]]:
    """Bound over optimum, summed over the toys, and the range of single ones."""
    for name, largest in SHAPES:
        pairs = []
        for instance in toys(largest):
            edges, fine = slots(instance)
            low = solved(program_of(instance, items_of(instance, fine), edges), 60).bound
            pairs.append((low, exact(instance, 1.0, time_limit=120, gap=GAP)))
        low, best = np.array(pairs).T
        parts = low[best > 0] / best[best > 0]
        yield name, f"{100 * low.sum() / best.sum():.0f}", f"{100 * parts.min():.0f} to {100 * parts.max():.0f}"


def times() -> Iterator[tuple[str, ...]]:
    """Seconds for one episode, all in."""
    for name in ("small_team", "mid_lab", "colossus1_gcp"):
        source = Source(load(name), 1, windows=1)
        chunk = Chunk(source.spec, [source.episode(number) for number in range(3)])
        found = [bound(chunk, index) for index in range(3)]
        seconds = [one.seconds for one in found]
        size = f"{np.mean([one.columns for one in found]):,.0f} × {np.mean([one.rows for one in found]):,.0f}"
        yield name, size, f"{np.mean(seconds):.1f}", f"{max(seconds):.1f}"


def main() -> None:
    given = options(__doc__)
    tight = table(("gangs", "bound, % of the exact optimum", "single episodes"), tightness())
    timed = table(("scenario", "columns × rows", "solver, s an episode", "longest of 3"), times())
    publish("bound", described(["highspy", "scipy"]), given.repeats, [tight, timed], given.write)


if __name__ == "__main__":
    main()
