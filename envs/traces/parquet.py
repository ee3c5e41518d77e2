"""Traces as Parquet. Columns are checked as a whole; only rows that look wrong meet the law of fields one by one."""

from pathlib import Path
from typing import Any

import numpy as np

from ...fastsim.errors import InputError
from . import fields
from .delimited import OPTIONAL, REQUIRED, check_columns
from .fields import FieldError
from .files import MOST_BYTES, MOST_ROWS, check_readable
from .rejects import Rejects
from .table import UNKNOWN, Columns, Trace, assemble

NUMBERS = ("submit_s", "gpus", "runtime_s", "requested_s")
NAMES = ("job_id", "user", "kind")


def read_parquet(path: Path, max_bad_rows: int = 0, rejected: list[InputError] | None = None) -> Trace:
    """Read a Parquet trace. A row is named by its number from 1, a column by its place in the schema.

    Raises:
        InputError: the file or its schema is unusable, more than `max_bad_rows` rows are, or pyarrow is not installed.
    """
    check_readable(path)
    rejects = Rejects(path, max_bad_rows, rejected)
    try:
        import pyarrow
    except ImportError as error:
        reason = "needs pyarrow, which is not installed"
        raise InputError(str(path), "trace", path.name, reason, "pip install 'tidegate[train]'") from error
    try:
        header, table = _load(path)
        numbers = {name: _floats(table.column(name)) for name in NUMBERS if name in table.column_names}
        names = {name: _texts(table.column(name)) for name in NAMES if name in table.column_names}
    except InputError:
        raise
    except (pyarrow.ArrowException, OSError, ValueError, MemoryError) as error:
        reason = f"is not a Parquet file that can be read ({type(error).__name__})"
        raise InputError(str(path), "trace", path.name, reason, "export it again") from error
    kept = _kept(header, table, numbers, names, rejects)
    return assemble(path, _columns(numbers, names, kept), rejects)


def _load(path: Path) -> tuple[list[str], Any]:
    """The names of all columns, and a pyarrow table of those that are read.

    Names come dictionary-encoded: a file that repeats a long one a million times stays as small as it is on disk.
    """
    from pyarrow import types
    from pyarrow.parquet import ParquetFile

    with ParquetFile(path) as file:
        _check_size(path, file.metadata)
        header, schema = file.schema_arrow.names, file.schema_arrow
    check_columns(str(path), header)
    _check_types(path, schema, types)
    with ParquetFile(path, read_dictionary=[name for name in NAMES if name in header]) as file:
        return header, file.read(columns=[name for name in NUMBERS + NAMES if name in header])


def _check_size(path: Path, metadata: Any) -> None:
    """Refuse by the footer, before any page is unpacked."""
    size = sum(metadata.row_group(group).total_byte_size for group in range(metadata.num_row_groups))
    for what, found, most in (("rows", metadata.num_rows, MOST_ROWS), ("bytes, unpacked", size, MOST_BYTES)):
        if found > most:
            raise InputError(str(path), what, found, f"is more than {most}", "split the file")


def _check_types(path: Path, schema: Any, types: Any) -> None:
    for name in REQUIRED + OPTIONAL:
        if name == "status" or name not in schema.names:
            continue
        kind = schema.field(name).type
        inner = kind.value_type if types.is_dictionary(kind) else kind
        is_number = types.is_integer(kind) or types.is_floating(kind) or types.is_decimal(kind)
        is_text = types.is_string(inner) or types.is_large_string(inner) or types.is_integer(inner)
        is_right = is_number if name in NUMBERS else is_text
        if not (is_right or types.is_null(kind)):
            expected = "numbers" if name in NUMBERS else "text or integers"
            raise InputError(str(path), "column", name, f"has the type {kind}", f"store it as {expected}")


def _floats(column: Any) -> np.ndarray:
    """A column of numbers as float64, exact up to 2^53, NaN where it is null."""
    return column.cast("float64", safe=False).to_numpy(zero_copy_only=False)


def _texts(column: Any) -> np.ndarray:
    """A column of names as text (object), '' where it is null. Each distinct text of a chunk is unpacked once."""
    parts = [np.empty(0, dtype=object)]
    for chunk in column.chunks:
        if hasattr(chunk, "dictionary"):
            distinct = np.array([*_stripped(chunk.dictionary), ""], dtype=object)
            index = chunk.indices.fill_null(len(distinct) - 1).to_numpy(zero_copy_only=False)
            if np.any((index < 0) | (index >= len(distinct))):  # pyarrow takes the indices of a damaged page on trust
                raise ValueError("index beyond the dictionary")
            parts.append(distinct[index])
        else:
            parts.append(np.array(_stripped(chunk), dtype=object))
    return np.concatenate(parts)


def _stripped(values: Any) -> list[str]:
    """Names as text, decoded here: pyarrow takes bytes that are not UTF-8 on trust, and then fails without a row."""
    if "string" in str(values.type):
        return [
            (value or b"").decode("utf-8", "surrogateescape").strip(" \t")
            for value in values.cast("large_binary").to_pylist()
        ]
    return ["" if value is None else str(value) for value in values.to_pylist()]


def _kept(
    header: list[str], table: Any, numbers: dict[str, np.ndarray], names: dict[str, np.ndarray], rejects: Rejects
) -> np.ndarray:
    """Which rows are kept; the others are rejected, in the file's order. Shape (rows,), bool."""
    suspect = _suspects(table, numbers) | _odd_names(names, table.num_rows)
    kept = np.ones(table.num_rows, dtype=bool)
    job_ids = names.get("job_id")
    if not suspect.any() and (job_ids is None or len(set(job_ids)) == len(job_ids)):
        return kept
    taken: set[str] = set()
    for row in range(table.num_rows):
        try:
            if suspect[row]:
                recorded = {name: table.column(name)[row].as_py() for name in numbers}
                _check_row(recorded, {name: texts[row] for name, texts in names.items()})
            if job_ids is not None:
                _take(taken, job_ids[row])
        except FieldError as defect:
            kept[row] = False
            rejects.add(row + 1, header.index(defect.field) + 1, defect)
    return kept


def _suspects(table: Any, numbers: dict[str, np.ndarray]) -> np.ndarray:
    """Rows whose numbers break a limit of `fields`; comparisons with NaN are false, hence the negations."""
    submit, gang = numbers["submit_s"], numbers["gpus"]
    with np.errstate(over="ignore"):  # an infinite product is above the limit too
        is_fine = (submit >= 0) & (submit * 1000 <= fields.LATEST) & (gang > 0) & (gang <= fields.LARGEST_GANG)
        is_fine &= _is_duration(numbers["runtime_s"])
        if "requested_s" in numbers:
            is_fine &= table.column("requested_s").is_null().to_numpy() | _is_duration(numbers["requested_s"])
    return ~is_fine


def _is_duration(seconds: np.ndarray) -> np.ndarray:
    return (np.rint(seconds * 1000) >= 1) & (seconds * 1000 <= fields.LONGEST)


def _odd_names(names: dict[str, np.ndarray], rows: int) -> np.ndarray:
    is_odd = np.zeros(rows, dtype=bool)
    for field, texts in names.items():
        distinct = {text: _is_odd(field, text) for text in set(texts)}
        if any(distinct.values()):
            is_odd |= np.array([distinct[text] for text in texts], dtype=bool)
    return is_odd


def _is_odd(field: str, text: str) -> bool:
    try:
        fields.job_name(field, text) if field == "job_id" else fields.name(field, text)
    except FieldError:
        return True
    return False


def _check_row(numbers: dict[str, Any], names: dict[str, str]) -> None:
    """Raise the FieldError of one row, if it has any; in the order of the readers of text."""
    if "job_id" in names:
        fields.job_name("job_id", names["job_id"])
    fields.submit("submit_s", numbers["submit_s"])
    fields.gang("gpus", numbers["gpus"])
    fields.duration("runtime_s", numbers["runtime_s"])
    if numbers.get("requested_s") is not None:
        fields.duration("requested_s", numbers["requested_s"])
    fields.name("user", names.get("user"))
    fields.name("kind", names.get("kind"))


def _take(taken: set[str], job_id: str) -> None:
    if job_id in taken:
        raise fields.duplicate("job_id", job_id)
    taken.add(job_id)


def _columns(numbers: dict[str, np.ndarray], names: dict[str, np.ndarray], kept: np.ndarray) -> Columns:
    rows = np.flatnonzero(kept)
    nothing = np.full(len(kept), "", dtype=object)
    job_ids = names["job_id"][rows].tolist() if "job_id" in names else [str(row + 1) for row in rows.tolist()]
    users, kinds = (names.get(name, nothing)[rows].tolist() for name in ("user", "kind"))
    submit, gang, walltime = (numbers[name][rows] for name in REQUIRED)
    requested = numbers.get("requested_s", np.full(len(kept), np.nan))[rows]
    requested_ms = _milliseconds(np.where(np.isnan(requested), UNKNOWN / 1000, requested))
    return Columns(
        job_ids,
        _milliseconds(submit),
        np.ceil(gang).astype(np.int64),
        _milliseconds(walltime),
        requested_ms,
        users,
        kinds,
    )


def _milliseconds(seconds: np.ndarray) -> np.ndarray:
    return np.rint(seconds * 1000).astype(np.int64)
