"""The search for knobs finds known minima, ends when its curve is flat, and says what to install."""

import math
import sys

import numpy as np
import pytest

import tidegate.agents.tuning as package
from tidegate.agents.rules.knobs import Range
from tidegate.agents.tuning.flat import is_flat
from tidegate.agents.tuning.journal import Generation, Record, Settings

from .toy_tuning import tune

pytest.importorskip("cmaes", reason="needs the tune extra")
from tidegate.agents.tuning.search import Search
from tidegate.agents.tuning.tune import is_done


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


def test_without_the_library_one_is_told_what_to_install(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "cmaes", None)
    for name in ("tune", "search"):
        monkeypatch.delitem(sys.modules, f"tidegate.agents.tuning.{name}")
        monkeypatch.delattr(package, name)
    assert tune("small_team", "--out", "x.json") == 2
    assert "cmaes, is not installed, pip install 'tidegate[tune]'" in capsys.readouterr().err
