"""Policies that differ by their training seed: one comparison, whose interval is over blocks and seeds."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from tidegate.agents.cli import main
from tidegate.agents.evaluation import compare, policies
from tidegate.agents.evaluation.compare import Interval, holm, p_value, paired
from tidegate.agents.evaluation.evaluate import evaluate
from tidegate.agents.evaluation.grid import family
from tidegate.agents.evaluation.policies import seeds_in
from tidegate.agents.evaluation.record import to_json
from tidegate.agents.evaluation.report import Report, with_groups
from tidegate.agents.evaluation.seeds import middle, middle_mean
from tidegate.agents.evaluation.table import render
from tidegate.agents.rules.catalogue import RULES
from tidegate.envs.scenario import load
from tidegate.fastsim.errors import InputError
from tidegate.fastsim.jit import IS_COMPILED

from .test_policy_names import learned

compiled = pytest.mark.skipif(not IS_COMPILED, reason="whole evaluations take minutes as plain Python")


def over_seeds(first: np.ndarray, costs: np.ndarray, seed: int = 0) -> Interval:
    """Saving of a group, (seeds, blocks), against one policy."""
    group = middle(costs, seed)
    return paired(first, group.amounts, np.arange(len(first)), seed, group.spread)


def width(interval: Interval) -> float:
    return interval.high - interval.low


def test_the_interquartile_mean_leaves_out_a_quarter_at_each_end():
    assert middle_mean(np.array([9.0, 1, 2, 3, -50])) == pytest.approx(2)
    assert middle_mean(np.array([[1.0, 2, 3, 100], [0, 0, 4, 4]])) == pytest.approx([2.5, 2])
    assert middle_mean(np.array([1.0, 3])) == pytest.approx(2)


def test_the_saving_of_a_group_is_the_interquartile_mean_of_its_savings():
    rng = np.random.default_rng(4)
    first, costs = rng.lognormal(0, 1, 20), rng.lognormal(0, 1, (7, 20))
    alone = [1 - own.sum() / first.sum() for own in costs]
    assert over_seeds(first, costs).value == pytest.approx(middle_mean(np.array(alone)))


@pytest.mark.parametrize("blocks", [3, 4, 7, 8, 40])
@pytest.mark.parametrize("seeds", [1, 2, 5])
def test_equal_seeds_say_no_more_than_one_of_them(blocks, seeds):
    rng = np.random.default_rng(blocks)
    first, own = rng.integers(1, 1 << 40, (2, blocks))
    alone, together = paired(first, own, np.arange(blocks), 3), over_seeds(first, np.stack([own] * seeds), 3)
    assert together == pytest.approx(alone, nan_ok=True)


@pytest.mark.parametrize("blocks", [4, 8, 30])
def test_seeds_that_differ_only_widen_the_interval_of_their_middle(blocks):
    rng = np.random.default_rng(blocks)
    first = rng.lognormal(0, 0.5, blocks)
    for effect in (0.001, 0.05, 0.3):
        costs = first * rng.lognormal(0, 0.3, blocks) * rng.lognormal(0, effect, (5, 1))
        blocks_alone = paired(first, middle(costs, 0).amounts, np.arange(blocks), 0)
        assert width(over_seeds(first, costs)) > 0.99 * width(blocks_alone)


def test_where_blocks_do_not_differ_the_interval_is_students_over_the_seeds():
    """Two seeds, 10 % apart, on costs in proportion: the classical interval of a mean of two, 12.7 errors wide."""
    first = np.random.default_rng(0).lognormal(0, 1, 12)
    saving = over_seeds(first, np.stack([0.85 * first, 0.95 * first]))
    assert saving.value == pytest.approx(0.1)
    assert (saving.low, saving.high) == pytest.approx((0.1 - 0.635, 0.1 + 0.635), rel=0.1)


def test_one_bad_training_seed_does_not_decide_but_widens():
    rng = np.random.default_rng(1)
    first = rng.lognormal(0, 0.5, 60)
    alike = np.stack([first * 0.9 * rng.lognormal(0, 0.01, 60) for _ in range(5)])
    good, mixed = over_seeds(first, alike), over_seeds(first, np.vstack([alike[:4], first * 3]))
    assert good.value == pytest.approx(0.1, abs=0.01) and good.low > 0.09
    assert mixed.value == pytest.approx(0.1, abs=0.01)
    assert mixed.low < good.low


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("blocks", [5, 40])
def test_a_groups_p_value_is_below_the_level_exactly_where_its_interval_leaves_0_out(blocks, seed):
    rng = np.random.default_rng(seed)
    first = rng.lognormal(0, 0.5, blocks)
    costs = first * rng.lognormal(rng.uniform(-0.4, 0.4), 0.3, blocks) * rng.lognormal(0, 0.1, (4, 1))
    group, interval = middle(costs, seed), over_seeds(first, costs, seed)
    p = p_value(first, group.amounts, np.arange(blocks), seed, group.spread)
    if abs(p - 0.05) > 0.002:  # both round the tail to whole resamples
        assert (p < 0.05) == (interval.low > 0 or interval.high < 0)


def test_groups_cover_the_truth_about_as_often_as_they_say(monkeypatch):
    """Of 200 groups of 5 over 16 blocks, with seeds that differ as much as blocks do, 10 miss; 26 is 5 sigma."""
    monkeypatch.setattr(compare, "RESAMPLES", 1000)
    rng = np.random.default_rng(7)
    missed = 0
    for number in range(200):
        first = rng.lognormal(0, 0.5, 16)
        shared = first * rng.lognormal(-0.02, 0.2, 16)
        saving = over_seeds(first, 0.9 * shared * rng.lognormal(0, 0.05, (5, 1)), number)
        missed += not saving.low <= 0.1 <= saving.high
    assert missed <= 26


def test_a_folder_of_bundles_is_a_group_of_training_seeds(tmp_path: Path):
    for seed, inner in ((1, "bundle"), (2, "bundle"), (3, ".")):
        folder = tmp_path / f"seed{seed}" / inner
        folder.mkdir(parents=True)
        (folder / "manifest.json").write_text("{}")
    (tmp_path / "notes").mkdir()
    found = [str(path.relative_to(tmp_path)) for path in seeds_in(tmp_path)]
    assert found == ["seed1/bundle", "seed2/bundle", "seed3"]
    assert seeds_in(tmp_path / "seed3") == []
    assert seeds_in(tmp_path / "nowhere") == []
    with pytest.raises(InputError, match=r"3 training seeds.*seed1"):
        policies.resolve(str(tmp_path))


@pytest.fixture(scope="module")
def report() -> Report:
    """Rules, three of which stand for seeds."""
    found = evaluate(load("small_team"), [make() for make in RULES.values()], episodes=17, seed=5)
    return with_groups(found, {"runs": ("first-fit", "spill-after", "waiting-budget")})


@compiled
def test_a_group_counts_once_among_the_comparisons(report):
    group = report.over_seeds["runs"]
    singles = [one for one in report.comparisons if one.policy not in report.groups["runs"]]
    assert set(report.contenders) == {"runs", report.policies[0].name, *(one.policy for one in singles)}
    assert [*(one.adjusted_p for one in singles), group.adjusted_p] == holm([*(one.p for one in singles), group.p])
    assert all(np.isnan(one.adjusted_p) for one in report.comparisons if one.policy in report.groups["runs"])
    assert family([report])[0]["runs"] == group.adjusted_p
    assert not set(report.groups["runs"]) & set(family([report])[0])


@compiled
def test_the_table_and_the_json_show_a_group(report):
    console = Console(width=100)
    with console.capture() as captured:
        console.print(render(report))
    told = " ".join(captured.get().split())
    assert "runs: over 3 training seeds the interquartile mean saves" in told
    assert "is a plain mean" in told
    content = json.loads(json.dumps(to_json(report), allow_nan=False))
    (group,) = content["training_seeds"]
    assert group["seeds"] == list(report.groups["runs"])
    alone = {one["policy"]: one["saving"] for one in content["comparisons"]}
    assert group["saving"] == pytest.approx(np.mean([alone[name] for name in group["seeds"]]))
    assert {one["policy"]: one["adjusted_p"] for one in content["comparisons"]}["first-fit"] is None
    assert 0 < group["adjusted_p"] <= 1


@pytest.fixture(scope="module")
def runs(tmp_path_factory) -> Path:
    """A folder with the same bundle twice."""
    where = tmp_path_factory.mktemp("runs")
    bundle = learned(where, policies.SCHEMA)
    for seed in (1, 2):
        shutil.copytree(bundle, where / "seeds" / f"seed{seed}")
    return where / "seeds"


@compiled
def test_the_command_takes_a_folder_of_seeds_but_not_first(runs, capsys):
    given = ["evaluate", "small_team", "--episodes", "2"]
    main([*given, "--policy", "first-fit", "--policy", str(runs), "--json"])
    content = json.loads(capsys.readouterr().out)
    assert [one["policy"] for one in content["training_seeds"]] == [str(runs)]
    assert content["training_seeds"][0]["saving"] == content["comparisons"][0]["saving"]
    with pytest.raises(SystemExit) as end:
        main([*given, "--policy", str(runs), "--policy", "first-fit"])
    assert end.value.code == 2
    assert "2 training seeds" in capsys.readouterr().err


@compiled
def test_bounds_are_beside_every_seed_but_not_of_a_group(runs, capsys):
    given = ["bound", "small_team", "--episodes", "1", "--largest", "0", "--json"]
    main([*given, "--policy", "first-fit", "--policy", str(runs)])
    costs = json.loads(capsys.readouterr().out)["policies"]
    assert list(costs) == ["first-fit", str(runs / "seed1"), str(runs / "seed2"), "best-tuned"]
    for wrong in (given, ["simulate", "small_team", "--days", "1"], ["stress", "small_team"]):
        with pytest.raises(SystemExit) as end:
            main([*wrong, "--policy", str(runs)])
        assert end.value.code == 2
        assert "2 training seeds" in capsys.readouterr().err
