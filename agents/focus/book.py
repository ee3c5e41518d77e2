"""The book: the ledger of one episode, with the periods and uses over which its amounts are distributed."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...fastsim.ledger import FEE, SHORTFALL
from ...fastsim.log import POST
from ...fastsim.spec import NO
from ...fastsim.units import HOUR, MINUTE
from ...fastsim.worlds import Worlds
from .charge import Period
from .usage import SiteUse, runs_of, use_of


@dataclass(frozen=True)
class Book:
    """The ledger of one episode that began empty at time 0, and what its amounts are distributed over."""

    rules: Any
    state: Any
    classes: np.ndarray  # (jobs,)
    rows: np.ndarray  # (rows, 5), the whole event log
    uses: Sequence[SiteUse]  # by site
    periods: Sequence[Period]
    floors: dict[tuple[int, int], int]  # (provider, period) → floor, posted or accrued, µ$

    @property
    def now(self) -> int:
        """Where the episode stands [ms]."""
        return int(self.state.now)

    def period_of(self, time: int) -> Period:
        """The billing period in which an instant lies."""
        return self.periods[(time - self.periods[0].begin) // int(self.rules.period)]

    def sites_of(self, provider: int) -> list[int]:
        """Its sites, by number."""
        return [site for site in range(int(self.rules.sites)) if self.rules.provider[site] == provider]


def opened(worlds: Worlds, episode: int) -> Book:
    """The book of an episode that began empty at time 0 with its log on."""
    rules, state, rows = worlds.spec.rules[0], worlds.state(episode), worlds.log(episode)
    classes = worlds.jobs.cls
    runs = runs_of(rows, classes, int(state.now))
    uses = [use_of(worlds.spec, runs, site, int(state.now)) for site in range(int(rules.sites))]
    periods = _periods(rules, state)
    return Book(rules, state, classes, rows, uses, periods, _floors(rules, state, rows, periods[-1]))


def _periods(rules: Any, state: Any) -> list[Period]:
    """From the first billing period to the one that is open."""
    length, now = int(rules.period), int(state.now)
    begins = range(int(rules.first_period), int(state.period_begin) + 1, length)
    return [
        Period(number, begin, begin + length, min(begin + length, now), begin == int(state.period_begin))
        for number, begin in enumerate(begins)
    ]


def _floors(rules: Any, state: Any, rows: np.ndarray, last: Period) -> dict[tuple[int, int], int]:
    """What every commitment costs in every period, used or not."""
    floors: dict[tuple[int, int], int] = {}
    posted = rows[(rows[:, 1] == POST) & np.isin(rows[:, 3], (FEE, SHORTFALL))]
    for time, _, provider, _, amount in posted.tolist():
        place = provider, (time - int(rules.first_period)) // int(rules.period) - 1
        floors[place] = floors.get(place, 0) + amount
    for provider in range(int(rules.providers)):
        if rules.take_or_pay[provider] == 1:
            floors[provider, last.number] = _floor_so_far(rules, state, provider, last)
    return floors


def _floor_so_far(rules: Any, state: Any, provider: int, period: Period) -> int:
    """What has accrued of a floor in the open period (rules.md, section 7), µ$."""
    floor = int(rules.floor_money[provider])
    if floor != NO:
        elapsed = max(0, min(period.last, int(rules.ends[provider])) - period.begin) // MINUTE
        return floor * elapsed // ((period.end - period.begin) // MINUTE)
    value = 0
    for site in range(int(rules.sites)):
        if rules.provider[site] == provider:
            delivered = int(state.capacity[site]) * period.last + int(state.delivered_offset[site])
            value += delivered * int(state.price[site]) // HOUR
    return value * int(rules.floor_share[provider]) // 1000
