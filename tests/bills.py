"""The bill of a simulation as a table of text, and its sums in exact decimals."""

from decimal import Decimal
from io import BytesIO
from typing import Any

import pytest

from tidegate.fastsim.worlds import Totals

pandas = pytest.importorskip("pandas", reason="reads the export")
Table = Any  # a pandas.DataFrame of text, None for null


def table(content: bytes) -> Table:
    """A CSV file as text, nothing read into it."""
    read = pandas.read_csv(BytesIO(content), dtype=str, keep_default_na=False)
    return read.astype(object).where(read != "", None)


def total(rows: Table, column: str) -> Decimal:
    """The sum of a column of dollars, exactly."""
    return sum((Decimal(cell) for cell in rows[column]), Decimal(0))


def in_dollars(amount: int) -> Decimal:
    return Decimal(amount).scaleb(-6)


def owed(totals: Totals) -> int:
    """What a bill holds: all but what is imputed, µ$."""
    return totals.floors + totals.overage + totals.burst + totals.egress
