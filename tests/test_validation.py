"""Validation weeks: what they say is right, they are nobody else's, and who plays them learns what it would without."""

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tidegate.agents.board import validation
from tidegate.agents.board.mix import HOURS, Mix, mixes, shares
from tidegate.agents.board.pictures import by_class, by_hour, colours
from tidegate.agents.board.validation import Foresight, Validation, Weeks, gap_closed, saved
from tidegate.agents.evaluation import episodes
from tidegate.agents.evaluation.episodes import CHOICE, EVALUATION, MOST_EPISODES, TUNING, VALIDATION
from tidegate.agents.evaluation.fares import joined
from tidegate.agents.evaluation.measures import waits
from tidegate.agents.page.names import HOLD
from tidegate.agents.ppo.algorithm import RoutingPPO
from tidegate.agents.ppo.train import train
from tidegate.agents.rules import burst_only, cost_greedy
from tidegate.agents.tuning.course import Course
from tidegate.envs.scenario import Scenario, load
from tidegate.fastsim.errors import InputError
from tidegate.fastsim.jit import IS_COMPILED
from tidegate.fastsim.log import ARRIVE, OFFER
from tidegate.fastsim.spec import JOB
from tidegate.fastsim.units import DAY, HOUR

from .test_envs import short

pytestmark = pytest.mark.skipif(not IS_COMPILED, reason="plays millions of decisions")
PNG = b"\x89PNG\r\n"


@pytest.fixture(scope="module")
def small() -> Scenario:
    return load("small_team")


@pytest.fixture(scope="module")
def weeks(small: Scenario) -> Weeks:
    """Five of them: a stretch of four, and a part of another."""
    return Weeks(small, cost_greedy.agent(), 5)


def test_the_rule_closes_no_gap_and_the_clairvoyant_all_of_it() -> None:
    assert gap_closed(100.0, 100.0, 60.0) == 0
    assert gap_closed(60.0, 100.0, 60.0) == 1
    assert gap_closed(90.0, 100.0, 60.0) == 0.25
    assert gap_closed(120.0, 100.0, 60.0) == -0.5
    assert math.isnan(gap_closed(90.0, 100.0, 100.0))
    assert saved(100.0, 100.0) == 0
    assert saved(75.0, 100.0) == 0.25


def test_foresight_costs_less_than_the_rule_that_it_betters(small: Scenario) -> None:
    rule = cost_greedy.agent()
    found = Foresight(small, rule, 2, 10)
    assert found.clairvoyant < found.rule == found.cost(rule)
    assert found.closed(rule) == 0
    assert found.closed(burst_only.agent()) < 0
    assert gap_closed(found.clairvoyant, found.rule, found.clairvoyant) == 1


def test_weeks_come_to_what_a_course_of_them_does(small: Scenario, weeks: Weeks) -> None:
    course = Course(small, validation.SEED, VALIDATION, 0, 5)
    for agent in (cost_greedy.agent(), burst_only.agent()):
        fared, mix = weeks.fare(agent)
        played = list(course.play(agent))
        assert fared.cost == pytest.approx(course.cost(agent), rel=1e-12)
        assert fared.wait == waits(joined([one.fares for one in played]))["wait_p95_hours"]
        assert mix is not None
        for one, counter in zip(mix, ("decisions", "first_offers"), strict=True):
            counted = sum(int(play.rows[counter].sum()) for play in played)
            assert one.by_class.sum() == one.by_hour.sum() == counted > 0


def test_shares_sum_to_one_in_every_class_and_hour(weeks: Weeks) -> None:
    mix = weeks.fare(cost_greedy.agent())[1]
    assert mix is not None
    for one in mix:
        for counts in one:
            found, is_there = shares(counts), counts.sum(axis=1) > 0
            assert found[is_there].sum(axis=1) == pytest.approx(1)
            assert np.isnan(found[~is_there]).all()
        assert one.by_hour.shape == (HOURS, len(weeks.ground.sites) + 1)
        assert (one.by_hour.sum(axis=1) > 0).all()
    assert (mix[0].by_class >= mix[1].by_class).all()


def test_decisions_are_counted_by_class_and_hour() -> None:
    """Job 0 is of class 1, offered before the log begins; job 1 of class 0, offered twice; job 2 too late."""
    jobs = np.zeros(3, JOB).view(np.recarray)
    jobs.cls[:] = [1, 0, 0]
    rows = [
        (5 * HOUR, OFFER, 0, 2, 2),
        (6 * HOUR, ARRIVE, 1, 0, 0),
        (6 * HOUR, OFFER, 1, 2, 2),
        (DAY + 7 * HOUR - 1, OFFER, 1, 0, 1),  # it asked for site 1, and got site 0
        (2 * DAY, OFFER, 2, 1, 1),
    ]
    every, first = mixes(np.array(rows), jobs, np.array([0]), 2 * DAY, classes=2, actions=3)
    assert every.by_class.tolist() == [[1, 0, 1], [0, 0, 1]]
    assert first.by_class.tolist() == [[0, 0, 1], [0, 0, 0]]
    assert {hour: every.by_hour[hour].tolist() for hour in np.flatnonzero(every.by_hour.any(axis=1)).tolist()} == {
        5: [0, 0, 1],
        6: [1, 0, 1],
    }
    assert (every + every).by_class.tolist() == [[2, 0, 2], [0, 0, 2]]


def test_pictures_are_drawn_even_of_classes_without_decisions(weeks: Weeks) -> None:
    classes, actions = len(weeks.ground.classes), len(weeks.ground.sites) + 1
    nothing = Mix(np.zeros((classes, actions), np.int64), np.zeros((HOURS, actions), np.int64))
    for draw in (by_class, by_hour):
        picture = draw("title", weeks.ground, (nothing, nothing))
        assert picture.content.startswith(PNG)
        assert picture.width == 960
        assert 300 < picture.height < 800
    assert len(set(colours(weeks.ground))) == actions
    assert colours(weeks.ground)[-1] == HOLD


def test_a_rule_beside_itself_saves_nothing(small: Scenario, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(validation, "best_rule", lambda scenario: cost_greedy.agent())
    point = Validation([small, small], 1).point(cost_greedy.agent())
    assert (point[validation.SAVED], point[validation.WAIT_OF]) == (0, 1)
    assert set(point) == {*Validation([small], 1).metrics, "mix/by_class", "mix/by_hour", validation.SECONDS}


def test_who_lets_too_much_wait_costs_infinitely_much(weeks: Weeks, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(where: str) -> Any:
        def play(*_: object) -> Any:
            raise InputError(where, "jobs", 1, "too many", "fewer")

        return play

    monkeypatch.setattr(validation.Chunk, "play_in", full("simulator"))
    assert weeks.fare(cost_greedy.agent()) == (validation.NEVER, None)
    monkeypatch.setattr(validation.Chunk, "play_in", full("elsewhere"))
    with pytest.raises(InputError, match="elsewhere"):
        weeks.fare(cost_greedy.agent())


def test_validation_draws_episodes_that_nobody_else_meets() -> None:
    others = (EVALUATION, TUNING, CHOICE)
    assert all(VALIDATION.first_stream >= one.first_stream + MOST_EPISODES for one in others)
    names = {one for draws in others for one in (draws.supply, draws.begins)}
    assert not names & {VALIDATION.supply, VALIDATION.begins}
    assert VALIDATION.first_stream > max(*names, VALIDATION.supply, VALIDATION.begins)


def test_training_plays_no_episode_that_is_held_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn, generate = [], episodes.generate

    def noted(scenario: Scenario, seed: int, stream: int, *rest: Any, **named: Any) -> Any:
        drawn.append(stream)
        return generate(scenario, seed, stream, *rest, **named)

    monkeypatch.setattr(episodes, "generate", noted)
    learned(tmp_path / "run", evaluate_episodes=5, clairvoyant_episodes=2, clairvoyant_jobs=1)
    assert set(drawn) == {VALIDATION.first_stream, VALIDATION.first_stream + 1}


def learned(out: Path, **knobs: Any) -> dict[str, bytes]:
    """The weights after two updates."""
    tiny: dict[str, Any] = {
        "episodes": 8,
        "steps": 16,
        "minibatch": 128,
        "width": 8,
        "imitated": 256,
        "critic_share": 0.0,
        "labels": 16,
        "label_spacing": 5.0,
        "branch_hours": 2,
        "branch_stretch": 0.1,
        "refreshes": 2,
        "updates": 2,
    }
    train(short(7), None, 1, out, **tiny | knobs)
    model = RoutingPPO.load(out / "model.zip", device="cpu")
    return {name: value.numpy().tobytes() for name, value in model.policy.state_dict().items()}


@pytest.mark.parametrize("mode", ["gae", "branch"])
def test_who_is_evaluated_learns_the_same(mode: str, tmp_path: Path) -> None:
    """Bit for bit: evaluation draws nothing that training draws from."""
    seen = learned(tmp_path / "seen", advantages=mode, evaluate_episodes=2, evaluate_updates=1)
    assert seen == learned(tmp_path / "unseen", advantages=mode, evaluate_episodes=0)
    assert (tmp_path / "seen" / "progress.csv").read_text().count("eval/") == 4
    assert "eval/" not in (tmp_path / "unseen" / "progress.csv").read_text()
