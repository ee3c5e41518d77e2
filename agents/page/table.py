"""The table of all policies; on a narrow screen each row becomes a card."""

import math
from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np

from ..evaluation.compare import Interval
from ..evaluation.report import Report
from ..evaluation.seeds import middle_mean
from ..evaluation.table import end, number
from .chosen import compared, stands
from .names import Names, group_label, safe
from .waterfall import plain

NOTHING = "–"
Form = Callable[[float], str]


class Column(NamedTuple):
    """What a column says of a policy, or of a group of training seeds, by its name."""

    label: str
    unit: str
    cell: Callable[[Report, str], str]


def table(names: Names, report: Report) -> str:
    """All policies, and groups behind their seeds, as an HTML table."""
    columns = _columns(report)
    head = "".join(f"<th scope=col>{column.label} <small>{column.unit}</small></th>" for column in columns)
    rows = "".join(_row(report, label, name, columns) for label, name in _labelled(names, report))
    style = '"policies broad"' if report.gaps else "policies"
    return f"<table class={style}><thead><tr><th scope=col>policy</th>{head}</tr></thead><tbody>{rows}</tbody></table>"


def reading(names: Names, report: Report) -> str:
    """How to read it."""
    first, count = names.policies[0], len(report.family)
    text = "Means over all episodes; in brackets bootstrap 95 % intervals, each for itself."
    if count:
        together = "" if count == 1 else f" with all {count} comparisons of this table taken together"
        text += (
            f" Saved: against {first} on the same episodes; below 0 it loses. A star, and colour: the avoidable "
            f"cost differs from that of {first} at the 5 % level{together} (p, adjusted after Holm, is below 0.05)."
        )
    if report.groups:
        text += (
            " A group of training seeds is their interquartile mean, and one comparison, with an interval over seeds "
            "too; its single seeds are none."
        )
    if report.gaps:
        text += (
            f" Gaps: what share of the way from {first} down to the bound, and to the clairvoyant, a policy goes, on "
            "those episodes that are bounded."
        )
    return text


def _labelled(names: Names, report: Report) -> Iterator[tuple[str, str]]:
    """What each row is called, and the name of what it shows."""
    last = {own[-1]: name for name, own in report.groups.items()}
    for policy, label, colour in zip(report.policies, names.policies, names.policy_colours, strict=True):
        yield f'<i class=dot style="background:{colour}"></i>{label}', policy.name
        if (group := last.get(policy.name)) is not None:
            yield group_label(report, group), group


def _columns(report: Report) -> list[Column]:
    """Those that say something here."""
    found = [
        Column("avoidable cost", "$ per week", _cost),
        Column("saved", "% of avoidable", _saved),
        Column("p", "adjusted", _adjusted),
        Column("saved", "% of the bill", _saved_of_bill),
    ]
    if report.gaps:
        found.append(Column("gap to bound", "% closed", lambda report, name: _gap(report, name, "to_bound")))
    if any(gap.to_clairvoyant for gap in report.gaps.values()):
        found.append(Column("to clairvoyant", "% closed", lambda report, name: _gap(report, name, "to_clairvoyant")))
    return [
        *found,
        Column("total bill", "$ per week", _bill),
        Column("burst, egress", "$ per week", lambda report, name: _part(report, name, "burst")),
        Column("delay", "$ per week", lambda report, name: _part(report, name, "delay")),
        Column("wait p95", "hours", lambda report, name: number(report.measure(name, "wait_p95_hours"))),
    ]


def _row(report: Report, label: str, name: str, columns: list[Column]) -> str:
    cells = "".join(
        f'<td data-label="{told}, {unit.replace(" per ", "/")}"><span>{cell(report, name)}</span></td>'
        for told, unit, cell in columns
    )
    return f"<tr><th scope=row>{label}</th>{cells}</tr>"


def _cost(report: Report, name: str) -> str:
    cost = report.weekly(*report.cost(name))
    return _with_interval(plain(cost.value), plain, cost)


def _bill(report: Report, name: str) -> str:
    return plain(report.weekly(report.cost(name).amounts + report.policies[0].rows.floors).value)


def _part(report: Report, name: str, part: str) -> str:
    return plain(float(middle_mean(np.array([policy.per_week(part) for policy in report.members(name)]))))


def _saved(report: Report, name: str) -> str:
    """A saving with its interval; a star and colour where it is one among all comparisons."""
    if (found := compared(report, name)) is None:
        return NOTHING
    text = _percent(found.avoidable.value)
    if not stands(found):
        return _with_interval(text, _end, found.avoidable)
    style = "gain" if found.avoidable.value > 0 else "loss"
    return f"<span class={style}>{_with_interval(f'{text}*', _end, found.avoidable)}</span>"


def _adjusted(report: Report, name: str) -> str:
    found = compared(report, name)
    is_known = found is not None and math.isfinite(found.avoidable.low) and math.isfinite(found.adjusted_p)
    return f"{found.adjusted_p:.4f}" if found is not None and is_known else NOTHING


def _saved_of_bill(report: Report, name: str) -> str:
    if (found := compared(report, name)) is None:
        return NOTHING
    return _with_interval(_percent(found.bill.value), _end, found.bill)


def _gap(report: Report, name: str, which: str) -> str:
    """What share of a gap a policy closes; nothing where there is none."""
    gap = report.gaps.get(name)
    closed: Interval | None = None if gap is None else getattr(gap, which)
    return NOTHING if closed is None else _with_interval(_end(closed.value), _end, closed)


def _with_interval(text: str, form: Form, interval: Interval) -> str:
    if not math.isfinite(interval.low) or not math.isfinite(interval.high):
        return text
    return f"{text} <small>[{form(interval.low)}, {form(interval.high)}]</small>"


def _percent(share: float) -> str:
    return f"{100 * share:.1f}".replace("-", "−") if math.isfinite(share) else NOTHING


def _end(share: float) -> str:
    """An end of an interval, as in the table of the terminal."""
    return safe(end(share).replace("-", "−"))
