"""Plays of a plan: kept, taken up again, and the same as an evaluation's."""

import json
from decimal import Decimal

import numpy as np
import pytest

from tidegate.agents.evaluation.evaluate import evaluate
from tidegate.agents.evaluation.policies import resolve
from tidegate.agents.plan import sweep as sweeping
from tidegate.agents.plan.figures import Played, cheapest, lowest
from tidegate.agents.plan.journal import Journal, opened
from tidegate.agents.plan.levels import Setting, at
from tidegate.agents.plan.record import to_json
from tidegate.agents.plan.sweep import Players, Sweep, World
from tidegate.agents.plan.tally import GROWTH, Tally, counted, quantile_hours
from tidegate.envs.scenario import load
from tidegate.fastsim.errors import InputError
from tidegate.fastsim.units import HOUR

from .toy_plan import lab, planned, played

ONE = Setting(Decimal(1))
LEVELS = [Decimal("0.6"), Decimal(1), Decimal("1.4")]


def test_the_point_of_the_commitment_as_it_is_is_what_an_evaluation_finds():
    scenario, plays = load("small_team"), 2
    point = played(scenario, ONE, "cost-greedy", plays)
    count = plays * scenario.episodes.evaluation_windows
    report = evaluate(scenario, [resolve("cost-greedy")], count, seed=1)
    (policy,) = report.policies
    assert np.array_equal(point.avoidable, policy.avoidable) and np.array_equal(point.bill, policy.bill)
    assert np.array_equal(point.column("used"), policy.rows.used.sum(axis=1))
    assert point.wait_p95.value == pytest.approx(policy.measures["wait_p95_hours"], rel=GROWTH - 1)
    assert point.weekly(point.bill).value == pytest.approx(report.weekly(policy.bill).value)


def test_a_quantile_of_counted_waits_lies_within_a_bin_of_the_true_one():
    rng = np.random.default_rng(1)
    waited = np.round(rng.lognormal(np.log(HOUR), 2, 20_000)).astype(np.int64)
    for share in (0.05, 0.5, 0.95):
        found = quantile_hours(counted(waited).astype(float), share)
        assert found == pytest.approx(np.quantile(waited, share) / HOUR, rel=GROWTH - 1)
    assert quantile_hours(counted(np.zeros(10, np.int64)).astype(float), 0.95) == 0
    assert np.isnan(quantile_hours(counted(np.zeros(0, np.int64)).astype(float), 0.95))


def test_a_tally_comes_back_from_its_record_as_it_was():
    (tally, *_) = played(lab(), ONE, plays=1).tallies
    again = Tally.read(json.loads(json.dumps(tally.record())))
    assert again.begin == tally.begin and np.array_equal(again.waits, tally.waits)
    for name, values in (tally.amounts | tally.by_site).items():
        assert np.array_equal((again.amounts | again.by_site)[name], values), name


class KilledError(Exception):
    """Stands for a kill."""


def test_a_plan_that_is_killed_goes_on_from_its_journal_to_the_same_result(tmp_path, monkeypatch):
    path, scenario = tmp_path / "plan.jsonl", lab()
    expected = to_json(planned(scenario, LEVELS, plays=2))
    note, made = Journal.note, []

    def fail(self, name, tally):
        if len(made) == 7:
            raise KilledError
        made.append(name)
        note(self, name, tally)

    monkeypatch.setattr(Journal, "note", fail)
    monkeypatch.setenv("TIDEGATE_THREADS", "1")
    with pytest.raises(KilledError):
        planned(scenario, LEVELS, plays=2, journal=path)
    monkeypatch.setattr(Journal, "note", note)
    with path.open("ab") as file:
        file.write(b'{"play": "cut o')  # a kill in the middle of a line
    begun = path.read_bytes().count(b"\n")
    assert begun == 1 + 7
    assert to_json(planned(scenario, LEVELS, plays=2, journal=path)) == expected
    size = path.stat().st_size
    assert to_json(planned(scenario, LEVELS, plays=2, journal=path)) == expected
    assert path.stat().st_size == size  # nothing was played again


def test_other_levels_take_from_the_journal_what_was_played(tmp_path, monkeypatch):
    path, scenario = tmp_path / "plan.jsonl", lab()
    planned(scenario, LEVELS, plays=2, journal=path)
    worlds, chunk = [], sweeping.Chunk
    monkeypatch.setattr(sweeping, "Chunk", lambda *given, **named: worlds.append(given) or chunk(*given, **named))
    planned(scenario, LEVELS[:2], plays=2, journal=path)
    assert worlds == [] or len(worlds) <= 2 * 10  # the grid was there; only what hangs on another choice is new
    before = len(worlds)
    planned(scenario, LEVELS[:2], plays=2, journal=path)
    assert len(worlds) == before


def test_two_plans_do_not_write_one_journal(tmp_path):
    path = tmp_path / "plan.jsonl"
    with opened(path), pytest.raises(InputError, match="another plan writes it now"), opened(path):
        pass


@pytest.mark.parametrize(
    "text", ["no json\n", '{"format": 9}\n', "[]\n", '{"format": 1}\n{"play": "a", "tally": {}}\n']
)
def test_what_is_no_journal_is_refused(tmp_path, text):
    path = tmp_path / "plan.jsonl"
    path.write_text(text)
    with pytest.raises(InputError, match="--journal"), opened(path):
        pass
    assert path.read_text() == text


def test_worlds_of_another_supply_share_one_table_of_jobs():
    sweep, scenario = Sweep(Journal({}), 1, 2), lab()
    few, many = (World(level, at(scenario, Setting(Decimal(level)))) for level in ("0.5", "1.5"))
    assert sweep.episode(few, 1).jobs is sweep.episode(many, 1).jobs
    dearer = World("dearer", at(lab(jobs={"gangs": {2: 1}}), ONE))
    assert sweep.episode(dearer, 1).jobs is not sweep.episode(few, 1).jobs


def test_more_waits_than_a_world_can_hold_is_an_answer(monkeypatch):
    def refuse(*_, **__):
        raise InputError("simulator", "jobs", 1, "are too many", "take less")

    monkeypatch.setattr(sweeping, "Chunk", refuse)
    world = World("there", at(lab(), ONE))
    found = Sweep(Journal({}), 1, 2).play([world], Players(lab(), "lab", ["first-fit"]))
    assert found == {("there", "first-fit"): None}


def test_without_burst_and_with_too_little_committed_waits_grow_and_it_is_told():
    assert played(lab(), Setting(Decimal("0.5"), False)).grows
    assert not played(lab(), Setting(Decimal(2), False)).grows
    assert not played(lab(), Setting(Decimal("0.5"))).grows


def test_the_place_of_a_minimum_is_that_of_the_parabola():
    levels = np.array([0.5, 0.8, 1.0, 1.3])
    assert lowest(levels, 3 * (levels - 0.93) ** 2 + 1) == pytest.approx(0.93)
    assert lowest(levels, levels) == 0.5 and lowest(levels, -levels) == 1.3


def test_points_are_compared_on_the_same_plays():
    scenario = lab()
    one, other = played(scenario, ONE), played(scenario, Setting(Decimal("1.2")))
    difference = other.more_than(one)
    assert difference.value == pytest.approx(other.weekly(other.bill).value - one.weekly(one.bill).value)
    alone = other.weekly(other.bill)
    assert difference.high - difference.low < alone.high - alone.low  # what plays have in common cancels
    assert isinstance(cheapest([one, other]).number, int)
    assert isinstance(one, Played)
