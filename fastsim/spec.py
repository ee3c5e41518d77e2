"""The scenario as the kernel reads it: read-only tables, shared by all episodes.

`Spec` says what the world is (sites, providers, classes, schedules, rules); `Jobs` is what arrives. Neither changes
while episodes run. Units are those of rules.md, section 1.

The tables are fixed-size fields of one record, because a record crosses a call as one pointer: with an array a table, a
decision spent four fifths of its time on passing arguments and counting references.
"""

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

COMMITTED, BURST = 0, 1
FCFS, EASY = 0, 1
MAX_SITES, MAX_PROVIDERS, MAX_CLASSES, PRIORITIES = 8, 8, 16, 8
NO = -1  # a floor or a budget that a contract does not have

# int64 throughout: NumPy's narrow scalars would wrap in shifts and products where compiled code widens them
JOB = np.dtype(
    [(name, "i8") for name in ("arrival", "walltime", "requested", "gang", "tags", "cls", "priority")], align=True
)
RULES = np.dtype(
    [
        *((name, "i8") for name in ("sites", "providers", "classes")),  # how many
        *(
            (name, "i8")
            for name in ("offer_interval", "reoffer_gap", "pass_size", "max_hold", "dispatch", "first_period", "period")
        ),
        *(
            (name, "i8", (MAX_SITES,))
            for name in ("provider", "granule", "cube", "cube_from", "first_capacity", "first_price")
        ),
        ("speed", "i8", (MAX_SITES, MAX_CLASSES)),  # permille; 0: the class cannot run there
        *(
            (name, "i8", (MAX_PROVIDERS,))
            for name in ("kind", "tags", "floor_money", "floor_share", "overage_ratio", "budget")
        ),
        ("delay_rate", "i8", (MAX_CLASSES,)),
    ],
    align=True,
)
CAPACITY_STEP = np.dtype([(name, "i8") for name in ("at", "site", "capacity", "announced")], align=True)
PRICE_STEP = np.dtype([(name, "i8") for name in ("at", "site", "price")], align=True)

Jobs = Any  # np.recarray of JOB, shape (jobs,), sorted by arrival; a job's id is its index


class Spec(NamedTuple):
    """A scenario, compiled."""

    rules: Any  # (1,) RULES
    capacity_steps: Any  # (steps,) CAPACITY_STEP, by (at, site); announced == at: a surprise
    # (steps announced after time 0,) int64: indices of capacity_steps, by (announced, site, at)
    announcements: np.ndarray
    price_steps: Any  # (steps,) PRICE_STEP, by (at, site)


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
    capacity_steps: tuple[tuple[int, int, int], ...] = ()  # (at, capacity, announced)
    price_steps: tuple[tuple[int, int], ...] = ()  # (at, price)


@dataclass(frozen=True)
class ProviderTable:
    """One provider and its contract."""

    kind: int  # COMMITTED | BURST
    tags: int = 0  # bit set
    floor_money: int = NO  # µ$ per period
    floor_share: int = NO  # permille of delivered capacity
    overage_ratio: int = 1000  # permille
    budget: int = NO  # µ$ per period


@dataclass(frozen=True)
class SpecTable:
    """A scenario as plain rows, before it is packed."""

    sites: tuple[SiteTable, ...]
    providers: tuple[ProviderTable, ...]
    delay_rates: tuple[int, ...]  # µ$ per accelerator-hour, by class
    period: int  # ms
    first_period: int = 0  # ms, <= 0
    offer_interval: int = 900_000  # ms
    reoffer_gap: int = 60_000  # ms
    pass_size: int = 32
    max_hold: int = 86_400_000  # ms
    dispatch: int = EASY

    def pack(self) -> Spec:
        """The tables that kernels read."""
        rules = np.zeros(1, RULES).view(np.recarray)
        row = rules[0]
        row.sites, row.providers, row.classes = len(self.sites), len(self.providers), len(self.delay_rates)
        for name in ("offer_interval", "reoffer_gap", "pass_size", "max_hold", "dispatch", "first_period", "period"):
            row[name] = getattr(self, name)
        for index, site in enumerate(self.sites):
            for name in ("provider", "granule", "cube", "cube_from"):
                row[name][index] = getattr(site, name)
            row.first_capacity[index], row.first_price[index] = site.capacity, site.price
            row.speed[index, : len(site.speed)] = site.speed
        for index, provider in enumerate(self.providers):
            for name in ("kind", "tags", "floor_money", "floor_share", "overage_ratio", "budget"):
                row[name][index] = getattr(provider, name)
        row.delay_rate[: len(self.delay_rates)] = self.delay_rates
        steps = sorted(
            (at, index, capacity, announced)
            for index, site in enumerate(self.sites)
            for at, capacity, announced in site.capacity_steps
        )
        later = [k for k, (at, _, _, announced) in enumerate(steps) if 0 < announced < at]
        later.sort(key=lambda k: (steps[k][3], steps[k][1], steps[k][0]))
        prices = sorted((at, index, price) for index, site in enumerate(self.sites) for at, price in site.price_steps)
        return Spec(rules, records(steps, CAPACITY_STEP), np.array(later, np.int64), records(prices, PRICE_STEP))


def records(rows: list[tuple[int, ...]], dtype: np.dtype) -> Any:
    """Rows as a record array that Numba and plain Python read alike (`table[i].field`)."""
    return np.array(rows, dtype=dtype).view(np.recarray)
