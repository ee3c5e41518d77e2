"""The export as a file: CSV, or Parquet with decimals and timestamps."""

import csv
from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from io import BytesIO, StringIO
from typing import Any

from ...envs.scenario import Scenario
from ...fastsim.errors import InputError
from ...fastsim.worlds import Worlds
from .bill import charges
from .columns import COLUMNS, DECIMAL, MONEY, TIME, Row, rows_of

DIGITS = 38  # of a decimal in Parquet
PLACES = {MONEY: 6, DECIMAL: 18}


def exported(scenario: Scenario, worlds: Worlds, suffix: str) -> bytes:
    """The content of a .csv or .parquet file with the bill of an episode that began empty with its log on.

    Raises InputError for Parquet where pyarrow is not installed.
    """
    return (as_csv if suffix == ".csv" else as_parquet)(rows_of(scenario, charges(worlds)))


def as_csv(rows: Iterable[Row]) -> bytes:
    """Rows as CSV in UTF-8; null is nothing between commas."""
    text = StringIO()
    table = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    table.writeheader()
    table.writerows(rows)
    return text.getvalue().encode()


def as_parquet(rows: Iterable[Row]) -> bytes:
    """Rows as Parquet. Raises InputError where pyarrow is not installed."""
    try:
        import pyarrow
        from pyarrow import parquet
    except ModuleNotFoundError as error:
        remedy = "pip install 'tidegate[train]', or write a .csv file"
        raise InputError("--focus", "package", "pyarrow", "is not installed", remedy) from error
    types: dict[str, Any] = {kind: pyarrow.decimal128(DIGITS, places) for kind, places in PLACES.items()}
    types[TIME] = pyarrow.timestamp("ms", tz="UTC")
    given = list(rows)
    columns = {
        name: pyarrow.array([_value(row[name], kind) for row in given], types.get(kind, pyarrow.string()))
        for name, kind in COLUMNS.items()
    }
    content = BytesIO()
    parquet.write_table(pyarrow.table(columns), content)
    return content.getvalue()


def _value(cell: str | None, kind: str) -> Decimal | datetime | str | None:
    """A cell as Parquet's types take it."""
    if cell is None:
        return None
    if kind in PLACES:
        return Decimal(cell)
    return datetime.fromisoformat(cell) if kind == TIME else cell
