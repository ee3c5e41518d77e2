"""Proof that no integer of a compiled scenario overflows (rules.md, section 1).

The worst case: every site is busy through the whole span, jobs arrive through all of it at the largest load that the
generator accepts, every loss of capacity evicts, preemption goes on all the time, and failures come twice as often as
they do. How much may wait is not assumed but found: the most for which nothing overflows, were it to wait through the
span. The kernel stops before more is in the world (`is_overloaded` in fastsim/advance.py); it looks at what delay has
cost, too, whenever jobs are offered again, so that here what is added between two looks is enough.
"""

from itertools import pairwise
from typing import NamedTuple

from ..fastsim.errors import InputError
from ..fastsim.spec import MOST_IMPUTED, SiteTable, SpecTable
from ..fastsim.units import DAY, HOUR, MINUTE, NEVER
from .quantiles import table_mean

LIMIT = 1 << 62
LIVE_JOBS = 1 << 20  # slots that a key of the kernel can name
JOBS = 1 << 31  # ids that it can name, for a spare bit
MOST_PRESENT = 1 << 40  # more accelerators than anyone will want at once
SPARE_CAPACITY = 2  # so often must the capacity fit into what may be in the world: it runs, and as much waits
SPARE_FAILURES = 64  # beyond twice the expected number
BITS_PER_MB = 8_000  # in Mb/s and ms


class Extent(NamedTuple):
    """How far episodes of a scenario reach."""

    span: int  # latest instant, ms
    jobs: int  # that arrive in it
    accelerators: int  # the gangs of these jobs, added up
    blocks: int  # those of them that are blocks of serving
    is_serving: list[bool]  # of each class: its jobs are blocks
    walltime: int  # the longest requested, ms at speed 1
    gang: int  # the largest
    data: int  # MB, the most that one run can need from elsewhere
    deadline: int  # ms, the longest from arrival to deadline
    penalties: int  # µ$ of all deadlines of these jobs


class Site(NamedTuple):
    """The worst of one site."""

    capacity: int  # the largest it ever has
    price: int  # the highest, µ$ per accelerator-hour
    losses: int  # steps to less
    lost: int  # accelerators in them, added up
    gap: int  # mean time between failures, ms; 0: it has none


def _worst(table: SpecTable, index: int) -> Site:
    """The worst of one site, over all variants."""
    site = table.sites[index]
    schedules = [site.capacity_steps, *(variant[index] for variant in table.variants)]
    falls = [_falls(site, steps) for steps in schedules]
    gap = 0 if site.failure is None else max(1, int(table_mean(site.failure)))
    return Site(
        capacity=max([site.capacity, *(row[1] for steps in schedules for row in steps)]),
        price=max([site.price, *(price for _, price in site.price_steps)]),
        losses=max(len(some) for some in falls),
        lost=max(sum(some) for some in falls),
        gap=gap,
    )


def _falls(site: SiteTable, steps: tuple[tuple[int, ...], ...]) -> list[int]:
    """By how much each loss of a schedule falls; promises are not kept."""
    levels = [site.capacity, *(row[1] for row in sorted(steps) if len(row) == 3)]
    return [before - after for before, after in pairwise(levels) if after < before]


class Worst(NamedTuple):
    """The worst case of a scenario: what the products of the world are made of."""

    table: SpecTable
    extent: Extent
    sites: tuple[Site, ...]

    @property
    def slowest(self) -> int:
        """The lowest speed at which anything runs [permille]."""
        return min((speed for site in self.table.sites for speed in site.speed if speed > 0), default=1000)

    @property
    def dearest(self) -> int:
        """The highest price there ever is [µ$ per accelerator-hour]."""
        return max(site.price for site in self.sites)

    @property
    def capacity(self) -> int:
        """The largest capacities the sites ever have, added up."""
        return sum(site.capacity for site in self.sites)

    @property
    def footprint(self) -> int:
        """The most accelerators by which a gang is rounded up."""
        return max(max(site.granule, site.cube) for site in self.table.sites)

    @property
    def restart(self) -> int:
        """The longest restart [ms]."""
        return max(cls.restart for cls in self.table.classes)

    @property
    def set_up(self) -> int:
        """The longest set-up [ms]: all data over the slowest link, a port and a restart."""
        providers = len(self.table.providers)
        links = [
            mbps
            for source, provider in enumerate(self.table.providers)
            for target, mbps in enumerate(provider.links)
            if target != source
        ]
        staging = self.extent.data * BITS_PER_MB // min(links) + providers if links else 0
        return staging + max(cls.port for cls in self.table.classes) + self.restart

    @property
    def start_up(self) -> int:
        """The longest wait for an outcome [ms]."""
        waits = [int(site.start_up[-1]) for site in self.table.sites if site.start_up is not None]
        return max([site.denial for site in self.table.sites] + waits)

    @property
    def run(self) -> int:
        """The longest run from its set-up on, once nothing hits it any more [ms]."""
        return self.extent.walltime * 1000 // self.slowest + 1

    @property
    def failures(self) -> int:
        """Failures of all sites within the span."""
        return sum(2 * self.extent.span // site.gap + SPARE_FAILURES for site in self.sites if site.gap)

    @property
    def delays_by_failure(self) -> int:
        """Restarts of one run, one after the other, before it begins [ms]: the largest gang, hit through the span."""
        gang = self.extent.gang + self.footprint
        hits = [
            2 * self.extent.span * min(gang, site.capacity) // (site.gap * max(1, site.capacity)) + SPARE_FAILURES
            for site in self.sites
            if site.gap
        ]
        return self.restart * max(hits, default=0)

    @property
    def latest(self) -> int:
        """The latest instant that is ever written down [ms]."""
        gaps = [int(site.failure[-1]) for site in self.table.sites if site.failure is not None]
        end = self.set_up + self.delays_by_failure + self.run + self.start_up
        return self.extent.span + max([end, self.table.period, self.extent.deadline, *gaps])

    @property
    def preempted(self) -> int:
        """Accelerators of preempted runs, added up: each has run for a while."""
        pause = self.table.preempt_after
        return self.capacity * (self.extent.span // pause + 1) if pause else 0

    @property
    def runs(self) -> int:
        """Runs that begin: every job once, and again after an eviction or a preemption."""
        return self.extent.jobs + sum(site.lost for site in self.sites) + self.preempted

    @property
    def started(self) -> int:
        """Accelerators of the runs that begin, added up."""
        return self.extent.accelerators + self.extent.jobs * self.footprint + self.evicted + self.preempted

    @property
    def evicted(self) -> int:
        """Accelerators of evicted runs, added up: a loss may evict one gang more than it must."""
        return sum(site.lost + site.losses * (self.extent.gang + self.footprint) for site in self.sites)

    def use(self, index: int) -> int:
        """Accelerator-ms that a site's meters can reach; their offsets reach as far below zero."""
        increments = self.started * self.table.sites[index].increment
        return 2 * self.sites[index].capacity * self.extent.span + increments

    @property
    def provider_cost(self) -> int:
        """Fees, overage and burst use [µ$], and the product inside `permille`."""
        use = sum((self.use(index) // HOUR + 1) * site.price for index, site in enumerate(self.sites))
        ratio = max([1000, *(max(one.overage_ratio, one.carry) for one in self.table.providers)])
        periods = self.extent.span // self.table.period + 2
        floors = sum(max(0, one.floor_money) + max(0, one.budget) for one in self.table.providers)
        return (use + floors * periods) * ratio

    @property
    def run_cost(self) -> int:
        """Cost of the dearest run [µ$]: the largest site at the highest price through the span."""
        return (self.dearest * self.extent.span // HOUR + 1) * (max(site.capacity for site in self.sites) + 1)

    @property
    def egress(self) -> int:
        """Egress of all runs [µ$]."""
        rate = max(provider.egress_rate for provider in self.table.providers)
        return self.runs * (self.extent.data * rate // 1000 + len(self.table.providers)) if rate else 0

    @property
    def set_up_of_blocks(self) -> int:
        """Accelerator-ms that blocks, which nobody preempts, add to the meter of their class: set-ups and failures."""
        if not self.extent.blocks:
            return 0
        return (self.extent.blocks + self.evicted) * self.set_up + self.failures * self.extent.gang * self.restart

    @property
    def serving_rate(self) -> int:
        """The highest delay rate of a class of blocks [µ$ per accelerator-hour]; 0 where there is none."""
        pairs = zip(self.extent.is_serving, self.table.classes, strict=True)
        return max((cls.delay_rate for is_serving, cls in pairs if is_serving), default=0)

    @property
    def planned(self) -> int:
        """The longest planned length of a queued job [ms]."""
        return self.run + self.set_up + max(site.usual_start_up for site in self.table.sites)

    @property
    def imputed_by_one(self) -> int:
        """Delay and write-offs [µ$] that an accelerator's worth of jobs can add until the next look at them.

        It waits through two offer intervals (through a period, where nobody is offered again), or is written off.
        """
        rate = max(cls.delay_rate for cls in self.table.classes)
        pause = 2 * self.table.offer_interval if self.table.pass_size else self.table.period
        hours = pause // HOUR + 1 + self.table.max_hold // HOUR + 1
        return hours * rate + (self.extent.walltime // HOUR + 1) * self.dearest

    @property
    def most_present(self) -> int:
        """The most accelerators' worth of jobs that may be in the world at once, for their products to stay below 2^62.

        These are: a class's meter of waiting; accelerators × planned lengths of all queues, rounded up to granules and
        cubes; delay and write-offs.
        """
        spare = LIMIT - MOST_IMPUTED - self.extent.penalties - self.set_up_of_blocks // HOUR * self.serving_rate
        return min(
            MOST_PRESENT,
            (LIMIT - 1 - self.set_up_of_blocks) // self.extent.span,
            (LIMIT - 1) // self.planned - LIVE_JOBS * self.footprint,
            (spare - 1) // self.imputed_by_one,
        )


def prove(where: str, table: SpecTable, extent: Extent) -> int:
    """The most accelerators' worth of jobs that may be in the world at once.

    Raises InputError unless every intermediate product stays below 2^62 and every key of the kernel is unique.
    """
    worst = Worst(table, extent, tuple(_worst(table, index) for index in range(len(table.sites))))
    use = max(worst.use(index) for index in range(len(table.sites)))
    rates = [cls.delay_rate for cls in table.classes]
    egress = max(provider.egress_rate for provider in table.providers)
    checks = (
        ("latest instant in ms", worst.latest, NEVER, "shorten the span, the longest walltime or the set-up"),
        ("jobs of the span", extent.jobs, JOBS, "shorten the span, or make jobs fewer and larger"),
        ("walltime × 1000", extent.walltime * 1000 + 1000, LIMIT, "lower the longest walltime"),
        ("data × 8000", extent.data * BITS_PER_MB, LIMIT, "lower the data of a job"),
        ("data × egress rate", extent.data * egress, LIMIT, "lower the data of a job or the price of egress"),
        ("price × milliseconds of an hour", max(worst.dearest, *rates) * HOUR, LIMIT, "lower the highest price"),
        ("price × milliseconds of the span", worst.dearest * extent.span, LIMIT, "lower the highest price"),
        ("minutes of a period, squared", (table.period // MINUTE) ** 2, LIMIT, "shorten the period"),
        ("accelerator-milliseconds in use", use, LIMIT, "shorten the span or lower the capacities"),
        ("provider cost in thousandths of a µ$", worst.provider_cost, LIMIT * 1000, "shorten the span"),
        ("cost of one run in µ$", worst.run_cost, LIMIT, "shorten the span or lower the highest price"),
        ("egress in µ$", worst.egress, LIMIT, "lower the data of a job or the price of egress"),
        ("penalties in µ$", extent.penalties, MOST_IMPUTED, "lower the penalty of a deadline or the load"),
    )
    for what, value, limit, remedy in checks:
        if value >= limit:
            reason = f"reaches {limit} in the worst case of {extent.span // DAY} days"
            raise InputError(where, what, value, reason, remedy)
    least, most = SPARE_CAPACITY * worst.capacity, worst.most_present
    if most < least:
        reason = f"less than {least:,}, {SPARE_CAPACITY} × the capacity"
        remedy = "shorten the span or the billing period, or lower the delay costs"
        raise InputError(where, "accelerators that jobs may want at once without overflow", f"{most:,}", reason, remedy)
    return most
