"""Whole evaluations: all policies meet the same jobs, whoever plays beside them, and every figure is shown."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rich.console import Console

from tidegate.agents.evaluation import evaluate
from tidegate.agents.evaluation.cohort import Chunk
from tidegate.agents.evaluation.record import to_json
from tidegate.agents.evaluation.report import Report
from tidegate.agents.evaluation.source import Source
from tidegate.agents.evaluation.table import render
from tidegate.agents.rules.catalogue import RULES
from tidegate.envs.scenario import load
from tidegate.envs.traces.load import copies
from tidegate.envs.traces.read import read
from tidegate.fastsim.errors import InputError
from tidegate.fastsim.jit import IS_COMPILED
from tidegate.fastsim.units import WEEK

pytestmark = pytest.mark.skipif(not IS_COMPILED, reason="whole evaluations take minutes as plain Python")


@pytest.fixture(scope="module")
def report() -> Report:
    """Three episodes of the smallest scenario under all rules."""
    return evaluate.evaluate(load("small_team"), [make() for make in RULES.values()], episodes=3, seed=5)


def same(a: Report, b: Report, names: list[str]) -> bool:
    """Whether the rows of these policies agree bit for bit."""
    rows = [{one.name: one.rows.tobytes() for one in report.policies} for report in (a, b)]
    return all(rows[0][name] == rows[1][name] for name in names)


def test_results_do_not_depend_on_threads(report: Report, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIDEGATE_THREADS", "1")
    again = evaluate.evaluate(load("small_team"), [RULES["cost-greedy"]()], episodes=3, seed=5)
    assert same(report, again, ["cost-greedy"])


def test_a_policy_is_scored_alike_whoever_stands_beside_it(report: Report) -> None:
    agents = [RULES[name]() for name in ("first-fit", "cost-greedy")]
    assert same(report, evaluate.evaluate(load("small_team"), agents, episodes=3, seed=5), ["first-fit", "cost-greedy"])


def test_all_policies_meet_the_same_jobs_and_pay_the_same_floors(report: Report) -> None:
    for one in report.policies[1:]:
        assert one.rows.floors.tolist() == report.policies[0].rows.floors.tolist()
        assert one.rows.jobs.tolist() == report.policies[0].rows.jobs.tolist()
        assert one.rows.supply.tolist() == report.policies[0].rows.supply.tolist()


def test_a_policy_saves_exactly_nothing_against_itself() -> None:
    rule = RULES["cost-greedy"]()
    report = evaluate.evaluate(load("small_team"), [rule, replace(rule, name="again")], episodes=16, seed=1)
    assert report.comparisons[0].avoidable == (0, 0, 0)
    assert report.comparisons[0].bill == (0, 0, 0)


def test_other_seeds_are_other_episodes(report: Report) -> None:
    again = evaluate.evaluate(load("small_team"), [RULES["cost-greedy"]()], episodes=3, seed=6)
    assert not same(report, again, ["cost-greedy"])


def test_episodes_of_a_stretch_follow_one_another(report: Report) -> None:
    """Five of a scenario with four in a row: the last stretch is cut short, and the first does not depend on that."""
    scenario = load("small_team")
    agents = [RULES["cost-greedy"](), RULES["first-fit"]()]
    five = evaluate.evaluate(scenario, agents, episodes=5, seed=5)
    rows = five.policies[0].rows
    assert rows.episode.tolist() == [0, 1, 2, 3, 4] and rows.block.tolist() == [0, 1, 2, 3, 0]
    assert five.blocks.tolist() == [0, 0, 0, 0, 4] and to_json(five)["block"] == "stretch"
    assert (rows.length == WEEK).all()
    for name in ("cost-greedy", "first-fit"):
        three, own = ({one.name: one for one in found.policies}[name] for found in (report, five))
        assert three.avoidable.tolist() == own.avoidable[:3].tolist()
    assert any("2 stretches are few" in note for note in five.notes)


def test_what_a_policy_leaves_behind_is_its_own(report: Report) -> None:
    """The first window is the same alone; the second is not, because its beginning is the end of the first."""
    scenario = load("small_team")
    alone = Source(scenario, 5, windows=1)
    rule = RULES["first-fit"]()
    rows = Chunk(alone.spec, [alone.episode(0)]).play(rule)[0].rows
    both = Source(scenario, 5, windows=2)
    pair = Chunk(both.spec, [both.episode(0)]).play(rule)[0].rows
    assert rows.delay[0] == pair.delay[0] and rows.burst[0] == pair.burst[0]
    episode = both.episode(0)
    second = (
        Chunk(both.spec, [episode._replace(edges=episode.edges[1:])]).play(rule)[0].rows
    )  # after cost-greedy's week
    assert (second.delay[0], second.burst[0]) != (pair.delay[1], pair.burst[1])


def test_a_higher_load_is_a_larger_cohort(report: Report) -> None:
    heavy = evaluate.evaluate(load("small_team"), [RULES["cost-greedy"]()], episodes=3, seed=5, load=1.1)
    assert heavy.policies[0].total("jobs") > report.policies[0].total("jobs")


def test_progress_ends_at_the_total() -> None:
    steps: list[tuple[int, int]] = []
    agents = [RULES["cost-greedy"](), RULES["first-fit"]()]
    evaluate.evaluate(load("small_team"), agents, episodes=2, progress=lambda *step: steps.append(step))
    assert steps == [(2, 4), (4, 4)]


def test_a_trace_is_scored_week_by_week(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    submitted = np.sort(rng.integers(0, 24 * 86_400, 2000))
    lines = [f"{at},{1 << rng.integers(0, 5)},{rng.integers(60, 40_000)}" for at in submitted]
    path = tmp_path / "trace.csv"
    path.write_text("\n".join(["submit_s,gpus,runtime_s", *lines]) + "\n")
    agents = [RULES["cost-greedy"](), RULES["committed-only"]()]
    report = evaluate.evaluate(load("small_team"), agents, episodes=2, trace=path, load=0.9)
    rows = report.policies[0].rows
    assert rows.block.tolist() == [0, 1, 2] * 2 and rows.episode.tolist() == [0] * 3 + [1] * 3
    assert (rows.length[:2] == WEEK).all() and rows.length[2] > 0
    assert report.blocks.tolist() == rows.block.tolist()
    assert any("its 3 weeks" in note for note in report.notes)
    laid = copies(read(path), load("small_team"), 0.9)
    assert any(f"made of {laid} copies" in note for note in report.notes) == (laid > 1)
    assert to_json(report)["block"] == "week"


@pytest.mark.parametrize(
    ("wrong", "what"),
    [({"episodes": 0}, "episodes"), ({"seed": -1}, "seed"), ({"seed": 1 << 63}, "seed"), ({"load": 9.0}, "load")],
)
def test_what_makes_no_sense_is_refused(wrong: dict[str, Any], what: str) -> None:
    options: dict[str, Any] = {"episodes": 1, **wrong}
    with pytest.raises(InputError, match=what):
        evaluate.evaluate(load("small_team"), [RULES["cost-greedy"]()], **options)


def test_no_policy_and_the_same_policy_twice_are_refused() -> None:
    with pytest.raises(InputError, match="at least one"):
        evaluate.evaluate(load("small_team"), [])
    with pytest.raises(InputError, match="given twice"):
        evaluate.evaluate(load("small_team"), [RULES["cost-greedy"]()] * 2)


# What is shown.


def shown(report: Report, width: int = 100) -> str:
    console = Console(width=width)
    with console.capture() as captured:
        console.print(render(report))
    return captured.get()


def test_the_table_fits_100_columns_and_shows_losses(report: Report) -> None:
    text = shown(report)
    assert max(map(len, text.splitlines())) <= 100
    loss = next(c.avoidable.value for c in report.comparisons if c.policy == "burst-only")
    assert loss < 0 and f"{100 * loss:.1f}" in text
    for cls in report.classes:
        assert cls in text


def test_more_policies_than_fit_stand_in_a_second_table(report: Report) -> None:
    more = replace(report, policies=(*report.policies, replace(report.policies[1], name="another")))
    text = shown(more)
    assert text.count(report.policies[0].name) >= 2 and "another" in text


def test_one_policy_needs_no_comparison(report: Report) -> None:
    alone = replace(report, policies=report.policies[:1])
    assert "saved" not in shown(alone)
    assert to_json(alone)["comparisons"] == []


def test_json_holds_every_figure(report: Report) -> None:
    found = json.loads(json.dumps(to_json(report), allow_nan=False))
    assert {c["policy"] for c in found["comparisons"]} == {p.name for p in report.policies[1:]}
    for comparison in found["comparisons"]:
        assert comparison["against"] == report.policies[0].name and {"saving", "low", "high"} <= comparison.keys()
    for policy in found["policies"]:
        parts = sum(policy[name] for name in ("burst", "overage", "delay", "penalty", "write_off"))
        assert policy["avoidable_cost"]["mean"] == pytest.approx(parts)
        assert policy["total_bill"]["mean"] == pytest.approx(parts + policy["floors"])
        assert policy["commitment_used"] + policy["commitment_unused"] == pytest.approx(policy["floors"])
        assert policy["measures"]["wait_p95_hours"] == policy["wait_hours"]["p95"]
        assert policy["classes"].keys() == set(report.classes) and policy["utilisation"].keys() == set(report.sites)
        assert len(policy["rows"]) == 3
