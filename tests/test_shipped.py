"""The policies that come with Tidegate: they load, read what is observed now, and do better than the best rule."""

import pytest

from tidegate.agents.evaluation.episodes import CHOICE
from tidegate.agents.evaluation.policies import TRAINED, resolve, shipped
from tidegate.agents.tuning.course import Course
from tidegate.envs.scenario import load, names
from tidegate.fastsim.agent import Agent

FIRST = 1000  # of episodes that none was learned on


@pytest.mark.parametrize("name", shipped())
def test_a_shipped_policy_is_small_and_has_a_card(name: str) -> None:
    folder = TRAINED / name
    assert {path.name for path in folder.iterdir()} == {"CARD.md", "manifest.json", "policy.onnx"}
    assert sum(path.stat().st_size for path in folder.iterdir()) < 200_000
    card = (folder / "CARD.md").read_text()
    assert card.startswith(f"# {name}\n")
    assert "`tidegate evolve " in card


@pytest.mark.parametrize("name", [name for name in shipped() if name in names()])
def test_a_specialist_costs_less_than_the_best_rule_in_its_world(name: str) -> None:
    scenario = load(name)
    course = Course(scenario, 1, CHOICE, FIRST, 2 * scenario.episodes.evaluation_windows)
    policy, rule = resolve(name, scenario), resolve("best-tuned", scenario)
    assert isinstance(policy, Agent)
    assert isinstance(rule, Agent)
    assert course.cost(policy) < course.cost(rule)
