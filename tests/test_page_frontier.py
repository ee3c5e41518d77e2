"""Costs against waits: policies and bounds of the same episodes, on axes that no outlier stretches."""

import numpy as np
import pytest

from tidegate.agents.evaluation.compare import Interval
from tidegate.agents.evaluation.evaluate import evaluate
from tidegate.agents.evaluation.part import part
from tidegate.agents.page.axes import FEWEST_TICKS, Axis, Mark, axes_of, near
from tidegate.agents.page.frontier import frontier, marks
from tidegate.agents.page.names import names_of
from tidegate.agents.rules.catalogue import RULES
from tidegate.envs.scenario import load
from tidegate.fastsim.jit import IS_COMPILED
from tidegate.fastsim.units import DOLLAR

from .evaluated_page import bounded, small_team

compiled = pytest.mark.skipif(not IS_COMPILED, reason="whole evaluations take minutes as plain Python")


def mark(cost: float, hours: float = 1.0) -> Mark:
    """Without an interval."""
    return Mark(Interval(cost, cost, cost), hours)


@compiled
def test_no_policy_is_below_the_bound_of_its_own_episodes_and_the_base_not_below_the_clairvoyant() -> None:
    """Bounds are of first windows; windows that follow cost other sums, and are left out beside them."""
    pytest.importorskip("highspy", reason="needs the bound extra")
    from tidegate.agents.bound.gaps import per_week
    from tidegate.agents.bound.headroom import headroom
    from tidegate.agents.evaluation.source import Source

    scenario = load("small_team")
    base, *others = [RULES[name]() for name in ("cost-greedy", "first-fit", "burst-only")]
    report = evaluate(scenario, [base, *others], episodes=8, seed=4)
    found = headroom(Source(scenario, seed=4, windows=1), base, episodes=2, largest=2)
    assert found.clairvoyant is not None
    whole, beside = frontier(names_of(scenario, report), report, per_week(report, found)).panels
    bound, clairvoyant, *points = [trace["y"][0] for trace in beside.data]
    assert bound == pytest.approx(found.bound.mean()) and clairvoyant == pytest.approx(found.clairvoyant.mean())
    assert min(points) >= bound and points[0] >= clairvoyant >= bound
    assert points[0] == pytest.approx(found.policies["cost-greedy"].mean())
    assert points[0] != pytest.approx(whole.data[0]["y"][0], rel=0.05)
    assert all("error_y" not in trace for trace in beside.data)


@compiled
def test_without_bounds_marks_are_of_all_episodes() -> None:
    made = small_team()
    picture = frontier(made.names, made.report)
    (panel,) = picture.panels
    assert picture.choices == () and "No bound was computed" in picture.reading
    for trace, policy in zip(panel.data, made.report.policies, strict=True):
        cost = made.report.weekly(policy.avoidable)
        assert trace["x"] == [policy.measures["wait_p95_hours"]]
        assert trace["y"][0] == pytest.approx(cost.value)
        assert trace["y"][0] + trace["error_y"]["array"][0] == pytest.approx(cost.high)
        assert trace["y"][0] - trace["error_y"]["arrayminus"][0] == pytest.approx(cost.low)


@compiled
def test_the_picture_says_of_which_episodes_its_bounds_are() -> None:
    made = small_team()
    picture = frontier(made.names, made.report, bounded(made.report, 20_000.0, 30_000.0))
    assert picture.choices == ("16 episodes, intervals", "4 episodes, bounds")
    assert "4 episodes, the first window of each stretch" in picture.reading
    assert [key.label for key in picture.legend[-2:]] == ["bound, $20.0k", "clairvoyant, $30.0k"]
    for trace, policy in zip(picture.panels[1].data[2:], made.report.policies, strict=True):
        first = policy.rows.block == 0
        assert trace["y"][0] == pytest.approx(policy.avoidable[first].sum() / DOLLAR / 4)


@compiled
def test_a_part_of_a_report_has_the_jobs_of_its_rows() -> None:
    report = small_team().report
    for row in (0, 5):
        chosen = np.arange(len(report.policies[0].rows)) == row
        for own, policy in zip(part(report, chosen).policies, report.policies, strict=True):
            assert own.total("jobs") == len(own.sample.fares.waited) == policy.rows.jobs[row]
            assert own.total("pipelines") == len(own.sample.responses) == policy.rows.pipelines[row]
            for quantile, name in ((-1, "wait_p50"), (-1, "wait_p95")):
                hours = policy.rows[name][row, quantile] / 3_600_000
                assert own.measures[f"{name}_hours"] == pytest.approx(hours)
    everything = part(report, np.ones(len(report.policies[0].rows), bool))
    assert marks(everything) == marks(report)


def test_one_dear_policy_does_not_stretch_the_axes() -> None:
    found = [mark(40_000, 1.0), mark(42_000, 1.2), mark(65_000_000, 3000.0), mark(90_000_000, 4000.0)]
    axes = axes_of(near(found, (0, 1)), [])
    assert axes.dollars.high < 60_000 and axes.hours.high < 2
    assert [axes.hold(one) for one in found] == [True, True, False, False]
    corner, beside = axes.places(found)[3], axes.places(found)[2]
    assert corner == (axes.hours.high, axes.dollars.high)
    assert beside[1] == axes.dollars.high and axes.hours.low < beside[0] < corner[0]
    assert axes_of(near(found, (0, 2)), []).hold(found[2])  # the one that the page is about is always shown


@pytest.mark.parametrize("costs", [[0.0, 0.0], [-300.0, 40_000.0], [40_000.0, 11.0], [0.4, 1e9]])
def test_costs_of_nothing_and_below_have_a_place(costs: list[float]) -> None:
    found = [mark(cost, hours) for cost, hours in zip(costs, (0.0, 7.0), strict=True)]
    axes = axes_of(near(found, (0, 1)), [3.0])
    for axis in axes:
        assert 0 < axis.low < axis.high < np.inf
    assert all(axis.low <= at <= axis.high for pair in axes.places(found) for axis, at in zip(axes, pair, strict=True))


def test_a_line_near_nothing_stands_at_the_lower_edge() -> None:
    axes = axes_of([mark(40_000)], [11.0])
    assert axes.dollars.low == 4_000 == axes.dollars.at(11.0)


@pytest.mark.parametrize(("low", "high"), [(0.01, 4000), (35_000, 50_000), (12_000, 21_000), (0.9, 1.5), (1, 2.1e8)])
def test_every_axis_has_some_ticks_and_not_many(low: float, high: float) -> None:
    found = Axis(low, high).ticks()
    assert FEWEST_TICKS <= len(found) <= 10 and found == sorted(found)
    assert low <= found[0] and found[-1] <= high
