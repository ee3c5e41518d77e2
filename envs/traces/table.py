"""A trace as columns, and how rows become one."""

from array import array
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from ...fastsim.errors import InputError
from .fields import duplicate
from .rejects import Rejects

UNKNOWN = -1


@dataclass(frozen=True)
class Trace:
    """Recorded jobs in order of submission; arrays of shape (jobs,), in milliseconds and accelerators."""

    source: str  # the file's name
    job_id: np.ndarray  # object: the ids as text
    submit_ms: np.ndarray  # int64, ascending, from 0
    gang: np.ndarray  # int64
    walltime_ms: np.ndarray  # int64
    requested_ms: np.ndarray  # int64; −1: not recorded
    user: np.ndarray  # int64 codes in order of appearance; −1: not recorded
    kinds: tuple[str, ...]  # distinct kinds of job, as recorded
    kind: np.ndarray  # int64, index into `kinds`; −1: not recorded
    rejected: tuple[InputError, ...]  # rows left out, in the file's order
    machine: int = UNKNOWN  # accelerators of the machine, where the file says so (SWF's MaxProcs)
    began_unix_s: int = UNKNOWN  # the trace's beginning, where the file says so (SWF's UnixStartTime)

    def __len__(self) -> int:
        return len(self.submit_ms)

    @property
    def rows_read(self) -> int:
        """Rows of the file: those kept and those rejected."""
        return len(self) + len(self.rejected)

    @property
    def span_ms(self) -> int:
        """Time from the first submission to the last [ms]."""
        return int(self.submit_ms[-1])

    @property
    def work(self) -> int:
        """Accelerator-milliseconds of all jobs."""
        return total_work(self.gang, self.walltime_ms)


@dataclass(frozen=True)
class Columns:
    """Checked columns in the order of the file; `user` and `kind` are '' where not recorded."""

    job_id: Sequence[str]
    submit_ms: np.ndarray
    gang: np.ndarray
    walltime_ms: np.ndarray
    requested_ms: np.ndarray
    user: Sequence[str]
    kind: Sequence[str]


@dataclass
class Rows:
    """Checked rows of a text file, collected one by one; a job id is taken once."""

    job_id: dict[str, None] = field(default_factory=dict)
    submit_ms: array = field(default_factory=lambda: array("q"))
    gang: array = field(default_factory=lambda: array("q"))
    walltime_ms: array = field(default_factory=lambda: array("q"))
    requested_ms: array = field(default_factory=lambda: array("q"))
    user: list[str] = field(default_factory=list)
    kind: list[str] = field(default_factory=list)

    def check_new(self, field_name: str, job_id: str) -> None:
        """Raise FieldError when a kept row has this id."""
        if job_id in self.job_id:
            raise duplicate(field_name, job_id)

    def add(self, job_id: str, submit: int, gang: int, walltime: int, requested: int, user: str, kind: str) -> None:
        """Keep one row; times in ms."""
        self.job_id[job_id] = None
        self.submit_ms.append(submit)
        self.gang.append(gang)
        self.walltime_ms.append(walltime)
        self.requested_ms.append(requested)
        self.user.append(user)
        self.kind.append(kind)

    def columns(self) -> Columns:
        """The rows as columns."""
        submit, gang, walltime, requested = (
            np.array(column, dtype=np.int64)
            for column in (self.submit_ms, self.gang, self.walltime_ms, self.requested_ms)
        )
        return Columns(list(self.job_id), submit, gang, walltime, requested, self.user, self.kind)


def assemble(path: Path, columns: Columns, rejects: Rejects, machine: int = UNKNOWN, began: int = UNKNOWN) -> Trace:
    """Sort rows by submission (equal times keep the file's order) and count time from the first.

    Raises:
        InputError: no row is left.
    """
    rejected = rejects.rows()
    if len(columns.submit_ms) == 0:
        raise InputError(
            str(path), "jobs", 0, f"is too few ({len(rejected)} rows were rejected)", "give at least one job"
        )
    order = np.argsort(columns.submit_ms, kind="stable")
    _, user = _codes(np.array(columns.user, dtype=object)[order])
    kinds, kind = _codes(np.array(columns.kind, dtype=object)[order])
    trace = Trace(
        source=path.name,
        job_id=np.array(columns.job_id, dtype=object)[order],
        submit_ms=columns.submit_ms[order] - columns.submit_ms.min(),
        gang=columns.gang[order],
        walltime_ms=columns.walltime_ms[order],
        requested_ms=columns.requested_ms[order],
        user=user,
        kinds=kinds,
        kind=kind,
        rejected=rejected,
        machine=machine,
        began_unix_s=began,
    )
    for column in vars(trace).values():
        if isinstance(column, np.ndarray):
            column.setflags(write=False)
    return trace


def total_work(gang: np.ndarray, walltime: np.ndarray) -> int:
    """Accelerator-milliseconds of all jobs; a Python integer, because the sum of a large trace may exceed 64 bits."""
    return sum(size * duration for size, duration in zip(gang.tolist(), walltime.tolist(), strict=True))


def _codes(names: np.ndarray) -> tuple[tuple[str, ...], np.ndarray]:
    """Distinct names in order of appearance, and for each name its index there; '' is unknown."""
    index: dict[str, int] = {}
    codes = [index.setdefault(name, len(index)) if name else UNKNOWN for name in names]
    return tuple(index), np.array(codes, dtype=np.int64)
