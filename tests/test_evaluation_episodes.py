"""Episodes of an evaluation: each has streams, a begin and a world of its own; one that may overflow is refused."""

import numpy as np
import pytest

from tidegate.agents.evaluation.episodes import FIRST_STREAM, VARIANTS, begin_of, compiled, recorded, synthetic
from tidegate.envs.generator import generate
from tidegate.envs.scenario import load
from tidegate.envs.traces.read import read
from tidegate.fastsim.errors import InputError
from tidegate.fastsim.jit import IS_COMPILED
from tidegate.fastsim.units import DAY

pytestmark = pytest.mark.skipif(not IS_COMPILED, reason="whole evaluations take minutes as plain Python")


def test_evaluation_draws_from_its_own_streams() -> None:
    scenario = load("small_team")
    spec = compiled(scenario, 3)
    one = synthetic(scenario, spec, 3, 2, None)
    spans = scenario.episodes
    days = (int(one.edges[-1]) - one.begin) // DAY + (14 if scenario.pipelines else 7)
    assert np.array_equal(one.jobs, generate(scenario, 3, FIRST_STREAM + 2, days, start=one.begin))
    assert np.diff(one.edges).tolist() == [spans.evaluation_days * DAY] * spans.evaluation_windows
    assert one.edges[0] - one.begin == spans.warm_up_days * DAY
    assert one.jobs.arrival.min() >= one.begin > 0


def test_every_episode_has_a_world_of_its_own() -> None:
    """Other failures and, where supply is drawn, another variant; training's schedules are others."""
    scenario = load("small_team")
    spec = compiled(scenario, 3)
    drawn = [synthetic(scenario, spec, 3, number, None) for number in range(3)]
    assert len({one.seed for one in drawn}) == len({one.begin for one in drawn}) == 3
    assert len(spec.variants) == (VARIANTS if scenario.is_random else 1)
    assert [one.variant for one in drawn] == [number % len(spec.variants) for number in range(3)]
    if scenario.is_random:
        training = scenario.compile(variants=VARIANTS, seed=3)
        assert not np.array_equal(spec.capacity_steps, training.capacity_steps)


def test_begins_lie_evenly_over_the_span() -> None:
    """With 64 episodes no gap between neighbours exceeds twice the mean, whatever the seed."""
    for seed in range(5):
        begins = np.sort([begin_of(seed, number, 699) for number in range(64)])
        assert begins[0] >= 0 and begins[-1] <= 699
        assert np.diff(np.concatenate([begins, [begins[0] + 700]])).max() <= 2 * 700 / 64
    assert begin_of(1, 3, 0) == begin_of(1, 3, -5) == 0


@pytest.mark.parametrize(("hours", "is_refused"), [(6_000, False), (10_000, True)])
def test_a_trace_whose_jobs_request_too_long_for_all_that_may_wait_is_refused(hours, is_refused, tmp_path):
    """73 million accelerators may want something of `mid_lab` at once; 2^62 µ$ let twice as many run 6,988 hours."""
    file = tmp_path / "long.csv"
    rows = [f"{place},{100 * place},3600,8,{3600 * hours}" for place in range(3)]
    file.write_text("\n".join(["job_id,submit_s,runtime_s,gpus,requested_s", *rows]), encoding="utf-8")
    scenario, trace = load("mid_lab"), read(file)
    if is_refused:
        with pytest.raises(InputError, match="hours requested by one job, 10,000, could overflow"):
            recorded(scenario, scenario.compile(), trace, 1, 0, None)
    else:
        assert len(recorded(scenario, scenario.compile(), trace, 1, 0, None).jobs) == 3
