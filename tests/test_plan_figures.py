"""What a plan derives from its points: values, margins, true-ups, events, assumptions; JSON, tables and words."""

import json
from decimal import Decimal
from functools import cache
from io import StringIO

import numpy as np
import pytest
from rich.console import Console

from tidegate.agents.plan import plan as planning
from tidegate.agents.plan.figures import Played
from tidegate.agents.plan.levels import Setting, at
from tidegate.agents.plan.margins import committed_sites, use_between
from tidegate.agents.plan.plan import Plan
from tidegate.agents.plan.record import to_json
from tidegate.agents.plan.shortfall import burn_down, drawn_of, floor_of, some, true_ups
from tidegate.agents.plan.show import render
from tidegate.agents.plan.summary import sentences
from tidegate.agents.plan.worlds import assumptions, failing, priced
from tidegate.fastsim.errors import InputError
from tidegate.fastsim.units import DOLLAR

from .toy_plan import lab, planned, played

LEVELS = [Decimal("0.6"), Decimal("0.8"), Decimal(1)]
ONE = Setting(Decimal(1))


@cache
def small() -> Plan:
    """Waiting costs less than burst, so that some do; jobs are alike, and first-fit, nobody's choice, is good."""
    return waiting(1)


def waiting(seed: int) -> Plan:
    scenario = lab(jobs={"delay_cost_per_hour": 1}, cloud={"price_per_hour": 6})
    return planned(scenario, LEVELS, policies=("cost-greedy",), seed=seed)


def test_the_chosen_point_is_the_cheapest_by_total_bill():
    plan = small()
    bills = {key: point.bill.sum() for key, point in plan.points.items() if point is not None}
    assert min(bills, key=bills.__getitem__) == (plan.chosen.setting, plan.chosen.policy)


def test_the_bill_is_the_avoidable_cost_and_the_floors_at_every_point():
    for point in small().points.values():
        assert point is not None
        assert np.array_equal(point.bill, point.avoidable + point.column("floors"))


def test_what_a_contract_is_worth_is_the_difference_of_two_bills_on_the_same_plays():
    plan = small()
    level = plan.chosen.setting.level
    burst, resized, commitment, routing = plan.values
    both = played(plan.scenario, Setting(level), plan.chosen.policy)
    alone = played(plan.scenario, Setting(level, False), plan.chosen.policy)
    nothing = played(plan.scenario, Setting(Decimal(0)), plan.chosen.policy)
    assert burst.worth == alone.more_than(both)
    without = [point for (setting, _), point in plan.points.items() if point is not None and not setting.burst]
    assert resized.without is min(without, key=lambda point: point.bill.sum())
    assert resized.worth is not None and burst.worth is not None and resized.worth.value <= burst.worth.value
    assert commitment.worth == nothing.more_than(both)
    for name, point in (("both contracts", both), ("committed only", alone), ("burst only", nothing)):
        found = plan.contracts[name]
        assert found is not None and np.array_equal(found.bill, point.bill)
    assert routing.name == f"routing by {plan.chosen.policy}, beside first-fit"
    assert routing.worth == played(plan.scenario, Setting(level), "first-fit").more_than(both)
    assert routing.share is not None and routing.worth is not None and routing.worth.value < 0  # it is told as it is
    assert burst.worth is not None and burst.worth.value > 0


def test_a_margin_saves_costs_and_nets_what_the_two_points_differ_by():
    plan = small()
    thousand, megawatt = plan.margins
    low, high = (plan.points[one, plan.chosen.policy] for one in (thousand.low, thousand.high))
    assert low is not None and high is not None
    difference = (high.bill.sum() - low.bill.sum()) / DOLLAR / high.weeks.sum()
    assert thousand.net.value * thousand.units == pytest.approx(-difference)
    assert thousand.saves.value - thousand.costs.value == pytest.approx(thousand.net.value)
    assert thousand.costs.value == pytest.approx(1000 * 2 * 168)  # dollars of a thousand accelerators in a week
    assert megawatt.unit == "1 MW" and megawatt.net.value == pytest.approx(thousand.net.value / 1000 * 1000 / 1.25)


def test_without_stated_power_nothing_is_said_of_a_megawatt():
    plan = planned(lab(own={"kilowatts": None}), LEVELS, (True,), ("first-fit",), 2)
    assert [one.unit for one in plan.margins] == ["1,000 accelerators"]


def test_further_slices_of_a_commitment_are_used_less():
    shares = [one.utilisation.value for one in planned(lab(), [Decimal(x) for x in ("0.4", "0.8", "1.2", "1.6")]).uses]
    assert shares == sorted(shares, reverse=True)
    assert all(-0.05 <= share <= 1.05 for share in shares)


def test_a_slice_is_what_is_used_more_over_what_is_delivered_more():
    low, high = played(lab(), Setting(Decimal("0.5"))), played(lab(), ONE)
    found, own = use_between(lab(), low, high), committed_sites(lab())
    busy = (high.by_site("busy") - low.by_site("busy"))[:, own].sum()
    assert found.utilisation.value == busy / (high.by_site("supply") - low.by_site("supply"))[:, own].sum()


def test_floors_and_use_of_a_commitment_are_those_of_the_ledger():
    point = played(lab(), ONE)
    (provider, _) = lab().providers
    floor = floor_of(lab(), provider, point.by_site("supply"), point.column("length"))
    assert floor * DOLLAR == pytest.approx(point.column("floors"), rel=1e-6)
    drawn = drawn_of(lab(), provider, point.by_site("busy"))
    used = point.column("used")  # what is drawn beyond a floor is not used of it
    assert (drawn * DOLLAR >= 0.999 * used - 1e6).all()


def test_a_true_up_is_what_periods_leave_after_good_weeks_have_paid_for_bad_ones():
    (found,) = true_ups(lab(), played(lab(), ONE, plays=6))
    assert found.floor == pytest.approx(64 * 2 * 24 * 7)
    assert found.mean_unused == pytest.approx(found.floor - found.drawn, rel=1e-6)  # capacity is the floor here
    assert found.invoiced and found.chance == 1 and found.overage == 0
    assert found.unused[0] <= found.unused[1] <= found.unused[2]


def test_over_a_whole_span_every_period_has_its_own_true_up():
    scenario = lab(episodes={"evaluation_days": 7, "evaluation_windows": 8, "warm_up_days": 7})
    found = true_ups(scenario, played(scenario, ONE, plays=2))
    assert len(found) >= 7 and all(one.ends_at_day is not None for one in found)
    assert found[0].floor == pytest.approx(64 * 2 * 24 * 7)


def test_a_table_shows_some_of_many_periods_and_says_so():
    many = [f"{number}" for number in range(63)]
    shown, told = some(many)  # type: ignore[arg-type]
    assert len(shown) <= 13 and shown[-1] == "62" and "one of 5 periods" in told
    assert some(many[:13]) == (many[:13], "")  # type: ignore[arg-type]


def test_where_the_answer_has_no_burst_none_is_recalled():
    leased = lab(
        providers=[
            {"name": "owned", "kind": "committed", "floor_share": 1},
            {"name": "rented", "kind": "burst", "contract": "lease", "fee_dollars_per_period": 100_000},
        ],
        episodes={"span_days": 182},
    )
    plan = planned(leased, [Decimal("1.4")], policies=("first-fit",), plays=2)
    assert not plan.chosen.setting.burst and plan.events == ()
    (burst, *_) = plan.values
    assert burst.worth is not None and burst.worth.value < 0  # the lease costs more than it saves, and it is told
    assert any("the chosen point has no burst" in note for note in plan.notes)


def test_a_floor_below_the_capacity_may_be_exceeded():
    scenario = lab(providers=[
        {"name": "owned", "kind": "committed", "floor_share": 0.5, "overage_ratio": 1.2},
        {"name": "rented", "kind": "burst"},
    ])  # fmt: skip
    (found,) = true_ups(scenario, played(scenario, ONE))
    assert found.mean_unused == 0 and found.chance == 0
    assert found.overage == pytest.approx(1.2 * (found.drawn - found.floor))


def test_a_month_is_the_mean_of_the_windows_that_begin_in_it():
    point, (provider, _) = played(lab(), ONE, plays=8), lab().providers
    months = burn_down(lab(), provider, point)
    assert [month.day % 28 for month in months] == [0] * len(months)
    assert sum(month.windows for month in months) == len(point.bill)
    assert all(month.floor == pytest.approx(64 * 2 * 168) for month in months)


def test_recalled_burst_costs_something_and_its_span_is_counted():
    scenario = lab(episodes={"span_days": 182})
    plan = planned(scenario, [Decimal("0.6"), Decimal("0.8")], (True,), ("first-fit",), 6)
    (recall,) = plan.events
    assert recall.bill is not None and recall.bill.value > 0 and recall.weeks == 26


def test_an_event_that_cannot_happen_is_left_out_and_it_is_told_why():
    plan = small()
    assert plan.events == ()  # a span of 84 days, no ramp
    assert any("days of the span" in note for note in plan.notes)
    assert any("every tranche a quarter late" in note for note in plan.notes)


def test_bars_tell_the_direction_of_an_assumption():
    found = {(one.name, str(one.factor)): one.bill for one in small().bars}
    assert len(found) == 8
    for name, low, high in (("load", "0.8", "1.2"), ("burst price", "0.7", "1.5"), ("delay cost", "0.3", "3")):
        less, more = found[name, low], found[name, high]
        assert less is not None and more is not None and less.value < 0 < more.value


def test_an_assumption_changes_one_thing():
    base = lab()
    for name, factor, made in assumptions(base, 0.8):
        change = made()
        same = {field for field in type(base).model_fields if getattr(base, field) == getattr(change.scenario, field)}
        expected = {"load": set(), "burst price": {"sites"}, "delay cost": {"classes"}, "failure rate": {"sites"}}[name]
        assert set(type(base).model_fields) - same == expected, (name, factor)
    assert [float(site.price_per_hour) for site in priced(base, Decimal("1.5")).sites] == [2.0, 6.0]
    rates = [site.failures and float(site.failures.per_node_day) for site in failing(base, Decimal(3)).sites]
    assert rates == [0.06, None]


def test_a_lease_that_is_dearer_has_a_dearer_fee():
    leased = lab(providers=[
        {"name": "owned", "kind": "committed", "floor_share": 1},
        {"name": "rented", "kind": "burst", "contract": "lease", "fee_dollars_per_period": 1000},
    ])  # fmt: skip
    assert priced(leased, Decimal("1.5")).providers[1].fee_dollars_per_period == 1500
    assert at(priced(leased, Decimal("1.5")), Setting(Decimal(1), False)).providers[1].fee_dollars_per_period == 0


def test_where_every_level_has_too_much_waiting_there_is_no_plan(monkeypatch):
    monkeypatch.setattr(planning.Sweep, "play", lambda self, worlds, players, told: {
        (world.name, one.name): None for world in worlds for one in players(world)
    })  # fmt: skip
    with pytest.raises(InputError, match="lets more wait than the world can hold"):
        planned(lab(), LEVELS, (False,), ("first-fit",), 1)


def test_a_point_that_is_overloaded_is_told_and_the_others_are_planned(monkeypatch):
    play = planning.Sweep.play

    def some(self, worlds, players, told):
        found = dict(play(self, worlds, players, told))
        return {key: None if key[0] in ("0.6,off", "burst only", "load × 1.2") else own for key, own in found.items()}

    monkeypatch.setattr(planning.Sweep, "play", some)
    plan = planned(lab(), LEVELS, plays=2)
    told = shown(plan)
    assert plan.points[Setting(Decimal("0.6"), False), "first-fit"] is None
    assert "more waits than the world can hold" in told and "more waits than the world can hold" in " ".join(
        sentences(plan)
    )
    (overloaded,) = [one for one in to_json(plan)["points"] if one["is_overloaded"] and one["policy"] == "first-fit"]
    assert overloaded["level"] == 0.6 and not overloaded["burst"]
    assert json.dumps(to_json(plan), allow_nan=False)


def test_nothing_committed_and_no_burst_is_left_out():
    plan = planned(lab(), [Decimal(0), Decimal(1)], (True, False), ("first-fit",), 1)
    assert Setting(Decimal(0), False) not in plan.settings and Setting(Decimal(0)) in plan.settings
    assert any("nothing is left to run on" in note for note in plan.notes)
    with pytest.raises(InputError, match="leaves nothing to run on"):
        planned(lab(), [Decimal(0)], (False,), ("first-fit",), 1)


def test_burst_alone_may_be_the_answer():
    """Where an hour committed is dearer than one of burst, nothing is committed, and nothing breaks."""
    plan = planned(lab(own={"price_per_hour": 9}), [Decimal(0), Decimal("0.5"), Decimal(1)], (True,), ("first-fit",), 4)
    assert plan.chosen.setting == Setting(Decimal(0))
    assert np.isnan(plan.used.value) and plan.minimum.number == 0
    assert list(plan.contracts) == ["burst only"] and plan.values == ()  # nothing is committed that could be worth
    told = " ".join(sentences(plan))
    assert "It is the lowest level that was played" in told and "dearer than one of burst" in told
    assert json.dumps(to_json(plan), allow_nan=False) and shown(plan)


def test_one_play_gives_figures_without_intervals():
    plan = planned(lab(), [Decimal(1)], (True,), ("first-fit",), 1)
    assert isinstance(plan.chosen, Played) and np.isnan(plan.minimum.level.low)
    assert plan.margins == () and plan.uses == ()
    assert "no interval: too few plays" in " ".join(sentences(plan))
    assert json.dumps(to_json(plan), allow_nan=False) and shown(plan)


def shown(plan: Plan) -> str:
    console = Console(width=120, record=True, file=StringIO())
    console.print(render(plan))
    return console.export_text()


def test_the_table_has_the_bill_and_the_avoidable_cost_of_every_point():
    told, plan = shown(small()), small()
    for heading in ("total bill", "avoidable", "wait p95"):
        assert told.count(heading) >= len(plan.policies)
    for setting in plan.settings:
        assert f"× {float(setting.level):g}, {'on' if setting.burst else 'off'}" in told
    assert "Unused commitment is never a saving" in told.replace("\n", " ")


def test_every_figure_of_the_words_is_in_the_json():
    """The summary is computed: another plan has other figures."""
    one, other = " ".join(sentences(small())), " ".join(sentences(waiting(2)))
    assert one != other
    assert f"× {small().minimum.level.value:.3f}" in one
    assert to_json(small())["chosen"]["level_of_least_bill"]["value"] == small().minimum.level.value
