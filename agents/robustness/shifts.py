"""Shifted worlds: each is one change of a scenario, or of what is drawn from it, with all else as it was.

A shift is frozen: it has a name, and the world to play in. What a change would break is validated again; a shift that
does not apply to a scenario, or that its proof against overflow does not cover, is left out, and says why.
"""

from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import NamedTuple

from pydantic import ValidationError

from ...envs.scenario import Scenario
from ...fastsim.errors import InputError
from ..evaluation.evaluate import Change
from . import worlds
from .shaking import shaken

LOADS = (Decimal("0.8"), Decimal("1.1"), Decimal("1.25"))
PRICES = (Decimal("0.7"), Decimal("1.5"))
NOTICES = ((Decimal(0), "no notice"), (Decimal(1), "a day's notice"))


class Shift(NamedTuple):
    """A world to play in."""

    name: str
    scenario: Scenario
    load: float | None = None  # instead of the scenario's
    change: Change | None = None  # of a drawn episode, by its number


class Shifts(NamedTuple):
    """The worlds of a sheet."""

    played: tuple[Shift, ...]  # the scenario as it is first
    left_out: tuple[str, ...]  # why a shift is not among them


def shifts_of(scenario: Scenario, seed: int) -> Shifts:
    """The scenario as it is, and all shifts that apply to it."""
    played, left_out = [Shift("as it is", scenario)], []
    for name, made in _all(scenario, seed):
        try:
            shift = made()
            shift.scenario.compile()  # its proof
        except ValidationError as error:
            left_out.append(f"{name}: {error.errors()[0]['msg']}")
        except InputError as error:
            left_out.append(f"{name}: {error}")
        else:
            played.append(shift._replace(name=name))
    return Shifts(tuple(played), tuple(left_out))


def _all(scenario: Scenario, seed: int) -> Iterator[tuple[str, Callable[[], Shift]]]:
    """Names of all shifts, and what makes each; that raises InputError or ValidationError where it does not apply."""
    for factor in LOADS:
        yield f"load × {factor}", lambda factor=factor: Shift("", scenario, _load(scenario, factor))
    for factor in PRICES:
        yield f"burst price × {factor}", lambda factor=factor: Shift("", worlds.burst_prices(scenario, factor))
    for site in worlds.burst_sites(scenario):
        for notice, told in NOTICES:
            yield (
                f"recalls of {site}, {told}",
                lambda site=site, notice=notice: Shift("", worlds.recalled(scenario, site, notice)),
            )
    if worlds.ramps(scenario):
        yield "ramp a quarter late", lambda: Shift("", worlds.late_ramp(scenario))
    else:
        yield "committed capacity × 0.9", lambda: _smaller(scenario)
    yield "failures × 3", lambda: Shift("", worlds.failing(scenario))
    yield "start-up × 3", lambda: Shift("", worlds.slow_start(scenario))
    yield "input shaken", lambda: Shift("", scenario, None, lambda episode, number: shaken(episode, seed, number))


def _load(scenario: Scenario, factor: Decimal) -> float:
    """A multiple of the load, if the proof reaches so far."""
    load = scenario.workload.load * factor
    if load > scenario.largest_load:
        reason = f"nothing is proved beyond a load of {scenario.largest_load}"
        raise InputError("load", "load", load, reason, "raise the scenario's")
    return float(load)


def _smaller(scenario: Scenario) -> Shift:
    """Less committed capacity for the same work: load is relative to it."""
    smaller = worlds.smaller_commitment(scenario)
    ratio = scenario.reference_capacity / smaller.reference_capacity
    load = Decimal(ratio.numerator) / Decimal(ratio.denominator) * scenario.workload.load
    if load > smaller.largest_load:
        raise InputError("load", "load", f"{load:.3f}", "nothing is proved so far", "lower the scenario's")
    return Shift("", smaller, round(float(load), 3))
