"""Tuned rules are found beside their scenario, are those of its present state, and are policies by name."""

import json
from pathlib import Path
from typing import Any

import pytest

from tidegate.agents import cli
from tidegate.agents.evaluation.policies import resolve
from tidegate.agents.tuning.tuned import Tuned, TunedRule, load_tuned, place_of
from tidegate.envs import scenario as scenarios
from tidegate.envs.scenario import load
from tidegate.fastsim.agent import Agent
from tidegate.fastsim.errors import InputError
from tidegate.fastsim.jit import IS_COMPILED

from .toy_tuning import grounded

pytestmark = pytest.mark.skipif(not IS_COMPILED, reason="whole evaluations take minutes as plain Python")


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    return grounded(tmp_path)


def tuned(name_or_path: str | Path, best: str = "spill-after", hours: float = 7.0, **fields: Any) -> Tuned:
    """What a file might say of a scenario, in which nothing was played."""
    scenario = load(name_or_path)
    costs: dict[str, Any] = {"cost": 1.0, "fresh_cost": 1.0, "default_cost": 2.0, "default_fresh_cost": 2.0}
    given: dict[str, Any] = {
        "scenario": scenario.name,
        "digest": scenario.digest(),
        "classes": tuple(cls.name for cls in scenario.terms),
        "seed": 1,
        "episodes": 8,
        "generations": 9,
        "patience": 3,
        "version": "0",
        "rules": {
            "spill-after": TunedRule(knobs={"hours": hours}, origin="least", **costs),
            "first-fit": TunedRule(knobs={}, origin="default", **costs),
        },
        "best": best,
    }
    return Tuned(**(given | fields))


def beside(path: Path, content: Tuned) -> Path:
    """The file, in the default place of a scenario."""
    place_of(path).write_text(content.model_dump_json())
    return place_of(path)


def test_tuned_rules_are_found_beside_their_scenario(mine: Path) -> None:
    beside(mine, tuned(mine))
    found = load_tuned(mine, load(mine))
    assert found == (tuned(mine), False)
    assert found.tuned.agent("spill-after").knobs.tolist() == [7.0]


def test_those_of_a_shipped_scenario_lie_beside_its_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert place_of("small_team") == scenarios.FOLDER / "small_team.tuned.json"


def test_tuned_rules_of_another_state_of_the_scenario_are_refused(mine: Path) -> None:
    beside(mine, tuned(mine, digest="0" * 64))
    with pytest.raises(InputError, match=r"mine\.tuned\.json: digest, 0000.*tune again: tidegate tune .*mine\.toml"):
        load_tuned(mine, load(mine))


def test_a_scenario_without_tuned_rules_is_told_how_to_get_them(
    mine: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("tidegate.agents.tuning.tuned.base_of", lambda path: None)  # whatever lies beside small_team
    with pytest.raises(InputError, match=r"none were tuned.*tidegate tune .*mine\.toml"):
        load_tuned(mine, load(mine))


def test_the_tuned_rules_of_the_base_are_used_and_told(mine: Path) -> None:
    ground = mine.with_name("ground.toml")
    beside(ground, tuned(ground))
    found = load_tuned(mine, load(mine))
    assert found.is_of_base and found.tuned.scenario == "ground"
    assert "tuned for ground, the base of mine" in resolve("best-tuned", load(mine), mine).note


def test_tuned_rules_of_an_outdated_base_are_refused(mine: Path) -> None:
    ground = mine.with_name("ground.toml")
    beside(ground, tuned(ground))
    ground.write_text(ground.read_text() + "[workload]\nload = 0.8\n")
    with pytest.raises(InputError, match=r"ground\.tuned\.json: digest"):
        load_tuned(mine, load(mine))


def test_a_scenario_with_other_classes_than_its_base_is_refused(mine: Path) -> None:
    ground = mine.with_name("ground.toml")
    beside(ground, tuned(ground, classes=("large", "small")))
    with pytest.raises(InputError, match="its classes are not those of its base, ground"):
        load_tuned(mine, load(mine))


@pytest.mark.parametrize(
    ("change", "what"),
    [
        (lambda file: file["rules"]["spill-after"]["knobs"].update(days=1.0), "knobs, hours, days"),
        (lambda file: file["rules"].update(patient=file["rules"]["first-fit"]), "rule, patient"),
        (lambda file: file.update(best="cost-greedy"), "best"),
        (lambda file: file.update(colour="red"), "colour"),
        (lambda file: file.pop("seed"), "seed"),
        (lambda file: file.update(format=2), "format"),
        (lambda file: file["rules"]["first-fit"].update(fresh_cost=float("nan")), "fresh_cost, nan"),
    ],
)
def test_a_file_that_does_not_hold_together_is_refused(mine: Path, change: Any, what: str) -> None:
    content = json.loads(tuned(mine).model_dump_json())
    change(content)
    place_of(mine).write_text(json.dumps(content))
    with pytest.raises(InputError, match=what) as refused:
        load_tuned(mine, load(mine))
    assert "mine.tuned.json" in str(refused.value)


# Policies by name.


def test_a_tuned_rule_keeps_the_name_it_was_asked_for(mine: Path) -> None:
    beside(mine, tuned(mine))
    asked, best, default = (
        resolve(name, load(mine), mine) for name in ("tuned:spill-after", "best-tuned", "spill-after")
    )
    assert (asked.name, best.name, default.name) == ("tuned:spill-after", "best-tuned", "spill-after")
    assert isinstance(asked, Agent) and isinstance(best, Agent) and isinstance(default, Agent)
    assert asked.knobs.tolist() == best.knobs.tolist() == [7.0] != default.knobs.tolist()
    assert best.note == "best-tuned is spill-after with knobs tuned for mine, on 8 episodes of seed 1"
    assert default.note == ""


def test_a_rule_without_knobs_may_be_the_best(mine: Path) -> None:
    beside(mine, tuned(mine, best="first-fit"))
    assert "best-tuned is first-fit" in resolve("best-tuned", load(mine), mine).note


@pytest.mark.parametrize(
    ("name", "told"),
    [("tuned:nope", "there is none of this name"), ("tuned:cost-greedy", "it was not tuned for mine, use spill-after")],
)
def test_a_rule_that_was_not_tuned_is_refused(mine: Path, name: str, told: str) -> None:
    beside(mine, tuned(mine))
    with pytest.raises(InputError, match=told):
        resolve(name, load(mine), mine)


def test_tuned_rules_of_a_file_that_lies_elsewhere_are_used_by_its_name(mine: Path, tmp_path: Path) -> None:
    file = tmp_path / "else@where.json"
    file.write_text(tuned(mine, hours=5.0).model_dump_json())
    beside(mine, tuned(mine, hours=7.0))
    rule, best, own = (
        resolve(name, load(mine), mine)
        for name in (f"tuned:spill-after@{file}", f"best-tuned@{file}", "tuned:spill-after")
    )
    assert (rule.name, best.name) == (f"tuned:spill-after@{file}", f"best-tuned@{file}")
    assert isinstance(rule, Agent) and isinstance(best, Agent) and isinstance(own, Agent)
    assert rule.knobs.tolist() == best.knobs.tolist() == [5.0] and own.knobs.tolist() == [7.0]
    assert best.note == f"best-tuned@{file} is spill-after with knobs tuned for mine, on 8 episodes of seed 1"


def test_a_file_of_tuned_rules_may_be_of_any_base(mine: Path, tmp_path: Path) -> None:
    file = tmp_path / "base.json"
    for base in (mine.with_name("ground.toml"), "small_team"):
        file.write_text(tuned(base).model_dump_json())
        note = resolve(f"best-tuned@{file}", load(mine), mine).note
        assert f"tuned for {load(base).name}, the base of mine" in note


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"digest": "0" * 64}, r"file\.json: digest, 0000.*tune again: tidegate tune .*mine\.toml --out .*file\.json"),
        (None, r"tuned rules: file, .*file\.json, there is none of this name, run: tidegate tune .*mine\.toml --out"),
    ],
)
def test_a_file_of_another_world_or_that_is_not_there_is_refused(
    mine: Path, tmp_path: Path, fields: dict[str, Any] | None, told: str
) -> None:
    file = tmp_path / "file.json"
    if fields is not None:
        file.write_text(tuned(mine, **fields).model_dump_json())
    with pytest.raises(InputError, match=told):
        resolve(f"best-tuned@{file}", load(mine), mine)


def test_without_a_scenario_nothing_is_tuned() -> None:
    with pytest.raises(InputError, match="tuned for a scenario, and none is given"):
        resolve("best-tuned")


def test_reports_say_which_rule_is_the_best(capsys: pytest.CaptureFixture[str], mine: Path) -> None:
    beside(mine, tuned(mine))
    policies = ["--policy", "first-fit", "--policy", "best-tuned", "--policy", "tuned:spill-after"]
    assert cli.main(["evaluate", str(mine), *policies, "--episodes", "1", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert [one["policy"] for one in report["policies"]] == ["first-fit", "best-tuned", "tuned:spill-after"]
    assert any(note.startswith("best-tuned is spill-after with knobs tuned for mine") for note in report["notes"])
    simulation = ["simulate", str(mine), "--policy", "best-tuned", "--days", "2"]
    assert cli.main([*simulation, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["notes"] == [
        "best-tuned is spill-after with knobs tuned for mine, on 8 episodes of seed 1"
    ]
    assert cli.main(simulation) == 0
    assert "best-tuned is spill-after" in capsys.readouterr().out
