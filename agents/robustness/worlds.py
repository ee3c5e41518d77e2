"""Changes of a scenario. Each gives a scenario that has been validated again, or raises where it does not apply.

Raised are InputError, where the scenario has nothing to change, and ValidationError, where what comes out is none.
"""

from collections.abc import Callable
from decimal import Decimal

from ...envs.capacity import Maintenance
from ...envs.machines import Site
from ...envs.scenario import Scenario
from ...fastsim.errors import InputError

QUARTER = Decimal(91)  # days
LESS = Decimal("0.9")  # of the committed capacity
MORE = 3  # times as many failures, as long a start-up
# A recall in the middle of every week: windows begin on any day and are a week long, so each meets one.
RECALL_DAY, RECALL_HOURS, RECALLED = Decimal("3.5"), Decimal(48), Decimal("0.5")
MICRO = Decimal("0.000001")


def _with_sites(scenario: Scenario, changed: Callable[[Site], Site], what: str) -> Scenario:
    """The scenario with its sites changed, which must differ."""
    sites = tuple(changed(site) for site in scenario.sites)
    if sites == scenario.sites:
        raise InputError(scenario.name, what, 0, "there is nothing to change", "leave the shift out")
    return Scenario.model_validate(scenario.model_copy(update={"sites": sites}).model_dump())


def _of_kind(scenario: Scenario, kind: str) -> set[str]:
    """Names of the sites of committed or burst providers."""
    providers = {provider.name for provider in scenario.providers if provider.kind == kind}
    return {site.name for site in scenario.sites if site.provider in providers}


def burst_sites(scenario: Scenario) -> list[str]:
    """Names of the burst sites, in the scenario's order."""
    burst = _of_kind(scenario, "burst")
    return [site.name for site in scenario.sites if site.name in burst]


def burst_prices(scenario: Scenario, factor: Decimal) -> Scenario:
    """All prices of burst sites times a factor, rounded to µ$."""
    burst = _of_kind(scenario, "burst")

    def scaled(price: Decimal) -> Decimal:
        return (price * factor).quantize(MICRO)

    def changed(site: Site) -> Site:
        if site.name not in burst:
            return site
        steps = tuple(
            step.model_copy(update={"price_per_hour": scaled(step.price_per_hour)}) for step in site.price_steps
        )
        series = None if site.price_series is None else tuple(scaled(price) for price in site.price_series)
        update = {"price_per_hour": scaled(site.price_per_hour), "price_steps": steps, "price_series": series}
        return site.model_copy(update=update)

    return _with_sites(scenario, changed, "burst prices")


def recalled(scenario: Scenario, name: str, notice: Decimal) -> Scenario:
    """Half of a site is taken for two days in the middle of every week, told `notice` days ahead."""
    weeks = range(scenario.episodes.span_days // 7)

    def changed(site: Site) -> Site:
        if site.name != name:
            return site
        cuts = tuple(
            Maintenance(at_day=7 * week + RECALL_DAY, hours=RECALL_HOURS, share=RECALLED, notice_days=notice)
            for week in weeks
        )
        return site.model_copy(update={"maintenance": (*site.maintenance, *cuts)})

    return _with_sites(scenario, changed, "sites")


def ramps(scenario: Scenario) -> bool:
    """Whether committed capacity is due to change."""
    committed = _of_kind(scenario, "committed")
    return any((site.capacity_steps or site.tranches) for site in scenario.sites if site.name in committed)


def late_ramp(scenario: Scenario) -> Scenario:
    """Steps and tranches of committed capacity a quarter later; that they are late is known as long ahead as before."""
    committed = _of_kind(scenario, "committed")

    def changed(site: Site) -> Site:
        if site.name not in committed:
            return site
        late = {
            name: tuple(part.model_copy(update={"at_day": part.at_day + QUARTER}) for part in getattr(site, name))
            for name in ("capacity_steps", "tranches")
        }
        return site.model_copy(update=late)

    return _with_sites(scenario, changed, "ramps")


def smaller_commitment(scenario: Scenario) -> Scenario:
    """A tenth less committed capacity, in whole granules and cubes."""
    committed = _of_kind(scenario, "committed")

    def changed(site: Site) -> Site:
        unit = max(site.granule, site.cube)
        left = int(site.capacity * LESS) // unit * unit
        return site.model_copy(update={"capacity": left}) if site.name in committed else site

    return _with_sites(scenario, changed, "committed capacity")


def failing(scenario: Scenario) -> Scenario:
    """Three times as many failures wherever there are any."""

    def changed(site: Site) -> Site:
        if site.failures is None:
            return site
        rate = site.failures.per_node_day * MORE
        return site.model_copy(update={"failures": site.failures.model_copy(update={"per_node_day": rate})})

    return _with_sites(scenario, changed, "failures")


def slow_start(scenario: Scenario) -> Scenario:
    """Machines that are started take three times as long."""

    def changed(site: Site) -> Site:
        if site.start_up is None:
            return site
        times = {name: value * MORE for name, value in site.start_up if isinstance(value, Decimal)}
        return site.model_copy(update={"start_up": site.start_up.model_copy(update=times)})

    return _with_sites(scenario, changed, "start-ups")
