"""The event log as a file: one row an event, kinds by name (rules.md, section 9)."""

from io import BytesIO

import numpy as np

from ...fastsim.errors import InputError
from ...fastsim.log import KINDS

COLUMNS = ("time_ms", "kind", "subject", "place", "value")


def as_csv(rows: np.ndarray) -> bytes:
    """Rows (n, 5) as CSV."""
    lines = (f"{at},{KINDS[kind - 1]},{subject},{place},{value}" for at, kind, subject, place, value in rows.tolist())
    return "\n".join((",".join(COLUMNS), *lines, "")).encode()


def as_parquet(rows: np.ndarray) -> bytes:
    """Rows (n, 5) as Parquet. Raises InputError where pyarrow is not installed."""
    try:
        import pyarrow
        from pyarrow import parquet
    except ModuleNotFoundError as error:
        remedy = "pip install 'tidegate[train]', or write a .csv file"
        raise InputError("--events", "package", "pyarrow", "is not installed", remedy) from error
    kinds = pyarrow.DictionaryArray.from_arrays((rows[:, 1] - 1).astype(np.int8), list(KINDS))
    columns = [rows[:, 0], kinds, rows[:, 2], rows[:, 3], rows[:, 4]]
    content = BytesIO()
    parquet.write_table(pyarrow.table(dict(zip(COLUMNS, columns, strict=True))), content)
    return content.getvalue()
