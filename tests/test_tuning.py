"""The tuning of rules: what the command writes, tells and refuses, and what its document says."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from tidegate.agents.evaluation.episodes import CHOICE, TUNING
from tidegate.agents.rules.catalogue import RULES, TUNABLE
from tidegate.agents.tuning.course import Course
from tidegate.agents.tuning.tuned import Tuned, TunedRule, load_tuned, place_of
from tidegate.envs.scenario import load
from tidegate.fastsim.jit import IS_COMPILED

from .toy_tuning import OPTIONS, grounded, tune

pytest.importorskip("cmaes", reason="needs the tune extra")

pytestmark = pytest.mark.skipif(not IS_COMPILED, reason="whole evaluations take minutes as plain Python")
DOCUMENT = Path(__file__).parents[1] / "docs" / "tuning.md"


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    return grounded(tmp_path)


def test_a_tuning_writes_what_it_found(capsys: pytest.CaptureFixture[str], mine: Path) -> None:
    assert tune(mine, *OPTIONS, "--json") == 0
    told = capsys.readouterr()
    assert told.err == ""
    found = load_tuned(mine, load(mine)).tuned
    assert json.loads(told.out) == json.loads(place_of(mine).read_text())
    assert sorted(path.name for path in mine.parent.iterdir()) == ["ground.toml", "mine.toml", "mine.tuned.json"]
    assert (found.scenario, found.episodes, found.generations, found.seed) == ("mine", 2, 3, 1)
    assert list(found.rules) == ["spill-after", "waiting-budget"]
    for name, rule in found.rules.items():
        assert rule.evaluations == {"spill-after": 13, "waiting-budget": 22}[name]
        assert len(rule.curve) == 3 and sorted(rule.curve, reverse=True) == list(rule.curve)
        assert rule.fresh_cost <= rule.default_fresh_cost
        played = Course(load(mine), 1, TUNING, 0, 2), Course(load(mine), 1, CHOICE, 2, 2)
        assert [one.cost(found.agent(name)) for one in played] == [rule.cost, rule.fresh_cost]
    assert found.rules[found.best].fresh_cost == min(rule.fresh_cost for rule in found.rules.values())


def test_every_rule_is_compared_and_the_best_is_told(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "120")
    path = tmp_path / "all.json"
    assert tune("small_team", "--episodes", 1, "--generations", 1, "--out", path) == 0
    told = capsys.readouterr().out
    found = Tuned.model_validate_json(path.read_text())
    assert set(found.rules) == set(RULES) and f"best: {found.best}\n" in told
    for name, rule in found.rules.items():
        assert re.search(rf"^ {name} .* {rule.evaluations}$", told, re.MULTILINE)
        assert bool(rule.knobs) == (name in TUNABLE)


@pytest.mark.parametrize(
    ("argv", "told"),
    [
        (["small_team", "--rule", "spil-after"], "there is none of this name, use spill-after, "),
        (["small_team", "--rule", "first-fit"], "it has no knobs, use spill-after, "),
        (["smal_team"], "small_team"),
        (["small_team", "--out", "tuned.toml"], "use .json"),
        (["small_team", "--out", "no/such/folder.json"], "folder that does not exist"),
        (["small_team", "--episodes", "600000", "--out", "x.json"], "choose fewer"),
    ],
)
def test_what_cannot_be_tuned_is_refused_before_any_work(
    capsys: pytest.CaptureFixture[str], argv: list[str], told: str
) -> None:
    assert tune(*argv) == 2
    shown = capsys.readouterr()
    assert told in shown.err and shown.err.count("\n") == 1 and shown.out == ""


def test_a_folder_that_cannot_be_written_is_an_error_of_the_input(mine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Path, content: bytes) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("tidegate.agents.tuning.journal.write_file", refuse)
    assert tune(mine, *OPTIONS) == 2


# The document.


def documented() -> Iterator[tuple[str, str, str, str, str]]:
    """Rule, knob, from, to and default of each row."""
    rows = re.findall(
        r"^\| `([a-z-]+)` \| `([a-z_\[\]]+)` \| (\S+) \| (\S+) \| (\S+) \|", DOCUMENT.read_text(), re.MULTILINE
    )
    yield from rows


def test_the_ranges_in_the_docs_are_those_of_the_rules() -> None:
    wanted = []
    for name in TUNABLE:
        for knob, default in zip(RULES[name].space(1), RULES[name].defaults(1), strict=True):
            row = (knob.name.replace("[0]", "[n]"), knob.low, knob.high, round(default, 4))
            wanted.append((name, row[0], *(np.format_float_positional(value, trim="-") for value in row[1:])))
    assert list(documented()) == wanted


@pytest.mark.parametrize("model", [Tuned, TunedRule])
def test_every_field_of_the_file_is_documented(model: type[Tuned | TunedRule]) -> None:
    prefix = "" if model is Tuned else "rules.*."
    for field in model.model_fields:
        assert f"`{prefix}{field}`" in DOCUMENT.read_text()
