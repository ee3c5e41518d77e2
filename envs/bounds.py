"""Proof that no integer of a compiled scenario overflows (rules.md, section 1).

The worst case: every site is busy through the whole span, all jobs of the longest episode wait through all of it, and
their number is the expected one at the largest load that the generator accepts.
"""

from typing import NamedTuple

from ..fastsim.errors import InputError
from ..fastsim.spec import SpecTable
from ..fastsim.units import DAY, HOUR, NEVER

LIMIT = 1 << 62
LIVE_JOBS = 1 << 20  # slots that a key of the kernel can name


class Extent(NamedTuple):
    """How far episodes of a scenario reach."""

    span: int  # latest instant, ms
    episode: int  # arrivals of the longest episode, ms
    jobs: list[int]  # of each class, in the longest episode
    accelerators: list[int]  # the gangs of these jobs, added up
    walltime: int  # the longest requested, ms at speed 1


def _largest_capacities(table: SpecTable) -> int:
    """The largest capacities the sites ever have, added up."""
    return sum(max([site.capacity, *(capacity for _, capacity, _ in site.capacity_steps)]) for site in table.sites)


def _dearest(table: SpecTable) -> int:
    """The highest price there ever is [µ$ per accelerator-hour]."""
    return max(price for site in table.sites for price in [site.price, *(price for _, price in site.price_steps)])


def _slowest(table: SpecTable) -> int:
    """The lowest speed at which anything runs [permille]."""
    return min((speed for site in table.sites for speed in site.speed if speed > 0), default=1000)


def _use(table: SpecTable, extent: Extent) -> int:
    """Accelerator-ms that the meters can reach; their offsets reach as far below zero."""
    return 2 * _largest_capacities(table) * extent.span


def _provider_cost(table: SpecTable, extent: Extent) -> int:
    """Fees, overage and burst use [µ$], and the product inside `permille`."""
    use = (_use(table, extent) // HOUR + 1) * _dearest(table)
    ratio = max([1000, *(provider.overage_ratio for provider in table.providers)])
    periods = extent.span // table.period + 2
    floors = sum(max(0, provider.floor_money) + max(0, provider.budget) for provider in table.providers)
    return (use + floors * periods) * ratio


def _waiting(extent: Extent) -> int:
    """Accelerator-ms that the meters of delay can reach."""
    return sum(extent.accelerators) * extent.span


def _queued_work(table: SpecTable, extent: Extent) -> int:
    """Accelerators × requested ms of all queues, rounded up to granules and cubes, at the lowest speed."""
    footprint = max(max(site.granule, site.cube) for site in table.sites)
    return (sum(extent.accelerators) + sum(extent.jobs) * footprint) * (extent.walltime * 1000 // _slowest(table) + 1)


def _delay_cost(table: SpecTable, extent: Extent) -> int:
    """Delay and write-offs of all classes [µ$]: everything waits through the episode, and is then written off."""
    hours = extent.episode // HOUR + 1
    write_off = (extent.walltime // HOUR + 1) * _dearest(table)
    held = table.max_hold // HOUR + 1
    pairs = zip(extent.accelerators, table.delay_rates, strict=True)
    return sum(n * ((hours + held) * rate + write_off) for n, rate in pairs)


def prove(where: str, table: SpecTable, extent: Extent) -> None:
    """Raise InputError unless every intermediate product stays below 2^62 and every key of the kernel is unique."""
    latest = extent.span + extent.walltime * 1000 // _slowest(table) + table.period
    dearest = max(_dearest(table), *table.delay_rates)
    fewer = "shorten the episode or the span, or lower the load"
    checks = (
        ("latest instant in ms", latest, NEVER, "shorten the span or the longest walltime"),
        ("jobs of one episode", sum(extent.jobs), LIVE_JOBS, "shorten the episode, or make jobs fewer and larger"),
        ("walltime × 1000", extent.walltime * 1000 + 1000, LIMIT, "lower the longest walltime"),
        ("price × milliseconds of an hour", dearest * HOUR, LIMIT, "lower the highest price or delay cost"),
        ("accelerator-milliseconds in use", _use(table, extent), LIMIT, "shorten the span or lower the capacities"),
        ("provider cost in thousandths of a µ$", _provider_cost(table, extent), LIMIT * 1000, "shorten the span"),
        ("accelerator-milliseconds of waiting", _waiting(extent), LIMIT, fewer),
        ("queued work in accelerator-milliseconds", _queued_work(table, extent), LIMIT, fewer),
        ("delay and write-offs in µ$", _delay_cost(table, extent), LIMIT, fewer),
    )
    for what, value, limit, remedy in checks:
        if value >= limit:
            reason = f"reaches {limit} in the worst case of {extent.span // DAY} days"
            raise InputError(where, what, value, reason, remedy)
