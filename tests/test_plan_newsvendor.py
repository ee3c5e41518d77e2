"""A world whose answer is known: Poisson arrivals, one class, flat prices; and an answer that can be wrong."""

from decimal import Decimal
from math import exp, lgamma, log

import numpy as np
import pytest

from tidegate.agents.evaluation.compare import Interval
from tidegate.agents.plan.figures import Played, cheapest
from tidegate.agents.plan.journal import Journal
from tidegate.agents.plan.levels import Setting, at, levels_of
from tidegate.agents.plan.newsvendor import Demand, Terms, bill, demand_of, newsvendor, running, terms_of
from tidegate.agents.plan.sweep import Players, Sweep, World
from tidegate.envs.scenario import Scenario, load

from .toy_plan import COMMITTED, HOURS, lab, planned

LOAD = 0.8


def poisson_quantile(means: np.ndarray, share: float) -> int:
    """Of a mixture of Poisson distributions of equal weight: the least number at which `share` is reached."""
    below, number = 0.0, -1
    while below < share:
        number += 1
        below += float(np.mean([exp(number * log(mean) - mean - lgamma(number + 1)) for mean in means]))
    return number


def means_by_hour(scenario: Scenario) -> np.ndarray:
    """Mean of what runs at the beginning of each hour if nothing waits: arrivals of the hours before that still run.

    In an M(t)/G/∞ queue that is ∫ rate(t − u) P(run > u) du, and what runs is Poisson (Eick, Massey, Whitt, 1993).
    """
    (cls,) = scenario.classes
    runs = np.sort(cls.walltime.table) / 3_600_000  # hours, at equal steps of probability
    rates = np.array(HOURS) / np.mean(HOURS) * LOAD * COMMITTED / runs.mean()  # per hour
    steps = np.arange(0, runs.max(), 0.01) + 0.005
    lasts = 1 - np.searchsorted(runs, steps) / len(runs)
    return np.array([(rates[np.floor(hour - steps).astype(int) % 24] * lasts).sum() * 0.01 for hour in range(24)])


def answer(scenario: Scenario, plays: int = 6) -> tuple[list[list[Demand]], Terms]:
    world = World("there", at(scenario, Setting(Decimal(1))))
    sweep, terms = Sweep(Journal({}), 1, plays), terms_of(scenario)
    assert terms is not None
    return [demand_of(world.scenario, sweep.spec(world), sweep.episode(world, n)) for n in range(plays)], terms


@pytest.mark.parametrize("price", [2.5, 4, 8])
def test_the_newsvendor_finds_the_quantile_that_queueing_theory_gives(price):
    scenario = lab(cloud={"price_per_hour": price})
    plays, terms = answer(scenario, 12)
    found = newsvendor(terms, plays, 1).level
    expected = poisson_quantile(means_by_hour(scenario), 1 - 2 / price) / COMMITTED
    assert found.low - 1.5 / COMMITTED <= expected <= found.high + 1.5 / COMMITTED
    assert found.high - found.low < 0.1


def test_without_a_rhythm_demand_is_poisson():
    scenario = lab(jobs={"rhythm": 0})
    plays, _ = answer(scenario, 12)
    seen = np.concatenate([period.ratio for play in plays for period in play]) * COMMITTED
    mean = LOAD * COMMITTED
    assert seen.mean() == pytest.approx(mean, rel=0.03)
    assert seen.var() == pytest.approx(mean, rel=0.2)


def test_where_nobody_waits_the_chosen_commitment_is_the_newsvendors_within_the_interval():
    """Short jobs, dear waiting, flat prices, burst for all: then the sweep has nothing to see that he does not."""
    plan = planned(lab(), levels_of("0.55:0.85:7"), (True,), ("first-fit",), 10)
    assert plan.newsvendor is not None
    agrees(plan.scenario, 4, plan.minimum.level, plan.newsvendor.level)


def test_where_burst_is_dearer_the_newsvendor_and_the_sweep_commit_to_more():
    scenario = lab(cloud={"price_per_hour": 8})
    plays, terms = answer(scenario, 10)
    level = cheapest(swept(scenario, "1.05:1.35:7", 10)).level
    agrees(scenario, 8, level, newsvendor(terms, plays, 1).level)


def agrees(scenario: Scenario, price: float, sweep: Interval, his: Interval) -> None:
    """Both intervals meet, are narrow, and that of the sweep holds what queueing theory gives, to an accelerator."""
    assert sweep.low <= his.high and his.low <= sweep.high
    expected = poisson_quantile(means_by_hour(scenario), 1 - 2 / price) / COMMITTED
    assert sweep.low - 1.5 / COMMITTED <= expected <= sweep.high + 1.5 / COMMITTED
    assert sweep.high - sweep.low < 0.1


def test_at_another_price_of_burst_the_same_commitment_is_wrong():
    """The tests above can fail: the intervals of two prices do not meet."""
    first, second = (cheapest(swept(lab(cloud={"price_per_hour": price}), "0.5:1.4:4", 6)).level for price in (4, 8))
    assert first.high < second.low


def swept(scenario: Scenario, levels: str, plays: int) -> list[Played]:
    """The points of a sweep with burst, under first-fit."""
    sweep, players = Sweep(Journal({}), 1, plays), Players(scenario, scenario.name, ["first-fit"])
    settings = [Setting(level) for level in levels_of(levels)]
    found = sweep.play([World(one.words, at(scenario, one)) for one in settings], players)
    return [Played(one, "first-fit", found[one.words, "first-fit"] or [], 1) for one in settings]


def test_with_a_floor_of_everything_he_takes_the_weighted_quantile():
    rng = np.random.default_rng(3)
    play = Demand(rng.gamma(4, 0.2, 5000), rng.integers(50, 100, 5000))
    found = newsvendor(Terms(2.0, 1.0, 1.0, 5.0), [[play]], 1)
    order = np.argsort(play.ratio)
    reached = np.cumsum(play.capacity[order]) / play.capacity.sum()
    assert found.level.value == pytest.approx(play.ratio[order][np.searchsorted(reached, 1 - 2 / 5)], abs=0.01)
    assert np.isnan(found.level.low)  # of one play nothing is known


def test_his_bill_is_floor_overage_and_burst_hour_by_hour():
    rng = np.random.default_rng(4)
    play, terms = Demand(rng.uniform(0, 2, 300), rng.integers(1, 9, 300)), Terms(2.0, 0.6, 1.25, 5.0)
    for level in (0.0, 0.4, 1.1, 3.0):
        wanted, there = play.ratio * play.capacity, level * play.capacity
        drawn = np.minimum(wanted, there).sum()
        beyond = max(0.0, drawn - 0.6 * there.sum())
        expected = 2 * (0.6 * there.sum() + 1.25 * beyond) + 5 * np.maximum(wanted - there, 0).sum()
        assert bill(terms, play, np.array([level]))[0] == pytest.approx(expected)


def test_break_even_is_what_must_be_used_to_be_no_dearer_than_burst():
    assert Terms(2.0, 1.0, 1.0, 5.0).break_even == 0.4
    assert Terms(2.0, 0.5, 1.0, 5.0).break_even == 0.2
    assert Terms(5.0, 1.0, 1.0, 2.0).break_even == float("inf")


def test_spot_capacity_is_not_what_a_commitment_is_measured_by():
    """small_team's spot machines are cheaper than its commitment, and gone when they are wanted."""
    terms = terms_of(load("small_team"))
    assert terms is not None and (terms.committed, terms.burst, terms.floor) == (2.5, 3.99, 1.0)
    faster = terms_of(load("colossus1_gcp_planning"))
    assert faster is not None and faster.floor == 0.95
    assert faster.burst == pytest.approx(5.27 * 2.33 / 2.5)  # the work of a TPU's hour, done by GB200s
    alone = lab(providers=[{"name": "owned", "kind": "committed", "floor_share": 1},
                           {"name": "rented", "kind": "committed", "floor_share": 1}])  # fmt: skip
    assert terms_of(alone) is None


def test_what_runs_at_an_instant_has_begun_and_not_ended():
    begin, end, gang = np.array([0, 5, 10]), np.array([10, 7, 20]), np.array([1, 2, 4])
    assert running(begin, end, gang, np.array([0, 5, 6, 7, 10, 19, 20])).tolist() == [1, 3, 3, 1, 4, 4, 0]
