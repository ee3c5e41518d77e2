"""The table of all policies; on a narrow screen each row becomes a card."""

import math
from collections.abc import Callable
from typing import NamedTuple

from ..evaluation.compare import Interval
from ..evaluation.report import Report
from ..evaluation.table import number
from .headline import compared, stands
from .names import Names
from .waterfall import plain

NOTHING = "–"
Form = Callable[[float], str]


class Column(NamedTuple):
    """What a column says of each policy."""

    label: str
    unit: str
    cell: Callable[[Report, int], str]


def table(names: Names, report: Report) -> str:
    """All policies as an HTML table."""
    columns = _columns(report)
    head = "".join(f"<th scope=col>{column.label} <small>{column.unit}</small></th>" for column in columns)
    rows = "".join(_row(names, report, index, columns) for index in range(len(report.policies)))
    return f"<table class=policies><thead><tr><th scope=col>policy</th>{head}</tr></thead><tbody>{rows}</tbody></table>"


def reading(names: Names, report: Report) -> str:
    """How to read it."""
    first, count = names.policies[0], len(report.comparisons)
    text = "Means over all episodes; in brackets bootstrap 95 % intervals, each for itself."
    if count:
        together = "" if count == 1 else f" with all {count} comparisons of this table taken together"
        text += (
            f" Saved: against {first} on the same episodes; below 0 it loses. A star, and colour: the avoidable "
            f"cost differs from that of {first} at the 5 % level{together} (p, adjusted after Holm, is below 0.05)."
        )
    if report.gaps:
        text += (
            f" Gaps: what share of the way from {first} down to the bound, and to the clairvoyant, a policy goes, on "
            "those episodes that are bounded."
        )
    return text


def _columns(report: Report) -> list[Column]:
    """Those that say something here."""
    found = [
        Column("avoidable cost", "$ per week", _cost),
        Column("saved", "% of avoidable", _saved),
        Column("p", "adjusted", _adjusted),
        Column("saved", "% of the bill", _saved_of_bill),
    ]
    if report.gaps:
        found.append(Column("gap to bound", "% closed", lambda report, index: _gap(report, index, "to_bound")))
    if any(gap.to_clairvoyant for gap in report.gaps.values()):
        found.append(Column("to clairvoyant", "% closed", lambda report, index: _gap(report, index, "to_clairvoyant")))
    return [
        *found,
        Column("total bill", "$ per week", _bill),
        Column("burst, egress", "$ per week", lambda report, index: plain(report.policies[index].per_week("burst"))),
        Column("delay", "$ per week", lambda report, index: plain(report.policies[index].per_week("delay"))),
        Column("wait p95", "hours", lambda report, index: number(report.policies[index].measures["wait_p95_hours"])),
    ]


def _row(names: Names, report: Report, index: int, columns: list[Column]) -> str:
    dot = f'<i class=dot style="background:{names.policy_colours[index]}"></i>'
    tail = "".join(
        f'<td data-label="{label}, {unit.replace(" per ", "/")}"><span>{cell(report, index)}</span></td>'
        for label, unit, cell in columns
    )
    return f"<tr><th scope=row>{dot}{names.policies[index]}</th>{tail}</tr>"


def _cost(report: Report, index: int) -> str:
    cost = report.weekly(report.policies[index].avoidable)
    return _with_interval(plain(cost.value), plain, cost)


def _bill(report: Report, index: int) -> str:
    return plain(report.weekly(report.policies[index].bill).value)


def _saved(report: Report, index: int) -> str:
    """A saving with its interval; a star and colour where it is one among all comparisons."""
    if not index:
        return NOTHING
    found = compared(report, index)
    saving, text = found.avoidable, _percent(found.avoidable.value)
    if not stands(found):
        return _with_interval(text, _percent, saving)
    style = "gain" if saving.value > 0 else "loss"
    return f"<span class={style}>{_with_interval(f'{text}*', _percent, saving)}</span>"


def _adjusted(report: Report, index: int) -> str:
    if not index:
        return NOTHING
    found = compared(report, index)
    is_known = math.isfinite(found.avoidable.low) and math.isfinite(found.adjusted_p)
    return f"{found.adjusted_p:.4f}" if is_known else NOTHING


def _saved_of_bill(report: Report, index: int) -> str:
    if not index:
        return NOTHING
    saving = compared(report, index).bill
    return _with_interval(_percent(saving.value), _percent, saving)


def _gap(report: Report, index: int, which: str) -> str:
    """What share of a gap a policy closes; nothing where there is none."""
    gap = report.gaps.get(report.policies[index].name)
    closed: Interval | None = None if gap is None else getattr(gap, which)
    return NOTHING if closed is None else _with_interval(_percent(closed.value), _percent, closed)


def _with_interval(text: str, form: Form, interval: Interval) -> str:
    if not math.isfinite(interval.low) or not math.isfinite(interval.high):
        return text
    return f"{text} <small>[{form(interval.low)}, {form(interval.high)}]</small>"


def _percent(share: float) -> str:
    return f"{100 * share:.1f}".replace("-", "−") if math.isfinite(share) else NOTHING
