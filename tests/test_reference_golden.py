"""The golden schedule: one site of 16,384 accelerators, whose starts come from an independent event loop."""

import csv
import os
from itertools import islice
from pathlib import Path

import pytest

from .reference.simulator import run
from .reference.toys import first_site, job, site, world

SHARED = Path(os.environ.get("TIDEGATE_SHARED", Path(__file__).parents[2] / "shared"))
GOLDEN = SHARED / "golden" / "easy_16384_seed1.csv"
COUNT = 1500
SECOND = 1000  # ms


def rows(count: int) -> list[dict[str, int]]:
    """The first rows, in order of submission."""
    if not GOLDEN.exists():
        pytest.skip(f"{GOLDEN} is absent; set TIDEGATE_SHARED to the folder that holds golden/")
    with GOLDEN.open(newline="") as file:
        return [{name: int(value) for name, value in row.items()} for row in islice(csv.DictReader(file), count)]


@pytest.mark.parametrize("dispatch", ["fcfs", "easy"])
def test_every_start_of_the_golden_schedule_is_met_to_the_second(dispatch):
    """What happens before job 1,501 arrives cannot depend on it, so the starts before that are compared, both ways.

    Under FCFS a start depends on earlier jobs only, and so all 1,500 are compared.
    """
    *golden, beyond = rows(COUNT + 1)
    jobs = [
        job(row["submit_s"] * SECOND, row["gpus"], row["runtime_s"] * SECOND, row["requested_s"] * SECOND)
        for row in golden
    ]
    until = beyond["submit_s"] * SECOND if dispatch == "easy" else 10 * 86_400 * SECOND
    expected = {n: row[f"start_{dispatch}_s"] * SECOND for n, row in enumerate(golden)}
    expected = {n: start for n, start in expected.items() if start < until}
    assert run(world(jobs, [site(16_384)], dispatch=dispatch), first_site, until).start == expected
    assert len(expected) >= COUNT - 100
