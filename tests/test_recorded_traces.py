"""The recorded traces, where they are at hand, are read whole and fast, and scaled to a load."""

import os
import time
from pathlib import Path

import numpy as np
import pytest

from tidegate.envs.traces.load import offered_load, to_jobs
from tidegate.envs.traces.read import read
from tidegate.envs.traces.table import Trace

from .toy_traces import scenario

REPOSITORY = Path(__file__).parents[1]
SHARED = Path(os.environ.get("TIDEGATE_SHARED", REPOSITORY.parent / "shared"))
TRACES = (
    "acme_kalos_weeks1to6",
    "helios_venus_apr_jun",
    "helios_venus_jul",
    "philly_clean",
    "alibaba_pai_days1to45",
)


@pytest.fixture(scope="module", params=TRACES)
def recorded(request: pytest.FixtureRequest) -> Trace:
    path = SHARED / "traces" / f"{request.param}.parquet"
    if not path.is_file():
        pytest.skip(f"no recorded trace at {path}; set TIDEGATE_SHARED to the folder that has traces/")
    return read(path)


def test_a_recorded_trace_is_read_whole(recorded: Trace) -> None:
    assert recorded.rejected == () and len(recorded) > 100
    assert recorded.requested_ms.max() == -1 and recorded.submit_ms[0] == 0


@pytest.mark.parametrize("load", [0.6, 0.9, 1.2])
def test_a_recorded_trace_is_scaled_to_the_load(recorded: Trace, load: float) -> None:
    accelerators = 4 * int(recorded.gang.max())
    jobs = to_jobs(recorded, scenario(accelerators), load, seed=1, episode=2)
    assert offered_load(jobs, scenario(accelerators)) == pytest.approx(load, rel=0.01)
    assert np.ptp(jobs.arrival) == pytest.approx(recorded.span_ms, rel=0.05)
    assert np.all(jobs.requested >= jobs.walltime) and np.all(np.diff(jobs.arrival) >= 0)


def test_eighty_thousand_rows_are_read_in_a_second() -> None:
    path = SHARED / "traces" / "philly_clean.parquet"
    if not path.is_file():
        pytest.skip(f"no recorded trace at {path}; set TIDEGATE_SHARED to the folder that has traces/")
    read(path)  # the first call imports pyarrow
    began = time.process_time()
    assert len(read(path)) == 82_178
    assert time.process_time() - began < 1


def test_the_golden_schedule_is_read_with_its_further_columns_ignored() -> None:
    path = SHARED / "golden" / "easy_16384_seed1.csv"
    if not path.is_file():
        pytest.skip(f"no golden schedule at {path}; set TIDEGATE_SHARED to the folder that has golden/")
    trace = read(path)
    assert len(trace) == 10_000 and trace.requested_ms[0] == 9_526_000 and trace.walltime_ms[0] == 4_776_000
