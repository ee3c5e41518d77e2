"""A grid of evaluations as one table: a line for every policy in every cell."""

from collections import Counter
from collections.abc import Sequence

from rich.console import Group
from rich.table import Table
from rich.text import Text

from .grid import family
from .report import Report
from .table import beyond, blocks_of, brackets, end, money, number, percent, resampling, title_of

LEVEL = 0.05


def summary(reports: Sequence[Report]) -> Group:
    """Costs and savings; a star where a difference stands against all other comparisons of the table."""
    first, has_gaps = reports[0].policies[0].name, any(report.gaps for report in reports)
    table = Table(
        title=f"{len(reports)} evaluations, seed {reports[0].seed}; saved: against {first}, below 0 the policy loses",
        title_justify="left",
        caption=_caption(reports, has_gaps),
        caption_justify="left",
    )
    table.add_column("scenario, work", overflow="fold", min_width=14)
    table.add_column("policy", overflow="fold", min_width=12)
    heads = ("avoidable", "saved, %", "", "", "bill, %", *(["gaps, %"] if has_gaps else []), "p95, h")
    for name in heads:
        table.add_column(name, justify="right", no_wrap=True)
    for report, adjusted in zip(reports, family(reports), strict=True):
        for row in _rows(report, adjusted, has_gaps):
            table.add_row(*row)
        table.add_section()
    return Group(table, *(Text(f"Note: {note}.") for note in _notes(reports)))


def _caption(reports: Sequence[Report], has_gaps: bool) -> str:
    gaps = "Gaps: share of the way from the first policy to the bound / to the clairvoyant. " if has_gaps else ""
    return (
        "Avoidable cost in dollars per week; what is saved of it, with the bootstrap 95 % interval of the comparison "
        "alone, and of the total bill; wait p95 of all jobs. *: differs at the 5 % level with all comparisons of this "
        "table taken together (Holm), of which a group of training seeds is one and its seeds are none. "
        f"{gaps}{resampling(reports)}"
    )


def _notes(reports: Sequence[Report]) -> list[str]:
    """Each once; with the evaluation that it is of, where that is one of several."""
    counts = Counter(note for report in reports for note in report.notes)
    is_alone = len(reports) == 1
    named = [
        note if is_alone or counts[note] > 1 else f"{title_of(report)}: {note}"
        for report in reports
        for note in report.notes
    ]
    return [*dict.fromkeys(named), *beyond(reports)]


def _rows(report: Report, adjusted: dict[str, float], has_gaps: bool) -> list[list[str | Text]]:
    """The policies of one cell, and each group behind its seeds."""
    last = {own[-1]: name for name, own in report.groups.items()}
    names = [one for policy in report.policies for one in (policy.name, last.get(policy.name)) if one is not None]
    title = f"{title_of(report)} ({blocks_of(report)})"
    return [_row(report, name, title if place == 0 else "", adjusted, has_gaps) for place, name in enumerate(names)]


def _row(report: Report, name: str, label: str, adjusted: dict[str, float], has_gaps: bool) -> list[str | Text]:
    seeds = report.groups.get(name)
    shown = name if seeds is None else f"{name}, {len(seeds)} seeds"
    cost, wait = money(report.weekly(*report.cost(name)).value), number(report.measure(name, "wait_p95_hours"))
    found = {one.policy: one for one in report.comparisons} | report.over_seeds
    gaps = [_gaps(report, name)] if has_gaps else []
    if (one := found.get(name)) is None:
        return [label, shown, cost, "–", "", "", "–", *gaps, wait]
    is_sure = adjusted.get(name, 1.0) < LEVEL
    style = ("green" if one.avoidable.value > 0 else "red") if is_sure else ""
    saved, star = Text(percent(one.avoidable.value), style=style), "*" if is_sure else ""
    interval = brackets(one.avoidable, end)
    return [label, shown, cost, saved, star, interval, percent(one.bill.value), *gaps, wait]


def _gaps(report: Report, name: str) -> str:
    """Shares of the way to the bound, and to the clairvoyant."""
    if (gap := report.gaps.get(name)) is None:
        return "–"
    return f"{end(gap.to_bound.value)} / {'–' if gap.to_clairvoyant is None else end(gap.to_clairvoyant.value)}"
