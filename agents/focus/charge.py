"""A charge: one row of the export, in the integers of the world, before it gets its names."""

from enum import Enum
from typing import NamedTuple

from ...fastsim.units import HOUR

BILLION = 10**9  # quantities and unit prices have nine places


class Kind(Enum):
    """What a charge is for."""

    FEE = "fee"  # of a commitment, for one billing period
    SHORTFALL = "shortfall"  # of a commitment in arrears: what is invoiced because it was not used
    COVERED = "covered"  # use that a commitment pays
    CARRIED = "carried"  # use that what was carried over from the period before pays
    UNUSED = "unused"  # commitment that was not used
    OVERAGE = "overage"  # use beyond a commitment
    METERED = "metered"
    EGRESS = "egress"


class Period(NamedTuple):
    """A billing period, ms."""

    number: int
    begin: int
    end: int
    last: int  # its end, or now if that is earlier
    is_open: bool  # it has not been settled: everything in it is accrued


class Charge(NamedTuple):
    """Money in µ$; quantities and the unit price in billionths of their unit."""

    kind: Kind
    provider: int
    site: int  # −1: none
    cls: int  # −1: none
    begin: int  # ms, of the charge period
    end: int
    period: Period
    billed: int
    effective: int
    unit_price: int  # dollars per accelerator-hour, GB or dollar
    priced: int  # accelerator-hours, GB or dollars
    consumed: int | None = None  # accelerator-hours or GB
    committed: int | None = None  # µ$ of a commitment that were bought, used or not used


def hours(use: int) -> int:
    """Accelerator-ms as billionths of an accelerator-hour, to the nearest."""
    return (2 * use * BILLION + HOUR) // (2 * HOUR)


def gigabytes(megabytes: int) -> int:
    """MB as billionths of a GB."""
    return megabytes * 1_000_000


def dollars(amount: int) -> int:
    """µ$ as billionths of a dollar."""
    return amount * 1000
