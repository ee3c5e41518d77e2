"""A plan as tables and sentences for a terminal."""

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from rich import box
from rich.console import Group
from rich.table import Table
from rich.text import Text

from ..evaluation.compare import Interval
from ..evaluation.table import NOTHING, brackets, end, money, number, percent
from .figures import Played
from .levels import plain
from .plan import Plan
from .shortfall import some
from .summary import sentences

OVERLOADED = "more waits than the world can hold"
CHOSEN, ALIKE, GROWS = "*", "=", "↑"


def render(plan: Plan) -> Group:
    """Everything that a terminal shows of a plan."""
    parts: list[Any] = [*(Text(sentence) for sentence in sentences(plan)), Text("")]
    parts += [_levels(plan, policy) for policy in plan.policies]
    parts += [
        table
        for table in (_contracts(plan), _values(plan), _margins(plan), _true_ups(plan), _events(plan), _bars(plan))
        if table
    ]
    return Group(*parts, *(Text(f"Note: {note}.") for note in plan.notes))


def table_of(title: str, heads: Sequence[str], rows: Sequence[Sequence[Any]], caption: str = "") -> Table:
    """A table whose first column is text, the others figures."""
    table = Table(
        title=title, title_justify="left", title_style="bold", caption=caption or None, caption_justify="left",
        box=box.SIMPLE_HEAD,
    )  # fmt: skip
    for index, head in enumerate(heads):
        table.add_column(head, justify="right" if index else "left", overflow="fold")
    for row in rows:
        table.add_row(*row)
    return table


def _levels(plan: Plan, policy: str) -> Table:
    rows = list(_rows(plan, policy))
    caption = (
        f"Dollars per week; brackets: 95 % intervals over {plan.plays} plays. Over chosen: by how much the bill is "
        f"higher than that of the chosen point, {CHOSEN}, on the same plays; {ALIKE}: the interval holds 0, the two "
        f"cannot be told apart. {GROWS}: ever more waits, so that a longer play would cost more a week. Avoidable: all "
        "but the floors of commitments, which are sunk. Unused commitment is never a saving."
    )
    heads = ("commitment, burst", "total bill", "", "over chosen", "", "avoidable", "unused", "wait p95, h", "")
    return table_of(f"{plan.scenario.name} under {policy}", heads, rows, caption)


def _rows(plan: Plan, policy: str) -> Iterator[list[Any]]:
    for setting in plan.settings:
        point = plan.points[setting, policy]
        label = f"× {plain(setting.level)}, {'on' if setting.burst else 'off'}"
        if point is None:
            yield [label, OVERLOADED, *[""] * 7]
            continue
        bill, wait = point.weekly(point.bill), point.wait_p95
        if point is plan.chosen:
            more = [f"chosen {CHOSEN}", ""]
        else:
            found = point.more_than(plan.chosen)
            mark = f" {ALIKE}" if found.low <= 0 <= found.high else ""
            more = [f"{signed(found.value)}{mark}", ends_of(found, money)]
        unused = point.mean("floors") - point.mean("used")
        avoidable = money(point.weekly(point.avoidable).value)
        waits = [f"{number(wait.value)}{GROWS if point.grows else ''}", ends_of(wait, number)]
        yield [label, money(bill.value), ends_of(bill, money), *more, avoidable, money(unused), *waits]


def ends_of(found: Interval, form: Callable[[float], str]) -> Text | str:
    """An interval in brackets; nothing where there is none."""
    return brackets(found, form) if math.isfinite(found.low) else ""


def signed(dollars: float) -> str:
    """An amount with its sign."""
    return f"{'+' if dollars >= 0 else ''}{money(dollars)}"


def _bill_of(point: Played | None) -> str:
    return OVERLOADED if point is None else money(point.weekly(point.bill).value)


def _avoidable_of(point: Played | None) -> str:
    return NOTHING if point is None else money(point.weekly(point.avoidable).value)


def _between(found: Interval | None) -> tuple[str, Text | str]:
    return (NOTHING, "") if found is None else (signed(found.value), ends_of(found, money))


def _contracts(plan: Plan) -> Table:
    rows = []
    for name, point in plan.contracts.items():
        if point is None:
            rows.append([name, OVERLOADED, "", "", "", ""])
            continue
        bill, cost = point.weekly(point.bill), point.weekly(point.avoidable)
        waits = f"{number(point.wait_p95.value)}{GROWS if point.grows else ''}"
        rows.append([name, money(bill.value), ends_of(bill, money), money(cost.value), ends_of(cost, money), waits])
    heads = ("with", "total bill", "", "avoidable", "", "wait p95, h")
    title = f"Contracts at × {plain(plan.chosen.setting.level)} under {plan.chosen.policy}, dollars per week"
    return table_of(title, heads, rows)


def _values(plan: Plan) -> Table:
    rows = []
    for one in plan.values:
        share = NOTHING if one.share is None else f"{percent(one.share.value)} {ends_of(one.share, end)}"
        worth, avoidable = _between(one.worth), _between(one.avoidable)
        rows.append([one.name, _bill_of(one.without), _avoidable_of(one.without), *worth, avoidable[0], share])
    heads = ("worth of", "bill without", "avoidable", "bill rises by", "", "avoidable by", "% of the bill")
    title = f"What contracts and routing are worth at × {plain(plan.chosen.setting.level)}, dollars per week"
    return table_of(title, heads, rows)


def _margins(plan: Plan) -> Table | None:
    if not plan.margins:
        return None
    rows = []
    for one in plan.margins:
        nets = (f"{signed(one.net.value)}", ends_of(one.net, money))
        saves = (money(one.saves.value), ends_of(one.saves, money), money(one.costs.value))
        rows.append([f"{one.unit}, × {plain(one.low.level)} to {plain(one.high.level)}", *saves, *nets])
    heads = ("one more of", "avoidable cost saved", "", "floors", "bill falls by", "")
    return table_of("Marginal value of commitment, dollars per week", heads, rows)


def _true_ups(plan: Plan) -> Table | None:
    if not plan.true_ups:
        return None
    shown, told = some(plan.true_ups)
    rows = [
        [
            f"{one.provider}, period {one.period}",
            NOTHING if one.ends_at_day is None else f"{one.ends_at_day:g}",
            *(money(amount) for amount in (one.floor, one.drawn, one.mean_unused)),
            f"[{money(one.unused[0])}, {money(one.unused[-1])}]",
            percent(one.chance),
            money(one.overage),
        ]
        for one in shown
    ]
    heads = ("commitment", "trued up, day", "floor", "drawn", "unused", "5 to 95 %", "chance, %", "overage")
    caption = "Dollars in a billing period, at the chosen point. Unused is paid all the same: it is sunk, no saving."
    caption += told
    return table_of("Forecast of the shortfall at true-up", heads, rows, caption)


def _events(plan: Plan) -> Table | None:
    if not plan.events:
        return None
    rows = []
    for one in plan.events:
        whole = NOTHING if one.bill is None else signed(one.bill.value * one.weeks)
        rows.append([one.name, _bill_of(one.there), *_between(one.bill), _between(one.avoidable)[0], whole])
    heads = ("if", "bill then", "bill rises by", "", "avoidable by", "in the whole span")
    return table_of("What may happen, dollars per week", heads, rows)


def _bars(plan: Plan) -> Table | None:
    if not plan.bars:
        return None
    rows = [
        [f"{one.name} × {one.factor}", _bill_of(one.there), *_between(one.bill), _between(one.avoidable)[0]]
        for one in plan.bars
    ]
    heads = ("if it were", "bill then", "bill rises by", "", "avoidable by")
    return table_of("What if an assumption is wrong, dollars per week at the chosen point", heads, rows)
