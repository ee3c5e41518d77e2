"""The bound lies below the exact optimum, and this below every policy; a clairvoyant never loses to its base policy."""

import dataclasses
import json
import threading

import numpy as np
import pytest

from tidegate.agents.bound import items as grouping
from tidegate.agents.bound import solve
from tidegate.agents.bound.clairvoyant import Clairvoyant
from tidegate.agents.bound.exact import exact
from tidegate.agents.bound.headroom import Headroom, bound, headroom
from tidegate.agents.bound.instance import Instance, instance_of
from tidegate.agents.bound.items import early, items_of
from tidegate.agents.bound.program import Program, program_of, slots
from tidegate.agents.bound.record import load_headroom, to_json
from tidegate.agents.bound.solve import safe_bound, solved
from tidegate.agents.bound.steps import Steps, constant, sum_of
from tidegate.agents.cli import main
from tidegate.agents.evaluation.cohort import Chunk
from tidegate.agents.evaluation.episodes import Episode
from tidegate.agents.evaluation.evaluate import evaluate
from tidegate.agents.evaluation.scoring import COSTS
from tidegate.agents.evaluation.source import Source
from tidegate.agents.rules.catalogue import RULES
from tidegate.envs.scenario import load
from tidegate.fastsim.errors import InputError
from tidegate.fastsim.jit import IS_COMPILED
from tidegate.fastsim.spec import BURST, COMMITTED, ClassTable, ProviderTable, SiteTable, Spec, SpecTable, plain_jobs
from tidegate.fastsim.units import DAY, DOLLAR, HOUR, MINUTE

pytestmark = pytest.mark.skipif(not IS_COMPILED, reason="whole evaluations take minutes as plain Python")

KERNEL_RULES = ("committed-only", "burst-only", "first-fit", "cost-greedy")
HORIZON = 96.0  # h: shorter than the real one, so that the exact program stays small; it only lowers both


def toy_spec(rng: np.random.Generator, *, is_rough: bool = False) -> Spec:
    """Three sites of different speeds, granules and prices.

    A rough one has failures, losses, start-ups, preemption, data that travel, foreign silicon, kills of overruns.
    """
    capacity = int(rng.integers(4, 9))
    steps = ((int(rng.integers(12, 30)) * HOUR, capacity // 2, 0), (40 * HOUR, capacity, 0)) if is_rough else ()
    failure = np.linspace(0.5, 12, 2048) * HOUR if is_rough else None
    start_up = np.linspace(0.2, 1.5, 2048) * HOUR if is_rough else None
    table = SpecTable(
        sites=(
            SiteTable(0, capacity, DOLLAR, (1000, 1000), capacity_steps=steps, failure=failure),
            SiteTable(1, 8, 3 * DOLLAR, (1000, 500), granule=4, start_up=start_up, price_steps=((20 * HOUR, DOLLAR),)),
            SiteTable(1, 6, 5 * DOLLAR, (2000, 1000), granule=2, silicon=int(is_rough)),
        ),
        providers=(
            ProviderTable(COMMITTED, tags=1, floor_share=1000, links=(0, 1000)),
            ProviderTable(BURST, links=(1000, 0)),
        ),
        classes=(
            ClassTable(4 * DOLLAR, restart=HOUR // 2, port=HOUR),
            ClassTable(DOLLAR, checkpoint=HOUR, preemptible=is_rough),
        ),
        period=30 * DAY,
        offer_interval=HOUR,
        preempt_after=2 * HOUR if is_rough else 0,
        kill_overruns=is_rough and rng.random() < 0.5,
    )
    return table.pack()


def toy_episode(rng: np.random.Generator, count: int = 12) -> Episode:
    """Jobs on a grid of hours around a window of a day; every other gang is one half of the committed site or more."""
    jobs = plain_jobs(count)
    jobs.arrival = np.sort(rng.integers(0, 30, count)) * HOUR
    jobs.walltime = rng.integers(1, 6, count) * 2 * HOUR
    jobs.requested = jobs.walltime
    jobs.gang = rng.integers(1, 5, count)
    jobs.cls = rng.integers(0, 2, count)
    jobs.priority = rng.integers(0, 3, count)
    jobs.tags = rng.random(count) < 0.2
    is_due = rng.random(count) < 0.4
    jobs.deadline = np.where(is_due, jobs.arrival + jobs.walltime + rng.integers(0, 6, count) * HOUR, 0)
    jobs.penalty = np.where(is_due, 20 * DOLLAR, 0)
    for first in np.flatnonzero(rng.random(count - 2) < 0.3):  # a chain of two, or a child of two parents
        if jobs.parents[first : first + 3].any() or jobs.member[first : first + 3].any():
            continue
        jobs.arrival[first : first + 3] = jobs.arrival[first]
        jobs.member[first : first + 3] = (0, 1, 2)
        jobs.parents[first + 2] = 3 if rng.random() < 0.5 else 2
        jobs.parents[first + 1] = 1 if jobs.parents[first + 2] == 2 else 0
        jobs.deadline[first : first + 3] = 0
        jobs.penalty[first : first + 3] = 0
    return Episode(jobs, np.array([6, 30]) * HOUR)


def begun(seed: int, *, is_rough: bool = False) -> Chunk:
    rng = np.random.default_rng(seed)
    episode = toy_episode(rng)
    spec = toy_spec(rng, is_rough=is_rough)
    if is_rough:
        jobs, count = episode.jobs, len(episode.jobs)
        jobs.input = rng.integers(0, 4, count) * 450_000  # MB: an hour each
        jobs.home = rng.integers(0, 2, count)
        jobs.silicon = rng.integers(-1, 2, count)
        jobs.requested = np.maximum(jobs.walltime // rng.integers(1, 3, count), HOUR)
    return Chunk(spec, [episode._replace(seed=seed)])


def bound_of(instance: Instance) -> float:
    edges, fine = slots(instance)
    return solved(program_of(instance, items_of(instance, fine), edges), 60).bound


def cost_of(chunk: Chunk, agent) -> float:
    row = chunk.play(agent)[0].rows[0]
    return sum(int(row[name]) for name in COSTS) / DOLLAR


@pytest.mark.parametrize("seed", range(12))
def test_the_bound_is_below_the_exact_optimum_and_this_below_every_policy(seed):
    chunk = begun(seed)
    instance = instance_of(chunk, 0)._replace(horizon=HORIZON)
    bound, optimum = bound_of(instance), exact(instance, 1.0)
    assert 0 <= bound <= optimum + 1e-6
    for name in KERNEL_RULES:
        assert optimum <= cost_of(chunk, RULES[name]()) + 1e-6
    foresight = cost_of(chunk, Clairvoyant(chunk, RULES["cost-greedy"]()))
    assert optimum <= foresight + 1e-6
    assert foresight <= cost_of(chunk, RULES["cost-greedy"]()) + 1e-6


def test_the_bound_is_not_far_below_the_optimum():
    pairs = []
    for seed in range(12):
        instance = instance_of(begun(seed), 0)._replace(horizon=HORIZON)
        pairs.append((bound_of(instance), exact(instance, 1.0)))
    bounds, optima = np.sum(pairs, axis=0)
    assert optima > 100
    assert bounds / optima > 0.45


@pytest.mark.parametrize("seed", range(20, 50))
def test_failures_evictions_and_start_ups_never_push_a_policy_below_the_bound(seed):
    chunk = begun(seed, is_rough=True)
    bound = bound_of(instance_of(chunk, 0))
    for name in KERNEL_RULES:
        assert bound <= cost_of(chunk, RULES[name]()) + 1e-6


def lost_while_staging(speed: int) -> Chunk:
    """Ten hours of staging to a site that is gone after a minute of it; next to it, at one provider, is another."""
    spec = SpecTable(
        sites=(
            SiteTable(0, 1, DOLLAR, (1000,)),
            SiteTable(1, 4, DOLLAR, (speed,), capacity_steps=((10 * HOUR + MINUTE, 0, 10 * HOUR + MINUTE),)),
            SiteTable(1, 4, 10 * DOLLAR, (1000,)),
        ),
        providers=(
            ProviderTable(COMMITTED, floor_share=1000, links=(0, 1000)),
            ProviderTable(BURST, links=(1000, 0)),
        ),
        classes=(ClassTable(100 * DOLLAR),),
        period=30 * DAY,
        offer_interval=HOUR,
    ).pack()
    jobs = plain_jobs(1)
    jobs.arrival, jobs.gang, jobs.home = 10 * HOUR, 4, 0
    jobs.walltime = jobs.requested = 10 * HOUR
    jobs.input = 4_500_000  # MB, ten hours
    return Chunk(spec, [Episode(jobs, np.array([10, 34]) * HOUR)])


@pytest.mark.parametrize("speed", [1000, 100])
def test_data_that_came_with_a_run_that_was_broken_off_need_not_come_again(speed):
    chunk = lost_while_staging(speed)
    assert bound_of(instance_of(chunk, 0)) <= min(cost_of(chunk, RULES[name]()) for name in KERNEL_RULES) + 1e-6


def test_a_run_that_is_killed_counts_what_an_earlier_one_has_claimed():
    """A hundred hours of which ten are requested; nine were saved before the site was lost, so one more is run."""
    losses = ((9 * HOUR, 0, 9 * HOUR), (12 * HOUR, 4, 9 * HOUR))
    spec = SpecTable(
        sites=(SiteTable(0, 1, DOLLAR, (1000,)), SiteTable(1, 4, 10 * DOLLAR, (1000,), capacity_steps=losses)),
        providers=(ProviderTable(COMMITTED, floor_share=1000), ProviderTable(BURST)),
        classes=(ClassTable(DOLLAR, checkpoint=HOUR),),
        period=30 * DAY,
        offer_interval=HOUR,
        kill_overruns=True,
    ).pack()
    jobs = plain_jobs(1)
    jobs.arrival, jobs.walltime, jobs.requested, jobs.gang = 0, 100 * HOUR, 10 * HOUR, 4
    chunk = Chunk(spec, [Episode(jobs, np.array([10, 34]) * HOUR)])
    instance = instance_of(chunk, 0)
    np.testing.assert_array_equal(instance.work.length, [[np.inf, 1.0]])
    assert bound_of(instance) <= cost_of(chunk, RULES["first-fit"]()) + 1e-6


def test_a_solver_that_came_to_its_limit_says_so():
    source = Source(load("small_team"), 1, windows=1)
    base = RULES["cost-greedy"]()
    stopped, done = (headroom(source, base, (), 1, 0, time_limit=limit) for limit in (0.01, 300.0))
    assert (stopped.is_solved.tolist(), done.is_solved.tolist()) == ([False], [True])
    assert 0 <= stopped.bound[0] <= done.bound[0]


def test_an_interruption_ends_a_solver(monkeypatch):
    """The program takes half a second; what interrupts who waits for it comes in the first hundredth."""
    monkeypatch.setattr(solve, "TICK", 0.01)
    chunk = Chunk((source := Source(load("small_team"), 1, windows=1)).spec, [source.episode(0)])
    running: list[str] = []

    def progress(seconds: float) -> None:
        running.extend(thread.name for thread in threading.enumerate())
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        bound(chunk, 0, progress=progress)
    assert "solver" in running
    assert "solver" not in [thread.name for thread in threading.enumerate()]


def test_progress_tells_of_every_phase_and_of_the_solver():
    steps: list[tuple[float, str]] = []
    source = Source(load("small_team"), 1, windows=1)
    headroom(source, RULES["cost-greedy"](), (), 2, 1, lambda share, phase: steps.append((share, phase)))
    shares = [share for share, _ in steps]
    assert shares == sorted(shares) and (shares[0], shares[-1]) == (0, 1)
    phases = list(dict.fromkeys(phase.split(", ")[1] for _, phase in steps[:-1]))
    assert phases == ["policies", "linear program", "clairvoyant"]
    assert any(phase == "episode 2 of 2, linear program, 0 s of at most 300" for _, phase in steps)


@pytest.mark.parametrize("seed", range(6))
def test_groups_only_lower_the_bound(seed, monkeypatch):
    instance = instance_of(begun(seed), 0)
    alone = bound_of(instance)
    monkeypatch.setattr(grouping, "SINGLES", 2)
    assert bound_of(instance) <= alone + 1e-6


def test_one_job_that_must_wait_costs_its_wait():
    """Two gangs of 2 on 2 committed accelerators, $4 an hour and accelerator: the second waits 4 h or is bought."""
    spec = SpecTable(
        sites=(SiteTable(0, 2, DOLLAR, (1000,)),),
        providers=(ProviderTable(COMMITTED, floor_share=1000),),
        classes=(ClassTable(4 * DOLLAR),),
        period=30 * DAY,
    ).pack()
    jobs = plain_jobs(2)
    jobs.arrival, jobs.walltime, jobs.requested, jobs.gang = 10 * HOUR, 4 * HOUR, 4 * HOUR, 2
    chunk = Chunk(spec, [Episode(jobs, np.array([10, 20]) * HOUR)])
    instance = instance_of(chunk, 0)
    assert exact(instance._replace(horizon=48.0), 1.0) == pytest.approx(2 * 4 * 4)
    assert bound_of(instance) == pytest.approx(2 * 4 * 4, rel=1e-6)
    assert cost_of(chunk, RULES["cost-greedy"]()) == pytest.approx(2 * 4 * 4)


def test_a_child_waits_from_its_parents_end():
    """A parent of 3 h, then its child of 2 h: nobody waits, however long they take together."""
    spec = toy_spec(np.random.default_rng(1))
    jobs = plain_jobs(2)
    jobs.arrival, jobs.walltime, jobs.gang = 10 * HOUR, (3 * HOUR, 2 * HOUR), 1
    jobs.requested, jobs.member, jobs.parents = jobs.walltime, (0, 1), (0, 1)
    chunk = Chunk(spec, [Episode(jobs, np.array([10, 20]) * HOUR)])
    instance = instance_of(chunk, 0)
    assert instance.work.release.tolist() == [0, 1.5]  # the third site is twice as fast
    assert bound_of(instance) == pytest.approx(0, abs=1e-6)
    assert exact(instance._replace(horizon=48.0), 0.5) == pytest.approx(0, abs=1e-6)


def test_the_mean_of_the_slots_beginnings_is_never_closer_to_a_run_than_assumed():
    rng = np.random.default_rng(3)
    for length in rng.uniform(0.05, 7, 50):
        begin = rng.uniform(0, 1, 100)
        times = begin[:, None] + (np.arange(20_000) + 0.5) / 20_000 * length
        gap = (times - np.floor(times)).mean(axis=1).min()
        assert early(np.array([length]), 1.0)[0] <= gap + 1e-3
        assert early(np.array([length]), 1.0)[0] >= gap - 0.05


def test_any_duals_give_a_bound():
    instance = instance_of(begun(3), 0)._replace(horizon=HORIZON)
    edges, fine = slots(instance)
    program: Program = program_of(instance, items_of(instance, fine), edges)
    best = solved(program, 60)
    assert best.bound == pytest.approx(best.value, rel=1e-6, abs=1e-6)
    rng = np.random.default_rng(0)
    for _ in range(20):
        assert safe_bound(program, rng.normal(0, 10, len(program.lower))) <= best.value + 1e-6


def test_steps_add_up_over_slots():
    steps = sum_of(
        Steps(np.array([-np.inf, 2.0]), np.array([4.0, 6.0])), np.array([0.0]), np.array([3.0]), np.array([-1.0])
    )
    integral, lowest, highest = steps.within(np.array([0.0, 1.0, 4.0]))
    assert integral.tolist() == [3, 3 + 5 + 6]
    assert (lowest.tolist(), highest.tolist()) == ([3, 3], [3, 6])
    assert constant(2.0).within(np.array([0.0, 5.0]))[0].tolist() == [10]


def test_the_warm_start_takes_room_until_it_surely_ends():
    chunk = begun(2)
    instance = instance_of(chunk, 0)
    here = chunk.begun.state(0)
    free = [one.within(np.array([0.0, 1e-3]))[0][0] * 1000 for one in instance.room]
    assert free == pytest.approx([int(here.capacity[site] - here.metered[site]) for site in range(3)])


def test_fields_are_one_row_an_item():
    instance = instance_of(begun(4), 0)
    items = items_of(instance, 1.0)
    for name, column in items._asdict().items():
        assert len(column) == len(items), name
    assert dataclasses.is_dataclass(RULES["cost-greedy"]())


@pytest.fixture(scope="module")
def found() -> Headroom:
    agents = [RULES[name]() for name in ("cost-greedy", "first-fit")]
    return headroom(Source(load("small_team"), 3, windows=1), agents[0], agents[1:], episodes=2, largest=5)


def test_headroom_stands_beside_what_evaluation_finds(found):
    """Of every stretch the first window: there the policies of an evaluation begin as the bound does."""
    report = evaluate(load("small_team"), [RULES["cost-greedy"](), RULES["first-fit"]()], episodes=5, seed=3)
    for policy in report.policies:
        first = policy.rows.block == 0
        assert policy.rows.episode[first].tolist() == [0, 4]
        assert found.policies[policy.name] == pytest.approx(policy.avoidable[first] / DOLLAR)
    assert (found.bound <= found.clairvoyant + 1e-6).all()
    assert (found.clairvoyant <= found.policies["cost-greedy"] + 1e-6).all()


def test_headroom_comes_back_from_json(found, tmp_path):
    path = tmp_path / "bounds.json"
    path.write_text(json.dumps(to_json(found)))
    again = load_headroom(path)
    assert to_json(again) == to_json(found)
    content = to_json(found)
    assert content["bound_mean"] == pytest.approx(found.bound.mean())
    assert content["best_tuned_mean"] is None  # it was not asked for


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"scenario": 1}', '{"bound": [1, "x"]}'])
def test_a_file_that_holds_no_bounds_is_refused(tmp_path, text):
    path = tmp_path / "bounds.json"
    path.write_text(text)
    with pytest.raises(InputError, match="bounds"):
        load_headroom(path)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"bound": [], "clairvoyant": [], "is_solved": [], "solver_seconds": [], "policies": {}}, "holds no episode"),
        ({"clairvoyant": [1.0]}, "clairvoyant, 1, are as many"),
        ({"is_solved": [True]}, "is_solved, 1, are as many"),
        ({"policies": {"first-fit": [1.0, 2.0, 3.0]}}, "first-fit, 3, are as many"),
    ],
)
def test_bounds_of_no_episode_or_of_unlike_numbers_are_refused(found, tmp_path, change, told):
    path = tmp_path / "bounds.json"
    path.write_text(json.dumps(to_json(found) | change))
    with pytest.raises(InputError, match=told):
        load_headroom(path)


def test_the_same_policy_twice_is_refused(capsys):
    with pytest.raises(SystemExit) as end:
        main(["bound", "small_team", "--policy", "first-fit", "--policy", "first-fit", "--json"])
    assert end.value.code == 2
    assert "first-fit, is given twice" in capsys.readouterr().err


def test_the_best_tuned_rule_is_always_among_the_policies(capsys):
    given = ["--episodes", "1", "--largest", "0", "--policy", "first-fit", "--json"]
    main(["bound", "small_team", *given])
    content = json.loads(capsys.readouterr().out)
    assert content["base"] == "first-fit" and list(content["policies"]) == ["first-fit", "best-tuned"]
    assert content["best_tuned_mean"] == content["policy_means"]["best-tuned"]
    main(["bound", "small_team", *given, "--policy", "best-tuned", "--delay-factor", "3"])
    dear = json.loads(capsys.readouterr().out)
    assert list(dear["policies"]) == ["first-fit", "best-tuned"] and dear["delay_factor"] == 3
    assert dear["policy_means"]["best-tuned"] > content["policy_means"]["best-tuned"]
    assert dear["scenario_digest"] != content["scenario_digest"]


def test_the_command_prints_means_of_its_episodes(capsys):
    main(["bound", "small_team", "--episodes", "1", "--largest", "0", "--policy", "first-fit", "--json"])
    content = json.loads(capsys.readouterr().out)
    assert content["clairvoyant_mean"] is None
    assert content["base"] == "first-fit"
    assert 0 <= content["bound_mean"] <= content["policy_means"]["first-fit"]
    main(["bound", "small_team", "--episodes", "1", "--largest", "2", "--policy", "first-fit"])
    assert "clairvoyant" in capsys.readouterr().out
