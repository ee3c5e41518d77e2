"""What one more MW, or a thousand more accelerators, of commitment are worth: differences between points."""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from ...envs.scenario import Scenario
from ...fastsim.units import DOLLAR
from ..evaluation.compare import Interval, ratio
from .figures import NO_INTERVAL, Played
from .levels import Setting

THOUSAND = 1000.0


class Margin(NamedTuple):
    """From one point to the next: dollars per week for each unit that is delivered on average."""

    unit: str  # what it is for: 1,000 accelerators, or 1 MW
    low: Setting
    high: Setting
    units: float  # by which the commitment differs, on average
    saves: Interval  # of avoidable cost, with the greater commitment
    costs: Interval  # in floors
    net: Interval  # what the total bill falls by


class Use(NamedTuple):
    """How much of the time what lies between two points is used."""

    low: Setting
    high: Setting
    utilisation: Interval  # of the added accelerators; below 0 where the rest is used less for them


def committed_sites(scenario: Scenario) -> np.ndarray:
    """(sites,) bool."""
    committed = {provider.name for provider in scenario.providers if provider.is_committed}
    return np.array([site.provider in committed for site in scenario.sites])


def margins(scenario: Scenario, low: Played, high: Played) -> list[Margin]:
    """Between two points on the same plays; without power where a committed site does not state its own."""
    own = committed_sites(scenario)
    extra = (high.by_site("supply") - low.by_site("supply"))[:, own] / high.column("length")[:, None]  # accelerators
    kilowatts = [site.kilowatts for site, is_own in zip(scenario.sites, own.tolist(), strict=True) if is_own]
    found = [("1,000 accelerators", extra.sum(axis=1) / THOUSAND)]
    if all(power is not None for power in kilowatts):
        found.append(("1 MW", extra @ np.array([float(power or 0) for power in kilowatts]) / 1000))
    return [_margin(unit, units, low, high) for unit, units in found if units.sum() > 0]


def _margin(unit: str, units: np.ndarray, low: Played, high: Played) -> Margin:
    def each(rows: np.ndarray) -> Interval:
        return ratio(rows / DOLLAR, units * high.weeks, high.blocks, high.seed)

    floors = high.column("floors") - low.column("floors")
    saves, mean = low.avoidable - high.avoidable, float((units * high.weeks).sum() / high.weeks.sum())
    return Margin(unit, low.setting, high.setting, mean, each(saves), each(floors), each(saves - floors))


def use_between(scenario: Scenario, low: Played, high: Played) -> Use:
    """How much of the added accelerators' time is used: what is used more, over what is delivered more."""
    own = committed_sites(scenario)
    busy = (high.by_site("busy") - low.by_site("busy"))[:, own].sum(axis=1)
    supply = (high.by_site("supply") - low.by_site("supply"))[:, own].sum(axis=1)
    return Use(low.setting, high.setting, ratio(busy, supply, high.blocks, high.seed))


def uses(scenario: Scenario, curve: Sequence[Played]) -> Iterator[Use]:
    """Between each two neighbours that differ in what is delivered."""
    own = committed_sites(scenario)
    for low, high in pairwise(curve):
        if (high.by_site("supply") - low.by_site("supply"))[:, own].sum() > 0:
            yield use_between(scenario, low, high)


def utilisation(scenario: Scenario, point: Played) -> Interval:
    """How much of the time the whole commitment is used; nothing where there is none."""
    own = committed_sites(scenario)
    busy, supply = (point.by_site(name)[:, own].sum(axis=1) for name in ("busy", "supply"))
    return ratio(busy, supply, point.blocks, point.seed) if supply.any() else NO_INTERVAL
