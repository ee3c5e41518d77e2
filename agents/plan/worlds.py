"""What if: burst that is recalled, a tranche that comes late, or one assumption that turns out otherwise.

Each gives a scenario, validated again later by `levels.at`, or raises InputError where there is nothing to change.
"""

from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import NamedTuple

from ...envs.machines import Site
from ...envs.scenario import Scenario
from ...fastsim.errors import InputError
from ..evaluation.grid import with_delay
from ..robustness.worlds import QUARTER, burst_prices, late_ramp

RECALL_DAY = Decimal(90)  # notice is given on day 0
RECALL = f"burst recalled in {RECALL_DAY} days"
LOADS = (Decimal("0.8"), Decimal("1.2"))
PRICES = (Decimal("0.7"), Decimal("1.5"))
DELAYS = (Decimal("0.3"), Decimal(3))
FAILURES = (Decimal("0.333"), Decimal(3))
MICRO = Decimal("0.000001")


class Change(NamedTuple):
    """A world that differs in one thing."""

    name: str  # of the thing
    factor: Decimal  # by which it is multiplied; 1: it is no matter of factors
    scenario: Scenario
    load: float | None = None


def recalled(scenario: Scenario) -> Scenario:
    """All burst contracts end on day 90, known from day 0; machines go, and fees end. Those that end before stay."""
    providers = tuple(
        one
        if one.is_committed or (one.ends_at_day is not None and one.ends_at_day <= RECALL_DAY)
        else one.model_copy(update={"ends_at_day": RECALL_DAY})
        for one in scenario.providers
    )
    if providers == scenario.providers:
        raise InputError(scenario.name, "burst providers", 0, "there is nothing to recall", "leave the recall out")
    if scenario.episodes.span_days <= RECALL_DAY:
        reason = f"are over before a recall in {RECALL_DAY} days"
        raise InputError(scenario.name, "days of the span", scenario.episodes.span_days, reason, "lengthen it")
    return scenario.model_copy(update={"providers": providers})


def late_tranche(scenario: Scenario) -> Scenario:
    """The first tranche of committed capacity comes a quarter later; that it is late is known as long ahead as before.

    Of several on one day, that of the first site.
    """
    committed = {provider.name for provider in scenario.providers if provider.is_committed}
    due = [
        (tranche.at_day, number, index)
        for number, site in enumerate(scenario.sites)
        if site.provider in committed
        for index, tranche in enumerate(site.tranches)
    ]
    if not due:
        raise InputError(scenario.name, "tranches", 0, "none of committed capacity is due", "leave it out")
    _, number, index = min(due)
    site = scenario.sites[number]
    late = site.tranches[index].model_copy(update={"at_day": site.tranches[index].at_day + QUARTER})
    tranches = (*site.tranches[:index], late, *site.tranches[index + 1 :])
    sites = list(scenario.sites)
    sites[number] = site.model_copy(update={"tranches": tranches})
    return scenario.model_copy(update={"sites": tuple(sites)})


def failing(scenario: Scenario, factor: Decimal) -> Scenario:
    """So many times the failures, wherever there are any."""

    def changed(site: Site) -> Site:
        if site.failures is None:
            return site
        rate = min((site.failures.per_node_day * factor).quantize(MICRO), Decimal(1))
        return site.model_copy(update={"failures": site.failures.model_copy(update={"per_node_day": rate})})

    sites = tuple(map(changed, scenario.sites))
    if sites == scenario.sites:
        raise InputError(scenario.name, "failures", 0, "nothing fails", "leave the change out")
    return scenario.model_copy(update={"sites": sites})


def priced(scenario: Scenario, factor: Decimal) -> Scenario:
    """Prices of burst sites times a factor; of a lease, its fee too."""
    changed = burst_prices(scenario, factor)
    providers = tuple(
        one
        if one.is_committed or one.fee_dollars_per_period is None
        else one.model_copy(update={"fee_dollars_per_period": (one.fee_dollars_per_period * factor).quantize(MICRO)})
        for one in changed.providers
    )
    return changed.model_copy(update={"providers": providers})


def what_ifs(scenario: Scenario) -> Iterator[tuple[str, Callable[[], Scenario]]]:
    """Names of events, and what makes the world of each; that raises InputError where there is nothing to change."""
    yield RECALL, lambda: recalled(scenario)
    yield "next tranche a quarter late", lambda: late_tranche(scenario)
    yield "every tranche a quarter late", lambda: late_ramp(scenario)


def assumptions(scenario: Scenario, load: float) -> Iterator[tuple[str, Decimal, Callable[[], Change]]]:
    """What the tornado changes, by how much, and what makes the world; `load` is what it is now."""
    for factor in LOADS:
        name = "load"
        yield name, factor, lambda f=factor: Change("load", f, scenario, round(load * float(f), 6))
    for factor in PRICES:
        yield "burst price", factor, lambda f=factor: Change("burst price", f, priced(scenario, f))
    for factor in DELAYS:
        yield "delay cost", factor, lambda f=factor: Change("delay cost", f, with_delay(scenario, float(f)))
    for factor in FAILURES:
        yield "failure rate", factor, lambda f=factor: Change("failure rate", f, failing(scenario, f))
