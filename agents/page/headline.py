"""What the last policy saves or loses against the first, in one sentence, and what a reader must know beside it."""

import math
from typing import NamedTuple

import numpy as np

from ..evaluation.compare import Interval
from ..evaluation.report import Report
from .names import Names
from .waterfall import plain, steps

GAIN, LOSS, OPEN = "gain", "loss", "open"
SUNK = (
    "Unused commitment is never a saving: floors are sunk, owed whatever is used, and the same for every policy. "
    "Avoidable cost is all the rest: burst with egress, overage, delay, penalties and write-offs. The last three are "
    "costs that the scenario assumes: they count in the avoidable cost and in the total bill, but nobody invoices them."
)


INVOICED, ASSUMED = ("burst", "overage"), ("delay", "penalty", "write_off")


class Headline(NamedTuple):
    """A verdict, its sentence as HTML, and how much of the difference is invoiced."""

    verdict: str
    text: str
    detail: str = ""


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
    detail = _invoiced(names, report)
    if saving.low > 0:
        return Headline(GAIN, f"<b>{last} saves {amount} a week</b> against {against}: {shares}.", detail)
    if saving.high < 0:
        return Headline(LOSS, f"<b>{last} loses: it costs {amount} a week more</b> than {against}, {shares}.", detail)
    if np.array_equal(report.policies[0].avoidable, report.policies[-1].avoidable):
        return Headline(OPEN, f"<b>No difference: {last} costs what {against} costs</b>, in every episode.")
    word = "less" if difference < 0 else "more"
    doubt = "the interval holds 0" if math.isfinite(saving.low) else "one block gives no interval"
    text = f"<b>Undecided: {last} costs {amount} a week {word}</b> than {against}, {shares}; {doubt}."
    return Headline(OPEN, text, detail)


def _invoiced(names: Names, report: Report) -> str:
    """The difference in two: what somebody invoices, and what the scenario assumes."""
    found = steps(report.policies[0], report.policies[-1])
    invoiced, assumed = (sum(found.get(part, 0.0) for part in parts) for parts in (INVOICED, ASSUMED))
    return (
        f"In money that is invoiced (burst, egress, overage) {names.policies[-1]} spends {_direction(invoiced)} a "
        f"week; in costs that the scenario assumes (delay, penalties, write-offs), {_direction(assumed)}."
    )


def _direction(amount: float) -> str:
    return f"{plain(abs(amount))} {'more' if amount > 0 else 'less'}"


def remarks(names: Names, report: Report) -> list[str]:
    """Who is cheaper than the two that are compared, if anyone, and what is sunk."""
    costs = [report.weekly(policy.avoidable).value for policy in report.policies]
    best = min(range(len(costs)), key=costs.__getitem__)
    if best in (0, len(costs) - 1):
        return [SUNK]
    return [
        f"The cheapest policy here is neither of the two: {names.policies[best]}, {plain(costs[best])} a week.",
        SUNK,
    ]


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
