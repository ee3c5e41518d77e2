"""What the cheapest of the compared policies saves or loses against the first, and what to know beside it."""

import math
from typing import NamedTuple

import numpy as np

from ..evaluation.compare import Interval, paired
from ..evaluation.policies import BEST
from ..evaluation.report import Comparison, Report
from ..evaluation.summary import LEVEL
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
    """A verdict, its sentence as HTML, how much of the difference is invoiced, and why it is about this policy."""

    verdict: str
    text: str
    detail: str = ""
    rule: str = ""


def headline(names: Names, report: Report) -> Headline:
    """A loss is called a loss; nothing is decided where the difference does not stand among all comparisons."""
    first, chosen = report.policies[0], report.policies[names.chosen]
    against, name = names.policies[0], names.policies[names.chosen]
    cost = report.weekly(first.avoidable).value
    if not names.chosen:
        text = f"<b>{against}</b> costs {plain(cost)} a week that is avoidable. It is compared with nothing."
        return Headline(OPEN, text)
    difference, found = report.weekly(chosen.avoidable).value - cost, compared(report, names.chosen)
    amount, saving = plain(abs(difference)), found.avoidable
    shares = f"{_percent(saving)} of the avoidable cost {_interval(saving)}, "
    shares += f"{_percent(found.bill)} of the total bill {_interval(found.bill)}"
    told = (_invoiced(names, report), _rule(names, report))
    if np.array_equal(first.avoidable, chosen.avoidable):
        text = f"<b>No difference: {name} costs what {against} costs</b>, in every episode."
        return Headline(OPEN, text, rule=told[1])
    if not stands(found):
        word = "less" if difference < 0 else "more"
        text = f"<b>Undecided: {name} costs {amount} a week {word}</b> than {against}, {shares}; "
        return Headline(OPEN, f"{text}{_doubt(report, found)}.", *told)
    if saving.value > 0:
        return Headline(GAIN, f"<b>{name} saves {amount} a week</b> against {against}: {shares}.", *told)
    return Headline(LOSS, f"<b>{name} loses: it costs {amount} a week more</b> than {against}, {shares}.", *told)


def compared(report: Report, number: int) -> Comparison:
    """A policy against the first."""
    return next(one for one in report.comparisons if one.policy == report.policies[number].name)


def stands(comparison: Comparison) -> bool:
    """Whether a difference of avoidable costs is one at the 5 % level, with all comparisons taken together."""
    return comparison.adjusted_p < LEVEL


def _doubt(report: Report, found: Comparison) -> str:
    """Why nothing is decided."""
    if not math.isfinite(found.avoidable.low):
        return "there are too few blocks for an interval"
    if found.avoidable.low <= 0 <= found.avoidable.high:
        return "the interval holds 0"
    return f"alone the interval leaves 0 out, among all {len(report.comparisons)} comparisons it does not stand"


def _rule(names: Names, report: Report) -> str:
    """Of which policy the headline is, where there are several to choose from."""
    count, name = len(report.comparisons), names.policies[names.chosen]
    if count == 1:
        return ""
    text = f"{name} is the cheapest of the {count} that are compared with {names.policies[0]}. "
    if report.groups:
        text = f"{name} is the cheapest of those that are compared with {names.policies[0]}, "
        text += "where of several training seeds the middle one stands for all. "
    return f"{text}It is said to save or to lose where that stands with all {count} comparisons taken together (Holm)."


def _invoiced(names: Names, report: Report) -> str:
    """The difference in two: what somebody invoices, and what the scenario assumes."""
    found = steps(report.policies[0], report.policies[names.chosen])
    invoiced, assumed = (sum(found.get(part, 0.0) for part in parts) for parts in (INVOICED, ASSUMED))
    return (
        f"In money that is invoiced (burst, egress, overage) {names.policies[names.chosen]} spends "
        f"{_direction(invoiced)} a week; in costs that the scenario assumes (delay, penalties, write-offs), "
        f"{_direction(assumed)}."
    )


def _direction(amount: float) -> str:
    return f"{plain(abs(amount))} {'more' if amount > 0 else 'less'}"


def remarks(names: Names, report: Report) -> list[str]:
    """How the policy of the headline does against the best tuned rule, where that is another one; and what is sunk."""
    own = [policy.name for policy in report.policies]
    if BEST not in own or own.index(BEST) in (0, names.chosen):
        return [SUNK]
    tuned, chosen = report.policies[own.index(BEST)], report.policies[names.chosen]
    saving = paired(tuned.avoidable, chosen.avoidable, report.blocks, report.seed)
    word = "less" if saving.value >= 0 else "more"
    told = f"{_percent(saving)} {word} than {names.policies[own.index(BEST)]}, the best tuned rule {_interval(saving)}"
    return [f"{names.policies[names.chosen]} costs {told}.", SUNK]


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
