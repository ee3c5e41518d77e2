"""Providers and sites together: what each says of the other, and their rows of the compiled scenario."""

from collections.abc import Sequence
from typing import NamedTuple

from ..fastsim.errors import InputError
from ..fastsim.spec import ProviderTable, SiteTable
from .contracts import Provider, links_between
from .machines import Site
from .quantities import whole
from .schedule import Rows
from .variants import Draws, Schedule, schedules

MOST_STEPS = 1 << 20  # of capacity, of all sites and variants


class Supply(NamedTuple):
    """The supply side, compiled."""

    sites: tuple[SiteTable, ...]
    providers: tuple[ProviderTable, ...]
    variants: tuple[tuple[Rows, ...], ...]  # of every variant, each site's steps; () where there is one only


def check_supply(providers: Sequence[Provider], sites: Sequence[Site]) -> None:
    """Raise InputError where sites and providers do not hold together."""
    named = {provider.name: provider for provider in providers}
    for index, site in enumerate(sites):
        where = f"sites[{index}]"
        if site.provider not in named:
            choices = f"use one of {', '.join(named)}"
            raise InputError(f"{where}.provider", "provider", site.provider, "there is none of this name", choices)
        _check_contract(where, site, named[site.provider])
    for index, provider in enumerate(providers):
        if provider.name not in {site.provider for site in sites}:
            reason = "it has no site"
            raise InputError(f"providers[{index}]", "provider", provider.name, reason, "give it one or remove it")
        for other in sorted(provider.links.keys() - (named.keys() - {provider.name})):
            where, choices = f"providers[{index}].links", ", ".join(name for name in named if name != provider.name)
            raise InputError(where, "provider", other, "there is no other of this name", f"use {choices or 'none'}")


def _check_contract(where: str, site: Site, provider: Provider) -> None:
    """Refuse a site that does not fit its provider's contract."""
    if provider.is_take_or_pay and site.prices:
        key = "price_series" if site.price_series else "price_steps"
        count, reason = len(site.prices), "a site under take-or-pay or a lease has one price"
        raise InputError(f"{where}.{key}", "changes", count, reason, "remove them")
    if provider.is_take_or_pay and site.billing_increment_minutes > 0:
        key, reason = f"{where}.billing_increment_minutes", "only metered use is billed in increments"
        raise InputError(key, "minutes", site.billing_increment_minutes, reason, "remove it")
    if (provider.power_cap_megawatts or provider.power_cuts) and site.kilowatts is None:
        reason = f"the power of {provider.name} is limited"
        raise InputError(f"{where}.kilowatts", "power", "absent", reason, "give the power of one accelerator")


def is_random(providers: Sequence[Provider], sites: Sequence[Site]) -> bool:
    """Something in the schedules of capacity is drawn."""
    return any(part.is_random for part in (*providers, *sites))


def compiled(
    where: str,
    providers: Sequence[Provider],
    sites: Sequence[Site],
    classes: Sequence[str],
    tags: Sequence[str],
    silicons: Sequence[str],
    drawn: list[Draws],
) -> Supply:
    """The rows of a scenario's supply side; `drawn` are its variants.

    Raises InputError for more steps than a table should have.
    """
    numbers = {provider.name: number for number, provider in enumerate(providers)}
    variants = [schedules(tuple(providers), tuple(sites), draws) for draws in drawn]
    steps = sum(len(schedule.steps) for variant in variants for schedule in variant)
    if steps > MOST_STEPS:
        raise InputError(where, "steps of capacity", steps, f"at most {MOST_STEPS} are possible", "use fewer variants")
    tables = tuple(
        SiteTable(
            provider=numbers[site.provider],
            capacity=schedule.first,
            price=whole(site.price_per_hour, "dollars"),
            speed=tuple(site.speed_of(cls) for cls in classes),
            granule=site.granule,
            cube=site.cube,
            cube_from=site.cube_from,
            capacity_steps=schedule.steps,
            price_steps=site.prices,
            silicon=silicons.index(site.silicon),
            **site.runs(_largest([variant[index] for variant in variants])),
        )
        for index, (site, schedule) in enumerate(zip(sites, variants[0], strict=True))
    )
    bits = {tag: bit for bit, tag in enumerate(tags)}
    contracts = zip(providers, links_between(tuple(providers)), strict=True)
    return Supply(
        sites=tables,
        providers=tuple(provider.table(bits, links) for provider, links in contracts),
        variants=tuple(tuple(schedule.steps for schedule in variant) for variant in variants if len(variants) > 1),
    )


def _largest(variants: Sequence[Schedule]) -> int:
    """The largest capacity that a site ever has; failures are positions below it (rules.md, section 6)."""
    happening = [row[1] for schedule in variants for row in schedule.steps if len(row) == 3]
    return max([*happening, *(schedule.first for schedule in variants)])
