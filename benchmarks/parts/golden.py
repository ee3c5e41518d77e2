"""The golden schedule: 10,000 jobs on one site, and when each starts under FCFS and EASY."""

import csv
import os
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from tidegate.fastsim.spec import plain_jobs

SHARED = Path(os.environ.get("TIDEGATE_SHARED", Path(__file__).parents[3] / "shared"))
FILE = SHARED / "golden" / "easy_16384_seed1.csv"
CAPACITY = 16_384


class Golden(NamedTuple):
    """Jobs, and their right starts."""

    jobs: Any  # (jobs,) JOB, ms
    starts: dict[str, np.ndarray]  # "fcfs", "easy": (jobs,) int64 ms

    @property
    def rows(self) -> list[tuple[int, int, int, int]]:
        """Arrival, gang, walltime and requested walltime of each job, as plain integers."""
        columns = (self.jobs[name].tolist() for name in ("arrival", "gang", "walltime", "requested"))
        return list(zip(*columns, strict=True))


def read() -> Golden | None:
    """The file's content, or nothing where it is absent (`TIDEGATE_SHARED` names the folder that holds golden/)."""
    if not FILE.exists():
        return None
    with FILE.open(newline="") as file:
        rows = list(csv.DictReader(file))
    columns = {name: np.array([int(row[name]) for row in rows]) for name in rows[0]}
    jobs = plain_jobs(len(rows))
    jobs.arrival, jobs.walltime = columns["submit_s"] * 1000, columns["runtime_s"] * 1000
    jobs.requested, jobs.gang = columns["requested_s"] * 1000, columns["gpus"]
    return Golden(jobs, {name: columns[f"start_{name}_s"] * 1000 for name in ("fcfs", "easy")})
