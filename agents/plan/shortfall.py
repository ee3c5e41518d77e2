"""What will be trued up: how much of each commitment a billing period leaves unused, or exceeds.

A commitment is settled once a period, however its weeks were: what one week leaves unused another may draw. So drawn
amounts and floors are summed up over a period before they are compared. Plays that are shorter than a period are put
together to periods, drawn at random; of plays that last for years the periods themselves count.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from ...envs.contracts import Provider
from ...envs.scenario import Scenario
from ...fastsim.units import DAY, HOUR, WEEK
from .figures import RESAMPLES, Played

QUANTILES = (5, 50, 95)
MOST_SHOWN = 13  # periods in a table


class TrueUp(NamedTuple):
    """The forecast of one contract for one period: dollars."""

    provider: str
    period: str  # which, or any
    ends_at_day: float | None  # when it is trued up; None: any
    invoiced: bool  # what is unused comes as a bill of its own
    floor: float  # mean
    drawn: float  # mean
    unused: tuple[float, ...]  # at QUANTILES
    mean_unused: float
    chance: float  # that something is unused
    overage: float  # mean


class _Weeks(NamedTuple):
    """Windows of one contract, (plays, windows): dollars, and when each window begins [days]."""

    floor: np.ndarray
    drawn: np.ndarray
    begin: np.ndarray
    days: np.ndarray


def true_ups(scenario: Scenario, point: Played) -> list[TrueUp]:
    """The forecast of every take-or-pay commitment; a flat lease leaves nothing to true up."""
    period = float(scenario.rules.billing_period_days)
    found: list[TrueUp] = []
    for provider in scenario.providers:
        if not provider.is_committed or provider.contract != "take_or_pay":
            continue
        windows = _windows(scenario, provider, point)
        if float(windows.days.sum(axis=1).min()) >= period:
            found += _by_period(provider, windows, period)
        else:
            found.append(_put_together(provider, windows, period, point.seed))
    return found


def some(found: Sequence[TrueUp]) -> tuple[Sequence[TrueUp], str]:
    """As many as a table has room for, evenly, the last among them; and a word on it, or nothing."""
    step = -(-len(found) // MOST_SHOWN)
    if step <= 1:
        return found, ""
    return found[(len(found) - 1) % step :: step], f" Shown is one of {step} periods; the JSON has all {len(found)}."


def drawn_of(scenario: Scenario, provider: Provider, by_site: np.ndarray) -> np.ndarray:
    """What use or supply (rows, sites) [accelerator-ms] of a provider is worth at its prices, (rows,) dollars."""
    prices = [float(site.price_per_hour) if site.provider == provider.name else 0.0 for site in scenario.sites]
    return by_site / HOUR @ np.array(prices)


def _windows(scenario: Scenario, provider: Provider, point: Played) -> _Weeks:
    count = min(len(tally.avoidable) for tally in point.tallies)
    rows = [
        (
            floor_of(scenario, provider, tally.by_site["supply"], tally.amounts["length"])[:count],
            drawn_of(scenario, provider, tally.by_site["busy"])[:count],
            (tally.begin + np.concatenate([[0], np.cumsum(tally.amounts["length"])[:-1]]))[:count] / DAY,
            tally.amounts["length"][:count] / DAY,
        )
        for tally in point.tallies
    ]
    return _Weeks(*(np.stack(columns) for columns in zip(*rows, strict=True)))


def floor_of(scenario: Scenario, provider: Provider, supply: np.ndarray, length: np.ndarray) -> np.ndarray:
    """The floor that accrues in each window, (windows,) dollars, of what is delivered, `supply` (windows, sites)."""
    if provider.floor_share is not None:
        return float(provider.floor_share) * drawn_of(scenario, provider, supply)
    amount = float(provider.floor_dollars_per_period or provider.fee_dollars_per_period or 0)
    return amount * length / (float(scenario.rules.billing_period_days) * DAY)


def _by_period(provider: Provider, windows: _Weeks, period: float) -> list[TrueUp]:
    """Every period that the plays meet in whole, up to a window: a window belongs to the period of its middle.

    What of a period no window covers counts like the rest of it.
    """
    numbers = ((windows.begin + windows.days / 2) // period).astype(int)
    found = []
    for number in np.unique(numbers).tolist():
        is_own = numbers == number
        days = (windows.days * is_own).sum(axis=1)
        if float(days.min()) < period - float(windows.days.max()):
            continue
        floor, drawn = ((part * is_own).sum(axis=1) * period / days for part in (windows.floor, windows.drawn))
        found.append(_true_up(provider, f"{number + 1}", (number + 1) * period, floor, drawn))
    return found


def _put_together(provider: Provider, windows: _Weeks, period: float, seed: int) -> TrueUp:
    """Periods made of plays, drawn with replacement; the last one counts for the part that is left."""
    floor, drawn, days = windows.floor.sum(axis=1), windows.drawn.sum(axis=1), windows.days.sum(axis=1)
    parts = period / float(days.mean())
    shares = np.concatenate([np.ones(int(parts)), [parts - int(parts)]])
    rng = np.random.default_rng([seed, 0x7EAE])
    chosen = rng.integers(0, len(floor), (RESAMPLES, len(shares)))
    return _true_up(provider, "any", None, floor[chosen] @ shares, drawn[chosen] @ shares)


def _true_up(provider: Provider, name: str, day: float | None, floor: np.ndarray, drawn: np.ndarray) -> TrueUp:
    """From the floors and the use of many periods, (periods,) dollars."""
    unused = np.maximum(floor - drawn, 0)
    overage = np.maximum(drawn - floor, 0) * float(1 if provider.overage_ratio is None else provider.overage_ratio)
    return TrueUp(
        provider=provider.name,
        period=name,
        ends_at_day=day,
        invoiced=bool(provider.in_arrears),
        floor=float(floor.mean()),
        drawn=float(drawn.mean()),
        unused=tuple(np.percentile(unused, QUANTILES).tolist()),
        mean_unused=float(unused.mean()),
        chance=float((unused > 0).mean()),
        overage=float(overage.mean()),
    )


class Month(NamedTuple):
    """Commitments drawn down in one month of four weeks: dollars per week, means over the windows that begin in it."""

    day: int  # at which it begins
    floor: float
    drawn: float
    windows: int


def burn_down(scenario: Scenario, provider: Provider, point: Played, months: int = 28) -> list[Month]:
    """What is drawn of a commitment beside its floor, month by month; months that no play meets are left out."""
    windows = _windows(scenario, provider, point)
    number, weeks = (windows.begin // months).astype(int), windows.days * DAY / WEEK
    found = []
    for one in np.unique(number).tolist():
        is_own = number == one
        floor, drawn = (float(part[is_own].sum() / weeks[is_own].sum()) for part in (windows.floor, windows.drawn))
        found.append(Month(int(one * months), floor, drawn, int(is_own.sum())))
    return found


def taking_or_paying(scenario: Scenario) -> Sequence[Provider]:
    """Committed providers with a floor."""
    return [one for one in scenario.providers if one.is_committed and one.contract == "take_or_pay"]
