"""What the last policy saves or loses against the first, in one sentence, and what a reader must know beside it."""

import math
from typing import NamedTuple

from ..evaluation.compare import Interval
from ..evaluation.report import Report
from .names import Names
from .waterfall import plain

GAIN, LOSS, OPEN = "gain", "loss", "open"
SUNK = (
    "Unused commitment is never a saving: floors are sunk, owed whatever is used, and the same for every policy. "
    "Avoidable cost is all the rest: burst, overage, delay, penalties and write-offs. Delay is what the scenario says "
    "that waiting costs; nobody sends a bill for it."
)


class Headline(NamedTuple):
    """A verdict, its sentence as HTML, and its colour."""

    verdict: str
    text: str


def headline(names: Names, report: Report) -> Headline:
    """A loss is called a loss; where the interval holds 0, or there is none, nothing is decided."""
    first = report.weekly(report.policies[0].avoidable).value
    if len(report.policies) == 1:
        text = f"<b>{names.policies[0]}</b> costs {plain(first)} a week that is avoidable. It is compared with nothing."
        return Headline(OPEN, text)
    last, found = names.policies[-1], report.comparisons[-1]
    difference = report.weekly(report.policies[-1].avoidable).value - first
    saving = found.avoidable
    amount, against = plain(abs(difference)), names.policies[0]
    shares = f"{_percent(saving)} of the avoidable cost {_interval(saving)}, "
    shares += f"{_percent(found.bill)} of the total bill {_interval(found.bill)}"
    if saving.low > 0:
        return Headline(GAIN, f"<b>{last} saves {amount} a week</b> against {against}: {shares}.")
    if saving.high < 0:
        return Headline(LOSS, f"<b>{last} loses: it costs {amount} a week more</b> than {against}, {shares}.")
    word = "less" if difference < 0 else "more"
    doubt = "the interval holds 0" if math.isfinite(saving.low) else "one block gives no interval"
    text = f"<b>Undecided: {last} costs {amount} a week {word}</b> than {against}, {shares}; {doubt}."
    return Headline(OPEN, text)


def remarks(names: Names, report: Report) -> list[str]:
    """Who is cheaper than the two that are compared, if anyone, and what is sunk."""
    costs = [report.weekly(policy.avoidable).value for policy in report.policies]
    best = min(range(len(costs)), key=costs.__getitem__)
    found = [SUNK]
    if best not in (0, len(costs) - 1):
        found.insert(
            0, f"The cheapest policy here is neither of the two: {names.policies[best]}, {plain(costs[best])} a week."
        )
    elif best == len(costs) - 1 or len(costs) == 1:
        return found
    elif len(costs) > 1:
        found.insert(0, f"The cheapest policy here is the first, {names.policies[0]}.")
    return found


def _percent(saving: Interval) -> str:
    """The size of a saving or a loss."""
    return f"{100 * abs(saving.value):.1f} %" if math.isfinite(saving.value) else "no share"


def _interval(saving: Interval) -> str:
    """Its interval, in the direction of its value."""
    if not math.isfinite(saving.low) or not math.isfinite(saving.high):
        return "(no interval)"
    low, high = (saving.low, saving.high) if saving.value >= 0 else (-saving.high, -saving.low)
    return f"(95 % interval {_signless(low)} to {_signless(high)} %)"


def _signless(share: float) -> str:
    return f"{100 * share:.1f}".replace("-", "−")
