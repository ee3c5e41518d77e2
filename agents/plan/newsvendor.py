"""What a newsvendor would commit to: the quantile of demand at which one more accelerator pays for itself.

Demand is what would run if nothing waited and every accelerator were there at once. A newsvendor knows how it is
distributed, pays the commitment used or not, and buys what goes beyond it by the hour. He knows nothing of waiting, of
gangs that must fit, of machines that start slowly, are denied or taken back, or of budgets: the sweep does.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from ...envs.machines import Site
from ...envs.scenario import Scenario
from ...fastsim.spec import COMMITTED, Jobs, Spec
from ...fastsim.units import HOUR, WEEK
from ..evaluation.compare import FEWEST_BLOCKS, Interval
from ..evaluation.episodes import Episode
from ..evaluation.outcomes import ready_times
from .figures import NOTHING, weights

SAMPLED = HOUR  # how often demand is looked at
FINEST, FINE = 0.001, 2000  # of levels that are tried: a step at least so large, and so many of them
DEEPEST = 64  # stages of a pipeline, one after the other


class Terms(NamedTuple):
    """What an accelerator-hour costs, in dollars; burst by what a committed accelerator does in an hour."""

    committed: float
    floor: float  # share of what is delivered that is paid used or not
    overage: float  # ratio of the price beyond that
    burst: float

    @property
    def break_even(self) -> float:
        """The share of time that an accelerator must be in use to be no dearer committed than on burst.

        Where an hour of it costs more than one of burst there is none: infinite.
        """
        return self.floor * self.committed / self.burst if self.committed <= self.burst else float("inf")


class Demand(NamedTuple):
    """Demand of one play in one billing period, hour by hour, relative to the commitment as the scenario has it."""

    ratio: np.ndarray  # (hours,) accelerators wanted ÷ committed
    capacity: np.ndarray  # (hours,) committed accelerators


class Newsvendor(NamedTuple):
    """His answer."""

    terms: Terms
    level: Interval  # of the commitment as the scenario has it
    bill: float  # what he would pay there, dollars per week: no delay
    demand: dict[str, float]  # quantiles of demand ÷ commitment, by their names


def terms_of(scenario: Scenario) -> Terms | None:
    """Prices of the commitment and of burst beside it; None where there is no burst or nothing is committed.

    Several committed sites count by their capacity. Burst is the cheapest site that is not spot capacity, by the work
    that it does, where all are spot the cheapest of these; prices that change by their mean over the span. A lease
    counts with the price per hour that the scenario states beside its fee.
    """
    providers = {provider.name: provider for provider in scenario.providers}
    own = [site for site in scenario.sites if providers[site.provider].is_committed and site.nominal]
    others = [site for site in scenario.sites if not providers[site.provider].is_committed and site.nominal]
    size = sum(site.nominal for site in own)
    if not size or not others:
        return None
    price, floor, overage, speed = (
        sum(site.nominal * value(site) for site in own) / size
        for value in (
            lambda site: float(site.price_per_hour),
            lambda site: _floor(scenario, site),
            lambda site: float(providers[site.provider].overage_ratio or (0 if _is_lease(scenario, site) else 1)),
            lambda site: float(site.speed),
        )
    )
    steady = [site for site in others if site.spot is None] or others
    burst = min(mean_price(site, scenario.span) * speed / float(site.speed) for site in steady if site.speed)
    return Terms(price, floor, overage, burst)


def _is_lease(scenario: Scenario, site: Site) -> bool:
    return any(one.name == site.provider and one.contract == "lease" for one in scenario.providers)


def _floor(scenario: Scenario, site: Site) -> float:
    """The share of what is delivered that is paid used or not; a floor in money counts as its share of all there is."""
    provider = next(one for one in scenario.providers if one.name == site.provider)
    if provider.floor_share is not None:
        return float(provider.floor_share)
    amount = provider.floor_dollars_per_period
    if amount is None:
        return 1.0 if provider.contract == "lease" else 0.0
    sites = [one for one in scenario.sites if one.provider == provider.name]
    hours = 24 * float(scenario.rules.billing_period_days)
    worth = sum(one.nominal * float(one.price_per_hour) for one in sites) * hours
    return min(1.0, float(amount) / worth) if worth else 1.0


def mean_price(site: Site, span: int) -> float:
    """Dollars per accelerator-hour, averaged over the span [ms]."""
    edges = [0, *(at for at, _ in site.prices if at < span), span]
    prices = [float(site.price_per_hour), *(micro / 1e6 for at, micro in site.prices if at < span)]
    return float(np.average(prices, weights=np.diff(edges)))


def demand_of(scenario: Scenario, spec: Spec, episode: Episode) -> list[Demand]:
    """What the jobs of a play would run at once if nothing waited, at every hour of its windows, period by period.

    Only jobs that some committed site suits count: no commitment could serve the others. Jobs run at the mean speed of
    the committed sites; a child begins when its parents would be done.
    """
    rules, largest = spec.rules[0], spec.variants[episode.variant].nominal
    is_committed = rules.kind[rules.provider[: rules.sites]] == COMMITTED
    own = np.flatnonzero(is_committed & (largest[: rules.sites] > 0))
    jobs = episode.jobs
    speed = np.average(rules.speed[own].astype(float), axis=0, weights=largest[own])[jobs.cls]  # permille
    is_suited = ((jobs.tags & ~np.bitwise_or.reduce(rules.tags[rules.provider[own]])) == 0) & (speed > 0)
    ideal = np.where(jobs.until > 0, jobs.until - jobs.arrival, jobs.walltime * 1000 / np.maximum(speed, 1))
    lasts = ideal.astype(np.int64)
    begin = starts(jobs, lasts)
    at = np.arange(int(episode.edges[0]), int(episode.edges[-1]), SAMPLED)
    wanted = running(begin[is_suited], (begin + lasts)[is_suited], _footprints(scenario, own, jobs.gang)[is_suited], at)
    capacity = capacity_at(spec, episode.variant, own, at)
    period = (at - int(rules.first_period)) // int(rules.period)
    chosen = [(period == number) & (capacity > 0) for number in np.unique(period)]
    return [Demand(wanted[one] / capacity[one], capacity[one]) for one in chosen if one.any()]


def starts(jobs: Jobs, lasts: np.ndarray) -> np.ndarray:
    """When each job would begin if nothing waited [ms], (jobs,): on arrival, or when its last parent is done."""
    begin = jobs.arrival.copy()
    for _ in range(DEEPEST):
        later = np.maximum(ready_times(jobs, begin + lasts), jobs.arrival)
        if np.array_equal(later, begin):
            break
        begin = later
    return begin


def running(begin: np.ndarray, end: np.ndarray, accelerators: np.ndarray, at: np.ndarray) -> np.ndarray:
    """Accelerators of what runs at some instants, (instants,) int64."""

    def until(instants: np.ndarray) -> np.ndarray:
        order = np.argsort(instants, kind="stable")
        total = np.concatenate([[0], np.cumsum(accelerators[order])])
        return total[np.searchsorted(instants[order], at, side="right")]

    return until(begin) - until(end)


def _footprints(scenario: Scenario, own: np.ndarray, gangs: np.ndarray) -> np.ndarray:
    """Gangs in the granules of the largest committed site."""
    site = max((scenario.sites[index] for index in own.tolist()), key=lambda one: one.nominal)
    footprint = -(-gangs.astype(np.int64) // site.granule) * site.granule
    if site.cube:
        cubes = -(-gangs.astype(np.int64) // site.cube) * site.cube
        footprint = np.where(gangs >= max(site.cube_from, 1), cubes, footprint)
    return footprint


def capacity_at(spec: Spec, variant: int, sites: np.ndarray, at: np.ndarray) -> np.ndarray:
    """Accelerators of some sites (numbers) together at some instants [ms], (instants,) int64."""
    one = spec.variants[variant]
    steps = spec.capacity_steps[int(one.first_step) : int(one.last_step)]
    total = np.zeros(len(at), np.int64)
    for site in sites.tolist():
        own = steps[steps.site == site]
        levels = np.concatenate([[int(spec.rules[0].first_capacity[site])], own.capacity])
        total += levels[np.searchsorted(own.at, at, side="right")]
    return total


def newsvendor(terms: Terms, plays: Sequence[Sequence[Demand]], seed: int) -> Newsvendor:
    """The level at which his bill is least, with an interval over plays.

    With a floor of everything that is the quantile of demand at 1 − committed ÷ burst, in which every hour counts with
    its capacity.
    """
    ratios = np.concatenate([period.ratio for play in plays for period in play])
    most = float(ratios.max(initial=0.0))
    levels = np.arange(0, most + FINEST, max(FINEST, most / FINE))
    bills = np.stack([sum((bill(terms, period, levels) for period in play), np.zeros_like(levels)) for play in plays])
    total = bills.sum(axis=0) / len(ratios)  # dollars per hour
    best = int(np.argmin(total))
    low, high = NOTHING, NOTHING
    if len(plays) >= FEWEST_BLOCKS:
        found = levels[np.argmin(weights(len(plays), seed) @ bills, axis=1)]
        low, high = np.percentile(found, [2.5, 97.5]).tolist()
    shares = {f"p{share}": float(np.percentile(ratios, share)) for share in (5, 50, 95)}
    weekly = float(total[best]) * WEEK / HOUR
    return Newsvendor(terms, Interval(float(levels[best]), low, high), weekly, shares | {"mean": float(ratios.mean())})


def bill(terms: Terms, period: Demand, levels: np.ndarray) -> np.ndarray:
    """What a newsvendor pays at each level in the hours of a period, (levels,) dollars.

    From sums over sorted demand ∑ min(ratio, level) × capacity takes a search for each level, not a pass.
    """
    order = np.argsort(period.ratio)
    ratio, capacity = period.ratio[order], period.capacity[order].astype(float)
    wanted, there = (np.concatenate([[0.0], np.cumsum(part)]) for part in (capacity * ratio, capacity))
    place = np.searchsorted(ratio, levels, side="right")
    drawn = wanted[place] + levels * (there[-1] - there[place])
    floor = terms.floor * levels * there[-1]
    beyond = np.maximum(drawn - floor, 0)
    return terms.committed * (floor + terms.overage * beyond) + terms.burst * (wanted[-1] - drawn)
