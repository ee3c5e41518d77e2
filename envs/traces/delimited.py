"""Traces as CSV: UTF-8, a header line, a comma between fields, one job a line; gzip where the name ends in .gz."""

import csv
from collections.abc import Iterator
from pathlib import Path

from ...fastsim.errors import InputError
from . import fields
from .fields import FieldError, shown
from .files import lines
from .rejects import Rejects
from .table import UNKNOWN, Rows, Trace, assemble

REQUIRED = ("submit_s", "gpus", "runtime_s")
OPTIONAL = ("job_id", "requested_s", "user", "kind", "status")


def read_delimited(path: Path, max_bad_rows: int = 0, rejected: list[InputError] | None = None) -> Trace:
    """Read a CSV trace. A row is named by its line; blank lines are no rows; columns beyond the schema are ignored.

    Raises:
        InputError: the file or its header is unusable, or more than `max_bad_rows` rows are.
    """
    rejects, rows = Rejects(path, max_bad_rows, rejected), Rows()
    numbered = lines(path)
    header = _header(path, numbered)
    columns = {name: column for column, name in enumerate(header) if name in REQUIRED + OPTIONAL}
    for number, text in numbered:
        if not text.strip():
            continue
        row, unusable = _split(text)
        if unusable is None and len(row) != len(header):
            unusable = _misshapen(row, header)
        if unusable is not None:
            rejects.add(number, min(len(row), len(header)) + 1, unusable)
            continue
        try:
            _add(rows, number, {name: row[column] for name, column in columns.items()})
        except FieldError as defect:
            rejects.add(number, columns[defect.field] + 1, defect)
    return assemble(path, rows.columns(), rejects)


def check_columns(where: str, header: list[str]) -> None:
    """Make sure that the required columns are there, and each of the schema's at most once.

    Raises:
        InputError: one is missing or stands twice.
    """
    for name in REQUIRED:
        if name not in header:
            found = f"the columns are {', '.join(shown(column) for column in header[:20])}"
            choices = f"required are {', '.join(REQUIRED)}; optional are {', '.join(OPTIONAL)}"
            raise InputError(where, "column", name, f"is missing; {found}", choices)
    for name in REQUIRED + OPTIONAL:
        if header.count(name) > 1:
            raise InputError(where, "column", name, "stands twice", "keep one of them")


def _header(path: Path, numbered: Iterator[tuple[int, str]]) -> list[str]:
    number, text = next(numbered, (1, ""))
    names, defect = _split(text)
    if defect is not None:
        raise InputError(f"{path}:{number}:1", "header", defect.value, defect.reason, defect.remedy)
    header = [name.strip() for name in names]
    check_columns(f"{path}:{number}:1", header)
    return header


def _split(text: str) -> tuple[list[str], FieldError | None]:
    """The fields of one line. A line is parsed by itself: an open quote spoils its own row, not those that follow."""
    try:
        return next(csv.reader([text], strict=True), []), None
    except csv.Error as error:
        return [], FieldError("row", text, f"is not CSV ({error})", "close quotes on the line where they open")


def _misshapen(row: list[str], header: list[str]) -> FieldError:
    reason = f"is not the {len(header)} fields of the header"
    field = header[len(row)] if len(row) < len(header) else "row"
    return FieldError(field, len(row), reason, "quote fields that hold a comma, and write empty fields too")


def _add(rows: Rows, number: int, row: dict[str, str]) -> None:
    job_id = fields.job_name("job_id", row["job_id"]) if "job_id" in row else str(number)
    submit = fields.submit("submit_s", row["submit_s"])
    gang = fields.gang("gpus", row["gpus"])
    walltime = fields.duration("runtime_s", row["runtime_s"])
    requested = UNKNOWN
    if row.get("requested_s", "").strip():
        requested = fields.duration("requested_s", row["requested_s"])
    user, kind = fields.name("user", row.get("user")), fields.name("kind", row.get("kind"))
    rows.check_new("job_id", job_id)
    rows.add(job_id, submit, gang, walltime, requested, user, kind)
