"""A tuning that was interrupted goes on to the same bits, and never from the journal of another one."""

import math
import os
import signal
import sys
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

from tidegate.agents.tuning.course import Course
from tidegate.agents.tuning.journal import Generation, Journal, Record, Settings
from tidegate.envs.scenario import load
from tidegate.fastsim.jit import IS_COMPILED

from .toy_tuning import OPTIONS, grounded, tune

pytest.importorskip("cmaes", reason="needs the tune extra")

pytestmark = pytest.mark.skipif(not IS_COMPILED, reason="whole evaluations take minutes as plain Python")
PLAYED = 1 + 3 * 4 + 1 + 1 + 3 * 7 + 1  # on the tuning episodes: default, generations of 4 and 7, centre


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    return grounded(tmp_path)


def interrupt() -> None:
    raise KeyboardInterrupt


def counted(
    monkeypatch: pytest.MonkeyPatch, last: int = sys.maxsize, then: Callable[[], object] = interrupt
) -> list[Any]:
    """The agents that are played from now on; after the `last` one the user interrupts."""
    played: list[Any] = []
    cost = Course.cost

    def playing(self: Course, agent: Any) -> float:
        if len(played) == last:
            then()
        played.append(agent)
        return cost(self, agent)

    monkeypatch.setattr(Course, "cost", playing)
    return played


@pytest.mark.parametrize("after", [0, 5, 14, PLAYED - 1, PLAYED + 1])
def test_an_interrupted_tuning_goes_on_to_the_same_bits(
    capsys: pytest.CaptureFixture[str], mine: Path, monkeypatch: pytest.MonkeyPatch, after: int
) -> None:
    whole, other = mine.parent / "whole.json", mine.parent / "other.json"
    assert tune(mine, *OPTIONS, "--out", whole) == 0
    older = whole.read_text().replace('"seed": 1', '"seed": 7')
    other.write_text(older)
    counted(monkeypatch, last=after)
    assert tune(mine, *OPTIONS, "--out", other) == 130
    assert "goes on from its journal" in capsys.readouterr().err
    assert other.read_text() == older
    assert (mine.parent / "other.journal.json").exists()
    monkeypatch.undo()
    calls = counted(monkeypatch)
    assert tune(mine, *OPTIONS, "--out", other) == 0
    assert (
        len(calls) <= max(PLAYED - after, 0) + 7 + 4
    )  # what was missing, at most one generation again, fresh episodes
    assert other.read_bytes() == whole.read_bytes()
    assert not (mine.parent / "other.journal.json").exists()


def test_a_terminated_tuning_says_that_it_goes_on(
    capsys: pytest.CaptureFixture[str], mine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    counted(monkeypatch, 3, lambda: os.kill(os.getpid(), signal.SIGTERM))
    assert tune(mine, *OPTIONS) == 143
    assert capsys.readouterr().err == "interrupted; the same command goes on from its journal\n"
    assert mine.with_name("mine.tuned.journal.json").exists()


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


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("}", "", "mine.tuned.journal.json: JSON, "),  # all of them, as if it had been cut off
        ('"costs":[4.0]', '"costs":[NaN]', "generations[0].costs[0]: 0, nan, "),
        ('"costs":[4.0]', '"costs":[-1.0]', "generations[0].costs[0]: 0, -1"),
        ('"costs":[4.0]', '"costs":[]', "numbers, 0, belong to 1 candidates"),
        ("[0.25]", "[NaN]", "generations[0].positions[0][0]: 0, nan, "),
        ("[0.25]", "[1.5]", "generations[0].positions[0][0]: 0, 1.5, "),
        ('"default":1.0', '"default":NaN', "rules.spill-after.default: default, nan, "),
    ],
)
def test_a_journal_that_does_not_hold_together_is_refused(
    capsys: pytest.CaptureFixture[str], mine: Path, old: str, new: str, told: str
) -> None:
    generation = Generation(positions=((0.25,),), costs=(4.0,))
    journal(mine, rules={"spill-after": Record(default=1.0, generations=(generation,))})
    path = mine.with_name("mine.tuned.journal.json")
    broken = path.read_text().replace(old, new)
    path.write_text(broken)
    assert tune(mine, *OPTIONS) == 2
    shown = capsys.readouterr().err
    assert "mine.tuned.journal.json: " in shown and told in shown and shown.endswith(", remove the journal\n")
    assert path.read_text() == broken


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
