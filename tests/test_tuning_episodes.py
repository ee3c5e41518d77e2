"""Tuning plays episodes that nobody else meets, and costs them as an evaluation does."""

import math
from typing import Any

import pytest

from tidegate.agents.evaluation.episodes import CHOICE, EVALUATION, TUNING, begin_of, compiled, synthetic
from tidegate.agents.evaluation.evaluate import evaluate
from tidegate.agents.rules.catalogue import RULES
from tidegate.agents.tuning import course
from tidegate.agents.tuning.course import Course
from tidegate.envs.scenario import load
from tidegate.fastsim.errors import InputError
from tidegate.fastsim.jit import IS_COMPILED

pytestmark = pytest.mark.skipif(not IS_COMPILED, reason="whole evaluations take minutes as plain Python")


def test_tuning_and_choice_draw_episodes_that_nobody_else_meets() -> None:
    scenario = load("small_team")
    specs = [compiled(scenario, 3, draws) for draws in (EVALUATION, TUNING, CHOICE)]
    drawn = [
        [synthetic(scenario, spec, 3, first + number, None, draws) for number in range(2)]
        for spec, draws, first in zip(specs, (EVALUATION, TUNING, CHOICE), (0, 0, 2), strict=True)
    ]
    every = [episode for episodes in drawn for episode in episodes]
    assert len({episode.seed for episode in every}) == len({episode.jobs.tobytes() for episode in every}) == 6
    assert len({episode.begin for episode in every}) == 6
    assert scenario.is_random and len({spec.capacity_steps.tobytes() for spec in specs}) == 3


def test_streams_of_tuning_never_reach_those_of_others() -> None:
    most = 1_000_000
    assert EVALUATION.first_stream + most <= TUNING.first_stream == CHOICE.first_stream
    names = {TUNING.supply, TUNING.begins, CHOICE.supply, EVALUATION.supply, EVALUATION.begins}
    assert len(names) == 5 and min(names) >= TUNING.first_stream + most
    assert begin_of(1, 0, 1000) != begin_of(1, 0, 1000, TUNING)


def test_a_course_costs_what_an_evaluation_of_the_same_episodes_says(monkeypatch: pytest.MonkeyPatch) -> None:
    scenario, rule = load("small_team"), RULES["first-fit"]()
    report = evaluate(scenario, [rule], episodes=3, seed=4)
    monkeypatch.setenv("TIDEGATE_THREADS", "1")
    played = Course(scenario, 4, EVALUATION, 0, 3)
    assert played.cost(rule) == pytest.approx(report.weekly(report.policies[0].avoidable).value, rel=1e-12)
    assert played.cost(RULES["cost-greedy"]()) != played.cost(rule) == played.cost(rule)


def test_a_world_that_outgrows_its_integers_costs_infinitely_much(monkeypatch: pytest.MonkeyPatch) -> None:
    played = Course(load("small_team"), 4, TUNING, 0, 1)

    def full(where: str) -> Any:
        def play(self: object, agent: object) -> Any:
            raise InputError(where, "jobs", 1, "too many", "fewer")

        return play

    monkeypatch.setattr(course.Chunk, "play", full("simulator"))
    assert played.cost(RULES["first-fit"]()) == math.inf
    monkeypatch.setattr(course.Chunk, "play", full("elsewhere"))
    with pytest.raises(InputError, match="elsewhere"):
        played.cost(RULES["first-fit"]())
