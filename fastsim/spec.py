"""The scenario as the kernel reads it: read-only tables, shared by all episodes.

`Spec` says what the world is (sites, providers, classes, schedules, rules); `Jobs` is what arrives. Neither changes
while episodes run. Units are those of rules.md, section 1.

What is small has fixed-size fields in one record, because a record crosses a call as one pointer: with an array a
table, a decision spent four fifths of its time on passing arguments and counting references.
"""

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from .keyed import POINTS
from .units import NEVER

COMMITTED, BURST = 0, 1
FCFS, EASY = 0, 1
ANY_DEPTH = 1 << 20  # as many as a world can hold
MAX_SITES, MAX_PROVIDERS, MAX_CLASSES, PRIORITIES, MAX_GRANTS, MAX_MEMBERS = 8, 8, 16, 8, 4, 60
MOST_IMPUTED = 1 << 61  # µ$ of delay and write-offs; what is added before the next look at them is less
NO = -1  # a floor, a budget or a table that there is not
KNOWN, ANNOUNCED, WITHDRAWN = 0, 1, 2  # kinds of notice; KNOWN: from the beginning

# int64 throughout: NumPy's narrow scalars would wrap in shifts and products where compiled code widens them
JOB = np.dtype(
    [
        (name, "i8")
        for name in (
            *("arrival", "walltime", "requested", "gang", "tags", "cls", "priority"),
            "silicon",  # −1: none in particular
            *("input", "home"),  # MB, provider
            *("output", "snapshot"),  # MB
            *("deadline", "penalty"),  # ms, 0: none; µ$
            "until",  # ms, above 0: a block of serving
            "is_cancelled",
            *("member", "parents", "partner", "sync"),  # place in the pipeline, bit set of members, member or −1, MB
            *("descendants", "path"),  # how many, and their longest chain of requested walltimes, ms: for routers only
        )
    ],
    align=True,
)
RULES = np.dtype(
    [
        *((name, "i8") for name in ("sites", "providers", "classes")),  # how many
        *(
            (name, "i8")
            for name in (
                *("offer_interval", "reoffer_gap", "pass_size", "max_hold", "dispatch", "first_period", "period"),
                *("preempt_after", "kill_overruns", "backfill_depth"),
                "most_present",  # accelerators' worth of jobs in the world at once: up to there nothing overflows
            )
        ),
        *(
            (name, "i8", (MAX_SITES,))
            for name in (
                *("provider", "granule", "cube", "cube_from", "first_capacity", "first_price", "silicon"),
                *("failure", "start_up"),  # rows of the quantile tables, or NO
                *("usual_start_up", "denial", "grants", "increment"),
                "mean_gap",  # between failures, ms, 0: none; for routers only
            )
        ),
        *((name, "i8", (MAX_SITES, MAX_GRANTS)) for name in ("grant_size", "grant_permille")),
        ("speed", "i8", (MAX_SITES, MAX_CLASSES)),  # permille; 0: the class cannot run there
        *(
            (name, "i8", (MAX_PROVIDERS,))
            for name in (
                *("kind", "tags", "take_or_pay", "floor_money", "floor_share", "overage_ratio", "budget"),
                *("carry", "ends", "in_arrears", "egress_rate"),
            )
        ),
        ("link", "i8", (MAX_PROVIDERS, MAX_PROVIDERS)),  # Mb/s, from the one to the other
        *((name, "i8", (MAX_CLASSES,)) for name in ("delay_rate", "checkpoint", "restart", "port", "preemptible")),
    ],
    align=True,
)
VARIANT = np.dtype(
    [
        *((name, "i8") for name in ("first_step", "last_step", "first_notice", "last_notice")),
        ("nominal", "i8", (MAX_SITES,)),  # the largest capacity that the site ever has
    ],
    align=True,
)
CAPACITY_STEP = np.dtype([(name, "i8") for name in ("at", "site", "capacity", "later")], align=True)
NOTICE = np.dtype([(name, "i8") for name in ("time", "site", "at", "kind", "capacity")], align=True)
PRICE_STEP = np.dtype([(name, "i8") for name in ("at", "site", "price")], align=True)

Jobs = Any  # np.recarray of JOB, shape (jobs,), sorted by arrival; a job's id is its index


def plain_jobs(count: int) -> Jobs:
    """A table of jobs (count,) with nothing filled in: native to no silicon, alone, and all else 0."""
    jobs = np.zeros(count, JOB).view(np.recarray)
    jobs.silicon, jobs.partner = NO, NO
    return jobs


class Spec(NamedTuple):
    """A scenario, compiled."""

    rules: Any  # (1,) RULES
    variants: Any  # (variants,) VARIANT: schedules that were drawn; an episode follows one
    # (steps,) CAPACITY_STEP that happen, each variant's by (at, site); later: the largest capacity after it
    capacity_steps: Any
    notices: Any  # (notices,) NOTICE: what becomes known of steps and promises, each variant's by (time, site, at)
    price_steps: Any  # (steps,) PRICE_STEP, by (at, site)
    tables: np.ndarray  # (tables, 2048) int64 quantiles, ms


Steps = tuple[tuple[int, ...], ...]  # one site's: (at, capacity, announced) or (at, capacity, announced, withdrawn)


@dataclass(frozen=True)
class SiteTable:
    """One site, in the units of the rules."""

    provider: int
    capacity: int
    price: int  # µ$ per accelerator-hour
    speed: tuple[int, ...]  # permille, by class
    granule: int = 1
    cube: int = 0
    cube_from: int = 0
    capacity_steps: Steps = ()
    price_steps: tuple[tuple[int, int], ...] = ()  # (at, price)
    silicon: int = 0
    failure: np.ndarray | None = None  # (2048,) quantiles of the gap between failures, ms
    start_up: np.ndarray | None = None  # (2048,) quantiles, ms
    usual_start_up: int = 0  # ms
    denial: int = 1  # ms
    grants: tuple[tuple[int, int], ...] = ()  # (accelerators, permille); none: always granted
    increment: int = 0  # ms
    mean_gap: int = 0  # between failures, as routers know it, ms; 0: none


@dataclass(frozen=True)
class ProviderTable:
    """One provider and its contract: take-or-pay exactly when it has a floor, else metered."""

    kind: int  # COMMITTED | BURST: what routers are told of it
    tags: int = 0  # bit set
    floor_money: int = NO  # µ$ per period
    floor_share: int = NO  # permille of delivered capacity
    overage_ratio: int = 1000  # permille
    budget: int = NO  # µ$ per period
    carry: int = 0  # permille of the floor
    ends: int = NEVER  # ms, whole minutes
    in_arrears: bool = False
    egress_rate: int = 0  # µ$ per GB
    links: tuple[int, ...] = ()  # Mb/s to each provider; its own entry means nothing

    @property
    def take_or_pay(self) -> bool:
        """Paid whether used or not."""
        return self.floor_money >= 0 or self.floor_share >= 0


@dataclass(frozen=True)
class ClassTable:
    """What the jobs of one class have in common."""

    delay_rate: int  # µ$ per accelerator-hour
    checkpoint: int = 0  # ms between checkpoints, 0: none
    restart: int = 0  # ms
    port: int = 0  # ms
    preemptible: bool = False


@dataclass(frozen=True)
class SpecTable:
    """A scenario as plain rows, before it is packed."""

    sites: tuple[SiteTable, ...]
    providers: tuple[ProviderTable, ...]
    classes: tuple[ClassTable, ...]
    period: int  # ms
    first_period: int = 0  # ms, <= 0
    offer_interval: int = 900_000  # ms
    reoffer_gap: int = 60_000  # ms
    pass_size: int = 32
    max_hold: int = 86_400_000  # ms
    dispatch: int = EASY
    backfill_depth: int = ANY_DEPTH  # jobs behind a blocked head that EASY looks at
    preempt_after: int = 0  # ms; 0: nobody is preempted
    kill_overruns: bool = False
    most_present: int = 1 << 40  # gangs of the jobs in the world, added up
    # each variant: the capacity steps of every site; none: one variant, which is the sites' own steps
    variants: tuple[tuple[Steps, ...], ...] = ()

    def pack(self) -> Spec:
        """The tables that kernels read."""
        rules = np.zeros(1, RULES).view(np.recarray)
        row = rules[0]
        row.sites, row.providers, row.classes = len(self.sites), len(self.providers), len(self.classes)
        for name in ("offer_interval", "reoffer_gap", "pass_size", "max_hold", "dispatch", "first_period", "period"):
            row[name] = getattr(self, name)
        for name in ("preempt_after", "kill_overruns", "backfill_depth", "most_present"):
            row[name] = getattr(self, name)
        tables: list[np.ndarray] = []
        for index, site in enumerate(self.sites):
            self._pack_site(row, index, site, tables)
        for index, provider in enumerate(self.providers):
            for name in ("kind", "tags", "take_or_pay", "floor_money", "floor_share", "overage_ratio", "budget"):
                row[name][index] = getattr(provider, name)
            for name in ("carry", "ends", "in_arrears", "egress_rate"):
                row[name][index] = getattr(provider, name)
            row.link[index, : len(provider.links)] = provider.links
        for index, cls in enumerate(self.classes):
            for name in ("delay_rate", "checkpoint", "restart", "port", "preemptible"):
                row[name][index] = getattr(cls, name)
        prices = sorted((at, index, price) for index, site in enumerate(self.sites) for at, price in site.price_steps)
        drawn = self.variants or (tuple(site.capacity_steps for site in self.sites),)
        variants, steps, notices = schedules([site.capacity for site in self.sites], drawn)
        quantiles = np.array(tables, np.int64).reshape(-1, POINTS)
        return Spec(rules, variants, steps, notices, records(prices, PRICE_STEP), quantiles)

    def _pack_site(self, row: Any, index: int, site: SiteTable, tables: list[np.ndarray]) -> None:
        """One site's fields; its distributions join the `tables`."""
        for name in ("provider", "granule", "cube", "cube_from", "silicon", "denial", "increment", "mean_gap"):
            row[name][index] = getattr(site, name)
        row.first_capacity[index], row.first_price[index] = site.capacity, site.price
        row.speed[index, : len(site.speed)] = site.speed
        row.usual_start_up[index] = 0 if site.start_up is None else site.usual_start_up
        row.grants[index] = len(site.grants)
        for point, (size, permille) in enumerate(site.grants):
            row.grant_size[index, point], row.grant_permille[index, point] = size, permille
        for name in ("failure", "start_up"):
            table = getattr(site, name)
            row[name][index] = NO if table is None else len(tables)
            if table is not None:
                tables.append(np.asarray(table, np.int64))


def schedules(capacities: list[int], drawn: tuple[tuple[Steps, ...], ...]) -> tuple[Any, Any, Any]:
    """Rows of variants, capacity steps and notices, from each variant's steps of every site."""
    variants = np.zeros(len(drawn), VARIANT).view(np.recarray)
    steps: list[tuple[int, ...]] = []
    notices: list[tuple[int, ...]] = []
    for number, by_site in enumerate(drawn):
        happening: list[tuple[int, ...]] = []
        noted: list[tuple[int, ...]] = []
        for site, rows in enumerate(by_site):
            largest = 0
            for at, capacity, announced, *withdrawn in sorted(rows, reverse=True):
                if announced < at:
                    noted.append((announced, site, at, KNOWN if announced <= 0 else ANNOUNCED, capacity))
                if withdrawn and withdrawn[0] > 0:
                    noted.append((withdrawn[0], site, at, WITHDRAWN, capacity))
                else:
                    happening.append((at, site, capacity, largest))
                    largest = max(largest, capacity)
            variants[number].nominal[site] = max(largest, capacities[site])
        variants[number].first_step, variants[number].first_notice = len(steps), len(notices)
        steps += sorted(happening)
        notices += sorted(noted)
        variants[number].last_step, variants[number].last_notice = len(steps), len(notices)
    return variants, records(steps, CAPACITY_STEP), records(notices, NOTICE)


def records(rows: list[tuple[int, ...]], dtype: np.dtype) -> Any:
    """Rows as a record array that Numba and plain Python read alike (`table[i].field`)."""
    return np.array(rows, dtype=dtype).view(np.recarray)
