"""Evaluation: cohorts worked by hand, common random numbers, intervals, names, tables."""

import io
import json
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rich.console import Console

from tidegate.agents.evaluation import compare, evaluate, policies
from tidegate.agents.evaluation.cohort import Chunk
from tidegate.agents.evaluation.compare import paired, ratio
from tidegate.agents.evaluation.episodes import (
    FIRST_STREAM,
    PATIENCE,
    VARIANTS,
    Episode,
    begin_of,
    compiled,
    recorded,
    synthetic,
)
from tidegate.agents.evaluation.policies import resolve
from tidegate.agents.evaluation.record import to_json
from tidegate.agents.evaluation.report import Report
from tidegate.agents.evaluation.source import Source
from tidegate.agents.evaluation.table import render
from tidegate.agents.rules.catalogue import RULES
from tidegate.envs.generator import generate
from tidegate.envs.scenario import load
from tidegate.envs.traces.read import read
from tidegate.fastsim.agent import Agent, chooser
from tidegate.fastsim.errors import InputError
from tidegate.fastsim.jit import IS_COMPILED
from tidegate.fastsim.layout import Layout
from tidegate.fastsim.spec import BURST, COMMITTED, ClassTable, ProviderTable, SiteTable, Spec, SpecTable, plain_jobs
from tidegate.fastsim.units import DAY, DOLLAR, HOUR, WEEK
from tidegate.fastsim.worlds import Worlds

from .toy_envs import ToyScenario

pytestmark = pytest.mark.skipif(not IS_COMPILED, reason="whole evaluations take minutes as plain Python")

COMMITTED_ONLY = 1  # the tag that only the committed provider has


def toy_spec(steps: tuple[tuple[int, int, int], ...] = ()) -> Spec:
    """2 committed accelerators at $1, floor all of them; 8 burst ones at $2 in nodes of 4; waiting costs $3."""
    return SpecTable(
        sites=(
            SiteTable(0, 2, DOLLAR, (1000,), capacity_steps=steps),
            SiteTable(1, 8, 2 * DOLLAR, (1000,), granule=4),
        ),
        providers=(
            ProviderTable(COMMITTED, tags=COMMITTED_ONLY, floor_share=1000),
            ProviderTable(BURST),
        ),
        classes=(ClassTable(3 * DOLLAR),),
        period=30 * DAY,
        offer_interval=HOUR,
    ).pack()


def toy_episode(*jobs: tuple[float, float, int, int], window: tuple[int, ...] = (10, 20)) -> Episode:
    """Jobs of (arrival [h], walltime [h], gang, tags), with exact requests; edges of the window in hours."""
    table = plain_jobs(len(jobs))
    for row, (arrival, walltime, gang, tags) in zip(table, jobs, strict=True):
        row.arrival, row.walltime, row.requested = arrival * HOUR, walltime * HOUR, walltime * HOUR
        row.gang, row.tags = gang, tags
    return Episode(table, np.array(window) * HOUR)


def rows_of(episode: Episode, rule: str = "cost-greedy", spec: Spec | None = None) -> np.recarray:
    """The blocks of one episode under a rule."""
    return Chunk(spec or toy_spec(), [episode]).play(RULES[rule]())[0].rows


# By hand.


def test_a_cohort_costs_its_waiting_in_the_window_and_its_own_burst_use() -> None:
    """Hours 10 to 20.

    Job 0 runs from 9 to 11 on both committed accelerators and is not scored. Job 1 must run there, waits from 9.5 to
    11, of which the hour from 10 counts: 2 × 1 h × $3 = $6. Job 2 has 3 accelerators, so it takes a burst node of 4
    from 19.5 to 21.5, beyond the window: 4 × 2 h × $2 = $16. Job 3 comes at 20, when the window is over.
    """
    episode = toy_episode((9, 2, 2, 0), (9.5, 1, 2, COMMITTED_ONLY), (19.5, 2, 3, 0), (20, 5, 3, 0))
    played = Chunk(toy_spec(), [episode]).play(RULES["cost-greedy"]())[0]
    row = played.rows[0]
    assert (row.delay, row.burst, row.overage, row.write_off) == (6 * DOLLAR, 16 * DOLLAR, 0, 0)
    assert (row.jobs, row.unfinished, row.evictions, row.illegal) == (2, 0, 0, 0)
    assert (row.work, row.burst_work) == (10 * HOUR, 8 * HOUR)
    assert (row.floors, row.used.sum()) == (20 * DOLLAR, 4 * DOLLAR)
    assert row.busy[:2].tolist() == [4 * HOUR, 2 * HOUR]
    assert row.supply[:2].tolist() == [20 * HOUR, 80 * HOUR]
    assert row.length == 10 * HOUR
    assert played.fares.waited.tolist() == [HOUR, 0]


def test_blocks_share_an_episode_out_by_arrival() -> None:
    episode = toy_episode((9, 2, 2, 0), (9.5, 1, 2, 1), (19.5, 2, 3, 0), (20, 5, 3, 0), window=(10, 20, 30))
    rows = rows_of(episode)
    assert rows.delay.tolist() == [6 * DOLLAR, 0]
    assert rows.burst.tolist() == [16 * DOLLAR, 40 * DOLLAR]
    assert rows.jobs.tolist() == [2, 1]
    assert rows.busy[:, 1].tolist() == [2 * HOUR, (6 + 20) * HOUR]  # use counts where it falls


def test_a_world_that_empties_early_is_read_at_the_windows_end() -> None:
    row = rows_of(toy_episode((11, 1, 1, 0)))[0]
    assert (row.floors, row.supply[0]) == (20 * DOLLAR, 20 * HOUR)


def test_a_window_without_jobs_costs_its_floor() -> None:
    row = rows_of(toy_episode((1, 1, 1, 0)))[0]
    assert (row.jobs, row.burst, row.delay, row.floors) == (0, 0, 0, 20 * DOLLAR)


def test_a_job_that_suits_no_site_is_written_off_in_the_cohort() -> None:
    """9 accelerators for an hour at the dearest price, $2, and a day of delay at $3."""
    row = rows_of(toy_episode((11, 1, 9, 0)))[0]
    assert (row.write_off, row.written_off) == (9 * 2 * DOLLAR + 9 * 24 * 3 * DOLLAR, 1)
    assert np.isnan(row.wait_p95[-1])


def test_a_job_that_never_starts_is_charged_until_the_end_and_counted() -> None:
    """Its site is announced to grow after the episode's end: it may queue there, and cannot start."""
    spec = toy_spec(((400 * DAY, 4, 0),))
    row = rows_of(toy_episode((11, 1, 4, COMMITTED_ONLY)), "committed-only", spec)[0]
    hours = (20 * HOUR + PATIENCE - 11 * HOUR) // HOUR
    assert (row.unfinished, row.delay) == (1, 4 * hours * 3 * DOLLAR)


def test_an_evicted_job_pays_for_both_runs() -> None:
    """Burst falls to nothing at 12 h and returns at 13 h: an hour of 4 accelerators is lost, and an hour waited."""
    table = SpecTable(
        sites=(SiteTable(0, 8, 2 * DOLLAR, (1000,), capacity_steps=((12 * HOUR, 0, 12 * HOUR), (13 * HOUR, 8, 0))),),
        providers=(ProviderTable(BURST),),
        classes=(ClassTable(3 * DOLLAR),),
        period=30 * DAY,
    )
    row = rows_of(toy_episode((11, 2, 4, 0)), "burst-only", table.pack())[0]
    assert (row.burst, row.delay, row.evictions) == ((1 + 2) * 4 * 2 * DOLLAR, 4 * 3 * DOLLAR, 1)


def test_when_nothing_is_cut_off_the_cohort_costs_what_the_ledger_says() -> None:
    """A window from an empty world until all is over: what runs cost, what is waited, missed and written off.

    Metered use is rounded once a run here, there once a posting.
    """
    scenario = load("small_team")
    spec, jobs = scenario.compile(), generate(scenario, 1, FIRST_STREAM, 5)
    row = Chunk(spec, [Episode(jobs, np.array([0, 60 * DAY]), seed=9)]).play(RULES["cost-greedy"]())[0].rows[0]
    worlds = Worlds(spec, jobs, 1)
    worlds.begin(0, seed=9)
    worlds.play(RULES["cost-greedy"](), 60 * DAY)
    ledger = worlds.totals()
    assert (row.overage, row.penalty, row.write_off) == (ledger.overage, ledger.penalty, ledger.write_off)
    assert row.floors == ledger.floors and row.jobs == len(jobs)
    assert abs(row.delay - ledger.delay) <= len(scenario.terms)
    assert row.burst > 0 and abs(row.burst - ledger.burst - ledger.egress) <= len(jobs)


def test_a_chunk_with_longer_cohorts_beside_it_changes_nothing() -> None:
    short = toy_episode((9, 2, 2, 0), (9.5, 1, 2, 1), (19.5, 2, 3, 0), *((21 + i, 1, 1, 1) for i in range(20)))
    long = toy_episode(*((11 + i / 10, 1, 1, 0) for i in range(50)), (40, 1, 1, 0))
    alone = [Chunk(toy_spec(), [one]).play(RULES["first-fit"]())[0].rows for one in (short, long)]
    together = Chunk(toy_spec(), [short, long]).play(RULES["first-fit"]())
    assert [one.rows.tobytes() for one in together] == [rows.tobytes() for rows in alone]


@chooser
def answer_nonsense(view, observation, mask, knobs, scratch):
    """No action at all."""
    return -1


def test_an_answer_that_is_no_action_is_counted_and_played_on() -> None:
    """It becomes hold, offer after offer, until `max_hold` is over and the lowest legal site takes the job."""
    lost = Agent("lost", answer_nonsense, np.zeros(0))
    row = Chunk(toy_spec(), [toy_episode((11, 1, 1, 0))]).play(lost)[0].rows[0]
    assert row.illegal == row.decisions > 1
    assert (row.delay, row.burst, row.unfinished) == (24 * 3 * DOLLAR, 0, 0)


# Whole evaluations.


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


def test_evaluation_draws_from_its_own_streams() -> None:
    scenario = load("small_team")
    spec = compiled(scenario, 3)
    one = synthetic(scenario, spec, 3, 2, None)
    spans = scenario.episodes
    days = (int(one.edges[-1]) - one.begin) // DAY + (14 if scenario.pipelines else 7)
    assert np.array_equal(one.jobs, generate(scenario, 3, FIRST_STREAM + 2, days, start=one.begin))
    assert np.diff(one.edges).tolist() == [spans.evaluation_days * DAY] * spans.evaluation_windows
    assert one.edges[0] - one.begin == spans.warm_up_days * DAY
    assert one.jobs.arrival.min() >= one.begin > 0


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
    assert any("2 blocks are few" in note for note in five.notes)


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


def test_every_episode_has_a_world_of_its_own() -> None:
    """Other failures and, where supply is drawn, another variant; training's schedules are others."""
    scenario = load("small_team")
    spec = compiled(scenario, 3)
    drawn = [synthetic(scenario, spec, 3, number, None) for number in range(3)]
    assert len({one.seed for one in drawn}) == len({one.begin for one in drawn}) == 3
    assert len(spec.variants) == (VARIANTS if scenario.is_random else 1)
    assert [one.variant for one in drawn] == [number % len(spec.variants) for number in range(3)]
    if scenario.is_random:
        training = scenario.compile(variants=VARIANTS, seed=3)
        assert not np.array_equal(spec.capacity_steps, training.capacity_steps)


def test_begins_lie_evenly_over_the_span() -> None:
    """With 64 episodes no gap between neighbours exceeds twice the mean, whatever the seed."""
    for seed in range(5):
        begins = np.sort([begin_of(seed, number, 699) for number in range(64)])
        assert begins[0] >= 0 and begins[-1] <= 699
        assert np.diff(np.concatenate([begins, [begins[0] + 700]])).max() <= 2 * 700 / 64
    assert begin_of(1, 3, 0) == begin_of(1, 3, -5) == 0


def test_a_begin_later_than_time_0_meets_the_steps_from_there() -> None:
    """Capacity of burst falls to nothing at 5 days: an episode that begins at 6 days never sees it."""
    table = SpecTable(
        sites=(SiteTable(0, 8, DOLLAR, (1000,), capacity_steps=((5 * DAY, 4, 5 * DAY),)),),
        providers=(ProviderTable(COMMITTED, floor_share=1000),),
        classes=(ClassTable(3 * DOLLAR),),
        period=4 * DAY,
    )
    days = toy_episode((6.5 * 24, 1, 4, 0), (6.5 * 24, 1, 4, 0), window=(6 * 24 + 6, 7 * 24))
    row = rows_of(days._replace(begin=6 * DAY), spec=table.pack())[0]
    assert row.supply[0] == 4 * 18 * HOUR
    assert (row.delay, row.floors) == (4 * 3 * DOLLAR, 4 * 18 * DOLLAR)


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
    assert to_json(report)["block"] == "week"


@pytest.mark.parametrize(
    ("wrong", "what"),
    [({"episodes": 0}, "episodes"), ({"seed": -1}, "seed"), ({"load": 9.0}, "load")],
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


# Statistics.


def test_a_saving_is_one_minus_the_ratio_of_sums() -> None:
    costs = np.array([100, 300] * 10), np.array([90, 210] * 10)
    saving = paired(*costs, np.arange(20), seed=0)
    assert saving.value == pytest.approx(0.25)
    assert 0.2 < saving.low < 0.24 and 0.26 < saving.high < 0.29


def test_costs_in_proportion_leave_no_doubt() -> None:
    costs = np.random.default_rng(0).lognormal(0, 2, 30)
    saving = paired(costs, 0.8 * costs, np.arange(30), seed=0)
    assert saving == pytest.approx((0.2, 0.2, 0.2))


def test_rows_of_a_block_are_resampled_together() -> None:
    above, below = np.arange(1.0, 25), np.ones(24)
    together = ratio(above, below, np.arange(24) % 8, seed=0)
    added = ratio(above.reshape(3, 8).sum(axis=0), 3 * np.ones(8), np.arange(8), seed=0)
    assert together == added
    assert together != ratio(above, below, np.arange(24), seed=0)


@pytest.mark.parametrize("blocks", [1, 2, 3])
def test_few_blocks_give_no_interval(blocks: int) -> None:
    found = ratio(np.arange(12.0), np.ones(12), np.arange(12) % blocks, seed=0)
    assert found.value == 5.5 and np.isnan(found.low) and np.isnan(found.high)


def test_an_interval_does_not_depend_on_units() -> None:
    rng = np.random.default_rng(2)
    above, below = rng.lognormal(0, 1, 30), rng.lognormal(0, 1, 30)
    small, large = (ratio(above * unit, below * unit, np.arange(30), seed=0) for unit in (1.0, 1e12))
    assert small == pytest.approx(large)
    turned = ratio(below, above, np.arange(30), seed=0)
    assert (1 / turned.high, 1 / turned.low) == pytest.approx((small.low, small.high))


def test_nothing_against_nothing_saves_nothing() -> None:
    assert paired(np.zeros(5), np.zeros(5), np.arange(5), seed=0) == (0, 0, 0)
    assert paired(np.zeros(5), np.ones(5), np.arange(5), seed=0).value == -np.inf


def test_intervals_cover_the_truth_about_as_often_as_they_say(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of 200 comparisons over 40 blocks with a true saving of 10 %, a 95 % interval misses about 10; 26 is 5 sigma."""
    monkeypatch.setattr(compare, "RESAMPLES", 1000)
    rng = np.random.default_rng(7)
    missed = 0
    for number in range(200):
        costs = rng.lognormal(0, 0.5, 40)
        saving = paired(costs, 0.9 * costs * rng.lognormal(-0.02, 0.2, 40), np.arange(40), seed=number)
        missed += not saving.low <= 0.1 <= saving.high
    assert missed <= 26


def test_where_few_blocks_differ_an_interval_stays_within_what_was_seen() -> None:
    """Of 16 blocks two differ by much: a resample without them has hardly any error, by which it is far away."""
    costs = np.full(16, 100.0)
    other = costs + np.linspace(0, 0.001, 16) + np.array([300, -20, *[0] * 14])
    saving = paired(costs, other, np.arange(16), seed=0)
    assert -1 < saving.low < saving.value < 0 < saving.high < 0.1
    assert compare.p_value(costs, other, np.arange(16), seed=0) > 0.05


def test_resamples_are_named_by_the_seed() -> None:
    costs = np.random.default_rng(0).lognormal(0, 1, 20)
    blocks = np.arange(20)
    assert ratio(costs, np.ones(20), blocks, 3) == ratio(costs, np.ones(20), blocks, 3)
    assert ratio(costs, np.ones(20), blocks, 3) != ratio(costs, np.ones(20), blocks, 4)


# Names.


def test_every_rule_resolves_to_its_name() -> None:
    for name in RULES:
        assert resolve(name).name == name


def test_an_unknown_policy_is_refused_with_the_choices() -> None:
    with pytest.raises(InputError, match="cost-greedy"):
        resolve("cost-greddy")


def test_a_folder_that_is_no_bundle_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError):
        resolve(str(tmp_path))


def learned(folder: Path, features: dict[str, tuple[str, ...]], width: int = 16) -> Path:
    """A bundle with random weights that reads `features` of two sites."""
    torch = pytest.importorskip("torch")
    from gymnasium import spaces

    from tidegate.agents.ppo.export import export
    from tidegate.agents.ppo.network import SitePolicy
    from tidegate.agents.ppo.settings import Settings
    from tidegate.agents.ppo.train import described

    torch.manual_seed(0)
    layout = Layout(len(features["job"]), len(features["clock"]), len(features["site"]), 2)
    box, actions = spaces.Box(-1, 1, (layout.size,), np.float32), spaces.Discrete(layout.actions)
    policy = SitePolicy(box, actions, lambda _: 1e-3, layout=layout, width=width)
    saved = io.BytesIO()
    torch.save(policy.state_dict(), saved)
    run = folder / "run"
    run.mkdir()
    with zipfile.ZipFile(run / "model.zip", "w") as archive:
        archive.writestr("policy.pth", saved.getvalue())
    (run / "settings.json").write_text(Settings(width=width).model_dump_json())
    (run / "scenario.json").write_text(json.dumps(described(ToyScenario(2))))
    (run / "observation.json").write_text(json.dumps({**features, "sites": 2}))
    return export(run, folder / "bundle")


def test_a_bundle_is_evaluated_like_a_rule(tmp_path: Path) -> None:
    name = str(learned(tmp_path, policies.SCHEMA))
    report = evaluate.evaluate(load("small_team"), [RULES["cost-greedy"](), resolve(name)], episodes=1)
    assert report.comparisons[0].policy == name
    assert report.policies[1].total("illegal") == 0 < report.policies[1].total("decisions")


def test_a_bundle_that_reads_something_else_is_refused(tmp_path: Path) -> None:
    folder = learned(tmp_path, {**policies.SCHEMA, "clock": ("hour",)})
    with pytest.raises(InputError, match="clock features"):
        resolve(str(folder))


def test_a_bundle_too_wide_for_the_kernel_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = learned(tmp_path, policies.SCHEMA)
    monkeypatch.setattr(policies, "scratch_size", lambda sites, width: 4097)
    with pytest.raises(InputError, match="network width"):
        resolve(str(folder))


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


@pytest.mark.parametrize(("hours", "is_refused"), [(6_000, False), (10_000, True)])
def test_a_trace_whose_jobs_request_too_long_for_all_that_may_wait_is_refused(hours, is_refused, tmp_path):
    """73 million accelerators may want something of `mid_lab` at once; 2^62 µ$ let twice as many run 6,988 hours."""
    file = tmp_path / "long.csv"
    rows = [f"{place},{100 * place},3600,8,{3600 * hours}" for place in range(3)]
    file.write_text("\n".join(["job_id,submit_s,runtime_s,gpus,requested_s", *rows]), encoding="utf-8")
    scenario, trace = load("mid_lab"), read(file)
    if is_refused:
        with pytest.raises(InputError, match="hours requested by one job, 10,000, could overflow"):
            recorded(scenario, scenario.compile(), trace, 1, 0, None)
    else:
        assert len(recorded(scenario, scenario.compile(), trace, 1, 0, None).jobs) == 3
