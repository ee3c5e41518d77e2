"""An evaluation as a table for people, 100 columns wide; policies are columns, so that eight classes and sites fit."""

import math
from collections.abc import Callable, Iterator

from rich.console import Group
from rich.table import Table
from rich.text import Text

from .compare import Interval
from .report import Comparison, Report, Scores

ABREAST = 4  # policies in one table; the first stands in each
NOTHING = "–"
LABEL = 21  # columns of the first one, so that four intervals fit beside it
Cell = str | Text


def render(report: Report) -> Group:
    """Everything that a terminal shows of an evaluation."""
    first, *others = report.policies
    groups = [others[at : at + ABREAST - 1] for at in range(0, len(others), ABREAST - 1)] or [[]]
    tables = [_table(report, (first, *group)) for group in groups]
    notes = [Text(f"Note: {note}.") for note in report.notes]
    return Group(*tables, *notes)


def _table(report: Report, policies: tuple[Scores, ...]) -> Table:
    """The first policy beside some of the others."""
    table = Table(title=_title(report), title_justify="left", caption=_caption(report), caption_justify="left")
    table.add_column("", no_wrap=True)
    for policy in policies:
        table.add_column(policy.name, justify="right", overflow="fold")
    for section in (_costs, _savings, _waits, _use):
        for label, *cells in section(report, policies):
            table.add_row(label, *cells)
        table.add_section()
    return table


def _title(report: Report) -> str:
    work = "drawn work" if report.trace is None else report.trace
    load = "" if report.load is None else f", load {report.load:g}"
    return f"{report.scenario}, {work}{load}: {report.episodes} episodes, seed {report.seed}"


def _caption(report: Report) -> str:
    unit = "episodes" if report.trace is None else "weeks"
    first = report.policies[0].name
    return (
        f"Dollars per week. Brackets: bootstrap 95 % intervals over {unit}. Saved: against {first} on the same "
        "episodes; below 0 the policy loses. Unused commitment is never a saving."
    )


def _costs(report: Report, policies: tuple[Scores, ...]) -> Iterator[list[Cell]]:
    costs = [report.weekly(policy.avoidable) for policy in policies]
    yield ["avoidable cost", *(money(cost.value) for cost in costs)]
    yield ["", *(_brackets(cost, money) for cost in costs)]
    for label, name in (("burst", "burst"), ("overage", "overage"), ("delay", "delay"), ("write-offs", "write_off")):
        yield [f"  {label}", *(money(policy.per_week(name)) for policy in policies)]
    yield ["floors", *(money(policy.per_week("floors")) for policy in policies)]
    bills = [report.weekly(policy.bill) for policy in policies]
    yield ["total bill", *(money(bill.value) for bill in bills)]
    yield ["", *(_brackets(bill, money) for bill in bills)]


def _savings(report: Report, policies: tuple[Scores, ...]) -> Iterator[list[Cell]]:
    found = {comparison.policy: comparison for comparison in report.comparisons}
    against = [found.get(policy.name) for policy in policies]
    if len(policies) == 1:
        return
    for label, name in (("saved, % avoidable", "avoidable"), ("saved, % of the bill", "bill")):
        savings = [_saving(comparison, name) for comparison in against]
        yield [label, *(_verdict(saving) for saving in savings)]
        yield ["", *(_brackets(saving, percent) if saving else "" for saving in savings)]


def _waits(report: Report, policies: tuple[Scores, ...]) -> Iterator[list[Cell]]:
    yield ["wait p50 / p95, h", *(_pair(policy.waits()) for policy in policies)]
    for number, name in enumerate(report.classes):
        yield [f"  {name}"[:LABEL], *(_pair(policy.waits(number)) for policy in policies)]


def _use(report: Report, policies: tuple[Scores, ...]) -> Iterator[list[Cell]]:
    for number, name in enumerate(report.sites):
        yield [f"% used: {name}"[:LABEL], *(percent(policy.utilisation(number)) for policy in policies)]
    yield ["commitment used", *(money(policy.per_week("used")) for policy in policies)]
    yield ["commitment unused", *(money(policy.per_week("floors") - policy.per_week("used")) for policy in policies)]
    yield ["% of commitment used", *(percent(policy.commitment_used) for policy in policies)]
    yield ["% of work on burst", *(percent(policy.burst_share) for policy in policies)]
    for label, name in (("moves", "moves"), ("evictions", "evictions"), ("illegal", "illegal")):
        yield [f"{label} per week", *(f"{policy.total(name) / policy.weeks:,.1f}" for policy in policies)]


def _saving(comparison: Comparison | None, name: str) -> Interval | None:
    return None if comparison is None else getattr(comparison, name)


def _verdict(saving: Interval | None) -> Text:
    """A saving in colour where its interval leaves no doubt of the sign."""
    if saving is None:
        return Text(NOTHING)
    style = "green" if saving.low > 0 else "red" if saving.high < 0 else ""
    return Text(percent(saving.value), style=style)


def _brackets(interval: Interval, form: Callable[[float], str]) -> Text:
    """The interval as plain text: rich would read square brackets as markup."""
    return Text(f"[{form(interval.low)}, {form(interval.high)}]")


def _pair(waits: tuple[float, float]) -> str:
    return " / ".join(f"{hours:.2f}" if math.isfinite(hours) else NOTHING for hours in waits)


def money(dollars: float) -> str:
    """Dollars, short: 9,940, 27.7k, 1.234M."""
    if not math.isfinite(dollars):
        return NOTHING
    if abs(dollars) < 10_000:
        return f"{dollars:,.0f}"
    return f"{dollars / 1e3:,.1f}k" if abs(dollars) < 1e6 else f"{dollars / 1e6:,.3f}M"


def percent(fraction: float) -> str:
    """A fraction as a number of per cent, the sign with it."""
    return f"{100 * fraction:.1f}" if math.isfinite(fraction) else NOTHING
