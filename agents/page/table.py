"""The table of all policies; on a narrow screen each row becomes a card."""

import math

from ..evaluation.compare import Interval
from ..evaluation.report import Report
from ..evaluation.table import number
from .names import Names
from .waterfall import plain

HEAD = (
    ("policy", ""),
    ("avoidable cost", "$ per week"),
    ("saved", "% of avoidable"),
    ("saved", "% of the bill"),
    ("total bill", "$ per week"),
    ("burst, egress", "$ per week"),
    ("delay", "$ per week"),
    ("wait p95", "hours"),
)


def table(names: Names, report: Report) -> str:
    """All policies as an HTML table."""
    head = "".join(f"<th scope=col>{label} <small>{unit}</small></th>" for label, unit in HEAD)
    rows = "".join(_row(names, report, index) for index in range(len(report.policies)))
    return f"<table class=policies><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"


def _row(names: Names, report: Report, index: int) -> str:
    policy = report.policies[index]
    comparison = report.comparisons[index - 1] if index else None
    cost, bill = report.weekly(policy.avoidable), report.weekly(policy.bill)
    cells = [
        _with_interval(plain(cost.value), plain, cost),
        _saved(comparison.avoidable) if comparison else "–",
        _saved(comparison.bill) if comparison else "–",
        plain(bill.value),
        plain(policy.per_week("burst")),
        plain(policy.per_week("delay")),
        number(policy.measures["wait_p95_hours"]),
    ]
    dot = f'<i class=dot style="background:{names.policy_colours[index]}"></i>'
    described = zip(HEAD[1:], cells, strict=True)
    tail = "".join(
        f'<td data-label="{label}, {unit.replace(" per ", "/")}"><span>{cell}</span></td>'
        for (label, unit), cell in described
    )
    return f"<tr><th scope=row>{dot}{names.policies[index]}</th>{tail}</tr>"


def _saved(saving: Interval) -> str:
    """A saving with its interval, coloured where the interval leaves no doubt of the sign."""
    if not math.isfinite(saving.value):
        return "–"
    style = "gain" if saving.low > 0 else "loss" if saving.high < 0 else "open"
    return f"<span class={style}>{_with_interval(_percent(saving.value), _percent, saving)}</span>"


def _with_interval(text: str, form, interval: Interval) -> str:
    if not math.isfinite(interval.low) or not math.isfinite(interval.high):
        return text
    return f"{text} <small>[{form(interval.low)}, {form(interval.high)}]</small>"


def _percent(share: float) -> str:
    return f"{100 * share:.1f}".replace("-", "−")
