"""A file of tuned rules: one tuning at a time writes it, and what another one has found in it stays."""

import json
import re
from pathlib import Path

import pytest

from tidegate.agents import cli
from tidegate.agents.rules.catalogue import TUNABLE
from tidegate.agents.tuning.journal import Settings
from tidegate.agents.tuning.tuned import Tuned, place_of
from tidegate.agents.verbs.tune import sparkline
from tidegate.envs.scenario import load
from tidegate.fastsim.errors import InputError
from tidegate.fastsim.jit import IS_COMPILED

from .test_tuning_journal import counted
from .toy_tuning import OPTIONS, grounded, tune

pytest.importorskip("cmaes", reason="needs the tune extra")
from tidegate.agents.tuning import tune as tuning
from tidegate.agents.tuning.lock import alone

pytestmark = pytest.mark.skipif(not IS_COMPILED, reason="whole evaluations take minutes as plain Python")
DOCUMENT = Path(__file__).parents[1] / "docs" / "tuning.md"
SIZE = OPTIONS[4:]  # without the rules
RULES = ("spill-after", "waiting-budget")


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    return grounded(tmp_path)


@pytest.fixture
def whole(mine: Path) -> bytes:
    """What comes of both rules at once."""
    path = mine.with_name("whole.json")
    assert tune(mine, *OPTIONS, "--out", path) == 0
    return path.read_bytes()


def test_rules_that_are_tuned_one_by_one_become_what_they_become_together(mine: Path, whole: bytes) -> None:
    for rule in reversed(RULES):
        assert tune(mine, "--rule", rule, *SIZE) == 0
    assert place_of(mine).read_bytes() == whole


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--episodes", "3", "--generations", "3"], "episodes, 2, its other rules were not tuned with 3"),
        ([*SIZE, "--seed", "2"], "seed, 1, its other rules were not tuned with 2"),
        ([*SIZE, "--patience", "2"], "patience, 20, its other rules were not tuned with 2"),
    ],
)
def test_rules_that_were_tuned_in_another_way_are_not_replaced(
    capsys: pytest.CaptureFixture[str], mine: Path, options: list[str], told: str
) -> None:
    assert tune(mine, *OPTIONS) == 0
    before = {path.name: path.read_bytes() for path in mine.parent.iterdir()}
    capsys.readouterr()
    assert tune(mine, "--rule", "spill-after", *options) == 2
    shown = capsys.readouterr().err
    assert told in shown and shown.endswith("name another file with --out, or tune all rules\n")
    assert {path.name: path.read_bytes() for path in mine.parent.iterdir()} == before


def test_rules_of_a_world_that_has_changed_and_what_is_no_such_file_are_not_replaced(
    capsys: pytest.CaptureFixture[str], mine: Path
) -> None:
    place_of(mine).write_text("precious")
    assert tune(mine, "--rule", "spill-after", *SIZE) == 2
    assert place_of(mine).read_text() == "precious"
    assert tune(mine, *OPTIONS, "--out", mine.with_name("x.json")) == 0
    place_of(mine).write_bytes(mine.with_name("x.json").read_bytes())
    mine.write_text(mine.read_text() + "[workload]\nload = 0.8\n")
    assert tune(mine, "--rule", "spill-after", *SIZE) == 2
    assert "digest" in capsys.readouterr().err


def test_a_rule_by_itself_is_replaced_by_a_later_tuning(mine: Path) -> None:
    for seed in (1, 2):
        assert tune(mine, "--rule", "spill-after", *SIZE, "--seed", seed) == 0
        assert Tuned.model_validate_json(place_of(mine).read_text()).seed == seed


def test_tuning_one_rule_keeps_the_journal_of_all(
    capsys: pytest.CaptureFixture[str], mine: Path, whole: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = mine.with_name("mine.tuned.journal.json")
    counted(monkeypatch, last=20)  # 14 of the first rule
    assert tune(mine, *OPTIONS) == 130
    monkeypatch.undo()
    capsys.readouterr()
    assert tune(mine, "--rule", "spill-after", *SIZE) == 0
    assert journal.exists() and f"kept {journal}: " in capsys.readouterr().out
    assert list(Tuned.model_validate_json(place_of(mine).read_text()).rules) == ["spill-after"]
    assert tune(mine, *OPTIONS) == 0
    assert place_of(mine).read_bytes() == whole and not journal.exists()


def test_a_journal_that_someone_removed_is_no_error(mine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    chosen = tuning._chosen

    def removing(*arguments: object) -> Tuned:
        tuning.journal_of(place_of(mine)).unlink()
        return chosen(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(tuning, "_chosen", removing)
    assert tune(mine, "--rule", "spill-after", *SIZE) == 0


def test_two_tunings_do_not_write_one_file(capsys: pytest.CaptureFixture[str], mine: Path) -> None:
    with alone(place_of(mine)):
        assert tune(mine, *OPTIONS) == 2
        told = capsys.readouterr().err
        assert "mine.tuned.json, another tuning writes it now, wait until that is done" in told
        with alone(mine.with_name("other.json")):
            pass
    assert sorted(path.name for path in mine.parent.iterdir()) == ["ground.toml", "mine.toml"]


def test_what_a_crash_leaves_of_a_lock_holds_nobody_up(mine: Path) -> None:
    lock = mine.with_name("mine.tuned.lock")
    lock.touch()
    with alone(place_of(mine)), pytest.raises(InputError, match="another tuning"), alone(place_of(mine)):
        pass
    assert not lock.exists()


def test_a_file_elsewhere_says_how_it_is_used(capsys: pytest.CaptureFixture[str], mine: Path) -> None:
    path = mine.with_name("x.json")
    assert tune(mine, "--rule", "spill-after", *SIZE, "--out", path) == 0
    policy = capsys.readouterr().out.split("to be used as --policy ")[1].strip()
    assert cli.main(["simulate", str(mine), "--policy", policy, "--days", "1", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["policy"] == f"best-tuned@{path}"


def test_progress_goes_from_nothing_to_all_through_its_phases(mine: Path) -> None:
    steps: list[tuple[float, str]] = []
    settings = Settings(episodes=1, generations=40, patience=1, seed=1)
    rules = ("spill-after",)
    tuning.tune(load(mine), settings, place_of(mine), rules, lambda share, phase: steps.append((share, phase)))
    shares = [share for share, _ in steps]
    assert shares == sorted(shares) and shares[0] == 0 and shares[-1] == 1
    assert list(dict.fromkeys(phase for _, phase in steps)) == [
        "warming up",
        "searching spill-after",
        "warming up fresh episodes",
        "choosing for spill-after",
    ]
    before_choice = max(share for share, phase in steps if phase.startswith("searching"))
    assert before_choice < 1


# Whether a search was at its end.


def test_the_file_and_the_table_say_whether_a_search_was_flat(
    capsys: pytest.CaptureFixture[str], mine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "120")
    rules = ["--rule", "spill-after", "--rule", "waiting-budget"]
    assert tune(mine, *rules, "--episodes", 1, "--generations", 1) == 0
    told = capsys.readouterr().out
    found = Tuned.model_validate_json(place_of(mine).read_text())
    assert [found.is_flat(name) for name in RULES] == [False, False]
    assert "not flat: waiting-budget, its costs still fell after 1 generations" in told
    assert tune(mine, *rules, "--episodes", 1, "--generations", 40, "--patience", 1, "--json") == 0
    flat = json.loads(capsys.readouterr().out)["rules"]
    assert [(one["is_flat"], len(one["curve"]) < 40) for one in flat.values()] == [(True, True)] * 2


@pytest.mark.parametrize(
    ("curve", "flat"),
    [
        ([], None),  # no search
        ([5.0, 4.0, 3.0], True),  # of four generations: what else has ended it?
        ([5.0, 4.0, 3.0, 2.0], False),
        ([5.0, 4.0, 4.0, 4.0], None),  # the medians may still have fallen
    ],
)
def test_a_file_that_does_not_say_it_is_read_by_its_curve(mine: Path, curve: list[float], flat: bool | None) -> None:
    costs = {"cost": 1.0, "fresh_cost": 1.0, "default_cost": 2.0, "default_fresh_cost": 2.0}
    rule = {"knobs": {"hours": 1.0}, "origin": "least", "curve": tuple(curve), **costs}
    given = {"scenario": "mine", "digest": "0" * 64, "classes": ("a",), "seed": 1, "episodes": 1, "version": "0"}
    found = Tuned.model_validate(
        {**given, "generations": 4, "patience": 2, "rules": {"spill-after": rule}, "best": "spill-after"}
    )
    assert found.is_flat("spill-after") == flat


def test_the_document_says_of_what_ships_which_searches_were_flat() -> None:
    rows = re.findall(r"^\| `(\w+)` \| `tidegate tune .*\| ([^|]+) \|$", DOCUMENT.read_text(), re.MULTILINE)
    assert rows
    for scenario, flat in rows:
        found = Tuned.model_validate_json(place_of(scenario).read_text())
        assert flat != "all" or all(found.is_flat(name) for name in TUNABLE), scenario


@pytest.mark.parametrize(
    ("values", "drawn"),
    [
        ((), ""),
        ((3.0,), "▁"),
        ((9.0, 5.0, 2.0), "█▄▁"),
        ((float("inf"), 5.0, 5.0), "█▁▁"),
        (tuple(float(value) for value in range(29, 0, -1)), "█▇▇▆▅▅▄▃▃▂▂▁"),
    ],
)
def test_a_curve_is_drawn_in_few_characters(values: tuple[float, ...], drawn: str) -> None:
    assert sparkline(values) == drawn
