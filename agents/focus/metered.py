"""Charges of metered contracts, and of data that leave any provider."""

from collections.abc import Iterator

import numpy as np

from ...fastsim.ledger import EGRESS
from ...fastsim.log import POST
from ...fastsim.units import DAY, HOUR
from .apportion import apportioned
from .book import Book
from .charge import Charge, Kind, dollars, gigabytes, hours


def metered_charges(book: Book, provider: int) -> Iterator[Charge]:
    """Use of one metered contract: each reading of each site's meter, distributed over days and classes."""
    for site in book.sites_of(provider):
        for reading in sorted(set(book.uses[site].meter)):
            yield from _reading(book, provider, site, reading)


def _reading(book: Book, provider: int, site: int, reading: int) -> Iterator[Charge]:
    """What one reading of a site's meter costs, by day and class."""
    use = book.uses[site]
    spans = [span for span, number in enumerate(use.meter) if number == reading]
    cells = [(span, cls) for span in spans for cls, ms in enumerate(use.billed[span]) if ms > 0]
    amounts = [use.billed[span][cls] for span, cls in cells]
    price = use.price[spans[0]]
    costs = apportioned(sum(amounts) * price // HOUR, amounts)
    for (span, cls), cost in zip(cells, costs, strict=True):
        begin, end = use.bounds[span], use.bounds[span + 1]
        place = (Kind.METERED, provider, site, cls, begin, end, book.period_of(begin))
        quantities = hours(use.billed[span][cls]), hours(use.consumed[span][cls])
        yield Charge(*place, cost, cost, dollars(price), *quantities)


def egress_charges(book: Book) -> Iterator[Charge]:
    """Data that left a provider, by day and the class of the runs that they were for."""
    found: dict[tuple[int, int, int], list[int]] = {}  # (begin, provider, class) → amount, MB
    posts, staged = _egress_rows(book.rows)
    for (time, _, provider, _, amount), (_, _, job, _, megabytes) in zip(posts.tolist(), staged.tolist(), strict=True):
        begin = max(time // DAY * DAY, book.period_of(time).begin)
        totals = found.setdefault((begin, provider, int(book.classes[job])), [0, 0])
        totals[0] += amount
        totals[1] += megabytes
    for (begin, provider, cls), (amount, megabytes) in found.items():
        period = book.period_of(begin)
        end = min(begin // DAY * DAY + DAY, period.last)
        place = (Kind.EGRESS, provider, -1, cls, begin, end, period)
        moved, rate = gigabytes(megabytes), dollars(int(book.rules.egress_rate[provider]))
        yield Charge(*place, amount, amount, rate, moved, moved)


def _egress_rows(rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The postings of egress in a log and, for each, the row of what was staged: it comes directly before."""
    posts = np.flatnonzero((rows[:, 1] == POST) & (rows[:, 3] == EGRESS))
    return rows[posts], rows[posts - 1]
