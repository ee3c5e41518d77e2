"""A robustness sheet for people and for machines."""

from typing import Any

from rich.console import Group
from rich.table import Table
from rich.text import Text

from ..evaluation.compare import Interval
from ..evaluation.record import known
from ..evaluation.report import Comparison, Report
from ..evaluation.table import NOTHING, beyond, brackets, end, money, number, percent
from .sheet import Flip, Sheet


def to_json(sheet: Sheet) -> dict[str, Any]:
    """Plain numbers: dollars per week, and savings as fractions; null where there is no interval."""
    return {
        "scenario": sheet.scenario,
        "seed": sheet.seed,
        "episodes": sheet.episodes,
        "worlds": [
            {
                "world": row.name,
                "load": row.report.load,
                "policies": [_policy(row.report, name) for name in _names(sheet, row.report)],
                "flips": [flip._asdict() for flip in row.flips],
            }
            for row in sheet.rows
        ],
        "ablations": [
            {
                "policy": one.policy,
                "against": one.against,
                "avoidable": _interval(one.cost),
                "saved": _interval(one.saved),
                "agreement": None if one.agreement is None else one.agreement._asdict(),
            }
            for one in sheet.ablations
        ],
        "notes": list(sheet.notes),
    }


def _names(sheet: Sheet, report: Report) -> list[str]:
    """What is compared, and before each group its seeds."""
    return [one for name in sheet.policies for one in dict.fromkeys((*report.groups.get(name, ()), name))]


def _policy(report: Report, name: str) -> dict[str, Any]:
    found = _found(report).get(name)
    gap = report.gaps.get(name)
    told = {
        "policy": name,
        "avoidable": _interval(report.weekly(*report.cost(name))),
        "saved": None if found is None else _interval(found.avoidable),
        "bill_saved": None if found is None else _interval(found.bill),
        "wait_hours": {part: known(report.measure(name, f"wait_{part}_hours")) for part in ("p50", "p95")},
    }
    if gap is not None:
        told["gaps"] = {which: None if share is None else _interval(share) for which, share in gap._asdict().items()}
    if name in report.groups:
        told["seeds"] = list(report.groups[name])
    return told


def _found(report: Report) -> dict[str, Comparison]:
    return {one.policy: one for one in report.comparisons} | report.over_seeds


def _interval(interval: Interval) -> dict[str, float | None]:
    return {name: known(value) for name, value in interval._asdict().items()}


def render(sheet: Sheet) -> Group:
    """What a terminal shows of it."""
    tables = [_worlds(sheet), *([_ablations(sheet)] if sheet.ablations else [])]
    notes = (*sheet.notes, *beyond([row.report for row in sheet.rows]))
    return Group(*tables, *(Text(f"Note: {note}.") for note in notes))


def _worlds(sheet: Sheet) -> Table:
    """Worlds as rows, policies as columns."""
    has_gaps = any(row.report.gaps for row in sheet.rows)
    gaps = "gaps: share of the way from the first policy to the bound / to the clairvoyant, %; " if has_gaps else ""
    caption = (
        f"Avoidable cost, dollars per week; what is saved of it against {sheet.policies[0]} in the same world, in per "
        "cent, with the bootstrap 95 % interval of each comparison alone; bill: what is saved of the total bill, %; "
        f"{gaps}p95: of the wait of all jobs, hours. Flips: pairs that change places; ? where the interval leaves that "
        "open."
    )
    title = f"{sheet.scenario}, shifted: {sheet.episodes} episodes, seed {sheet.seed}"
    table = Table(title=title, title_justify="left", caption=caption, caption_justify="left")
    table.add_column("world")
    for name in sheet.policies:
        seeds = sheet.rows[0].report.groups.get(name)
        label = name if seeds is None else f"{name}, {len(seeds)} seeds"
        table.add_column(label, justify="right", overflow="fold")
    table.add_column("flips")
    for row in sheet.rows:
        table.add_row(row.name, *(_cell(row.report, name) for name in sheet.policies), _told(row.flips))
    return table


def _cell(report: Report, name: str) -> Text:
    """A policy's cost, what it saves, and how long its jobs wait."""
    cost = money(report.weekly(*report.cost(name)).value)
    wait = f"p95 {number(report.measure(name, 'wait_p95_hours'))}"
    if (found := _found(report).get(name)) is None:
        return Text(f"{cost}\n{wait}")
    cell = Text(f"{cost}\n").append(_verdict(found.avoidable)).append(f"\nbill {percent(found.bill.value)}, {wait}")
    if (gap := report.gaps.get(name)) is not None:
        foresight = NOTHING if gap.to_clairvoyant is None else end(gap.to_clairvoyant.value)
        cell.append(f"\ngaps {end(gap.to_bound.value)} / {foresight}")
    return cell


def _verdict(saving: Interval) -> Text:
    """In colour where the interval leaves no doubt of the sign."""
    style = "green" if saving.low > 0 else "red" if saving.high < 0 else ""
    return Text(f"{percent(saving.value)} {brackets(saving, end)}", style=style)


def _told(flips: tuple[Flip, ...]) -> str:
    return "\n".join(f"{flip.better} < {flip.worse}{'' if flip.is_certain else ' ?'}" for flip in flips)


def _ablations(sheet: Sheet) -> Table:
    """Learned policies without a part of what they see or are."""
    caption = (
        "In the world as it is. Blind: reads zeros. Shuffled: reads what another decision saw. Linear: a weighted sum "
        "of the same features, with the share of offers that it answers as the policy does and, in brackets, the "
        "share that the policy's most frequent answer has."
    )
    title = "Learned policies without a part"
    table = Table(title=title, title_justify="left", caption=caption, caption_justify="left")
    for name in ("policy", "avoidable cost", "saved against the whole policy, %", "answers alike, %"):
        table.add_column(name, justify="left" if name == "policy" else "right", overflow="fold")
    for one in sheet.ablations:
        agreed = one.agreement
        alike = "" if agreed is None else f"{percent(agreed.alike)} ({percent(agreed.frequent)})"
        table.add_row(one.policy, money(one.cost.value), _verdict(one.saved), alike)
    return table
