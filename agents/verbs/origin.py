"""When a trace begins in its own time: a `Trace` counts from its first submission, and an answer must not."""

import csv
from collections.abc import Iterator
from pathlib import Path

from ...envs.traces import fields
from ...envs.traces.files import lines
from ...envs.traces.swf import COLUMNS, SUBMIT


def first_submission(path: Path) -> int:
    """The earliest submission [ms] of a file that has been read strictly, so that each of its rows is sound."""
    name = path.name.lower()
    if name.endswith(".parquet"):
        return _in_parquet(path)
    texts = _in_swf(path) if name.endswith((".swf", ".swf.gz")) else _in_csv(path)
    return min(fields.submit("submit", text) for text in texts)


def _in_parquet(path: Path) -> int:
    import numpy as np
    from pyarrow.parquet import ParquetFile

    with ParquetFile(path) as file:
        seconds = file.read(columns=["submit_s"]).column("submit_s").cast("float64", safe=False).to_numpy()
    return int(np.rint(seconds.min() * 1000))


def _in_csv(path: Path) -> Iterator[str]:
    rows = (next(csv.reader([text])) for _, text in lines(path) if text.strip())
    column = [name.strip() for name in next(rows)].index("submit_s")
    return (row[column] for row in rows)


def _in_swf(path: Path) -> Iterator[str]:
    rows = (text.split() for _, text in lines(path))
    return (row[SUBMIT - 1] for row in rows if len(row) == COLUMNS and not row[0].startswith(";"))
