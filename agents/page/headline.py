"""What the cheapest of the compared policies saves or loses against the first, and what to know beside it."""

import math
from typing import NamedTuple

import numpy as np

from ..evaluation.compare import Interval, paired
from ..evaluation.policies import BEST
from ..evaluation.report import Comparison, Report
from .chosen import compared, contender, stands
from .names import Names, group_label
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
    first, who = report.policies[0], contender(report)
    cost, own, against = report.weekly(first.avoidable).value, report.cost(who), names.policies[0]
    if (found := compared(report, who)) is None:
        text = f"<b>{against}</b> costs {plain(cost)} a week that is avoidable. It is compared with nothing."
        return Headline(OPEN, text)
    difference, name = report.weekly(*own).value - cost, _called(names, report, who)
    amount, saving = plain(abs(difference)), found.avoidable
    shares = f"{_percent(saving)} of the avoidable cost {_interval(saving)}, "
    shares += f"{_percent(found.bill)} of the total bill {_interval(found.bill)}"
    told = (_invoiced(names, report), _rule(names, report, name))
    if np.array_equal(first.avoidable, own.amounts):
        text = f"<b>No difference: {name} costs what {against} costs</b>, in every episode."
        return Headline(OPEN, text, rule=told[1])
    if not stands(found):
        word = "less" if difference < 0 else "more"
        text = f"<b>Undecided: {name} costs {amount} a week {word}</b> than {against}, {shares}; "
        return Headline(OPEN, f"{text}{_doubt(report, found)}.", *told)
    if saving.value > 0:
        return Headline(GAIN, f"<b>{name} saves {amount} a week</b> against {against}: {shares}.", *told)
    return Headline(LOSS, f"<b>{name} loses: it costs {amount} a week more</b> than {against}, {shares}.", *told)


def _called(names: Names, report: Report, who: str) -> str:
    """A policy, or a group of training seeds."""
    return names.policies[names.chosen] if who not in report.groups else f"{group_label(report, who)},"


def _doubt(report: Report, found: Comparison) -> str:
    """Why nothing is decided."""
    if not math.isfinite(found.avoidable.low):
        return "there are too few blocks for an interval"
    if found.avoidable.low <= 0 <= found.avoidable.high:
        return "the interval holds 0"
    return f"alone the interval leaves 0 out, among all {len(report.family)} comparisons it does not stand"


def _rule(names: Names, report: Report, name: str) -> str:
    """Of whom the headline is, where there are several to choose from, and which seed stands for a group."""
    count, watched = len(report.family), names.policies[names.chosen]
    text = ""
    if count > 1:
        text = f"{name} is the cheapest of the {count} that are compared with {names.policies[0]}. It is said to save "
        text += f"or to lose where that stands with all {count} comparisons taken together (Holm)."
    if contender(report) in report.groups:
        text += f" A group is the interquartile mean of its seeds; pictures show {watched}, the one in the middle."
    return text.strip()


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
    """How the headline's policy does against the best tuned rule, where that is another one; and what is sunk."""
    own, who = {policy.name: number for number, policy in enumerate(report.policies)}, contender(report)
    if own.get(BEST, 0) == 0 or who == BEST:
        return [SUNK]
    tuned, cost = report.policies[own[BEST]], report.cost(who)
    saving = paired(tuned.avoidable, cost.amounts, report.blocks, report.seed, cost.spread)
    word = "less" if saving.value >= 0 else "more"
    told = f"{_percent(saving)} {word} than {names.policies[own[BEST]]}, the best tuned rule {_interval(saving)}"
    return [f"{_called(names, report, who)} costs {told}.", SUNK]


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
