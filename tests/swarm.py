"""Worlds in which everything happens at once: hundreds of jobs run and thousands wait, and every rule is switched on.

A scene is a function of (seed, jobs, features). A feature that is switched off is taken out of what was drawn, and the
rest stays as it was (without pipelines other jobs are drawn): a failing scene can be made smaller feature by feature.
All of it is integers, so that it is the same scene on every machine.
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from tidegate.fastsim.keyed import POINTS
from tidegate.fastsim.spec import (
    BURST,
    COMMITTED,
    EASY,
    FCFS,
    NO,
    ClassTable,
    Jobs,
    ProviderTable,
    SiteTable,
    Spec,
    SpecTable,
    plain_jobs,
)
from tidegate.fastsim.units import HOUR, MINUTE, NEVER
from tidegate.fastsim.worlds import Worlds

FEATURES = (
    *("losses", "prices", "failures", "start-ups", "denials", "increments", "leases", "budgets", "data", "partners"),
    *("checkpoints", "silicon", "preemption", "kills", "cancellations", "deadlines", "blocks", "pipelines", "cubes"),
    "priorities",
)
ALL = frozenset(FEATURES)
HUGE = 1_000_000  # a gang that no site suits
EVEN = HOUR  # a price: 1 µ$ per accelerator-ms

Random = np.random.Generator


@dataclass(frozen=True)
class Scene:
    """One world, what arrives in it, until when it is played, and the seed of its failures, grants and start-ups."""

    seed: int
    table: SpecTable
    jobs: Jobs
    until: int  # ms

    def begun(self, *, slots: int = 64, episodes: int = 1, log: bool = True, results: bool = False) -> Worlds:
        """A batch in which every episode is at time 0 of this scene."""
        return begun(self.table.pack(), self.jobs, self.seed, slots, episodes, log, results)


def begun(
    spec: Spec,
    jobs: Jobs,
    seed: int,
    slots: int = 64,
    episodes: int = 1,
    log: bool = True,
    results: bool = False,
    first: int = 0,
) -> Worlds:
    """A batch at time 0 that meets the jobs from `first` on; it goes on when all results are known."""
    worlds = Worlds(spec, jobs, episodes, slots=slots, log=log, results=len(jobs) if results else 0)
    for episode in range(episodes):
        worlds.begin(episode, first, seed=seed)
        if results:
            worlds.ask_results(episode, first, len(jobs) - first)
            worlds.state(episode).open_results += 1
    return worlds


@dataclass(frozen=True)
class Scale:
    """Times are multiples of `tick` in a tidy scene, so that events of all kinds fall together."""

    tick: int  # ms
    is_tidy: bool
    capacity: int  # accelerators of a usual site
    span: int  # ms in which the jobs arrive
    changes: int  # of a site's capacity or price

    def ticks(self, random: Random, least: int, most: int, size: Any = None) -> Any:
        """Durations [ms] of `least` to `most` ticks."""
        whole = random.integers(least, most + 1, size) * self.tick
        return whole if self.is_tidy else np.maximum(least * self.tick, whole - random.integers(0, self.tick, size))


def scene(seed: int, jobs: int = 3000, features: frozenset[str] = ALL) -> Scene:
    """A scene of about so many jobs."""
    random = np.random.default_rng(seed)
    sites = int(random.integers(2, 9))
    providers = int(random.integers(1, min(4, sites) + 1))
    scale = random_scale(random, jobs, sites)
    owners = [*range(providers), *(int(n) for n in random.integers(0, providers, sites - providers))]
    is_metered = random.random(providers) < 0.6
    classes = one_of(random, 1, 3, 16)
    period = MINUTE * max(1, scale.span // MINUTE // int(random.integers(3, 9)))
    table = SpecTable(
        sites=tuple(
            without(random_site(random, scale, owner, bool(is_metered[owner]), classes), SITES, features)
            for owner in owners
        ),
        providers=tuple(
            without(random_provider(random, scale, bool(metered), providers, period), PROVIDERS, features)
            for metered in is_metered
        ),
        classes=tuple(without(random_class(random, scale), CLASSES, features) for _ in range(classes)),
        period=period,
        first_period=-MINUTE * int(random.integers(0, period // MINUTE)),
        offer_interval=scale.tick * one_of(random, 1, 10, 100, 1000),
        reoffer_gap=scale.tick * one_of(random, 0, 5, 50, 500),
        pass_size=one_of(random, 0, 1, 8, 32, 200),
        backfill_depth=one_of(random, 1, 3, 500),
        max_hold=scale.tick * one_of(random, 1, 20, 400),
        dispatch=one_of(random, FCFS, EASY, EASY),
        preempt_after=scale.tick * one_of(random, 1, 3, 10),
        kill_overruns=bool(random.random() < 0.4),
    )
    drawn = random_jobs(random, scale, jobs, classes, providers, features)
    return Scene(seed, without(table, TABLES, features), drawn, scale.span + scale.span // 4 + 2 * period)


def without(drawn: Any, switches: dict[str, dict[str, Any]], features: frozenset[str]) -> Any:
    """A table of which the fields of all features that are switched off have their plain values."""
    off = {name: value for key, fields in switches.items() if key not in features for name, value in fields.items()}
    return replace(drawn, **off)


SITES = {
    "losses": {"capacity_steps": ()},
    "prices": {"price_steps": ()},
    "failures": {"failure": None},
    "start-ups": {"start_up": None, "usual_start_up": 0},
    "denials": {"grants": ()},
    "increments": {"increment": 0},
    "silicon": {"silicon": 0},
    "cubes": {"granule": 1, "cube": 0, "cube_from": 0},
}
PROVIDERS = {
    "leases": {"carry": 0, "ends": NEVER, "in_arrears": False},
    "budgets": {"budget": NO},
    "data": {"egress_rate": 0},
}
CLASSES = {
    "checkpoints": {"checkpoint": 0, "restart": 0},
    "silicon": {"port": 0},
    "preemption": {"preemptible": False},
}
TABLES = {"preemption": {"preempt_after": 0}, "kills": {"kill_overruns": False}}


def one_of(random: Random, *options: int) -> int:
    """Any of them."""
    return options[int(random.integers(len(options)))]


def random_scale(random: Random, jobs: int, sites: int) -> Scale:
    """Jobs of 24 ticks and 8 accelerators on average arrive so fast that the sites are a little too few."""
    tick = one_of(random, 1_000, MINUTE)
    capacity = one_of(random, 200, 1000, 3000) * jobs // 3000 + 8
    busy = jobs * 8 * 24 * tick // (capacity * sites)
    span = busy * one_of(random, 150, 250, 400) // 100 + 100 * tick
    return Scale(tick, bool(random.random() < 0.5), capacity, span - span % tick, min(40, 5 + jobs // 10))


def random_site(random: Random, scale: Scale, owner: int, is_metered: bool, classes: int) -> SiteTable:
    """A site whose capacity, price and machines change all the time."""
    capacity = scale.capacity * int(random.integers(1, 5)) // 2
    has_start_up = is_metered and random.random() < 0.6
    steps = random.random()
    return SiteTable(
        provider=owner,
        capacity=capacity,
        price=EVEN * int(random.integers(1, 9)) // 8,
        speed=tuple(int(speed) for speed in random.choice([0, 500, 900, 1000, 1000, 1000, 2000], classes)),
        granule=one_of(random, 1, 1, 2, 8),
        cube=one_of(random, 0, 16),
        cube_from=int(random.integers(1, 33)),
        capacity_steps=flapping(random, scale, capacity) if steps < 0.3 else random_steps(random, scale, capacity),
        price_steps=random_prices(random, scale) if is_metered else (),
        silicon=int(random.integers(0, 2)),
        failure=ramp(scale.span // scale.changes // 10, scale.span // scale.changes // 4),
        start_up=ramp(scale.tick, scale.tick * one_of(random, 2, 20, 80)) if has_start_up else None,
        usual_start_up=scale.tick * int(random.integers(0, 5)),
        denial=scale.tick * int(random.integers(1, 4)),
        grants=((1, 950), (8, 700), (64, int(random.integers(0, 700)))),
        increment=one_of(random, 0, scale.tick, 7 * scale.tick, 7_777),
    )


def ramp(least: int, most: int) -> np.ndarray:
    """2048 quantiles, linear by cell."""
    return least + (most - least) * np.arange(POINTS) // (POINTS - 1)


def random_steps(random: Random, scale: Scale, capacity: int) -> tuple[tuple[int, ...], ...]:
    """Gains and losses, some of them to zero; with notice or by surprise; promises that are not kept."""
    ats = np.unique(scale.ticks(random, 1, scale.span // scale.tick, scale.changes))
    sizes = random.integers(0, 5, len(ats)) * capacity // 4
    announced = ats - scale.tick * random.choice([0, 0, 3, 40, 1_000_000], len(ats))
    withdrawn = np.maximum(1, announced + 1 + random.integers(0, 1 << 40, len(ats)) % np.maximum(1, ats - announced))
    withdrawn -= withdrawn % scale.tick
    is_promise = (random.random(len(ats)) < 0.4) & (np.maximum(0, announced) < withdrawn)
    columns = (column.tolist() for column in (ats, sizes, announced, withdrawn, is_promise))
    return tuple(
        (at, size, known, *([gone] if fails else [])) for at, size, known, gone, fails in zip(*columns, strict=True)
    )


def flapping(random: Random, scale: Scale, capacity: int) -> tuple[tuple[int, ...], ...]:
    """Spot capacity: all of it, or none, with a tick or two of notice before it goes."""
    count = 2 * scale.changes
    lasts = scale.ticks(random, 1, max(2, scale.span // scale.tick // scale.changes), count)
    leads = scale.tick * random.integers(0, 3, count) * (np.arange(count) % 2 == 0)
    ats = np.cumsum(lasts + leads)
    sizes = capacity * (np.arange(count) % 2)
    return tuple(zip(ats.tolist(), sizes.tolist(), (ats - leads).tolist(), strict=True))


def random_prices(random: Random, scale: Scale) -> tuple[tuple[int, int], ...]:
    """Prices that jump, to nothing now and then."""
    ats = np.unique(scale.ticks(random, 1, scale.span // scale.tick, scale.changes))
    prices = EVEN * random.integers(1, 41, len(ats)) // 8 * random.integers(0, 3, len(ats)).clip(0, 1)
    return tuple(zip(ats.tolist(), prices.tolist(), strict=True))


def random_provider(random: Random, scale: Scale, is_metered: bool, providers: int, period: int) -> ProviderTable:
    """A contract whose floor or budget is some part of what its sites could draw in one period."""
    most = scale.capacity * period
    by_money = bool(random.random() < 0.5)
    budget = one_of(random, NO, NO, NO, most // 200, most // 20, most // 2, most // 2)
    floor = most * int(random.integers(0, 200)) // 100
    return ProviderTable(
        kind=BURST if is_metered else COMMITTED,
        tags=7,
        floor_money=floor if by_money and not is_metered else NO,
        floor_share=one_of(random, 0, 333, 800, 1000) if not by_money and not is_metered else NO,
        overage_ratio=one_of(random, 0, 777, 1000, 1500),
        budget=budget if is_metered else NO,
        carry=one_of(random, 0, 100, 1000),
        ends=one_of(random, NEVER, MINUTE * (1 + scale.span // MINUTE // 3)),
        in_arrears=bool(random.random() < 0.5),
        egress_rate=one_of(random, 0, 999, 90_000),
        links=tuple(int(link) for link in random.choice([8, 27, 1000], providers)) if providers > 1 else (),
    )


def random_class(random: Random, scale: Scale) -> ClassTable:
    """Checkpoints that are none, frequent or rarer than jobs are long; restarts and ports."""
    return ClassTable(
        delay_rate=EVEN * int(random.integers(0, 9)) // 8,
        checkpoint=one_of(random, 0, 1, scale.tick, 5 * scale.tick, 1000 * scale.tick),
        restart=scale.tick * int(random.integers(0, 4)),
        port=scale.tick * int(random.integers(0, 4)),
        preemptible=bool(random.random() < 0.7),
    )


def random_jobs(
    random: Random, scale: Scale, wanted: int, classes: int, providers: int, features: frozenset[str]
) -> Jobs:
    """About `wanted` jobs, alone and in pipelines, in order of arrival."""
    sizes = random.choice([1, 1, 1, 1, 1, 1, 2, 3, 5, 12], wanted // 2)
    sizes[: wanted // 600] = 60
    random.shuffle(sizes)
    sizes = sizes[: np.searchsorted(np.cumsum(sizes), wanted) + 1]
    if "pipelines" not in features:
        sizes = np.ones(sizes.sum(), np.int64)
    jobs = plain_jobs(int(sizes.sum()))
    arrival = np.sort(scale.ticks(random, 0, scale.span // scale.tick, len(sizes)))
    jobs.arrival = np.repeat(arrival, sizes)
    fill_work(random, scale, jobs, classes)
    if "priorities" in features:
        jobs.priority = random.choice([0, 0, 0, 1, 2, 7], len(jobs))
    if "silicon" in features:
        jobs.silicon = random.integers(-1, 2, len(jobs))
    fill_data(random, scale, jobs, providers, "data" in features)
    fill_ends(random, scale, jobs, np.repeat(sizes, sizes) == 1, features)
    join(random, scale, jobs, sizes, "partners" in features)
    return jobs


def fill_work(random: Random, scale: Scale, jobs: Jobs, classes: int) -> None:
    """Gangs, walltimes and requests: jobs of one tick and of hundreds, of one accelerator and of far too many."""
    count = len(jobs)
    jobs.gang = random.choice([1, 1, 2, 4, 8, 16, 24], count)
    jobs.gang[random.random(count) < 0.01] = HUGE
    longer = random.choice([1, 1, 1, 1, 8], count)
    jobs.walltime = longer * scale.ticks(random, 1, 20, count)
    jobs.walltime[random.random(count) < 0.05] = scale.tick if scale.is_tidy else 1
    jobs.requested = np.maximum(1, jobs.walltime * random.choice([4, 4, 6, 12, 3, 1], count) // 4)
    jobs.cls = random.integers(0, classes, count)
    jobs.tags = random.choice([0, 0, 0, 1, 6], count)
    jobs.tags[random.random(count) < 0.003] = 8  # nobody has it


def fill_data(random: Random, scale: Scale, jobs: Jobs, providers: int, has_data: bool) -> None:
    """Inputs, outputs and states; the unit takes a tick over the usual link of 27 Mb/s."""
    unit = scale.tick * 27 // 8000
    sizes = random.choice([0, 0, 1, unit, 3 * unit], (3, len(jobs)))
    homes = random.integers(0, providers, len(jobs))
    if has_data:
        jobs.input, jobs.output, jobs.snapshot = sizes
        jobs.home = np.where(jobs.input > 0, homes, 0)


def fill_ends(random: Random, scale: Scale, jobs: Jobs, is_alone: np.ndarray, features: frozenset[str]) -> None:
    """Deadlines, cancellations by users, and blocks of serving among the jobs that are alone."""
    count = len(jobs)
    deadline = jobs.arrival + scale.ticks(random, 1, 150, count)
    has_deadline, penalty = (
        random.random(count) < 0.4,
        random.integers(0, 2, count) * random.integers(1, 999_999, count),
    )
    until = jobs.arrival + scale.ticks(random, 1, 80, count)
    is_block = is_alone & (random.random(count) < 0.15)
    is_cancelled = random.random(count) < 0.06
    if "deadlines" in features:
        jobs.deadline, jobs.penalty = deadline * has_deadline, penalty * has_deadline
    if "cancellations" in features:
        jobs.is_cancelled = is_cancelled
    if "blocks" in features:
        jobs.until = until * is_block
        jobs.deadline[is_block] = jobs.penalty[is_block] = 0


def join(random: Random, scale: Scale, jobs: Jobs, sizes: np.ndarray, has_partners: bool) -> None:
    """Members of a pipeline: chains, fans and anything between; of some, the first two are partners."""
    first = np.repeat(np.cumsum(sizes) - sizes, sizes)
    member = np.arange(len(jobs)) - first
    before = (1 << member) - 1
    any_of = random.integers(0, 1 << 62, len(jobs)) & random.integers(0, 1 << 62, len(jobs)) & before
    shape = np.repeat(random.integers(0, 3, len(sizes)), sizes)
    chain, fan = (1 << member) >> 1, np.where(member > 0, 1, 0)
    jobs.member = member
    jobs.parents = np.select([shape == 0, shape == 1], [chain, fan], any_of)
    is_partner = has_partners & (np.repeat(sizes, sizes) > 2) & (np.repeat(random.random(len(sizes)), sizes) < 0.7)
    for one, other in ((1, 2), (2, 1)):  # in a fan both are ready at once
        jobs.partner[is_partner & (member == one)] = other
    jobs.sync = np.where(jobs.partner >= 0, random.integers(0, 9, len(jobs)) * scale.tick // 3000, 0)
