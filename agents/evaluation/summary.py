"""A grid of evaluations as one table: a line for every policy in every cell."""

from collections.abc import Sequence

from rich.console import Group
from rich.table import Table
from rich.text import Text

from .grid import family
from .report import Report
from .table import PLURALS, brackets, money, number, percent, title_of

LEVEL = 0.05


def summary(reports: Sequence[Report]) -> Group:
    """Costs and savings; a star where a difference stands against all other comparisons of the table."""
    first = reports[0].policies[0].name
    table = Table(
        title=f"{len(reports)} evaluations, seed {reports[0].seed}; saved: against {first}, below 0 the policy loses",
        title_justify="left",
        caption="Brackets: bootstrap 95 % intervals of each comparison alone. *: differs at the 5 % level with all "
        f"comparisons of this table taken together (Holm). Dollars per week. {_units(reports)}",
        caption_justify="left",
    )
    table.add_column("scenario, work", overflow="fold", min_width=16)
    table.add_column("policy", no_wrap=True)
    for name in ("avoidable", "saved, %", "", "", "bill saved, %", "wait p95, h"):
        table.add_column(name, justify="right", no_wrap=True)
    for report, adjusted in zip(reports, family(reports), strict=True):
        _rows(table, report, adjusted)
        table.add_section()
    notes = sorted({note for report in reports for note in report.notes})
    return Group(table, *(Text(f"Note: {note}.") for note in notes))


def _units(reports: Sequence[Report]) -> str:
    units = sorted({PLURALS[report.unit] for report in reports})
    return f"Resampled: {' and '.join(units)}."


def _rows(table: Table, report: Report, adjusted: dict[str, float]) -> None:
    found = {one.policy: one for one in report.comparisons}
    for place, policy in enumerate(report.policies):
        label = title_of(report) if place == 0 else ""
        cost = money(report.weekly(policy.avoidable).value)
        wait = number(policy.measures["wait_p95_hours"])
        if (one := found.get(policy.name)) is None:
            table.add_row(label, policy.name, cost, "–", "", "", "–", wait)
            continue
        is_sure = adjusted[policy.name] < LEVEL
        style = ("green" if one.avoidable.value > 0 else "red") if is_sure else ""
        saved, star = Text(percent(one.avoidable.value), style=style), "*" if is_sure else ""
        bill = percent(one.bill.value)
        table.add_row(label, policy.name, cost, saved, star, brackets(one.avoidable, percent), bill, wait)
