"""Charges of a take-or-pay contract: what it costs, what of it was used and by whom, and what lies beyond it.

Use draws a commitment down in the order of time: its days are covered until the floor is used up, then what was carried
over from the period before pays, and the rest is overage. Within a day every site and class bears its part. A flat
lease has no overage, so all use of a period is covered, and bears it alike.
"""

from collections.abc import Iterator
from typing import NamedTuple

from ...fastsim.spec import NO
from ...fastsim.units import HOUR
from .apportion import apportioned, taken_in_order
from .book import Book
from .charge import BILLION, Charge, Kind, Period, dollars, hours


class Drawn(NamedTuple):
    """Use of one site by one class in one span, under take-or-pay."""

    site: int
    cls: int
    begin: int  # ms
    end: int
    price: int  # µ$ per accelerator-hour
    use: int  # accelerator-ms
    value: int  # µ$, at the price


class Settled(NamedTuple):
    """What a period of a commitment comes to, µ$."""

    floor: int
    used: int
    carried: int  # into it, from the period before
    overage: int


def commitment_charges(book: Book, provider: int) -> Iterator[Charge]:
    """All charges of one take-or-pay contract."""
    carried = 0
    for period in book.periods:
        drawn = _drawn(book, provider, period)
        value = sum(item.value for item in drawn)
        floor = book.floors.get((provider, period.number), 0)
        beyond = max(0, value - floor - carried)
        overage = beyond * int(book.rules.overage_ratio[provider]) // 1000
        settled = Settled(floor, min(value, floor), carried, overage)
        yield from _commitment(book, provider, period, settled)
        yield from _use(book, provider, period, settled, drawn)
        carried = min(floor - settled.used, floor * int(book.rules.carry[provider]) // 1000)


def _drawn(book: Book, provider: int, period: Period) -> list[Drawn]:
    """Use in a period, by time; the values of each site's add up to what the ledger counts as drawn there."""
    found: list[Drawn] = []
    for site in book.sites_of(provider):
        use = book.uses[site]
        spans = [n for n, begin in enumerate(use.bounds[:-1]) if period.begin <= begin < period.end]
        cells = [(span, cls, ms) for span in spans for cls, ms in enumerate(use.billed[span]) if ms > 0]
        if not cells:
            continue
        price = use.price[cells[0][0]]  # sites under take-or-pay have one
        amounts = [ms for _, _, ms in cells]
        values = apportioned(sum(amounts) * price // HOUR, amounts)
        for (span, cls, ms), value in zip(cells, values, strict=True):
            found.append(Drawn(site, cls, use.bounds[span], use.bounds[span + 1], price, ms, value))
    return sorted(found, key=lambda item: (item.begin, item.site, item.cls))


def _commitment(book: Book, provider: int, period: Period, settled: Settled) -> Iterator[Charge]:
    """Fee, shortfall invoice and unused part, each with its amount in dollars as its quantity."""
    unused = settled.floor - settled.used
    shortfall = unused if book.rules.in_arrears[provider] == 1 else 0
    fee = settled.floor - shortfall
    end = period.last
    if book.rules.floor_money[provider] != NO:
        end = min(end, int(book.rules.ends[provider]))
    for kind, amount in ((Kind.FEE, fee), (Kind.SHORTFALL, shortfall), (Kind.UNUSED, unused)):
        billed, effective = (0, amount) if kind is Kind.UNUSED else (amount, 0)
        if amount > 0:
            yield Charge(
                *(kind, provider, -1, -1, period.begin, end, period, billed, effective, BILLION, dollars(amount)),
                committed=amount,
            )


def _use(book: Book, provider: int, period: Period, settled: Settled, drawn: list[Drawn]) -> Iterator[Charge]:
    """Use as covered, carried and overage."""
    ratio = int(book.rules.overage_ratio[provider])
    covered, carried, beyond = _divided(settled, drawn, is_lease=ratio == 0)
    overage = apportioned(settled.overage, beyond)
    for index, item in enumerate(drawn):
        parts = (covered[index], carried[index], beyond[index])
        uses = apportioned(item.use, parts) if any(parts) else [item.use, 0, 0]
        full, dear = dollars(item.price), item.price * ratio  # µ$ × permille are billionths of a dollar
        rows = (
            (Kind.COVERED, uses[0], 0, covered[index], full, covered[index]),
            (Kind.CARRIED, uses[1], 0, 0, full, carried[index]),
            (Kind.OVERAGE, uses[2], overage[index], overage[index], dear, None),
        )
        for kind, use, billed, effective, price, committed in rows:
            if use or billed or committed:
                place = (kind, provider, item.site, item.cls, item.begin, item.end, period)
                yield Charge(*place, billed, effective, price, hours(use), hours(use), committed)


def _divided(settled: Settled, drawn: list[Drawn], *, is_lease: bool) -> tuple[list[int], list[int], list[int]]:
    """The value of each use that is covered, carried and beyond, µ$."""
    values = [item.value for item in drawn]
    nothing = [0] * len(drawn)
    if is_lease:
        return apportioned(settled.used, values), nothing, nothing
    covered = _in_order(settled.used, drawn, values)
    left = [value - part for value, part in zip(values, covered, strict=True)]
    carried = _in_order(min(settled.carried, sum(left)), drawn, left)
    return covered, carried, [value - part for value, part in zip(left, carried, strict=True)]


def _in_order(amount: int, drawn: list[Drawn], values: list[int]) -> list[int]:
    """The part of an amount that each use takes: span by span, within one in proportion to `values`."""
    groups: dict[int, list[int]] = {}
    for item, value in zip(drawn, values, strict=True):
        groups.setdefault(item.begin, []).append(value)
    return [part for parts in taken_in_order(amount, list(groups.values())) for part in parts]
