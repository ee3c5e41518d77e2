"""The scenarios that come with Tidegate: each one works, and each stress case contains its stress."""

from decimal import Decimal
from functools import lru_cache
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from tidegate.agents.evaluation.policies import resolve
from tidegate.envs.blocks import curve_of
from tidegate.envs.demand import services_of
from tidegate.envs.generator import generate
from tidegate.envs.scenario import Scenario, load, names
from tidegate.envs.schedule import Rows
from tidegate.envs.variants import Draws, schedules
from tidegate.fastsim.keyed import world_seed
from tidegate.fastsim.units import DAY, HOUR
from tidegate.fastsim.worlds import Totals, Worlds

VARIANTS = 4


def steps(scenario: Scenario, variant: int = 0) -> dict[str, Rows]:
    """Steps and promises of each site's capacity."""
    drawn = schedules(scenario.providers, scenario.sites, Draws(1, variant, scenario.span))
    return {site.name: schedule.steps for site, schedule in zip(scenario.sites, drawn, strict=True)}


def by_name(parts: Any, name: str) -> Any:
    return next(part for part in parts if part.name == name)


def played(scenario: Scenario, days: int) -> tuple[Worlds, Totals]:
    """A world from empty sites under cost-greedy, and what it has cost."""
    jobs = generate(scenario, 1, 0, days)
    worlds = Worlds(scenario.compile(seed=1), jobs, 1)
    worlds.begin(0, seed=world_seed(1, 0))
    worlds.play(resolve("cost-greedy"), days * DAY)
    return worlds, worlds.totals()


@lru_cache
def unhindered(scenario: Scenario, streams: int) -> np.ndarray:
    """Accelerators that the work occupies where nothing waits, each quarter of an hour of some half-years."""
    found = []
    for stream in range(streams):
        jobs = generate(scenario, 1, stream, 182)
        start, place = jobs.arrival.copy(), np.arange(len(jobs))
        for member in range(1, int(jobs.member.max()) + 1):
            chosen = place[(jobs.member == member) & (jobs.parents != 0)]
            for parent in range(member):
                other = chosen - member + parent
                is_parent = (jobs.parents[chosen] >> parent & 1).astype(bool)
                ready = np.where(is_parent, start[other] + jobs.walltime[other], 0)
                start[chosen] = np.maximum(start[chosen], ready)
        at = np.concatenate([start, start + jobs.walltime])
        order = np.argsort(at, kind="stable")
        level = np.cumsum(np.concatenate([jobs.gang, -jobs.gang])[order])
        grid = np.arange(28 * DAY, 182 * DAY, HOUR // 4)
        found.append(level[np.searchsorted(at[order], grid, side="right") - 1])
    return np.concatenate(found)


@pytest.mark.parametrize("name", names())
def test_every_scenario_compiles_in_variants_and_no_integer_can_overflow_in_it(name):
    scenario = load(name)
    spec = scenario.compile(variants=VARIANTS, seed=3)
    assert scenario.name == name
    assert len(spec.variants) == (VARIANTS if scenario.is_random else 1)


@pytest.mark.parametrize("name", names())
def test_every_scenario_plays_a_day(name):
    worlds, totals = played(load(name), 1)
    state = worlds.state()
    assert int(state.decisions) > 0 and int(state.illegal) == 0
    assert int(state.finishes) > 0  # runs that go on
    assert totals.floors > 0 and totals.bill == totals.floors + totals.avoidable


@pytest.mark.parametrize("name", names())
def test_an_episode_of_training_fits_in_every_scenario(name):
    episodes = load(name).episodes
    assert episodes.warm_up_days + 2 * episodes.horizon_days <= episodes.span_days


def test_on_the_faithful_flagship_both_pools_are_sunk():
    scenario = load("colossus1_gcp_faithful")
    lease, floor = scenario.providers
    assert (lease.contract, floor.contract) == ("lease", "take_or_pay")
    accelerators = sum(site.capacity for site in scenario.sites if site.provider == lease.name)
    hours = scenario.rules.billing_period_days * 24
    assert lease.fee_dollars_per_period is not None
    assert float(lease.fee_dollars_per_period / accelerators / hours) == pytest.approx(1.25e9 / 325_000 / 730.5, 1e-3)
    assert float(lease.fee_dollars_per_period * Decimal("730.5") / hours) == pytest.approx(846e6, rel=1e-3)
    (recall,) = lease.recalls
    assert (recall.per_month, recall.notice_days, recall.from_day) == (Decimal("0.02"), 90, 35)
    assert "sunk" in scenario.title and "sunk" in scenario.description
    worlds, totals = played(scenario, 2)
    assert totals.burst == 0 and worlds.state().decisions > 0
    assert totals.avoidable == totals.delay + totals.penalty + totals.egress + totals.overage + totals.write_off


def test_the_burst_machines_are_recalled_in_the_midst_of_every_episode():
    scenario = load("recall_notice")
    found = steps(scenario)
    assert found == {"committed": (), "burst": ((98 * DAY, 0, 8 * DAY),)}
    episodes = scenario.episodes
    assert episodes.horizon_days == episodes.evaluation_days == 90
    latest = episodes.span_days - episodes.longest_days - 28 + episodes.warm_up_days  # of a window's beginning
    assert latest < 98 < episodes.warm_up_days + episodes.evaluation_days


@pytest.mark.parametrize("variant", range(VARIANTS))
def test_every_tranche_comes_a_quarter_late(variant):
    scenario = load("ramp_slip")
    found = steps(scenario, variant)["gcp_tpu7x"]
    days = [int(tranche.at_day) for tranche in by_name(scenario.sites, "gcp_tpu7x").tranches]
    happening = [row[0] / DAY for row in found if len(row) == 3]
    assert len(happening) == len(days) and happening == pytest.approx([day + 91 for day in days], abs=3)
    withdrawn = sorted({row[3] / DAY for row in found if len(row) == 4})
    assert set(withdrawn) >= {day - 30 for day in days}
    assert max(step.factor for step in scenario.workload.growth) < max(
        step.factor for step in load("colossus1_gcp").workload.growth
    )


@pytest.mark.soak
@pytest.mark.parametrize(("name", "quantile"), [("overcommitted", 0.9), ("undercommitted", 0.4)])
def test_the_commitment_is_at_its_quantile_of_the_demand(name, quantile):
    scenario, base = load(name), load("mid_lab")
    demand = unhindered(base, 6)
    assert (demand <= scenario.sites[0].capacity).mean() == pytest.approx(quantile, abs=0.02)


@pytest.mark.parametrize("name", ["overcommitted", "undercommitted"])
def test_another_commitment_meets_the_same_work_and_is_paid_in_full(name):
    scenario, base = load(name), load("mid_lab")
    assert float(scenario.offered().work) == pytest.approx(float(base.offered().work), rel=0.001)
    assert scenario.providers[0].floor_share == 1
    assert scenario.sites[0].price_per_hour == base.sites[0].price_per_hour


def test_serving_triples_for_five_days():
    scenario, base = load("launch_week"), load("mid_lab")
    (service,), (usual,) = services_of(scenario), services_of(base)
    after, before = (curve_of(one, 0, 5, 0, 0, 28 * DAY)[: 28 * 96] for one in (service, usual))
    launch = slice(15 * 96, 20 * 96)
    assert after[launch].mean() / before[launch].mean() == pytest.approx(3, rel=0.05)
    outside = np.delete(after, np.r_[launch])
    np.testing.assert_array_equal(outside, np.delete(before, np.r_[launch]))
    assert_day_0_only(scenario, 15, 20)


def assert_day_0_only(scenario: Scenario, begin: float, end: float) -> None:
    """Every evaluated episode begins on day 0, and has all of what happens then in its window."""
    episodes = scenario.episodes
    assert episodes.span_days - episodes.longest_days - 28 <= 0
    assert episodes.warm_up_days <= begin < end <= episodes.warm_up_days + episodes.evaluation_days


def test_half_of_the_committed_machines_fail_beside_a_reserve():
    scenario = load("strategic_reserve")
    day = round(16.5 * DAY)
    assert steps(scenario) == {"committed": ((day, 2048, day), (day + 72 * HOUR, 4096, day)), "burst": ()}
    assert scenario.providers[1].contract == "lease"
    assert_day_0_only(scenario, 16.5, 19.5)


def test_the_reserve_avoids_more_than_nothing_and_its_idle_hours_cost_nothing(tmp_path):
    file = tmp_path / "bare.toml"
    gone = "remove = true\n"
    file.write_text(
        'base = "strategic_reserve"\nname = "without_reserve"\n'
        f'[[sites]]\nname = "burst"\n{gone}[[providers]]\nname = "burst"\n{gone}'
        '[[providers]]\nname = "neocloud"\nremove = ["links"]\n',
        encoding="utf-8",
    )
    with_reserve, without = (played(one, 21)[1] for one in (load("strategic_reserve"), load(file)))
    assert with_reserve.burst == without.burst == 0
    assert with_reserve.avoidable < without.avoidable
    assert with_reserve.floors > without.floors


def test_a_gang_that_only_the_committed_machines_can_hold_comes_about_once_a_week():
    scenario = load("pretrain_blocker")
    blocker = by_name(scenario.classes, "blocker")
    assert blocker.priority > max(cls.priority for cls in scenario.classes if cls != blocker)
    committed, burst = (site.capacity for site in scenario.sites)
    assert burst < min(blocker.gangs) < committed < 2 * min(blocker.gangs)
    assert 168 * float(scenario.jobs_per_hour(blocker)) == pytest.approx(1, abs=0.2)
    assert sum(cls.share for cls in scenario.terms) == sum(cls.share for cls in load("mid_lab").terms)


def test_prototyping_has_five_minutes_beside_a_run_on_half_of_the_machines():
    scenario = load("rapid_prototyping")
    prototyping, pretraining = (by_name(scenario.classes, name) for name in ("prototyping", "pretraining"))
    jobs = generate(scenario, 1, 0, 3)
    chosen = jobs[(jobs.cls == scenario.classes.index(prototyping)) & (jobs.parents == 0)]
    assert len(chosen) > 1000
    assert np.abs(chosen.deadline - chosen.arrival - chosen.requested - 300_000).max() <= 1000
    assert scenario.rules.offer_interval_minutes <= 5
    assert set(pretraining.gangs) == {scenario.sites[0].capacity // 2}


def test_three_providers_are_unlike_in_everything_that_routing_sees():
    scenario = load("three_providers")
    providers = scenario.providers
    assert len({provider.tags for provider in providers}) == 3
    assert {provider.contract for provider in providers} == {"take_or_pay", "metered"}
    assert len({(one.floor_share, one.floor_dollars_per_period) for one in providers}) == 3
    spec = scenario.compile()
    links = {int(spec.rules[0].link[a, b]) for a in range(3) for b in range(3) if a != b}
    assert links == {10_000, 40_000, 100_000}
    assert len({provider.egress_dollars_per_gb for provider in providers}) > 1
    assert scenario.silicons == ("gpu", "tpu")
    for cls in scenario.terms:
        assert set(cls.portability) <= {"any", "gpu", "tpu", "secure"} and cls.port_minutes > 0


def test_half_of_the_power_is_gone_for_four_hours_and_everyone_knows_a_day_before():
    scenario = load("power_cut")
    at = round(9.5 * DAY)
    for name, rows in steps(scenario).items():
        if name == "gcp_tpu7x":
            continue
        (left,) = [row[1] for row in rows if row[:1] == (at,) and row[2] == at - DAY]
        capacity = by_name(scenario.sites, name).capacity
        assert left / capacity == pytest.approx(0.5, abs=0.01)
        assert (at + 4 * HOUR, capacity, at - DAY) in rows
    assert_day_0_only(scenario, 9.5, 9.7)


def test_all_that_the_team_can_burst_to_comes_and_goes():
    scenario = load("spot_only_burst")
    (burst,) = [site for site in scenario.sites if site.provider == "on_demand"]
    assert burst.spot is not None
    assert len(steps(scenario)["spot"]) > 100


def test_five_years_ramp_to_five_gigawatts_with_some_ten_million_arrivals():
    scenario = load("colossus1_gcp_five_years")
    tpu = by_name(scenario.sites, "gcp_tpu7x")
    by_end_of = {2026: 0.84, 2027: 2.1, 2028: 3.36, 2029: 4.2}  # millions: 840,000 per GW
    for years, (_, millions) in enumerate(sorted(by_end_of.items())):
        due = sum(tranche.accelerators for tranche in tpu.tranches if tranche.at_day < 186 + 365.25 * years)
        assert (tpu.capacity + due) / 1e6 == pytest.approx(millions, rel=0.001)
    growth = [(0.0, 1.0), *((float(step.at_day), float(step.factor)) for step in scenario.workload.growth)]
    edges = pairwise([*growth, (float(scenario.episodes.span_days), 0.0)])
    arrivals = scenario.jobs_per_day * sum((end - begin) * factor for (begin, factor), (end, _) in edges)
    assert 9e6 < arrivals < 13e6
    assert min(min(cls.gangs) for cls in scenario.classes) >= 64
    assert scenario.providers[0].ends == 1068 * DAY
    jobs = generate(scenario, 1, 0, 28, start=1700 * DAY)
    assert len(jobs) > 20_000
    late = Worlds(scenario.compile(variants=2, seed=1), jobs, 1)
    late.begin(0, now=1700 * DAY, seed=1, variant=1)
    late.play(resolve("cost-greedy"), 1707 * DAY)
    assert int(late.state().finishes) > 0
