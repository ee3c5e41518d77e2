"""Tuning: the search finds known minima, episodes are its own, an interruption changes nothing, files are checked."""

import json
import math
import re
import sys
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tidegate.agents.tuning as package
from tidegate.agents import cli
from tidegate.agents.evaluation.episodes import CHOICE, EVALUATION, TUNING, begin_of, compiled, synthetic
from tidegate.agents.evaluation.evaluate import evaluate
from tidegate.agents.evaluation.policies import resolve
from tidegate.agents.rules.catalogue import RULES, TUNABLE
from tidegate.agents.rules.knobs import Range
from tidegate.agents.tuning import course
from tidegate.agents.tuning.course import Course
from tidegate.agents.tuning.journal import Generation, Journal, Record, Settings
from tidegate.agents.tuning.tuned import Tuned, TunedRule, load_tuned, place_of
from tidegate.envs import scenario as scenarios
from tidegate.envs.scenario import load
from tidegate.fastsim.agent import Agent
from tidegate.fastsim.errors import InputError
from tidegate.fastsim.jit import IS_COMPILED

pytest.importorskip("cmaes", reason="needs the tune extra")
from tidegate.agents.tuning.search import Search
from tidegate.agents.tuning.tune import is_done, is_flat

pytestmark = pytest.mark.skipif(not IS_COMPILED, reason="whole evaluations take minutes as plain Python")

DOCUMENT = Path(__file__).parents[1] / "docs" / "tuning.md"
OPTIONS = ["--rule", "spill-after", "--rule", "waiting-budget", "--episodes", "2", "--generations", "3"]
PLAYED = 1 + 3 * 4 + 1 + 1 + 3 * 7 + 1  # on the tuning episodes: default, generations of 4 and 7, centre


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    """A scenario on top of one on top of small_team."""
    (tmp_path / "ground.toml").write_text('base = "small_team"\nname = "ground"\n')
    path = tmp_path / "mine.toml"
    path.write_text('base = "ground.toml"\nname = "mine"\n')
    return path


def tune(*argv: object) -> int:
    """The exit code of the command."""
    try:
        return cli.main(["tune", *map(str, argv)])
    except SystemExit as end:
        return int(end.code or 0)


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


# The search.


@pytest.mark.parametrize("knobs", [1, 3, 8])
def test_the_search_finds_a_known_minimum(knobs: int) -> None:
    """A bowl in the logarithms of the knobs, off the start and off the middle of the ranges."""
    space = [Range(f"knob{number}", 0.01, 100.0) for number in range(knobs)]
    wanted = np.array([5.0, 0.2, 30.0, 0.05, 2.0, 9.0, 0.7, 60.0][:knobs])
    search = Search("bowl", space, [1.0] * knobs, seed=3)
    for _ in range(120):
        positions = search.ask()
        search.tell(positions, [float((np.log(search.values(one) / wanted) ** 2).sum()) for one in positions])
    assert search.values(search.ask()[0]) == pytest.approx(wanted, rel=0.02)


def test_candidates_stay_within_their_ranges_and_have_four_digits() -> None:
    search = Search("edge", [Range("a", 0.5, 2.0), Range("b", 0.001, 1.0)], [1.9, 0.002], seed=0)
    for _ in range(20):
        positions = search.ask()
        for a, b in map(search.values, positions):
            assert 0.5 <= a <= 2.0 and 0.001 <= b <= 1.0
            assert float(f"{a:.4g}") == a
        search.tell(positions, [one[1] - one[0] for one in positions])  # towards a corner


def test_an_infinite_cost_is_only_the_worst() -> None:
    search = Search("cliff", [Range("a", 0.01, 100.0)], [1.0], seed=0)
    for _ in range(40):
        positions = search.ask()
        costs = [
            math.inf if search.values(one)[0] > 3 else abs(math.log(search.values(one)[0] / 2)) for one in positions
        ]
        search.tell(positions, costs)
    assert search.values(search.ask()[0])[0] == pytest.approx(2, rel=0.02)


def test_seeds_and_rules_name_the_search() -> None:
    space, start = [Range("a", 0.01, 100.0)], [1.0]
    asked = [Search(rule, space, start, seed).ask() for rule, seed in (("x", 1), ("x", 1), ("x", 2), ("y", 1))]
    assert asked[0] == asked[1] and len(set(asked)) == 3


@pytest.mark.parametrize(
    ("curve", "flat"),
    [
        ([100.0, 90.0, 89.99], False),
        ([100.0, 90.0, 89.99, 89.98], True),
        ([100.0, 90.0, 89.99, 89.7], False),
        ([math.inf] * 4, True),
        ([math.inf, math.inf, math.inf, 5.0], False),
    ],
)
def test_a_curve_is_flat_after_generations_that_gained_less_than_two_permille(curve: list[float], flat: bool) -> None:
    assert is_flat(curve, patience=2) == flat


def test_a_lucky_first_candidate_does_not_end_a_search_that_improves() -> None:
    """The least cost is that of the first generation throughout; the medians fall to 90 and stay there."""
    costs = [(50.0, 100.0, 101.0), (95.0, 96.0, 97.0), (90.0, 90.0, 91.0), (90.0, 90.0, 90.0), (90.0, 90.0, 90.0)]
    rows = [Generation(positions=((0.5,), (0.4,), (0.3,)), costs=one) for one in costs]
    records = [Record(default=100.0, generations=tuple(rows[:played])) for played in range(1, 6)]
    assert records[-1].curve == (50.0,) * 5 and records[-1].middle == (100.0, 96.0, 90.0, 90.0, 90.0)
    settings = Settings(episodes=1, generations=9, patience=2, seed=0)
    assert [is_done(record, settings) for record in records] == [False, False, False, False, True]
    assert is_done(records[0], Settings(episodes=1, generations=1, patience=2, seed=0))


# The episodes.


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


# The command.


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


def counted(monkeypatch: pytest.MonkeyPatch, last: int = sys.maxsize) -> list[Any]:
    """The agents that are played from now on; after the `last` one the user interrupts."""
    played: list[Any] = []
    cost = Course.cost

    def playing(self: Course, agent: Any) -> float:
        if len(played) == last:
            raise KeyboardInterrupt
        played.append(agent)
        return cost(self, agent)

    monkeypatch.setattr(Course, "cost", playing)
    return played


@pytest.mark.parametrize("after", [0, 5, 14, PLAYED - 1, PLAYED + 1])
def test_an_interrupted_tuning_goes_on_to_the_same_bits(
    capsys: pytest.CaptureFixture[str], mine: Path, monkeypatch: pytest.MonkeyPatch, after: int
) -> None:
    whole, other = mine.parent / "whole.json", mine.parent / "other.json"
    other.write_text("an older file")
    assert tune(mine, *OPTIONS, "--out", whole) == 0
    counted(monkeypatch, last=after)
    assert tune(mine, *OPTIONS, "--out", other) == 130
    assert "goes on from its journal" in capsys.readouterr().err
    assert other.read_text() == "an older file"
    assert (mine.parent / "other.journal.json").exists()
    monkeypatch.undo()
    calls = counted(monkeypatch)
    assert tune(mine, *OPTIONS, "--out", other) == 0
    assert (
        len(calls) <= max(PLAYED - after, 0) + 7 + 4
    )  # what was missing, at most one generation again, fresh episodes
    assert other.read_bytes() == whole.read_bytes()
    assert not (mine.parent / "other.journal.json").exists()


def journal(path: Path, **fields: Any) -> None:
    """A journal for OPTIONS of `mine`, with some fields of its own."""
    scenario = load(path)
    given = {
        "scenario": scenario.name,
        "digest": scenario.digest(),
        "version": version("tidegate"),
        "settings": Settings(episodes=2, generations=3, patience=20, seed=1),
    }
    begun = Journal(**(given | fields))
    path.with_name("mine.tuned.journal.json").write_text(begun.model_dump_json())


@pytest.mark.parametrize(
    ("fields", "what"),
    [
        ({"digest": "0" * 64}, "digest"),
        ({"scenario": "other"}, "scenario, other"),
        ({"version": "9.9"}, "version, 9.9"),
        ({"settings": Settings(episodes=3, generations=3, patience=20, seed=1)}, "episodes, 3"),
        ({"settings": Settings(episodes=2, generations=3, patience=20, seed=2)}, "seed, 2"),
        ({"settings": Settings(episodes=2, generations=4, patience=20, seed=1)}, "generations, 4"),
        ({"settings": Settings(episodes=2, generations=3, patience=2, seed=1)}, "patience, 2"),
    ],
)
def test_a_journal_of_another_tuning_is_refused(
    capsys: pytest.CaptureFixture[str], mine: Path, fields: dict[str, Any], what: str
) -> None:
    journal(mine, **fields)
    before = sorted((path.name, path.read_bytes()) for path in mine.parent.iterdir())
    assert tune(mine, *OPTIONS) == 2
    told = capsys.readouterr().err
    assert what in told and "mine.tuned.journal.json" in told and "remove the journal" in told
    assert sorted((path.name, path.read_bytes()) for path in mine.parent.iterdir()) == before


def test_a_journal_that_is_none_is_refused(capsys: pytest.CaptureFixture[str], mine: Path) -> None:
    mine.with_name("mine.tuned.journal.json").write_text("{")
    assert tune(mine, *OPTIONS) == 2
    assert "mine.tuned.journal.json" in capsys.readouterr().err


@pytest.mark.parametrize("positions", [((0.5,),) * 3, ((0.5, 0.5),) * 4], ids=["too few", "too many knobs"])
def test_a_journal_with_other_candidates_is_refused(
    capsys: pytest.CaptureFixture[str], mine: Path, positions: tuple[tuple[float, ...], ...]
) -> None:
    generation = Generation(positions=positions, costs=(1.0,) * len(positions))
    journal(mine, rules={"spill-after": Record(default=1.0, generations=(generation,))})
    assert tune(mine, *OPTIONS) == 2
    assert "remove the journal" in capsys.readouterr().err


def test_infinite_costs_survive_a_journal() -> None:
    generation = Generation(positions=((0.25,), (0.1,)), costs=(math.inf, 1 / 3))
    record = Record(default=math.inf, generations=(generation,))
    assert "null" in record.model_dump_json()
    assert Record.model_validate_json(record.model_dump_json()) == record
    assert record.curve == (1 / 3,) and record.best == (0.1,)
    with pytest.raises(ValueError, match="belong to 1 candidates"):
        Generation(positions=((0.5,),), costs=(1.0, 2.0))


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


def test_without_the_library_one_is_told_what_to_install(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "cmaes", None)
    for name in ("tune", "search"):
        monkeypatch.delitem(sys.modules, f"tidegate.agents.tuning.{name}")
        monkeypatch.delattr(package, name)
    assert tune("small_team", "--out", "x.json") == 2
    assert "cmaes, is not installed, pip install 'tidegate[tune]'" in capsys.readouterr().err


# The file.


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
