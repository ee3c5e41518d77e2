"""What many comparisons prove together, grids, and gaps to bounds."""

import json
from dataclasses import replace
from decimal import Decimal

import numpy as np
import pytest
from rich.console import Console

from tidegate.agents.bound.gaps import per_week, placed, share, with_gaps
from tidegate.agents.bound.headroom import Headroom
from tidegate.agents.bound.record import to_json as bounds_json
from tidegate.agents.cli import main
from tidegate.agents.evaluation.compare import Interval, holm, p_value, paired, students
from tidegate.agents.evaluation.evaluate import evaluate
from tidegate.agents.evaluation.grid import cells, evaluated, family, with_delay
from tidegate.agents.evaluation.record import grid_json, to_json
from tidegate.agents.evaluation.report import Report, Scores, with_groups
from tidegate.agents.evaluation.summary import summary
from tidegate.agents.evaluation.table import brackets, end, percent
from tidegate.agents.rules.catalogue import RULES
from tidegate.envs.scenario import load
from tidegate.envs.traces.read import read
from tidegate.fastsim.errors import InputError
from tidegate.fastsim.jit import IS_COMPILED
from tidegate.fastsim.units import DOLLAR

compiled = pytest.mark.skipif(not IS_COMPILED, reason="whole evaluations take minutes as plain Python")


def test_holm_steps_down_as_in_the_textbook():
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.5, 0.9]) == pytest.approx([1.0, 1.0])
    assert holm([]) == []


@pytest.mark.parametrize("seed", range(30))
def test_a_p_value_is_below_the_level_exactly_where_the_interval_leaves_0_out(seed):
    rng = np.random.default_rng(seed)
    a = rng.lognormal(0, 1, 40)
    b = a * rng.lognormal(rng.uniform(-0.3, 0.3), 0.4, 40)
    blocks = np.arange(40)
    interval = paired(a, b, blocks, seed)
    p = p_value(a, b, blocks, seed)
    if abs(p - 0.05) > 0.002:  # both round the tail to whole resamples
        assert (p < 0.05) == (interval.low > 0 or interval.high < 0)


@pytest.mark.parametrize(
    ("freedom", "quantile"), [(3, 3.18245), (4, 2.77645), (5, 2.57058), (6, 2.44691), (1, 12.7062), (100, 1.98397)]
)
def test_few_blocks_are_as_far_off_as_students_t(freedom, quantile):
    sizes = students(freedom)
    assert (np.diff(sizes) > 0).all()
    assert np.quantile(sizes, 0.95) == pytest.approx(quantile, rel=1e-3)


def test_few_blocks_have_wide_intervals_that_still_miss_too_often():
    """Of independent, skewed costs; hence the note that such an interval rests on little."""
    rng = np.random.default_rng(0)
    costs = rng.lognormal(0, 1, (500, 2, 5))
    widths = [paired(a, b, np.arange(5), 0) for a, b in costs]
    assert all(np.isfinite(one.low) for one in widths)
    assert 0.8 < np.mean([one.low <= 0 <= one.high for one in widths]) < 0.95


def test_equal_policies_have_a_p_value_of_1():
    costs = np.arange(1.0, 11)
    assert p_value(costs, costs, np.arange(10), 0) == 1
    assert p_value(costs, costs * 2, np.zeros(10, int), 0) == 1  # one block says nothing
    assert p_value(costs, costs / 2, np.arange(10), 0) < 0.001


def test_delay_costs_and_penalties_are_multiplied_and_nothing_else():
    base = load("small_team")
    dearer = with_delay(base, 3)
    for one, other in zip(base.terms, dearer.terms, strict=True):
        assert other.delay_cost_per_hour == 3 * one.delay_cost_per_hour
    assert [site.price_per_hour for site in base.sites] == [site.price_per_hour for site in dearer.sites]
    assert with_delay(base, 1).digest() == base.digest()
    assert with_delay(base, 0.3).terms[0].delay_cost_per_hour == base.terms[0].delay_cost_per_hour * Decimal("0.3")
    for factor in (0, -1, float("nan"), float("inf")):
        with pytest.raises(InputError, match="factor"):
            with_delay(base, factor)


@pytest.mark.parametrize(
    ("factor", "told"),
    [
        (1e12, "makes a delay_cost_per_hour of 1.5 too dear"),
        (1e300, "too dear"),
        (1e6, "could overflow the world: price × milliseconds of an hour reaches"),
        (1e-12, "makes a delay_cost_per_hour of 1.5 round to 0"),
    ],
)
def test_a_factor_that_no_world_can_hold_is_refused_by_its_name(factor, told):
    with pytest.raises(InputError, match=f"--delay-factor: factor.*{told}.*choose one nearer to 1"):
        with_delay(load("small_team"), factor)


@pytest.fixture(scope="module")
def reports() -> list[Report]:
    grid = cells([("small_team", load("small_team"))], [None], [0.5, 0.9], [1.0, 3.0])
    agents = [RULES["cost-greedy"](), RULES["first-fit"]()]
    return evaluated(grid, lambda _: agents, 9, 1)  # three stretches, of 4, 4 and 1


@compiled
@pytest.mark.parametrize(
    ("loads", "factors"), [([0.5, 9.0], [1.0]), ([0.5, float("nan")], [1.0]), ([0.5], [1.0, 1e12])]
)
def test_a_cell_that_cannot_be_played_is_refused_before_any_is(loads, factors):
    grid = cells([("small_team", load("small_team"))], [None], loads, factors)

    def agents(cell):
        raise AssertionError(f"{cell} is played")

    with pytest.raises(InputError, match=r"load|factor"):
        evaluated(grid, agents, 1, 1)


@compiled
def test_a_trace_that_does_not_fit_one_of_the_worlds_is_refused_before_any_is_played(tmp_path):
    """Four hundred days, in a world of two years and in one of one."""
    path = tmp_path / "long.csv"
    path.write_text(f"job_id,submit_s,gpus,runtime_s\na,0,1,3600\nb,{400 * 86_400},1,3600\n")
    worlds = [(name, load(name)) for name in ("mid_lab", "small_team")]
    grid = cells(worlds, [read(path)], [None], [1.0])
    with pytest.raises(InputError, match="longer than the 364 days of small_team"):
        evaluated(grid, lambda cell: pytest.fail(f"{cell} is played"), 1, 1)


@compiled
def test_each_cell_of_a_grid_is_the_evaluation_that_it_names(reports):
    assert [(one.load, one.delay_factor) for one in reports] == [(0.5, 1), (0.5, 3), (0.9, 1), (0.9, 3)]
    alone = evaluate(with_delay(load("small_team"), 3), [RULES["cost-greedy"]()], 9, 1, load=0.9)
    assert alone.policies[0].rows.tobytes() == reports[3].policies[0].rows.tobytes()


@compiled
def test_the_comparisons_of_a_grid_are_one_family(reports):
    alone = [one.comparisons[0].p for one in reports]
    together = [one["first-fit"] for one in family(reports)]
    assert together == holm(alone)
    assert all(p >= q for p, q in zip(together, alone, strict=True))


@compiled
def test_the_command_shows_a_grid_and_each_policy_in_it(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "120")
    given = ["small_team", "undercommitted", "--load", "0.5", "--policy", "cost-greedy", "--policy", "first-fit"]
    main(["evaluate", *given, "--episodes", "1"])
    told = capsys.readouterr().out
    assert told.count("first-fit") == 2 and "undercommitted" in told and "Holm" in told
    main(["evaluate", *given, "--episodes", "1", "--json"])
    content = json.loads(capsys.readouterr().out)
    assert [one["scenario"] for one in content["cells"]] == ["small_team", "undercommitted"]
    assert [one["scenario"] for one in content["comparisons"]] == ["small_team", "undercommitted"]


@compiled
def test_what_is_for_one_evaluation_is_refused_for_many(capsys, tmp_path):
    with pytest.raises(SystemExit) as end:
        main(["evaluate", "small_team", "--load", "0.5", "--load", "0.6", "--report", str(tmp_path / "page.html")])
    assert end.value.code == 2
    assert "--report" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def of_first_windows(policy: Scores) -> np.ndarray:
    """Avoidable cost of the first window of each stretch, dollars: what a bound is of."""
    return policy.avoidable[policy.rows.block == 0] / DOLLAR


def headroom_of(report: Report, bound: list[float], clairvoyant: list[float] | None) -> Headroom:
    costs = {policy.name: of_first_windows(policy) for policy in report.policies}
    foresight = None if clairvoyant is None else np.array(clairvoyant)
    first = report.policies[0].name
    return Headroom(
        scenario=report.scenario,
        digest=report.digest,
        trace=report.trace,
        load=report.load,
        seed=report.seed,
        base=first,
        policies=costs,
        clairvoyant=foresight,
        bound=np.array(bound),
        is_solved=np.ones(len(bound), bool),
        seconds=np.zeros(len(bound)),
    )


@compiled
def test_a_policy_that_costs_the_bound_closes_the_gap(reports):
    report = reports[2]
    first, other = (of_first_windows(policy) for policy in report.policies)
    found = with_gaps(report, headroom_of(report, other.tolist(), (first - 2 * (first - other)).tolist()))
    gap = found.gaps["first-fit"]
    assert gap.to_clairvoyant is not None
    if (first - other).sum() > 0:
        assert gap.to_bound.value == pytest.approx(1)
        assert gap.to_clairvoyant.value == pytest.approx(0.5)
    else:  # it loses: there is no gap up to it
        assert np.isnan(gap.to_bound.value)
    half = with_gaps(report, headroom_of(report, (first / 2).tolist(), None)).gaps["first-fit"]
    assert half.to_bound.value == pytest.approx((first - other).sum() / (first / 2).sum())
    assert half.to_clairvoyant is None
    assert json.dumps(to_json(found), allow_nan=False)


@compiled
def test_bounds_of_another_evaluation_are_refused(reports):
    report = reports[0]
    found = headroom_of(report, [1.0, 2.0, 3.0], None)
    for change in ({"seed": 9}, {"load": None}, {"digest": "0"}, {"trace": "x.csv"}):
        with pytest.raises(InputError, match="--bounds"):
            with_gaps(report, replace(found, **change))
    with pytest.raises(InputError, match=r"load, None, that of the nearest of 4 evaluations is 0\.5"):
        placed([("a.json", replace(found, load=None))], [one.key for one in reports])
    with pytest.raises(InputError, match=r"a\.json.*an earlier"):
        placed([("b.json", found), ("a.json", found)], [one.key for one in reports])
    dearer = replace(found, digest=reports[3].digest, delay_factor=3.0, load=0.9)
    assert placed([("b.json", dearer), ("a.json", found)], [one.key for one in reports]) == [found, None, None, dearer]
    weekly = per_week(report, found)
    assert weekly.bound == pytest.approx(2.0)  # episodes of a week
    assert np.isnan(weekly.clairvoyant)


def test_a_share_has_an_interval_over_episodes():
    rng = np.random.default_rng(0)
    gap = rng.uniform(1, 2, 50)
    interval = share(gap * rng.uniform(0.2, 0.4, 50), gap, 0)
    assert interval.low < interval.value < interval.high
    assert interval.value == pytest.approx(0.3, abs=0.03)


@compiled
def test_the_command_takes_bounds_and_shows_both_gaps(capsys, tmp_path):
    main(["bound", "small_team", "--episodes", "2", "--largest", "3", "--policy", "first-fit", "--json"])
    path = tmp_path / "bounds.json"
    path.write_text(capsys.readouterr().out)
    policies = ["--policy", "first-fit", "--policy", "cost-greedy"]
    main(["evaluate", "small_team", "--episodes", "2", *policies, "--bounds", str(path)])
    told = capsys.readouterr().out
    assert "% of gap to bound" in told and "% to clairvoyant" in told
    main(["evaluate", "small_team", "--episodes", "2", *policies, "--bounds", str(path), "--json"])
    gap = json.loads(capsys.readouterr().out)["gaps"]["cost-greedy"]
    content = json.loads(path.read_text())
    costs = np.array(content["policies"]["first-fit"])
    assert 0 < gap["to_bound"]["share"] < 1
    assert costs.sum() > sum(content["bound"])
    assert bounds_json  # the writer of that file


def shown(reports: list[Report]) -> str:
    console = Console(width=120)
    with console.capture() as captured:
        console.print(summary(reports))
    text = captured.get()
    assert max(map(len, text.splitlines())) <= 120
    return text


@compiled
def test_the_summary_shows_groups_and_shares_of_gaps(reports):
    """Behind the seeds stands their group, which alone may have a star."""
    agents = [RULES[name]() for name in ("cost-greedy", "first-fit", "spill-after", "burst-only")]
    report = evaluate(load("small_team"), agents, 9, 1, load=0.5)
    report = with_groups(report, {"runs": ("first-fit", "spill-after")})
    half = headroom_of(report, (of_first_windows(report.policies[0]) / 2).tolist(), None)
    text = shown([with_gaps(report, half), reports[2]])
    assert "runs, 2 seeds" in text and text.index("spill-after") < text.index("runs, 2 seeds") < text.index(
        "burst-only"
    )
    assert "gaps, %" in text and "3 stretches" in text and "a plain mean" in text
    gap = with_gaps(report, half).gaps["runs"]
    assert f"{percent(gap.to_bound.value)} / –" in text
    assert "gaps, %" not in shown(reports)
    together = {one["policy"]: one for one in grid_json([report, reports[2]])["comparisons"] if one["load"] == 0.5}
    assert set(together) == {"runs", "burst-only"}


@compiled
def test_a_note_of_one_evaluation_says_of_which(reports):
    noted = [replace(reports[0], notes=("all", "one")), replace(reports[2], notes=("all",))]
    told = " ".join(shown(noted).split())
    assert "Note: all." in told and "Note: small_team, drawn work, load 0.5: one." in told


def test_ends_of_intervals_that_say_nothing_are_not_written_out():
    assert brackets(Interval(-3.0, -4878.154, 1.0), end).plain == "[< -999, 100.0]"
    assert brackets(Interval(0.5, -0.21, 12.0), end).plain == "[-21.0, > 999]"
    assert brackets(Interval(0.5, float("nan"), float("nan")), end).plain == "[–, –]"
    assert percent(-12.76) == "-1276.0"


@compiled
def test_the_command_takes_bounds_of_several_evaluations(capsys, tmp_path):
    paths = []
    for factor in (1, 3):
        given = ["--episodes", "1", "--largest", "0", "--policy", "first-fit", "--delay-factor", str(factor), "--json"]
        main(["bound", "small_team", *given])
        paths.append(tmp_path / f"bounds{factor}.json")
        paths[-1].write_text(capsys.readouterr().out)
    dear = json.loads(paths[1].read_text())
    assert (dear["delay_factor"], dear["policy_means"]["best-tuned"]) == (3, dear["best_tuned_mean"])
    policies = ["--episodes", "2", "--policy", "first-fit", "--policy", "cost-greedy"]
    options = ["--bounds", str(paths[1]), "--bounds", str(paths[0])]
    main(["evaluate", "small_team", "--delay-factor", "1", "--delay-factor", "3", *policies, *options, "--json"])
    shares = [cell["gaps"]["cost-greedy"]["to_bound"]["share"] for cell in json.loads(capsys.readouterr().out)["cells"]]
    assert all(0 < share < 1 for share in shares) and shares[0] != shares[1]
    with pytest.raises(SystemExit) as stopped:
        main(["evaluate", "small_team", *policies, *options])
    assert stopped.value.code == 2
    assert "delay factor, 3.0, the evaluation's is 1.0" in capsys.readouterr().err
