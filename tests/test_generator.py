"""Synthetic jobs: the same everywhere, and as the scenario says."""

import hashlib
import os
import subprocess
import sys
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from tidegate.envs.demand import CERTAIN, NONE, demand_of
from tidegate.envs.generator import generate
from tidegate.envs.quantiles import table_mean
from tidegate.envs.scenario import Scenario, load
from tidegate.fastsim.errors import InputError
from tidegate.fastsim.spec import JOB
from tidegate.fastsim.units import DAY, HOUR, SECOND, WEEK

from .toy_scenario import TOY, edited, toy
from .toy_work import ANSWERS, MODEL, busy_toy

BASES = ("colossus1_gcp", "mid_lab", "small_team")  # the work of all others is theirs, changed
GOLDEN = "37e9ec71df9db70f94c4ebfc11471a71d4a02739d7e60df91520bc0c2c591b62"


def fingerprint(jobs: Any) -> str:
    """SHA-256 over the columns, as little-endian 64-bit integers."""
    digest = hashlib.sha256()
    for name in (name for name in JOB.names or () if name not in {"descendants", "path"}):  # they follow from the rest
        digest.update(jobs[name].astype("<i8").tobytes())
    return digest.hexdigest()


def hours(jobs: Any) -> float:
    """Accelerator-hours at speed 1."""
    return float((jobs.gang * jobs.walltime.astype(np.float64)).sum() / HOUR)


def toy_with(path: str, value: Any, more: dict[str, Any]) -> Any:
    """The toy, one key replaced and some added to its first class, with data that lie at both providers."""
    content = edited(path, value)
    models = {"billions": {1: 1, 128: 70}, "weights_bytes": 2, "state_bytes": 14, "homes": {"owned": 3, "rented": 1}}
    content["workload"] = content["workload"] | {"models": models}
    content["classes"] = [content["classes"][0] | more, content["classes"][1]]
    return Scenario.model_validate(content)


@pytest.fixture(scope="module")
def years() -> Any:
    """Two years of the toy."""
    return generate(toy(), 11, 0, 728)


def test_the_toy_stream_is_this_one_on_every_machine():
    jobs = generate(toy(), 7, 3, 2)
    assert len(jobs) > 300
    assert fingerprint(jobs) == GOLDEN


def test_uncompiled_kernels_generate_the_same_jobs():
    busy = busy_toy([MODEL], [ANSWERS | {"surges": [{"at_day": 0.5, "days": 1, "factor": 2}]}])
    program = (
        "import json, sys; from tidegate.envs.scenario import Scenario; from tidegate.envs.generator import generate;"
        "print(generate(Scenario.model_validate_json(sys.stdin.read()), 7, 3, 1).tolist())"
    )
    environment = os.environ | {"NUMBA_DISABLE_JIT": "1", "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-W", "error", "-c", program]
    saved = busy.model_dump_json()
    done = subprocess.run(command, env=environment, input=saved, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == str(generate(busy, 7, 3, 1).tolist())


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


@pytest.mark.parametrize("name", BASES)
def test_every_class_has_its_share_of_the_offered_load(name):
    scenario = load(name)
    days, streams = {"colossus1_gcp": (14, 16), "mid_lab": (182, 8), "small_team": (364, 16)}[name]
    work = np.zeros(len(scenario.terms))
    for stream in range(streams):
        jobs = generate(scenario, 3, stream, days)
        work += np.bincount(jobs.cls, (jobs.gang * jobs.walltime) / HOUR, len(work))
    offered = scenario.offered()
    full = [offered.accelerators if cls in scenario.serving else offered.work for cls in scenario.terms]
    parts = work / (np.array(full, float) * 24 * days * streams)
    stated = np.array([float(offered.part(Fraction(cls.share))) for cls in scenario.terms])
    assert parts.sum() == pytest.approx(1, rel=0.05)
    assert parts == pytest.approx(stated, rel=0.15)  # the heaviest tail leaves four per cent of noise


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


@pytest.mark.parametrize("name", BASES)
def test_about_a_third_of_submissions_share_their_second_with_another(name):
    jobs = generate(load(name), 1, 0, 90)
    first = jobs[(jobs.until == 0) & (jobs.member == 0)]
    _, where, counts = np.unique(first.arrival // SECOND, return_inverse=True, return_counts=True)
    assert (counts[where] > 1).mean() == pytest.approx(1 / 3, abs=0.06)


def test_jobs_of_a_batch_have_gang_and_tags_in_common():
    scenario = toy("classes.0.batches", {5: 1})
    large = generate(scenario, 1, 0, 200)
    large = large[large.cls == 0]
    assert len(large) % 5 == 0
    for field in ("arrival", "gang", "tags"):
        column = large[field].reshape(-1, 5)
        assert (column == column[:, :1]).all()


@pytest.mark.parametrize("name", BASES)
def test_larger_jobs_run_a_little_longer(name):
    jobs = generate(load(name), 1, 0, 60)
    jobs = jobs[jobs.until == 0]
    correlation = np.corrcoef(np.log(jobs.gang), np.log(jobs.walltime))[0, 1]
    assert 0 < correlation < 0.43  # public traces: 0.04 to 0.43


def test_jobs_that_end_early_are_cancelled(years):
    small = years[years.cls == 1]
    assert small.is_cancelled.mean() == pytest.approx(0.4, abs=0.01)
    assert small.walltime[small.is_cancelled == 1].max() <= 0.333 * 24 * HOUR
    assert not years.is_cancelled[years.cls == 0].any()


def test_jobs_of_no_pipeline_stand_alone_and_have_no_data_where_none_are_described(years):
    assert (years.partner == NONE).all()
    assert (years.silicon == NONE).all()
    for name in ("input", "home", "output", "snapshot", "deadline", "penalty", "until", "member", "parents", "sync"):
        assert not years[name].any(), name


def test_native_silicon_is_that_of_jobs_that_require_no_tag():
    sites = [TOY["sites"][0] | {"silicon": "tpu"}, *TOY["sites"][1:]]
    large = generate(toy_with("sites", sites, {"native": {"tpu": 0.5, "gpu": 0.3, "any": 0.2}}), 3, 0, 728)
    large = large[large.cls == 0]
    anywhere = large[large.tags == 0]
    assert (large.silicon[large.tags > 0] == NONE).all()
    for number, weight in ((0, 0.3), (1, 0.5), (NONE, 0.2)):  # gpu, tpu
        assert (anywhere.silicon == number).mean() == pytest.approx(weight, abs=0.03)


def test_data_follow_from_the_gang_and_lie_at_home():
    terms = {"reads_weights": True, "writes_weights": True, "checkpoint_minutes": 30, "dataset_gb": {0: 0.5, 20: 0.5}}
    jobs = generate(toy_with("name", "toy", terms), 3, 0, 728)
    large = jobs[jobs.cls == 0]
    billions = np.where(large.gang >= 128, 70, 1)
    assert (large.output == 2_000 * billions).all()
    assert (large.snapshot == 14_000 * billions).all()
    dataset = large.input - 2_000 * billions
    assert set(dataset) == {0, 20_000}
    assert (dataset > 0).mean() == pytest.approx(0.5, abs=0.03)
    assert (large.home == 0).mean() == pytest.approx(0.75, abs=0.03)
    small = jobs[jobs.cls == 1]
    assert not small.input.any() and not small.output.any() and not small.snapshot.any()


def test_deadlines_leave_the_stated_slack_and_cost_by_what_was_requested():
    terms = {"deadline": {"share": 0.5, "slack": [0.2, 0.6], "slack_hours": [1, 3], "penalty_per_hour": 0.25}}
    large = generate(toy_with("name", "toy", terms), 3, 0, 728)
    large = large[large.cls == 0]
    due = large[large.deadline > 0]
    assert len(due) / len(large) == pytest.approx(0.5, abs=0.03)
    slack = due.deadline - due.arrival - due.requested
    assert (slack >= 0.2 * due.requested + HOUR - 1).all()
    assert (slack <= 0.6 * due.requested + 3 * HOUR).all()
    assert (slack / (0.4 * due.requested + 2 * HOUR)).mean() == pytest.approx(1, abs=0.05)
    assert (
        due.penalty == due.gang * due.requested // HOUR * 250_000 + due.gang * due.requested % HOUR * 250_000 // HOUR
    ).all()
    assert not large.penalty[large.deadline == 0].any()


def test_choices_cover_all_probability():
    demand = demand_of(toy())
    for table in (
        demand.gangs,
        demand.tags,
        demand.batches,
        demand.native,
        demand.dataset,
        demand.homes,
        demand.wanted,
    ):
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
