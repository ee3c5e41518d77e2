"""A trace becomes jobs: a wanted load is met with the rhythm kept, and what was not recorded is drawn."""

import random
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from tidegate.envs.scenario import load as load_scenario
from tidegate.envs.traces.load import copies, fits, offered_load, to_jobs
from tidegate.envs.traces.read import read
from tidegate.envs.traces.scaling import MOST_JITTER, overlaid, rotated, thinned
from tidegate.envs.traces.table import Trace
from tidegate.fastsim.errors import InputError
from tidegate.fastsim.units import DAY, MINUTE, WEEK

from .toy_traces import ROWS, scenario, text_of, written


def made_up(tmp_path: Path, jobs: int = 4000, days: float = 30, seed: int = 1) -> Trace:
    """A trace with batches, heavy tails and a daily rhythm."""
    draws = random.Random(seed)
    rows = []
    for job in range(jobs):
        hour = min(23.9, abs(draws.gauss(14, 3)))
        submit = 0 if job == 0 else int((draws.randrange(int(days) or 1) + hour / 24) % days * 86400)
        gang = 1 << min(6, int(draws.expovariate(0.7)))
        rows.append(
            (
                str(job),
                str(submit),
                str(gang),
                str(1 + int(draws.lognormvariate(7, 2)) % 200_000),
                "",
                f"u{job % 9}",
                "",
                "",
            )
        )
    return read(written(tmp_path / "made_up.csv", text_of(rows)))


def test_without_a_load_jobs_stand_as_recorded(tmp_path: Path) -> None:
    trace = made_up(tmp_path)
    jobs = to_jobs(trace, scenario())
    for column, recorded in (("arrival", "submit_ms"), ("walltime", "walltime_ms"), ("gang", "gang")):
        assert np.array_equal(jobs[column], getattr(trace, recorded))
    assert np.all(jobs.tags == 0) and np.array_equal(jobs.priority, jobs.cls)


@pytest.mark.parametrize("load", [0.05, 0.6, 0.9, 1.2, 4.3])
def test_a_wanted_load_is_met_with_time_hardly_stretched(tmp_path: Path, load: float) -> None:
    trace = made_up(tmp_path)
    jobs = to_jobs(trace, scenario(), load, seed=3, episode=5)
    assert offered_load(jobs, scenario()) == pytest.approx(load, rel=1e-6)
    assert np.all(np.diff(jobs.arrival) >= 0) and jobs.arrival[0] >= 0
    assert np.ptp(jobs.arrival) == pytest.approx(trace.span_ms, rel=0.1)


def test_the_same_seed_and_episode_give_the_same_bits_and_others_do_not(tmp_path: Path) -> None:
    trace, world = made_up(tmp_path), scenario()
    once = to_jobs(trace, world, 1.7, seed=3, episode=5)
    assert once.tobytes() == to_jobs(trace, world, 1.7, seed=3, episode=5).tobytes()
    assert once.tobytes() != to_jobs(trace, world, 1.7, seed=4, episode=5).tobytes()
    assert once.tobytes() != to_jobs(trace, world, 1.7, seed=3, episode=6).tobytes()


@pytest.mark.parametrize("days", [0.01, 0.5, 1.5, 6.3, 13.9, 14.0, 29.4, 90.0])
def test_a_copy_keeps_the_hour_of_the_day_and_of_the_week(tmp_path: Path, days: float) -> None:
    trace = made_up(tmp_path, jobs=300, days=days)
    unit = WEEK if trace.span_ms >= 2 * WEEK else DAY
    assert np.array_equal(rotated(trace.submit_ms, 0, 1, 1), trace.submit_ms)
    for copy in range(1, 6):
        times = rotated(trace.submit_ms, copy, seed=7, episode=copy)
        assert times.min() >= 0 and times.max() <= trace.span_ms
        moved = (times - trace.submit_ms) % unit
        jitter = np.minimum(moved, unit - moved)
        # Those that the jitter pushed over the seam come back at its other end.
        inside = (trace.submit_ms > MOST_JITTER) & (trace.submit_ms < trace.span_ms - MOST_JITTER)
        assert np.all(jitter[inside] <= MOST_JITTER)
        if trace.span_ms >= 2 * unit:
            assert np.all(np.abs(times - trace.submit_ms)[inside] >= unit - MOST_JITTER)


def test_a_rotation_leaves_no_gap_and_doubles_no_week() -> None:
    hours = np.arange(29 * 24 + 1) * 3_600_000
    times = np.sort(rotated(hours, 1, seed=1, episode=1))
    assert np.all(np.diff(times) <= 2 * 3_600_000) and len(np.unique(times)) == len(hours)


def test_thinning_keeps_each_job_with_the_wanted_probability_and_the_wanted_work(tmp_path: Path) -> None:
    trace, episodes = made_up(tmp_path, jobs=400), 300
    work = trace.gang * trace.walltime_ms
    kept, shares = np.zeros(len(trace)), np.zeros(episodes)
    for episode in range(episodes):
        jobs = thinned(trace, Fraction(3, 10), seed=1, copy=0, episode=episode)
        kept[jobs] += 1
        shares[episode] = work[jobs].sum() / work.sum()
        assert abs(len(jobs) - 120) <= 1
    # Five standard deviations of a binomial share over the 400 jobs.
    assert np.all(np.abs(kept / episodes - 0.3) < 5 * (0.3 * 0.7 / episodes) ** 0.5)
    independent = (0.3 * 0.7 * (work.astype(float) ** 2).sum()) ** 0.5 / work.sum()
    assert shares.mean() == pytest.approx(0.3, abs=0.01) and shares.std() < 0.6 * independent


def test_overlaid_copies_hold_every_job_as_often_as_wanted(tmp_path: Path) -> None:
    trace = made_up(tmp_path, jobs=200)
    for ratio in (Fraction(1), Fraction(2), Fraction(5, 2), Fraction(1, 4)):
        counts = np.bincount(overlaid(trace, ratio, seed=1, episode=1).job, minlength=200)
        assert counts.sum() == pytest.approx(float(ratio) * 200, abs=1)
        assert counts.min() == ratio // 1 and counts.max() == -(-ratio // 1)


def test_copies_are_counted_as_they_are_laid(tmp_path: Path) -> None:
    trace, world = made_up(tmp_path, jobs=400), scenario(accelerators=64)
    recorded = offered_load(to_jobs(trace, world), world)
    assert copies(trace, world, None) == 1
    for times, wanted in ((0.5, 1), (0.99, 1), (2.5, 3)):
        assert copies(trace, world, times * recorded) == wanted


def test_drawn_requests_are_at_the_limit_or_over_estimates(tmp_path: Path) -> None:
    trace = made_up(tmp_path)
    jobs = to_jobs(trace, scenario(), seed=1)
    is_at_limit = jobs.requested == jobs.walltime
    assert np.mean(is_at_limit) == pytest.approx(0.3, abs=0.03)
    estimates, walltime = jobs.requested[~is_at_limit], jobs.walltime[~is_at_limit]
    assert np.all(estimates % (5 * MINUTE) == 0) and np.all(estimates >= walltime)
    assert np.all(estimates <= 3 * walltime + 5 * MINUTE)
    long = walltime > 20 * 60 * MINUTE
    assert np.mean(estimates[long] / walltime[long]) == pytest.approx(2, abs=0.15)


def test_recorded_requests_stay(tmp_path: Path) -> None:
    jobs = to_jobs(read(written(tmp_path / "t.csv", text_of(ROWS))), scenario())
    assert jobs.requested[[1, 2]].tolist() == [7_200_000, 60_000]


@pytest.mark.parametrize("load", [0, -1, float("nan"), float("inf"), 1e9, 1e-9])
def test_a_load_that_cannot_be_had_is_refused(tmp_path: Path, load: float) -> None:
    with pytest.raises(InputError, match=r"^load: (offered load|jobs of one episode)"):
        to_jobs(made_up(tmp_path, jobs=200), scenario(), load)


def test_the_load_refers_to_the_speed_of_the_committed_sites(tmp_path: Path) -> None:
    trace = made_up(tmp_path, jobs=500)
    slow, fast = (offered_load(to_jobs(trace, scenario()), scenario(speed=speed)) for speed in ("1", "2.5"))
    assert slow == pytest.approx(2.5 * fast)


def test_tags_are_drawn_from_the_shares_of_the_class(tmp_path: Path) -> None:
    world, trace = load_scenario("colossus1_gcp"), made_up(tmp_path)
    jobs = to_jobs(trace, world, seed=1)
    assert jobs.tobytes() == to_jobs(trace, world, seed=1).tobytes() != to_jobs(trace, world, seed=2).tobytes()
    for index, job_class in enumerate(world.classes):
        tags = jobs.tags[jobs.cls == index]
        assert set(tags) <= {world.tag_mask(required) for required in job_class.portability}
        for required, weight in job_class.portability.items():
            share = float(weight / sum(job_class.portability.values()))
            assert np.sum(tags == world.tag_mask(required)) == pytest.approx(
                share * len(tags), abs=5 * len(tags) ** 0.5
            )


def test_names_of_draws_and_numbers_of_jobs_have_limits(tmp_path: Path) -> None:
    trace = made_up(tmp_path, jobs=200)
    for names in ({"seed": -1}, {"episode": 1 << 63}):
        with pytest.raises(InputError, match="outside"):
            to_jobs(trace, scenario(), **names)
    with pytest.raises(InputError, match="jobs of one episode"):
        to_jobs(trace, scenario(accelerators=1_000_000_000), 0.9)


def test_a_load_needs_a_span_and_committed_accelerators(tmp_path: Path) -> None:
    one = read(written(tmp_path / "t.csv", text_of(ROWS[:1])))
    assert len(to_jobs(one, scenario())) == 1
    with pytest.raises(InputError, match="spans no time"):
        to_jobs(one, scenario(), 0.9)
    with pytest.raises(InputError, match="which is 0"):
        to_jobs(made_up(tmp_path, jobs=50), scenario(accelerators=0), 0.9)


def test_a_large_gang_is_warned_of(tmp_path: Path) -> None:
    trace = read(written(tmp_path / "t.csv", text_of(ROWS)))
    assert fits(trace, scenario(accelerators=32)) is None
    warning = fits(trace, scenario(accelerators=31))
    assert warning is not None and "largest gang, 8," in warning and "at least 32" in warning
