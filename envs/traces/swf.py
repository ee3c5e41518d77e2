"""Traces in the Standard Workload Format, version 2.2: 18 numbers a line, `;` before comments, −1 for unknown.

Source: Feitelson's Parallel Workloads Archive, https://www.cs.huji.ac.il/labs/parallel/workload/swf.html.
"""

import re
from pathlib import Path

from ...fastsim.errors import InputError
from . import fields
from .fields import FieldError
from .files import lines
from .rejects import Rejects
from .table import UNKNOWN, Rows, Trace, assemble

COLUMNS = 18
# The columns that are read, counted from 1 as in the format's definition.
JOB, SUBMIT, RUN_TIME, ALLOCATED, REQUESTED, REQUESTED_TIME, USER, QUEUE = 1, 2, 4, 5, 8, 9, 12, 15
_PLACES = {
    "job": JOB,
    "submit": SUBMIT,
    "run_time": RUN_TIME,
    "allocated_processors": ALLOCATED,
    "requested_processors": REQUESTED,
    "requested_time": REQUESTED_TIME,
    "user": USER,
    "queue": QUEUE,
}
_HEADER = re.compile(r";\s*(MaxProcs|UnixStartTime)\s*:\s*(\d{1,18})\b", re.ASCII)


def read_swf(path: Path, max_bad_rows: int = 0, rejected: list[InputError] | None = None) -> Trace:
    """Read a workload log. A row is named by its line; one accelerator is one processor of the log.

    Raises:
        InputError: the file is unusable, or more than `max_bad_rows` rows are.
    """
    rejects, rows, header = Rejects(path, max_bad_rows, rejected), Rows(), {}
    for number, text in lines(path):
        row = text.replace("\t", " ").split(" ")
        row = [value for value in row if value]
        if not row or row[0].startswith(";"):
            header.update(_HEADER.findall(text))
            continue
        if len(row) != COLUMNS:
            defect = FieldError(
                "row", len(row), f"is not the {COLUMNS} columns of the format", "write −1 where a value is unknown"
            )
            rejects.add(number, min(len(row), COLUMNS) + 1, defect)
            continue
        try:
            _add(rows, row)
        except FieldError as defect:
            rejects.add(number, _PLACES[defect.field], defect)
    machine, began = int(header.get("MaxProcs", UNKNOWN)), int(header.get("UnixStartTime", UNKNOWN))
    return assemble(path, rows.columns(), rejects, machine, began)


def _add(rows: Rows, row: list[str]) -> None:
    job_id = fields.job_name("job", row[JOB - 1])
    submit = fields.submit("submit", row[SUBMIT - 1])
    walltime = fields.duration("run_time", _known("run_time", row[RUN_TIME - 1]))
    gang = _processors(row)
    requested = UNKNOWN
    if row[REQUESTED_TIME - 1] != "-1":
        requested = fields.duration("requested_time", row[REQUESTED_TIME - 1])
    user, queue = (fields.name(field, _or_nothing(row[_PLACES[field] - 1])) for field in ("user", "queue"))
    rows.check_new("job", job_id)
    rows.add(job_id, submit, gang, walltime, requested, user, queue)


def _processors(row: list[str]) -> int:
    """What was asked for; the log's allocation where that is unknown."""
    if row[REQUESTED - 1] != "-1":
        return fields.gang("requested_processors", row[REQUESTED - 1])
    return fields.gang("allocated_processors", _known("allocated_processors", row[ALLOCATED - 1]))


def _known(field: str, value: str) -> str:
    if value == "-1":
        raise FieldError(field, value, "is unknown", "leave out jobs that did not run")
    return value


def _or_nothing(value: str) -> str:
    return "" if value == "-1" else value
