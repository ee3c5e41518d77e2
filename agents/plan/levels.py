"""A scenario at another size of its commitment, and without one of its kinds of contracts.

Whatever the size, the same work comes, bit for bit: the load stays relative to the commitment as it is
(`workload.reference`). Sites and providers stay where they are, at worst without machines, so that tags, silicons,
homes of data and draws keep their numbers.
"""

from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from math import floor
from typing import Any, NamedTuple

from ...envs.capacity import CapacityStep, Maintenance, Tranche
from ...envs.contracts import PowerCut, Provider
from ...envs.machines import Site
from ...envs.scenario import Scenario
from ...envs.work import Reference
from ...fastsim.errors import InputError

MOST_LEVELS = 101
PLACES = Decimal("0.0001")  # of a level
MICRO = Decimal("0.000001")  # dollars, megawatts
HIGHEST = 20  # times the commitment
ONE = Decimal(1)


class Setting(NamedTuple):
    """Where a plan looks: how much is committed, and whether there is burst."""

    level: Decimal  # of the commitment as the scenario has it
    burst: bool = True

    @property
    def words(self) -> str:
        """As one writes it: 0.9,on."""
        return f"{plain(self.level)},{'on' if self.burst else 'off'}"


def plain(level: Decimal) -> str:
    """A level without zeros at its end."""
    text = f"{level:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def levels_of(text: str) -> list[Decimal]:
    """The levels that `FIRST:LAST:COUNT`, or a list with commas, means; ascending, each once.

    Raises InputError for what is no number, is negative, or too much.
    """
    parts = text.split(":")
    if len(parts) not in (1, 3):
        reason, remedy = "is neither FIRST:LAST:COUNT nor a list of levels", "write for example 0.5:1.5:11 or 0.8,1,1.2"
        raise InputError("--commit", "levels", text, reason, remedy)
    if len(parts) == 1:
        return sorted({_level(one, text) for one in text.split(",")})
    first, last = (_level(one, text) for one in parts[:2])
    if not (parts[2].isdecimal() and 2 <= int(parts[2]) <= MOST_LEVELS):
        raise InputError("--commit", "count", parts[2], f"is no whole number from 2 to {MOST_LEVELS}", "correct it")
    if last <= first:
        raise InputError("--commit", "last level", parts[1], f"is not above the first, {parts[0]}", "exchange them")
    steps = int(parts[2]) - 1
    return sorted({(first + (last - first) * step / steps).quantize(PLACES).normalize() for step in range(steps + 1)})


def _level(text: str, whole: str) -> Decimal:
    try:
        level = Decimal(text.strip())
    except InvalidOperation:
        level = Decimal("NaN")
    if not level.is_finite():
        raise InputError("--commit", "level", text.strip(), "is no number", f"correct {whole}")
    if level < 0:
        raise InputError("--commit", "level", text.strip(), "is below zero", "give 0, which is nothing, or more")
    if level > HIGHEST:
        reason = f"is above {HIGHEST} times the commitment"
        raise InputError("--commit", "level", text.strip(), reason, "begin with a scenario of a larger commitment")
    if level != level.quantize(PLACES):
        raise InputError("--commit", "level", text.strip(), "has more than four places", "round it")
    return level.quantize(PLACES).normalize()


def bursts_of(text: str) -> list[bool]:
    """Whether there is burst, as `on`, `off` or `on,off` says. Raises InputError for another word."""
    words = [word.strip() for word in text.split(",")]
    for word in words:
        if word not in ("on", "off"):
            raise InputError("--burst", "word", word, "is neither on nor off", "write on, off, or on,off")
    return [known for word, known in (("on", True), ("off", False)) if word in words]


def at(scenario: Scenario, setting: Setting) -> Scenario:
    """The world at a setting: the same work, another commitment, with or without burst.

    Capacities, steps, tranches and power of committed providers are multiplied, in whole granules (cubes, where a site
    has them), at least one of each unless the level is 0; floors and fees in money are multiplied, too. Without burst,
    the burst sites have no machines and their contracts no fees.

    Raises InputError where the scenario commits to nothing, or what comes out does not hold together.
    """
    if not any(provider.is_committed for provider in scenario.providers):
        reason, remedy = "commits to nothing that a level could multiply", "give it a committed provider"
        raise InputError(scenario.name, "committed providers", 0, reason, remedy)
    content = with_reference(scenario)
    if setting != Setting(ONE, True):
        committed = {provider.name for provider in scenario.providers if provider.is_committed}
        factor = {name: Fraction(setting.level) for name in committed}
        content = scaled(content, lambda name: factor.get(name, Fraction(1) if setting.burst else Fraction(0)))
    return Scenario.model_validate(content.model_dump())


def with_reference(scenario: Scenario) -> Scenario:
    """The scenario whose load is relative to what it is relative to now, whatever its sites become."""
    capacity = scenario.reference_capacity
    reference = Reference(
        accelerators=scenario.reference_accelerators,
        capacity=Decimal(capacity.numerator) / Decimal(capacity.denominator),  # whole thousandths: speeds are
    )
    return scenario.model_copy(update={"workload": scenario.workload.model_copy(update={"reference": reference})})


def scaled(scenario: Scenario, factor: Callable[[str], Fraction]) -> Scenario:
    """Every provider and its sites multiplied by `factor` of its name; not validated."""
    providers = tuple(_provider(one, factor(one.name)) for one in scenario.providers)
    sites = tuple(_site(one, factor(one.provider)) for one in scenario.sites)
    return scenario.model_copy(update={"providers": providers, "sites": sites})


def accelerators_at(capacity: int, factor: Fraction, unit: int) -> int:
    """Accelerators, in whole units, at a multiple of a capacity: the nearest, at least one unit of something."""
    if capacity == 0 or factor == 0:
        return 0
    return capacity if factor == 1 else max(1, floor(capacity * factor / unit + Fraction(1, 2))) * unit


def _site(site: Site, factor: Fraction) -> Site:
    if factor == 1:
        return site
    unit = max(site.granule, site.cube)

    def some(capacity: int) -> int:
        return accelerators_at(capacity, factor, unit)

    def step(one: CapacityStep) -> CapacityStep:
        return one.model_copy(update={"capacity": some(one.capacity)})

    def tranche(one: Tranche) -> Tranche:
        return one.model_copy(update={"accelerators": some(one.accelerators)})

    def break_(one: Maintenance) -> Maintenance:
        return one if one.capacity is None else one.model_copy(update={"capacity": some(one.capacity)})

    update: dict[str, Any] = {
        "capacity": some(site.capacity),
        "capacity_steps": tuple(map(step, site.capacity_steps)),
        "tranches": tuple(map(tranche, site.tranches)) if factor else (),
        "maintenance": tuple(map(break_, site.maintenance)),
    }
    return site.model_copy(update=update if factor else update | {"slips": None})


def _provider(provider: Provider, factor: Fraction) -> Provider:
    if factor == 1:
        return provider
    update: dict[str, Any] = {}
    for name in ("floor_dollars_per_period", "fee_dollars_per_period"):
        amount = getattr(provider, name)
        update[name] = None if amount is None else _times(amount, factor)
    if factor == 0:  # nothing is there that power could limit
        update |= {"power_cap_megawatts": None, "power_cuts": ()}
        return provider.model_copy(update=update)
    if provider.power_cap_megawatts is not None:
        update["power_cap_megawatts"] = _times(provider.power_cap_megawatts, factor)

    def cut(one: PowerCut) -> PowerCut:
        return one.model_copy(update={"megawatts": _times(Decimal(one.megawatts), factor) or 0})

    return provider.model_copy(update=update | {"power_cuts": tuple(map(cut, provider.power_cuts))})


def _times(amount: Decimal, factor: Fraction) -> Decimal:
    """A multiple of an amount, to the micro-unit."""
    exact = amount * Decimal(factor.numerator) / Decimal(factor.denominator)
    return exact.quantize(MICRO)
