"""Synthetic jobs: the same everywhere, and as the scenario says."""

import hashlib
import os
import subprocess
import sys
from typing import Any

import numpy as np
import pytest

from tidegate.envs.generator import CERTAIN, demand_of, generate
from tidegate.envs.quantiles import table_mean
from tidegate.envs.scenario import load, names
from tidegate.fastsim.errors import InputError
from tidegate.fastsim.spec import JOB
from tidegate.fastsim.units import DAY, HOUR, SECOND, WEEK

from .toy_scenario import TOY, toy

GOLDEN = "52234c09e0694e1c17720a244481ec1bace5eabb485056e9a8b3784405caedf7"


def fingerprint(jobs: Any) -> str:
    """SHA-256 over the columns, as little-endian 64-bit integers."""
    digest = hashlib.sha256()
    for name in JOB.names or ():
        digest.update(jobs[name].astype("<i8").tobytes())
    return digest.hexdigest()


def offered(jobs: Any) -> float:
    """Accelerator-hours at speed 1."""
    return float((jobs.gang * jobs.walltime.astype(np.float64)).sum() / HOUR)


@pytest.fixture(scope="module")
def years() -> Any:
    """Two years of the toy."""
    return generate(toy(), 11, 0, 728)


def test_the_toy_stream_is_this_one_on_every_machine():
    jobs = generate(toy(), 7, 3, 2)
    assert len(jobs) > 300
    assert fingerprint(jobs) == GOLDEN


def test_uncompiled_kernels_generate_the_same_jobs():
    program = (
        "import json, sys; from tidegate.envs.scenario import Scenario; from tidegate.envs.generator import generate;"
        "print(generate(Scenario.model_validate_json(sys.stdin.read()), 7, 3, 1).tolist())"
    )
    environment = os.environ | {"NUMBA_DISABLE_JIT": "1", "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-W", "error", "-c", program]
    saved = toy().model_dump_json()
    done = subprocess.run(command, env=environment, input=saved, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == str(generate(toy(), 7, 3, 1).tolist())


def test_more_days_extend_a_stream_without_changing_it():
    long = generate(toy(), 5, 0, 9)
    for days in (0, 1, 4):
        short = generate(toy(), 5, 0, days)
        assert short.tolist() == long[: len(short)].tolist()
        assert len(short) == int((long.arrival < days * DAY).sum())


def test_jobs_are_in_order_of_arrival_inside_their_window():
    start = 3 * DAY + 5 * HOUR + 17
    jobs = generate(toy(), 5, 0, 6, start=start)
    assert (np.diff(jobs.arrival) >= 0).all()
    assert jobs.arrival[0] >= start
    assert jobs.arrival[-1] < start + 6 * DAY
    assert min(jobs.walltime.min(), jobs.requested.min(), jobs.gang.min()) >= 1


def test_seeds_and_streams_give_different_work():
    prints = {fingerprint(generate(toy(), seed, stream, 2)) for seed in (1, 2) for stream in (0, 1)}
    assert len(prints) == 4


@pytest.mark.parametrize("name", names())
def test_the_offered_load_is_the_scenarios(name):
    scenario = load(name)
    growth = scenario.workload.growth
    days = 14 if growth else scenario.episodes.span_days
    streams = {"colossus1_gcp": 16, "mid_lab": 2, "small_team": 16}[name]
    work = sum(offered(generate(scenario, 3, stream, days)) for stream in range(streams))
    capacity = float(scenario.reference_capacity) * 24 * days * streams
    assert work / capacity == pytest.approx(float(scenario.workload.load), rel=0.05)


def test_another_load_scales_the_arrivals():
    usual, lower = (len(generate(toy(), 2, 0, 280, load)) for load in (None, 0.45))
    assert lower / usual == pytest.approx(0.5, rel=0.05)


def test_growth_multiplies_the_arrivals_from_its_day_on():
    jobs = generate(toy("workload.growth", [{"at_day": 140, "factor": 2}]), 2, 0, 280)
    before = int((jobs.arrival < 140 * DAY).sum())
    assert (len(jobs) - before) / before == pytest.approx(2, rel=0.05)


def test_submissions_follow_the_hours_of_the_week_as_far_as_their_class_does():
    scenario = toy("classes.1.batches", {1: 1})
    jobs = generate(scenario, 11, 0, 364)
    factors = np.array([float(factor) for factor in scenario.workload.week])
    for cls, rhythm in ((0, 0.0), (1, 1.0)):
        counts = np.bincount(jobs.arrival[jobs.cls == cls] % WEEK // HOUR, minlength=168)
        expected = (1 + rhythm * (factors - 1)) * counts.mean()
        chi_square = float(((counts - expected) ** 2 / expected).sum())
        assert chi_square < 167 + 6 * (2 * 167) ** 0.5


def test_gangs_tags_and_priorities_have_their_weights(years):
    large = years[years.cls == 0]
    count = len(large)
    tolerance = 4 * 0.5 / count**0.5
    assert (large.gang == 64).mean() == pytest.approx(0.75, abs=tolerance)
    assert set(np.unique(large.gang)) == {64, 128}
    masks = {"any": 0, "tpu": 0b100, "gpu": 0b010}
    for tag, weight in TOY["classes"][0]["portability"].items():
        assert (large.tags == masks[tag]).mean() == pytest.approx(weight, abs=tolerance)
    assert set(large.priority) == {3}
    assert set(years[years.cls == 1].tags) == {0}


def test_walltimes_have_their_median_tail_and_limit(years):
    walltime = years.walltime[years.cls == 0] / HOUR
    assert np.median(walltime) == pytest.approx(4, rel=0.05)
    assert np.quantile(walltime, 0.95) == pytest.approx(24, rel=0.06)
    assert walltime.max() <= 72


def test_early_ends_take_their_share_of_jobs_and_time(years):
    scenario = toy()
    walltime = years.walltime[years.cls == 1]
    assert walltime.mean() == pytest.approx(float(scenario.classes[1].mean_walltime), rel=0.03)
    planned = scenario.classes[1].walltime.table
    expected = 0.6 * float(table_mean(planned)) / float(scenario.classes[1].mean_walltime)
    assert expected == pytest.approx(0.9, abs=0.01)  # early ends use a tenth of the time


def test_requests_are_exact_too_short_or_longer_as_stated(years):
    large = years[years.cls == 0]
    ratio = large.requested / large.walltime
    at_limit = large.requested == 72 * HOUR
    assert (ratio[~at_limit] == 1).mean() == pytest.approx(0.3, abs=0.02)
    assert (ratio < 1).mean() == pytest.approx(0.05, abs=0.01)
    assert ratio.min() >= 0.49
    assert ratio.max() <= 3.001
    assert large.requested.max() <= 72 * HOUR


def test_about_a_third_of_submissions_share_their_second_with_another():
    for name in names():
        second = generate(load(name), 1, 0, 90).arrival // SECOND
        _, where, counts = np.unique(second, return_inverse=True, return_counts=True)
        assert (counts[where] > 1).mean() == pytest.approx(1 / 3, abs=0.06), name


def test_jobs_of_a_batch_have_gang_and_tags_in_common():
    scenario = toy("classes.0.batches", {5: 1})
    large = generate(scenario, 1, 0, 200)
    large = large[large.cls == 0]
    assert len(large) % 5 == 0
    for field in ("arrival", "gang", "tags"):
        column = large[field].reshape(-1, 5)
        assert (column == column[:, :1]).all()


@pytest.mark.parametrize("name", names())
def test_larger_jobs_run_a_little_longer(name):
    jobs = generate(load(name), 1, 0, 60)
    correlation = np.corrcoef(np.log(jobs.gang), np.log(jobs.walltime))[0, 1]
    assert 0 < correlation < 0.43  # public traces: 0.04 to 0.43


def test_choices_cover_all_probability():
    demand = demand_of(toy())
    for table in (demand.gangs, demand.tags, demand.batches):
        assert (np.diff(table[1], axis=1) >= 0).all()
        assert (table[1, :, -1] == CERTAIN).all()


REFUSED = [
    ({"seed": -1}, "seed, -1"),
    ({"stream": 1 << 63}, "stream"),
    ({"days": 4000}, "window"),
    ({"days": 1, "start": -1}, "window"),
    ({"load": 0.0}, "load"),
    ({"load": 1.3}, "load, 1.3, outside \\(0, 1.2\\]"),
]


@pytest.mark.parametrize(("changes", "message"), REFUSED)
def test_what_cannot_be_generated_is_refused(changes, message):
    with pytest.raises(InputError, match=message):
        generate(toy(), **({"seed": 1, "stream": 0, "days": 1} | changes))
