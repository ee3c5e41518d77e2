"""Savings and their intervals: ratios of sums, resampled block by block."""

import numpy as np
import pytest

from tidegate.agents.evaluation import compare
from tidegate.agents.evaluation.compare import paired, ratio


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
