"""Capacity schedules of all sites of a scenario, one *variant* after the other: what is random in supply is drawn here.

A draw is named by the seed, what it is about, the variant, and the site or provider it belongs to. So a variant is the
same whatever else is drawn, and however many there are.
"""

from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction
from typing import NamedTuple

import numpy as np

from ..fastsim.jit import entry
from ..fastsim.keyed import draw, quantile, uniform
from ..fastsim.spec import MAX_SITES
from ..fastsim.units import DAY, SECOND
from .capacity import MONTH, Recall, Spot
from .contracts import Provider
from .machines import Site
from .quantities import whole
from .schedule import HALF, Cause, DownRun, Rows, always, least, level, stepped, steps, summed, window

SLIP, RECALL, RECALL_TIME, UP, DOWN = 16, 17, 18, 19, 20  # streams; those below belong to the world
SUPPLY = 1 << 60  # of an entity: no job's number reaches that far
VARIANT, SUBJECT = 16, 8  # bits of an entity above which these stand
AT_ONCE = 256  # runs drawn together


class Schedule(NamedTuple):
    """A site's capacity over time."""

    first: int  # accelerators at the beginning
    steps: Rows


@entry()
def fill_quantiles(seed: int, stream: int, entity: int, first: int, table: np.ndarray, out: np.ndarray) -> None:
    """Draws number `first`, `first` + 1 … of an entity from a quantile table."""
    for index in range(len(out)):
        out[index] = quantile(table, draw(seed, stream, entity, first + index))


@entry()
def fill_uniform(seed: int, stream: int, entity: int, n: int, out: np.ndarray) -> None:
    """Draws number 0, 1 … of an entity: integers in [0, n)."""
    for index in range(len(out)):
        out[index] = uniform(draw(seed, stream, entity, index), n)


class Draws(NamedTuple):
    """The random numbers of one variant."""

    seed: int
    variant: int
    span: int  # ms

    def slip(self, site: int, tranche: int, table: np.ndarray) -> int:
        """How late a tranche comes [ms], in whole days."""
        out = np.zeros(1, np.int64)
        fill_quantiles(self.seed, SLIP, self._entity(site, tranche), 0, table, out)
        return int(out[0]) // DAY * DAY

    def notice(self, subject: int, number: int, recall: Recall) -> int | None:
        """When notice of a recall is given [ms]; None: not before the end, or not by chance.

        Month by month it is given or not, and then at any second of the month.
        """
        if recall.per_month is None:
            return None
        begin = whole(recall.from_day, "days")
        chances = np.zeros(max(0, self.span - begin) // MONTH + 1, np.int64)
        times = np.zeros_like(chances)
        entity = self._entity(subject, number)
        fill_uniform(self.seed, RECALL, entity, 1000, chances)
        fill_uniform(self.seed, RECALL_TIME, entity, MONTH // SECOND, times)
        given = np.flatnonzero(chances < whole(recall.per_month, "permille"))
        return begin + int(given[0]) * MONTH + int(times[given[0]]) * SECOND if len(given) else None

    def down_runs(self, site: int, spot: Spot) -> list[DownRun]:
        """Times without spot capacity, until the span is over. They begin and end at half seconds."""
        runs: list[DownRun] = []
        now, drawn = 0, 0
        up, down = np.zeros(AT_ONCE, np.int64), np.zeros(AT_ONCE, np.int64)
        while True:
            fill_quantiles(self.seed, UP, self._entity(site, 0), drawn, spot.up, up)
            fill_quantiles(self.seed, DOWN, self._entity(site, 0), drawn, spot.down, down)
            drawn += AT_ONCE
            for lasted, missing in zip(up.tolist(), down.tolist(), strict=True):
                begin = (now + lasted) // SECOND * SECOND + SECOND + HALF
                if begin >= self.span:
                    return runs
                end = begin + max(SECOND, missing // SECOND * SECOND)
                runs.append(DownRun(begin, end, max(now, begin - spot.notice)))
                now = end

    def _entity(self, subject: int, number: int) -> int:
        return SUPPLY | self.variant << VARIANT | subject << SUBJECT | number


def power_limits(sites: Sequence[Site], megawatts: Decimal | int) -> list[int]:
    """Accelerators that each site can feed: whole granules, of a share in proportion to its nominal power."""
    total = sum((site.nominal * Fraction(site.kilowatts or 0) for site in sites), Fraction(0))
    part = 1 if total == 0 else min(Fraction(1), Fraction(megawatts) * 1000 / total)
    return [int(site.nominal * part / site.granule) * site.granule for site in sites]


def _limits_of_provider(provider: Provider, number: int, sites: list[Site], draws: Draws) -> list[list[Cause]]:
    """What a provider's power, recalls and contract's end leave of each of its sites."""
    causes: list[list[Cause]] = [[] for _ in sites]
    if provider.power_cap_megawatts is not None:
        for own, limit in zip(causes, power_limits(sites, provider.power_cap_megawatts), strict=True):
            own.append(always(limit))
    for cut in provider.power_cuts:
        for own, site, left in zip(causes, sites, power_limits(sites, cut.megawatts), strict=True):
            own.append(window(site.nominal, left, cut.begin, cut.end, cut.announced))
    for index, recall in enumerate(provider.recalls):
        given = draws.notice(MAX_SITES + number, index, recall)
        for own, site in zip(causes, sites, strict=True):
            own.append(recall.cause(site.nominal, site.granule, given))
    if provider.ends_at_day is not None:
        for own, site in zip(causes, sites, strict=True):
            own.append(window(site.nominal, 0, provider.ends, None, 0))
    return causes


def _schedule(site: Site, number: int, limits: list[Cause], draws: Draws) -> Schedule:
    """A site's ramp under everything that limits it."""
    ramp = [stepped(site.capacity, [(step.at, step.capacity, step.announced) for step in site.capacity_steps])]
    for index, tranche in enumerate(site.tranches):
        slip = 0 if site.slips is None else draws.slip(number, index, site.slips.table)
        notice = 0 if site.slips is None else whole(site.slips.notice_days, "days")
        ramp.append(tranche.cause(slip, notice))
    causes = [summed(ramp), *limits]
    causes += [window_.cause(site.nominal, site.granule) for window_ in site.maintenance]
    for index, recall in enumerate(site.recalls):
        causes.append(recall.cause(site.nominal, site.granule, draws.notice(number, index, recall)))
    whole_cause = least(causes)
    runs = [] if site.spot is None else draws.down_runs(number, site.spot)
    return Schedule(level(whole_cause[0].levels, 0), steps(whole_cause, runs))


def schedules(providers: tuple[Provider, ...], sites: tuple[Site, ...], draws: Draws) -> list[Schedule]:
    """The schedule of every site in one variant."""
    found: dict[int, Schedule] = {}
    for number, provider in enumerate(providers):
        owned = [index for index, site in enumerate(sites) if site.provider == provider.name]
        limits = _limits_of_provider(provider, number, [sites[index] for index in owned], draws)
        for index, own in zip(owned, limits, strict=True):
            found[index] = _schedule(sites[index], index, own, draws)
    return [found[index] for index in range(len(sites))]
