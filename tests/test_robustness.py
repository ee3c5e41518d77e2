"""The robustness sheet: each shift changes what it says and nothing else, and the verb tells of all of them."""

import io
import json
from decimal import Decimal

import numpy as np
import pytest
from rich.console import Console

from tidegate.agents import cli
from tidegate.agents.evaluation.episodes import compiled, synthetic
from tidegate.agents.evaluation.policies import resolve
from tidegate.agents.robustness import worlds
from tidegate.agents.robustness.ablations import VERSIONS
from tidegate.agents.robustness.shaking import JITTER, shaken
from tidegate.agents.robustness.sheet import stressed
from tidegate.agents.robustness.shifts import shifts_of
from tidegate.agents.robustness.show import render, to_json
from tidegate.envs.scenario import Scenario, load
from tidegate.fastsim.jit import IS_COMPILED
from tidegate.fastsim.units import DAY

from .test_ablations import network
from .toy_tuning import grounded

pytestmark = pytest.mark.skipif(not IS_COMPILED, reason="whole evaluations take minutes as plain Python")
KINDS = ("small_team", "launch_week", "three_providers", "colossus1_gcp_faithful", "ramp_slip", "spot_only_burst")


@pytest.fixture(scope="module")
def small() -> Scenario:
    return load("small_team")


def difference(one: Scenario, other: Scenario) -> set[str]:
    """Keys of sites and of the scenario whose values differ."""
    found = {name for name in Scenario.model_fields if getattr(one, name) != getattr(other, name)} - {"sites"}
    for mine, its in zip(one.sites, other.sites, strict=True):
        found |= {f"{mine.name}.{key}" for key in type(mine).model_fields if getattr(mine, key) != getattr(its, key)}
    return found


def test_burst_prices_change_and_nothing_else(small) -> None:
    dearer = worlds.burst_prices(small, Decimal("1.5"))
    assert difference(small, dearer) == {"on_demand.price_per_hour", "spot.price_per_hour"}
    assert [site.price_per_hour for site in dearer.sites] == [Decimal("2.5"), Decimal("5.985"), Decimal("3.63")]


def test_a_recall_takes_half_of_a_site_for_two_days_of_every_week(small) -> None:
    cut = worlds.recalled(small, "on_demand", Decimal(1))
    assert difference(small, cut) == {"on_demand.maintenance"}
    steps = cut.compile().capacity_steps
    own = steps[steps.site == 1]
    assert own.capacity[:4].tolist() == [256, 512, 256, 512]
    assert (own["at"][:3] / DAY).tolist() == [3.5, 5.5, 10.5]
    notices = cut.compile().notices
    assert notices[(notices.site == 1) & (notices["at"] == own["at"][0])].time.tolist() == [int(2.5 * DAY)]


def test_a_ramp_is_late_by_a_quarter() -> None:
    scenario = load("colossus1_gcp")
    late = worlds.late_ramp(scenario)
    assert worlds.ramps(scenario)
    for mine, its in zip(scenario.sites, late.sites, strict=True):
        days = [(step.at_day, other.at_day) for step, other in zip(mine.tranches, its.tranches, strict=True)]
        assert all(after - before in (0, worlds.QUARTER) for before, after in days)
    assert difference(scenario, late) != set()


def test_less_committed_capacity_meets_the_same_work(small) -> None:
    (shift,) = [one for one in shifts_of(small, 1).played if one.name == "committed capacity × 0.9"]
    assert difference(small, shift.scenario) == {"committed.capacity"}
    work = shift.scenario.offered(Decimal(str(shift.load))).work
    assert float(work) == pytest.approx(float(small.offered().work), rel=1e-3)


def test_failures_and_start_ups_are_three_times_as_many_and_as_long(small) -> None:
    failing, slow = worlds.failing(small), worlds.slow_start(small)
    assert difference(small, failing) == {"committed.failures", "on_demand.failures", "spot.failures"}
    failures, start_up = failing.sites[0].failures, slow.sites[1].start_up
    assert failures is not None
    assert start_up is not None
    assert failures.per_node_day == Decimal("0.066")
    assert difference(small, slow) == {"on_demand.start_up", "spot.start_up"}
    assert start_up.usual == 15 * 60_000


def test_shaking_moves_submissions_by_minutes_and_pipelines_whole(small) -> None:
    episode = synthetic(small, compiled(small, 1), 1, 0, None)
    once, again, other = shaken(episode, 1, 0), shaken(episode, 1, 0), shaken(episode, 1, 1)
    assert (once.jobs == again.jobs).all()
    assert (once.jobs != other.jobs).any()
    jobs, before = once.jobs, episode.jobs
    assert (np.diff(jobs.arrival) >= 0).all()
    assert jobs.arrival.min() >= before.arrival.min()
    assert sorted(jobs.walltime) == sorted(before.walltime)
    members = np.flatnonzero(jobs.member > 0)
    assert len(members) > 0
    assert (jobs.arrival[members] == jobs.arrival[members - 1]).all()
    assert (jobs.member[members] == jobs.member[members - 1] + 1).all()
    blocks = jobs.until > 0
    assert sorted(jobs.arrival[blocks]) == sorted(before.arrival[before.until > 0])
    assert abs(jobs.arrival.mean() - before.arrival.mean()) < JITTER
    assert jobs.requested.sum() == pytest.approx(before.requested.sum(), rel=0.02)


@pytest.mark.parametrize("name", KINDS)
def test_every_kind_of_scenario_has_its_shifts(name) -> None:
    """What is left out is a start-up, where there is none, and what the proof does not cover."""
    found = shifts_of(load(name), 1)
    told = [shift.name for shift in found.played]
    assert told[0] == "as it is"
    assert "load × 0.8" in told
    assert len(told) >= 8, found.left_out
    assert len(told) == len(set(told))


@pytest.mark.slow
def test_the_sheet_shows_every_world_and_what_blindness_costs(small) -> None:
    done: list[float] = []
    sheet = stressed(small, [resolve("cost-greedy"), network()], 1, 3, done.append)
    assert [row.name for row in sheet.rows] == [shift.name for shift in shifts_of(small, 3).played]
    assert len(sheet.ablations) == VERSIONS
    assert {one.against for one in sheet.ablations} == {"net"}
    assert done == sorted(done)
    assert done[-1] == pytest.approx(1)
    told = json.loads(json.dumps(to_json(sheet), allow_nan=False))
    assert [len(world["policies"]) for world in told["worlds"]] == [2] * len(sheet.rows)
    assert [one["agreement"] is None for one in told["ablations"]] == [True] * 7 + [False]
    text = io.StringIO()
    Console(width=120, file=text).print(render(sheet))
    assert "recalls of spot" in text.getvalue()
    assert "p95" in text.getvalue() and "bill" in text.getvalue()
    for name in ("blind to clock", "all shuffled", "linear"):
        assert f"net, {name}" in text.getvalue()


@pytest.mark.slow
def test_the_verb_plays_two_episodes_in_every_world(capsys) -> None:
    assert cli.main(["stress", "small_team", "--episodes", "2", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    usual, loads = told["worlds"][0], [world["load"] for world in told["worlds"][1:4]]
    assert loads == [0.72, 0.99, 1.125]
    first, other = usual["policies"]
    assert [first["policy"], other["policy"]] == ["best-tuned", "first-fit"]
    assert first["bill_saved"] is None and other["bill_saved"]["value"] != other["saved"]["value"]
    assert first["wait_hours"]["p95"] >= first["wait_hours"]["p50"] >= 0
    costs = {world["world"]: world["policies"][0]["avoidable"]["value"] for world in told["worlds"]}
    assert costs["load × 0.8"] < costs["as it is"] < costs["load × 1.25"]
    assert costs["burst price × 0.7"] < costs["burst price × 1.5"]


@pytest.mark.slow
def test_a_scenario_file_may_have_tuned_rules_and_bounds(capsys, tmp_path) -> None:
    path, bounds = grounded(tmp_path), tmp_path / "bounds.json"
    cli.main(["bound", str(path), "--episodes", "1", "--largest", "0", "--load", "0.72", "--json"])
    bounds.write_text(capsys.readouterr().out)
    given = ["--policy", "best-tuned", "--policy", "cost-greedy", "--episodes", "1", "--bounds", str(bounds)]
    assert cli.main(["stress", str(path), *given, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert any("the base of mine" in note for note in told["notes"])
    shares = {world["world"]: "gaps" in world["policies"][1] for world in told["worlds"]}
    assert [world for world, has_gaps in shares.items() if has_gaps] == ["load × 0.8"]
    with pytest.raises(SystemExit) as end:
        cli.main(["stress", "small_team", "--bounds", str(bounds)])
    assert end.value.code == 2
    assert "bounds.json: scenario" in capsys.readouterr().err


@pytest.mark.slow
def test_training_seeds_stand_in_the_sheet_as_one(small) -> None:
    names = ("first-fit", "spill-after")
    agents = [resolve(name) for name in ("cost-greedy", *names)]
    sheet = stressed(small, agents, 1, 3, groups={"runs": names})
    assert sheet.policies == ("cost-greedy", "runs")
    world = to_json(sheet)["worlds"][0]["policies"]
    assert [one["policy"] for one in world] == ["cost-greedy", *names, "runs"]
    costs = [one["avoidable"]["value"] for one in world]
    assert costs[3] == pytest.approx((costs[1] + costs[2]) / 2)
    assert {name for row in sheet.rows for flip in row.flips for name in flip[:2]} <= {"cost-greedy", "runs"}
    text = io.StringIO()
    Console(width=120, file=text).print(render(sheet))
    assert "runs, 2 seeds" in text.getvalue() and "first-fit" not in text.getvalue()


def test_a_wrong_policy_is_answered_with_the_choices(capsys) -> None:
    with pytest.raises(SystemExit) as end:
        cli.main(["stress", "small_team", "--policy", "greedy"])
    assert end.value.code == 2
    assert "cost-greedy" in capsys.readouterr().err
