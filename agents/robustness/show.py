"""A robustness sheet for people and for machines."""

import math
from typing import Any

from rich.console import Group
from rich.table import Table
from rich.text import Text

from ..evaluation.compare import Interval
from ..evaluation.report import Report
from ..evaluation.table import money, percent
from .sheet import Flip, Row, Sheet


def to_json(sheet: Sheet) -> dict[str, Any]:
    """Plain numbers: dollars per week, and savings as fractions; null where there is no interval."""
    count = len(sheet.rows[-1].report.policies) if len(sheet.rows) > 1 else None
    return {
        "scenario": sheet.scenario,
        "seed": sheet.seed,
        "episodes": sheet.episodes,
        "worlds": [
            {
                "world": row.name,
                "load": row.report.load,
                "policies": _policies(row.report, count),
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


def _policies(report: Report, count: int | None) -> list[dict[str, Any]]:
    saved = {comparison.policy: _interval(comparison.avoidable) for comparison in report.comparisons}
    return [
        {"policy": one.name, "avoidable": _interval(report.weekly(one.avoidable)), "saved": saved.get(one.name)}
        for one in report.policies[:count]
    ]


def _interval(interval: Interval) -> dict[str, float | None]:
    return {name: value if math.isfinite(value) else None for name, value in interval._asdict().items()}


def render(sheet: Sheet) -> Group:
    """What a terminal shows of it."""
    tables = [_worlds(sheet), *([_ablations(sheet)] if sheet.ablations else [])]
    return Group(*tables, *(Text(f"Note: {note}.") for note in sheet.notes))


def _worlds(sheet: Sheet) -> Table:
    """Worlds as rows, policies as columns."""
    names = [one.name for one in sheet.rows[-1].report.policies]
    caption = (
        f"Avoidable cost, dollars per week. In per cent: what is saved against {names[0]} in the same world, with the "
        "bootstrap 95 % interval. Flips: pairs that change places; ? where the interval leaves that open."
    )
    title = f"{sheet.scenario}, shifted: {sheet.episodes} episodes, seed {sheet.seed}"
    table = Table(title=title, title_justify="left", caption=caption, caption_justify="left")
    table.add_column("world")
    for name in names:
        table.add_column(name, justify="right", overflow="fold")
    table.add_column("flips")
    for row in sheet.rows:
        table.add_row(row.name, *(_cell(row, index) for index in range(len(names))), _told(row.flips))
    return table


def _cell(row: Row, index: int) -> Text:
    """A policy's cost, and what it saves."""
    policy = row.report.policies[index]
    cost = money(row.report.weekly(policy.avoidable).value)
    return Text(cost) if index == 0 else Text(f"{cost}\n").append(_verdict(row.report.comparisons[index - 1].avoidable))


def _verdict(saving: Interval) -> Text:
    """In colour where the interval leaves no doubt of the sign."""
    style = "green" if saving.low > 0 else "red" if saving.high < 0 else ""
    return Text(f"{percent(saving.value)} [{percent(saving.low)}, {percent(saving.high)}]", style=style)


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
