"""Labels from branches: what an alternative costs, on how many threads, how far, and how often an offer is sampled."""

from dataclasses import fields
from typing import Any

import numpy as np
import pytest

from tidegate.agents.ppo.branches import Branches, LabelSet, reach_of
from tidegate.agents.ppo.settings import Settings
from tidegate.agents.rules import committed_only, cost_greedy
from tidegate.envs.routing import RoutingBatch
from tidegate.fastsim.branches import FIRST_MARK, MARKS
from tidegate.fastsim.jit import IS_COMPILED
from tidegate.fastsim.observe import JOB_FEATURES
from tidegate.fastsim.units import DAY, HOUR
from tidegate.fastsim.worlds import Worlds

from .test_envs import short

pytestmark = pytest.mark.skipif(not IS_COMPILED, reason="plays millions of decisions")
SETTINGS = Settings(branch_hours=12, branch_stretch=0.5, blend_hours=4, value_hours=8)
BLEND = SETTINGS.model_copy(update={"advantages": "blend"})
COUNT = 48
NEAR = SETTINGS.model_copy(
    update={"branch_hours": 0.5, "branch_stretch": 0.0, "label_chance": 0.01, "label_spacing": 2.5}
)  # many labels in a short while


def batch(episodes: int = 8) -> RoutingBatch:
    made = RoutingBatch(short(7), episodes, seed=3)
    made.reset()
    return made


def gathered(settings: Settings = SETTINGS, made: RoutingBatch | None = None, **options: Any) -> LabelSet:
    made = made or batch()
    rule = cost_greedy.agent()
    found = Branches(made, **options).gather(rule, rule, reach_of(made, settings, 5), COUNT)
    assert found is not None
    return found


def equal(one: LabelSet, other: LabelSet) -> None:
    for field in fields(LabelSet):
        np.testing.assert_array_equal(getattr(one, field.name), getattr(other, field.name), field.name)


@pytest.fixture(scope="module")
def labels() -> LabelSet:
    return gathered()


@pytest.fixture(scope="module")
def many() -> LabelSet:
    made, rule = batch(), cost_greedy.agent()
    found = Branches(made).gather(rule, rule, reach_of(made, NEAR, 1), 1000)
    assert found is not None
    return found


@pytest.mark.parametrize("settings", [SETTINGS, BLEND], ids=["branch", "blend"])
def test_labels_are_the_same_on_two_threads(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIDEGATE_THREADS", "1")
    alone = gathered(settings)
    monkeypatch.setenv("TIDEGATE_THREADS", "2")
    equal(gathered(settings), alone)


def test_every_legal_action_has_a_cost_and_no_other(labels: LabelSet) -> None:
    assert len(labels) >= COUNT
    np.testing.assert_array_equal(np.isfinite(labels.costs), labels.masks)
    assert (labels.masks.sum(1) > 1).all()
    assert not labels.masks.all()
    assert labels.masks[np.arange(len(labels)), labels.actions].all()
    assert labels.siblings == labels.masks.sum()


def test_jobs_that_wait_are_sampled_as_well_as_those_that_arrive(many: LabelSet) -> None:
    fresh = many.observations[:, JOB_FEATURES.index("is_fresh")] > 0
    assert fresh.any()
    assert not fresh.all()


def test_the_action_taken_is_the_behaviours(many: LabelSet) -> None:
    """committed-only never takes anything but a committed site."""
    made, rule = batch(), committed_only.agent()
    found = Branches(made).gather(rule, cost_greedy.agent(), reach_of(made, NEAR, 1), len(many))
    assert found is not None
    assert (found.actions == 0).all()
    assert (many.actions != 0).any()


def test_a_branch_that_ends_early_costs_what_it_would_at_the_horizon(labels: LabelSet) -> None:
    """No overage, a budget far from spent: where jobs wait and run alike, all that follows costs the same."""
    whole = gathered(marks=1)
    np.testing.assert_array_equal(whole.actions, labels.actions)
    assert labels.early > labels.siblings / 10
    assert labels.decisions < whole.decisions
    legal = labels.masks
    np.testing.assert_allclose(labels.costs[legal], whole.costs[legal], rtol=0, atol=1e-6)


def test_branches_that_differ_at_the_end_cost_differently(labels: LabelSet) -> None:
    """Prints are no blanket: what has not merged differs, nearly always, and some labels have something to teach."""
    taken = labels.costs[np.arange(len(labels)), labels.actions][:, None]
    open_ones = labels.masks & ~labels.merged
    open_ones[np.arange(len(labels)), labels.actions] = False
    assert open_ones.any()
    assert (np.abs(labels.costs - taken)[open_ones] > 0).mean() > 0.9


def test_weights_count_the_offers_that_were_not_sampled() -> None:
    """The sum of the weights estimates how many offers had several legal actions, within four standard errors."""
    sampled, stepped, rule = batch(), batch(), cost_greedy.agent()
    begun, until = stepped.worlds.batch.state.decisions[:, 0].copy(), sampled.ends.copy()
    found = Branches(sampled).gather(rule, rule, reach_of(sampled, NEAR, 1), 2000)
    assert found is not None
    np.testing.assert_array_equal(sampled.ends, until)  # no episode has begun anew
    played = sampled.worlds.batch.state.decisions[:, 0] - begun
    offers = 0
    for step in range(int(played.max())):
        offers += int(((stepped.masks.sum(1) > 1) & (step < played)).sum())
        stepped.step(stepped.worlds.ask(rule))
    error = np.sqrt((found.weights * (found.weights - 1)).sum())
    assert found.weights.max() > 20
    assert abs(found.weights.sum() - offers) < 4 * error
    assert error < offers / 4


def test_a_heavier_offer_is_sampled_more_often(labels: LabelSet) -> None:
    observed = labels.observations
    gang, hours = (observed[:, JOB_FEATURES.index(name)] for name in ("gang", "requested_hours"))
    work = gang / (1 - gang) * hours / (1 - hours)
    order = np.argsort(work)
    assert labels.weights[order[: COUNT // 4]].mean() > 2 * labels.weights[order[-COUNT // 4 :]].mean()


def test_a_world_that_runs_out_of_room_gives_the_same_labels(labels: LabelSet) -> None:
    made = batch()
    kept = made.kept()
    used = int(kept["state"]["slots"].max())
    tight = Worlds(made.worlds.spec, made.worlds.jobs, len(made), slots=used)
    tight.put_back({**kept, "slots": np.array(used)})
    made.worlds = tight
    equal(gathered(made=made), labels)
    assert made.worlds.batch.keys.shape[2] > used


def test_a_batch_that_is_put_back_goes_on_as_it_would_have() -> None:
    one, other = batch(), RoutingBatch(short(7), 8, seed=4)
    gathered(made=one)
    kept = one.kept()
    expected = gathered(made=one)
    other.put_back(kept)
    equal(gathered(made=other), expected)
    one.draw_anew(2)
    kept = one.kept()
    expected = gathered(made=one)
    other.put_back(kept)
    equal(gathered(made=other), expected)


def test_other_numbers_draw_other_work_and_other_samples() -> None:
    made = batch()
    arrivals = made.worlds.jobs.arrival.copy()
    made.draw_anew(1)
    assert not np.array_equal(made.worlds.jobs.arrival[:100], arrivals[:100])
    assert reach_of(made, SETTINGS, 1).seed != reach_of(made, SETTINGS, 2).seed


def test_a_tail_begins_with_the_same_job_in_all_branches() -> None:
    """What is seen at the ends differs by how things stand, never by the job that arrives, nor by the hour."""
    found = gathered(BLEND)
    arriving = [JOB_FEATURES.index(name) for name in ("gang", "requested_hours", "delay_rate", "is_fresh")]
    seen = found.masks & ~found.merged
    several = seen.sum(1) > 1
    assert several.any()
    differs = 0
    for row in np.flatnonzero(several):
        ends = found.ends[row][seen[row]]
        assert (ends[:, arriving] == ends[0, arriving]).all()
        differs += int((ends != ends[0]).any())
    assert differs > 0
    assert np.isfinite(found.tails).all()
    assert (found.tails > 0).any()


def test_marks_reach_beyond_every_branch() -> None:
    distances = [FIRST_MARK]
    for _ in range(MARKS - 2):
        distances.append(distances[-1] * 3 // 2)
    assert distances[0] == HOUR // 6
    assert distances[-1] > 45 * DAY


def test_who_asks_to_stop_gets_nothing() -> None:
    made, rule = batch(), cost_greedy.agent()
    assert Branches(made).gather(rule, rule, reach_of(made, SETTINGS, 0), COUNT, lambda: False) is None
