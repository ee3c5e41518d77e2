"""The rule that plans: its duals on worlds worked by hand, what it must not know, and that threads do not matter."""

import json
import sys
from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from tidegate.agents import cli
from tidegate.agents.evaluation.policies import resolve
from tidegate.agents.planning import rolling, slots
from tidegate.agents.planning.groups import groups_of
from tidegate.agents.planning.program import costs
from tidegate.agents.planning.runs import survival
from tidegate.agents.rules import committed_only, cost_greedy, rolling_lp
from tidegate.envs.generator import generate
from tidegate.envs.scenario import Scenario, load
from tidegate.fastsim.errors import InputError
from tidegate.fastsim.jit import IS_COMPILED
from tidegate.fastsim.spec import Jobs, plain_jobs
from tidegate.fastsim.units import DAY, HOUR
from tidegate.fastsim.worlds import Worlds

from .toy_scenario import TOY
from .toy_work import ANSWERS, MODEL, busy_toy

pytest.importorskip("highspy", reason="needs the bound extra")
pytestmark = pytest.mark.skipif(not IS_COMPILED, reason="whole episodes take minutes as plain Python")

ONE_SITE: dict[str, Any] = {
    "name": "one",
    "title": "One",
    "description": "Ten committed accelerators, one class of gangs of ten that run an hour as they request.",
    "rules": {"offer_interval_minutes": 60, "billing_period_days": 30},
    "episodes": {"horizon_days": 14, "evaluation_days": 7, "warm_up_days": 7, "span_days": 364},
    "providers": [{"name": "owned", "kind": "committed", "floor_share": 1}],
    "sites": [{"name": "site", "provider": "owned", "accelerator": "X", "capacity": 10, "price_per_hour": 1}],
    "workload": {
        "load": 0.001,
        "hour_factors": [1] * 24,
        "weekday_factors": [1] * 7,
        "requests": {"exact": 1, "overrun": 0, "up_to": 1},
    },
    "classes": [
        {
            "name": "work",
            "priority": 1,
            "delay_cost_per_hour": 2,
            "share": 1,
            "gangs": {10: 1},
            "walltime": {"median_hours": 1, "p95_hours": 1.0001, "max_hours": 2},
        }
    ],
}
METERED: dict[str, Any] = ONE_SITE | {
    "providers": [*ONE_SITE["providers"], {"name": "rented", "kind": "burst"}],
    "sites": [
        *ONE_SITE["sites"],
        {"name": "burst", "provider": "rented", "accelerator": "X", "capacity": 100, "price_per_hour": 1.5},
    ],
}


def hand_made(count: int, hours: float = 0.98) -> Jobs:
    """`count` jobs of gang 10 that arrive at 0 and run what they request: little less than an hour.

    The rest is for what the scenario expects to arrive, a thousandth of its capacity.
    """
    jobs = plain_jobs(count)
    jobs.walltime, jobs.requested, jobs.gang, jobs.priority = int(hours * HOUR), int(hours * HOUR), 10, 1
    return jobs


def begun(scenario: Scenario, jobs: Jobs, at: int) -> Worlds:
    """One episode of these jobs under cost-greedy until `at`."""
    worlds = Worlds(scenario.compile(), jobs, 1)
    worlds.begin(0)
    worlds.play(cost_greedy.agent(), at)
    return worlds


def shadow(knobs: np.ndarray, sites: int) -> np.ndarray:
    """The shadow prices (sites, slots) in knobs, in $ per accelerator-hour."""
    first = rolling_lp.TABLE + slots.COUNT + 1
    return knobs[first : first + sites * slots.COUNT].reshape(sites, slots.COUNT) / 1e6


def test_a_site_that_nobody_wants_has_no_shadow_price() -> None:
    scenario = Scenario.model_validate(ONE_SITE)
    knobs = rolling.agent(scenario).plan(begun(scenario, hand_made(0), HOUR), 0)
    assert shadow(knobs, 1) == pytest.approx(np.zeros((1, slots.COUNT)), abs=1e-6)


def test_the_shadow_prices_of_a_full_site_are_the_delay_that_its_hours_save() -> None:
    """Three gangs of 10 for an hour on ten accelerators: one runs from 0 to 1, the others will start at 1 and 2.

    Waiting costs $2. One more accelerator in the hour from 1 would let one start at 1 instead of 2, and save $2. In the
    hour from 0 it would do the same for one that starts at 1, whose place then takes one that starts at 2: $4 together.
    After 2 nobody waits.
    """
    scenario = Scenario.model_validate(ONE_SITE)
    worlds = begun(scenario, hand_made(3), 1)
    found = shadow(rolling.agent(scenario).plan(worlds, 0), 1)[0]
    assert found[:4] == pytest.approx([4, 2, 0, 0], abs=0.02)
    assert found[4:] == pytest.approx(np.zeros(slots.COUNT - 4), abs=0.01)


def test_one_more_accelerator_hour_saves_what_its_shadow_price_says() -> None:
    """The definition: a site with a little more free in one slot costs that much times the price less."""
    scenario = load("small_team")
    made = rolling.agent(scenario)
    spec = scenario.compile()
    worlds = Worlds(spec, generate(scenario, 3, 1, 4), 1)
    worlds.begin(0)
    worlds.play(cost_greedy.agent(), 3 * DAY + 12 * HOUR)
    seen = rolling.outlook(worlds, 0, scenario, made.survivals)
    program, price = made.solver.program, costs(made.solver.program, seen.price)
    rhs = made.rhs(spec, seen)
    rhs[program.rows[0] : program.rows[1]] *= 2  # so that it is crowded
    before = made.solver.solve(price, rhs)
    slot = int(np.argmax(before.capacity[0]))
    assert before.capacity[0, slot] > 0.1
    more = rhs.copy()
    more[program.rows[2] + slot] += 0.001
    after = made.solver.solve(price, more)
    assert before.objective - after.objective == pytest.approx(0.001 * before.capacity[0, slot], rel=1e-3)


def test_metered_machines_bound_what_committed_hours_are_worth() -> None:
    """As before with five gangs that must all be committed, beside metered machines at $1.5 where others could run.

    To start there at once costs $1.5 for the hour. So an hour of a committed accelerator saves $1.5 at 0, and at 1,
    when the one that waits for it has paid $2 already, nothing.
    """
    scenario = Scenario.model_validate(METERED)
    worlds = Worlds(scenario.compile(), hand_made(5), 1)
    worlds.begin(0)
    worlds.play(committed_only.agent(), 1)
    found = shadow(rolling.agent(scenario).plan(worlds, 0), 2)
    assert found[0] == pytest.approx([1.5] + [0] * (slots.COUNT - 1), abs=0.01)
    assert found[1] == pytest.approx(np.zeros(slots.COUNT), abs=0.01)


def test_the_expected_run_follows_from_the_published_terms_of_requests() -> None:
    """Exact ones run what they request; with a factor uniform in 1 to 3 the mean of walltime / request is ln 3 / 2."""
    cls = load("small_team").classes[0]
    requests = load("small_team").workload.requests
    exact = survival(requests.model_copy(update={"exact": 1, "overrun": 0}), cls)
    spread = survival(requests.model_copy(update={"exact": 0, "overrun": 0}), cls)
    assert exact.mean == pytest.approx(1, abs=0.01)
    assert spread.mean == pytest.approx(np.log(3) / 2, abs=0.01)
    assert (np.diff(spread.share) <= 1e-12).all()


@pytest.mark.parametrize("name", ["small_team", "mid_lab"])
def test_the_work_that_is_expected_is_the_work_that_is_offered(name) -> None:
    scenario = load(name)
    offered = scenario.offered()
    groups = groups_of(scenario, scenario.compile())
    for index, cls in enumerate(scenario.classes):
        work = sum(group.gangs.mean() * group.ran for group in groups if group.key.cls == index)
        share = float(offered.work * offered.part(Fraction(cls.share)))
        assert work == pytest.approx(share, rel=0.03), cls.name


@pytest.fixture(scope="module")
def small() -> tuple[Scenario, rolling.RollingLp, Jobs]:
    scenario = load("small_team")
    return scenario, rolling.agent(scenario), generate(scenario, 7, 1, 6, 1.1)


def crowd(scenario: Scenario, jobs: Jobs, episodes: int = 1) -> Worlds:
    """Episodes that have met three days, at noon."""
    worlds = Worlds(scenario.compile(), jobs, episodes)
    for episode in range(episodes):
        worlds.begin(episode, seed=episode)
    worlds.play(committed_only.agent(), 3 * DAY + 12 * HOUR)
    return worlds


def test_a_plan_knows_no_walltime_and_no_arrival_to_come(small) -> None:
    scenario, made, jobs = small
    worlds = crowd(scenario, jobs)
    plan = made.plan(worlds, 0)
    assert shadow(plan, 3).max() > 0
    now, live = int(worlds.state().now), worlds.batch.live[0]
    waits = live.job[live.status == 1]
    assert len(waits) > 0
    worlds.jobs.walltime[waits] *= 7
    live.remaining[live.status == 1] *= 7
    live.finish[live.status == 3] += 5 * HOUR
    live.remaining[live.status == 3] += 5 * HOUR
    later = worlds.jobs.arrival >= now
    worlds.jobs.gang[later], worlds.jobs.requested[later], worlds.jobs.cls[later] = 1, HOUR, 0
    assert (made.plan(worlds, 0) == plan).all()


def test_a_plan_does_not_depend_on_the_place_in_the_batch_or_on_plans_before(small) -> None:
    scenario, made, jobs = small
    alone, batch = crowd(scenario, jobs), crowd(scenario, jobs, 3)
    plan = made.plan(alone, 0)
    made.plan(batch, 2)
    moved = Worlds(scenario.compile(), jobs, 2)
    moved.copy_from(batch, np.array([0]), np.array([1]))
    assert (made.plan(batch, 0) == plan).all()
    assert (made.plan(moved, 1) == plan).all()


def test_the_rule_is_the_same_for_any_number_of_threads_and_obeys_masks(small, monkeypatch) -> None:
    scenario, made, jobs = small
    digests = []
    for threads in ("1", "2"):
        monkeypatch.setenv("TIDEGATE_THREADS", threads)
        worlds = Worlds(scenario.compile(), jobs, 3, log=True)
        for episode in range(3):
            worlds.begin(episode, seed=episode)
        worlds.play(made, 2 * DAY)
        assert worlds.batch.state.illegal.sum() == 0
        assert (worlds.batch.state.now == 2 * DAY).all()
        digests.append([worlds.digest(episode) for episode in range(3)])
    assert digests[0] == digests[1]


def test_an_episode_may_be_played_in_parts(small) -> None:
    scenario, made, jobs = small
    digests = []
    for stops in ((30 * HOUR,), (HOUR, 7 * HOUR, 30 * HOUR)):
        worlds = Worlds(scenario.compile(), jobs, 1, slots=4, log=True)  # so few slots that it has to grow
        worlds.begin(0)
        for stop in stops:
            worlds.play(made, stop)
        digests.append(worlds.digest())
    assert digests[0] == digests[1]


def test_play_ends_with_the_last_result() -> None:
    scenario = Scenario.model_validate(ONE_SITE)
    jobs = hand_made(3)
    worlds = Worlds(scenario.compile(), jobs, 1, results=3)
    worlds.begin(0)
    worlds.ask_results(0, 0, 3)
    worlds.play(rolling.agent(scenario))
    assert worlds.state().now == int(3 * 0.98 * HOUR)


@pytest.mark.parametrize("name", ["mid_lab", "colossus1_gcp", "three_providers", "power_cut"])
def test_it_plans_for_every_kind_of_scenario(name) -> None:
    scenario = load(name)
    made = rolling.agent(scenario)
    worlds = Worlds(scenario.compile(), generate(scenario, 1, 1, 1), 1)
    worlds.begin(0)
    worlds.play(made, 5 * HOUR)
    assert worlds.state().illegal == 0
    assert np.isfinite(made.plan(worlds, 0)).all()


def test_it_plans_for_pipelines_services_cubes_and_tags() -> None:
    scenario = busy_toy([MODEL], [ANSWERS])
    made = rolling.agent(scenario)
    worlds = Worlds(scenario.compile(), generate(scenario, 1, 1, 2), 1)
    worlds.begin(0)
    worlds.play(made, DAY)
    assert worlds.state().illegal == 0
    assert TOY["name"] == "toy"


def test_a_short_job_that_may_pass_a_blocked_gang_expects_no_wait() -> None:
    """Six of ten committed accelerators run for 5 h; a gang of 10 must wait for them; four are free.

    A job of one accelerator for an hour ends before the gang could start, and is put behind it: it starts at once. One
    of 4 for 7 h would hold the gang up by 2 h, so that it waits; it goes to the metered machines at $1.5.
    """
    scenario = Scenario.model_validate(METERED | {"classes": [ONE_SITE["classes"][0] | {"gangs": {1: 0.5, 10: 0.5}}]})
    jobs = plain_jobs(4)
    jobs.gang, jobs.priority, jobs.arrival = [6, 10, 1, 4], 1, [0, 1, 2, 3]
    jobs.requested = jobs.walltime = np.array([5, 20, 1, 7]) * HOUR
    worlds = Worlds(scenario.compile(), jobs, 1, results=4)
    worlds.begin(0)
    worlds.ask_results(0, 0, 4)
    worlds.play(committed_only.agent(), 2)
    worlds.play(rolling.agent(scenario), 4)
    live = worlds.batch.live[0]
    assert [live.site[live.job == job].tolist() for job in (2, 3)] == [[0], [1]]
    assert live.start[live.job == 2].tolist() == [2]


def test_it_needs_a_scenario_and_a_solver(monkeypatch) -> None:
    with pytest.raises(InputError, match="plans for a scenario, and none is given"):
        resolve("rolling-lp")
    monkeypatch.setitem(sys.modules, "highspy", None)
    with pytest.raises(InputError, match=r"pip install 'tidegate\[bound\]'"):
        resolve("rolling-lp", load("small_team"))


def test_it_is_a_policy_of_the_command_line(capsys) -> None:
    argv = ["evaluate", "small_team", "--policy", "cost-greedy", "--policy", "rolling-lp", "--episodes", "1", "--json"]
    assert cli.main(argv) == 0
    told = json.loads(capsys.readouterr().out)
    assert [policy["policy"] for policy in told["policies"]] == ["cost-greedy", "rolling-lp"]


def test_weights_are_knobs(small) -> None:
    scenario, made, jobs = small
    worlds = crowd(scenario, jobs)
    other = replace(made, knobs=rolling_lp.Knobs(shadow=0.25))
    assert (made.plan(worlds, 0) != other.plan(worlds, 0)).sum() == 1
