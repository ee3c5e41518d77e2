"""All charges of an episode; they add up to its ledger."""

from ...fastsim.worlds import Totals, Worlds
from .book import opened
from .charge import Charge, Kind
from .commitments import commitment_charges
from .metered import egress_charges, metered_charges

ORDER = {kind: number for number, kind in enumerate(Kind)}


def charges(worlds: Worlds, episode: int = 0) -> list[Charge]:
    """The charges of an episode that began empty at time 0 with its log on: by billing period, provider and time.

    What it cost in delay, penalties and write-offs is imputed, not billed, and is not among them. Raises RuntimeError
    where they do not add up to the ledger, in either view: the export would be wrong.
    """
    book = opened(worlds, episode)
    found: list[Charge] = []
    for provider in range(int(book.rules.providers)):
        is_take_or_pay = book.rules.take_or_pay[provider] == 1
        found += commitment_charges(book, provider) if is_take_or_pay else metered_charges(book, provider)
    found += egress_charges(book)
    _check(found, worlds.totals(episode))
    return sorted(found, key=_place)


def _place(charge: Charge) -> tuple[int, ...]:
    """Where a charge stands in the bill."""
    period, provider, kind = charge.period.number, charge.provider, ORDER[charge.kind]
    return (period, provider, charge.begin, kind, charge.site, charge.cls)


def _check(found: list[Charge], totals: Totals) -> None:
    """Compare the billed and the effective view with the ledger."""
    owed = totals.floors + totals.overage + totals.burst + totals.egress
    billed, effective = sum(charge.billed for charge in found), sum(charge.effective for charge in found)
    if not billed == effective == owed:
        raise RuntimeError(f"charges of {billed} µ$ billed and {effective} µ$ effective are not the ledger's {owed} µ$")
