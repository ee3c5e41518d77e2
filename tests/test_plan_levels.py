"""Another size of the commitment is another supply, and never another demand."""

from decimal import Decimal

import numpy as np
import pytest

from tidegate.agents.plan.levels import Setting, accelerators_at, at, bursts_of, levels_of
from tidegate.agents.plan.sweep import whole_span
from tidegate.agents.plan.worlds import late_tranche, recalled
from tidegate.envs.generator import generate
from tidegate.envs.scenario import Scenario, load
from tidegate.fastsim.errors import InputError
from tidegate.fastsim.units import DAY

from .toy_plan import COMMITTED, lab

ONE = Decimal(1)
SETTINGS = [Setting(Decimal(level), burst) for level in ("0", "0.5", "1.37", "3") for burst in (True, False)]


def refused(call, *given) -> str:
    with pytest.raises(InputError) as error:
        call(*given)
    return str(error.value)


@pytest.mark.parametrize(
    ("name", "days"), [("small_team", 7), ("mid_lab", 1), ("three_providers", 1), ("colossus1_gcp_planning", 7)]
)
def test_the_same_jobs_arrive_at_every_level_with_and_without_burst_bit_for_bit(name, days):
    scenario = load(name)
    expected = generate(scenario, 3, 1_000_000, days, start=2 * DAY).tobytes()
    for setting in SETTINGS:
        world = at(scenario, setting)
        assert generate(world, 3, 1_000_000, days, start=2 * DAY).tobytes() == expected, setting


def test_at_another_load_the_same_jobs_arrive_at_every_level_too():
    jobs = [generate(at(lab(), setting), 3, 1, 2, Decimal("0.95")).tobytes() for setting in SETTINGS]
    assert len(set(jobs)) == 1


def test_without_a_reference_the_load_follows_the_commitment():
    """What the knob is for: a site twice as large would otherwise bring twice the jobs."""
    small, large = (generate(lab(own={"capacity": size}), 1, 1, 4) for size in (COMMITTED, 2 * COMMITTED))
    assert len(large) > 1.8 * len(small)


def test_the_commitment_as_it_is_remains_what_it_is():
    scenario = load("small_team")
    world = at(scenario, Setting(ONE))
    assert world.sites == scenario.sites and world.providers == scenario.providers
    assert world.reference_capacity == scenario.reference_capacity


def test_a_scenario_that_names_no_reference_is_written_as_if_there_were_no_such_key():
    scenario = load("small_team")
    assert "reference" not in scenario.model_dump()["workload"]
    assert Scenario.model_validate_json(at(scenario, Setting(ONE)).model_dump_json()) == at(scenario, Setting(ONE))


def test_capacity_comes_in_whole_granules_and_cubes():
    scenario = load("colossus1_gcp_planning")
    for level in ("0.33", "0.71", "1.5"):
        world = at(scenario, Setting(Decimal(level)))
        (site,) = (one for one in world.sites if one.provider == "google")
        (was,) = (one for one in scenario.sites if one.provider == "google")
        for mine, its in zip((site.capacity, *(t.accelerators for t in site.tranches)),
                             (was.capacity, *(t.accelerators for t in was.tranches)), strict=True):  # fmt: skip
            assert mine % 64 == 0
            assert abs(mine - float(level) * its) <= 32


def test_a_commitment_is_at_least_one_unit_of_something_and_nothing_at_level_0():
    from fractions import Fraction

    assert accelerators_at(100, Fraction(1, 1000), 8) == 8
    assert accelerators_at(100, Fraction(0), 8) == 0
    assert accelerators_at(0, Fraction(2), 8) == 0
    assert accelerators_at(101, Fraction(1), 8) == 101  # as it is, whatever its units


def test_floors_in_money_and_fees_follow_the_level_and_fees_of_burst_go_with_it():
    priced = lab(providers=[
        {"name": "owned", "kind": "committed", "floor_dollars_per_period": 10_000},
        {"name": "rented", "kind": "burst", "contract": "lease", "fee_dollars_per_period": 500},
    ])  # fmt: skip
    world = at(priced, Setting(Decimal("1.5")))
    assert [one.floor_dollars_per_period for one in world.providers] == [15_000, None]
    assert [one.fee_dollars_per_period for one in world.providers] == [None, 500]
    without = at(priced, Setting(Decimal("1.5"), False))
    assert without.providers[1].fee_dollars_per_period == 0
    assert [site.nominal for site in without.sites] == [96, 0]


def test_tranches_that_slip_slip_alike_at_every_level():
    scenario = load("colossus1_gcp")
    steps = []
    for level in ("0.5", "1", "1.5"):
        spec = at(scenario, Setting(Decimal(level))).compile(variants=4, seed=5)
        steps.append(
            [(spec.capacity_steps.at[row], spec.capacity_steps.site[row]) for row in range(len(spec.capacity_steps))]
        )
    assert steps[0] == steps[1] == steps[2]


def test_levels_are_written_as_a_range_or_a_list():
    assert levels_of("0.5:1.5:11")[:3] == [Decimal("0.5"), Decimal("0.6"), Decimal("0.7")]
    assert levels_of("1.2,0,0.8,1.2") == [Decimal(0), Decimal("0.8"), Decimal("1.2")]
    assert levels_of("1") == [ONE]
    assert len(levels_of("0:1:4")) == 4 and levels_of("0:1:4")[1] == Decimal("0.3333")
    assert bursts_of("off,on") == [True, False] and bursts_of("off") == [False]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("-0.5:1:3", "--commit: level, -0.5, is below zero, give 0"),
        ("a", "--commit: level, a, is no number"),
        ("nan", "is no number"),
        ("1:2", "is neither FIRST:LAST:COUNT nor a list"),
        ("1:0.5:3", "is not above the first"),
        ("0.5:1:1", "no whole number from 2"),
        ("0.5:1:x", "no whole number from 2"),
        ("25", "is above 20 times"),
        ("0.123456", "has more than four places"),
    ],
)
def test_a_wrong_level_is_refused_with_reason_and_remedy(text, told):
    assert told in refused(levels_of, text)


def test_a_wrong_word_for_burst_is_refused():
    assert "--burst: word, maybe, is neither on nor off" in refused(bursts_of, "on,maybe")


def test_a_scenario_without_a_commitment_cannot_be_planned():
    nothing = lab(providers=[{"name": "owned", "kind": "burst"}, {"name": "rented", "kind": "burst"}])
    assert "commits to nothing" in refused(at, nothing, Setting(ONE))


def test_a_whole_span_is_one_play_from_day_0_on():
    whole = whole_span(load("colossus1_gcp_planning"))
    spans = whole.episodes
    assert spans.evaluation_days == 28 and spans.evaluation_windows == 63 and spans.warm_up_days == 21
    assert "leaves no month" in refused(whole_span, lab(episodes={"span_days": 56}))


def test_recalled_burst_is_gone_on_day_90_and_a_lease_costs_nothing_from_then_on():
    scenario = load("colossus1_gcp_faithful_planning")
    spec = recalled(scenario).compile()
    number = [one.name for one in scenario.providers].index("spacex")
    assert spec.rules[0].ends[number] == 90 * DAY
    own = np.array([site for site, one in enumerate(scenario.sites) if one.provider == "spacex"])
    last = [spec.capacity_steps[spec.capacity_steps.site == site][-1] for site in own]
    assert {(int(step.at), int(step.capacity)) for step in last} == {(90 * DAY, 0)}


def test_of_a_late_tranche_only_the_first_one_is_late():
    scenario = load("colossus1_gcp_planning")
    (before,) = (site.tranches for site in scenario.sites if site.tranches)
    (after,) = (site.tranches for site in late_tranche(scenario).sites if site.tranches)
    assert after[0].at_day == before[0].at_day + 91 and after[1:] == before[1:]
    assert "none of committed capacity is due" in refused(late_tranche, load("small_team"))
