"""The supply side of scenarios: contracts, machines, prices, and what is drawn of their capacity."""

import json
from decimal import Decimal
from itertools import pairwise
from math import log, sqrt
from typing import Any

import numpy as np
import pytest

from tidegate.envs.capacity import MONTH, Recall, Slips, Spot
from tidegate.envs.scenario import Scenario, load
from tidegate.envs.supply import MOST_STEPS
from tidegate.envs.variants import Draws, power_limits, schedules
from tidegate.fastsim.errors import InputError
from tidegate.fastsim.spec import BURST, COMMITTED, NO, WITHDRAWN
from tidegate.fastsim.units import DAY, HOUR, MINUTE, NEVER, SECOND

from .toy_scenario import TOY, edited, toy

SLIPS = {"median_days": 30, "p90_days": 120, "notice_days": 10}
SPOT = {"mean_up_hours": 2, "mean_down_hours": 1.5, "notice_seconds": 30}
DRAWN = 2000


def with_sites(**changes: dict[str, Any]) -> Scenario:
    """The toy, its sites (by name) changed."""
    return Scenario.model_validate(TOY | {"sites": [site | changes.get(site["name"], {}) for site in TOY["sites"]]})


def with_providers(**changes: dict[str, Any]) -> Scenario:
    """The toy, its providers (by name) changed; every site has one price, and a kilowatt per accelerator."""
    providers = [provider | changes.get(provider["name"], {}) for provider in TOY["providers"]]
    sites = [site | {"price_steps": [], "kilowatts": 1} for site in TOY["sites"]]
    return Scenario.model_validate(TOY | {"providers": providers, "sites": sites})


def steps_of(scenario: Scenario, variant: int = 0, seed: int = 0) -> list[tuple[tuple[int, ...], ...]]:
    """Each site's steps."""
    draws = Draws(seed, variant, scenario.span)
    return [schedule.steps for schedule in schedules(scenario.providers, scenario.sites, draws)]


def variant_rows(scenario: Scenario, variant: int, variants: int, seed: int = 3) -> list[bytes]:
    """Steps and notices of one variant of the compiled scenario."""
    spec = scenario.compile(variants=variants, seed=seed)
    row = spec.variants[variant]
    steps, notices = np.asarray(spec.capacity_steps), np.asarray(spec.notices)
    return [steps[row.first_step : row.last_step].tobytes(), notices[row.first_notice : row.last_notice].tobytes()]


# What is drawn


def test_a_scenario_without_chance_has_one_variant_whatever_is_asked():
    assert not toy().is_random
    assert len(toy().compile(variants=5, seed=9).variants) == 1


@pytest.mark.parametrize("name", ["colossus1_gcp", "small_team"])
def test_a_variant_is_the_same_however_many_are_drawn_and_whatever_the_contracts_age(name):
    scenario = load(name)
    assert scenario.is_random
    few, many = (variant_rows(scenario, 1, variants) for variants in (2, 4))
    assert few == many
    assert few != variant_rows(scenario, 0, 2)
    assert few != variant_rows(scenario, 1, 2, seed=4)
    assert len(scenario.compile(variants=4).variants) == 4


def test_what_is_drawn_at_one_site_does_not_depend_on_the_others():
    alone = with_sites(old={"spot": SPOT})
    tranches = [{"at_day": 100, "accelerators": 8}]
    beside = with_sites(old={"spot": SPOT}, cloud={"spot": SPOT, "tranches": tranches, "slips": SLIPS})
    assert steps_of(alone)[2] == steps_of(beside)[2]
    assert steps_of(beside)[1] != steps_of(beside)[2]


def test_slips_have_the_median_and_the_percentile_that_were_given():
    slips = Slips(median_days=Decimal(30), p90_days=Decimal(120), notice_days=Decimal(10))
    days = np.array([Draws(1, variant, 0).slip(0, 0, slips.table) for variant in range(DRAWN)]) / DAY
    assert days.min() >= 0 and np.all(days % 1 == 0)
    for share, day in ((0.5, 30), (0.9, 120)):
        within = 4 * sqrt(share * (1 - share) / DRAWN)
        assert abs((days < day).mean() - share) < within


def test_notice_of_a_recall_comes_with_the_given_chance_per_month():
    recall = Recall(per_month=Decimal("0.02"), from_day=Decimal(35), notice_days=Decimal(90))
    months = 24
    span = 35 * DAY + months * MONTH - 1
    given = [Draws(1, variant, span).notice(8, 0, recall) for variant in range(DRAWN)]
    chance = 1 - 0.98**months
    assert abs(sum(at is not None for at in given) / DRAWN - chance) < 4 * sqrt(chance * (1 - chance) / DRAWN)
    assert all(35 * DAY <= at < 35 * DAY + months * MONTH for at in given if at is not None)
    assert len({at // MONTH for at in given if at is not None}) == months + 1  # a month of it begins on day 35


def test_spot_capacity_comes_and_goes_with_the_given_means_and_notice():
    spot = Spot(mean_up_hours=Decimal(2), mean_down_hours=Decimal("1.5"), notice_seconds=Decimal(30))
    runs = Draws(1, 0, 5 * 366 * DAY).down_runs(0, spot)
    up = np.array([after.begin - before.end for before, after in pairwise(runs)]) / HOUR
    down = np.array([run.end - run.begin for run in runs]) / HOUR
    for lasted, mean in ((up, 2), (down, 1.5)):
        assert abs(lasted.mean() - mean) < 4 * mean / sqrt(len(lasted))
        assert np.median(lasted) == pytest.approx(mean * log(2), rel=0.06)
    assert all(run.begin - run.announced == min(30 * SECOND, u) for run, u in zip(runs[1:], up * HOUR, strict=True))
    assert all(run.begin % SECOND == run.end % SECOND == SECOND // 2 for run in runs)


def test_a_spot_site_is_there_or_not():
    rows = steps_of(with_sites(old={"spot": SPOT}))[2]
    assert {row[1] for row in rows[::2]} == {0} and {row[1] for row in rows[1::2]} == {64}
    assert all(len(row) == 3 for row in rows)
    gains = rows[1::2]
    assert all(announced == at for at, _, announced in gains)  # nobody knows when it comes back


def test_slipped_tranches_reach_the_kernel_as_promises_that_are_withdrawn():
    spec = load("colossus1_gcp").compile()
    kinds = spec.notices.kind.tolist()
    assert kinds.count(WITHDRAWN) >= 5
    assert spec.capacity_steps.capacity.max() == 840_000


# What limits capacity


def test_a_power_cap_is_shared_in_proportion_to_nominal_power_in_whole_granules():
    sites = [
        load("colossus1_gcp").sites[index].model_copy(update={"kilowatts": Decimal(kw)})
        for index, kw in ((0, "1.0"), (2, "2.0"))
    ]  # 150,000 in nodes of 8, 20,016 in racks of 72: 190.032 MW
    assert power_limits(sites, Decimal(200)) == [150_000, 20_016]
    halves = power_limits(sites, Decimal("95.016"))
    assert halves == [75_000, 10_008]
    assert power_limits(sites, Decimal("95.01")) == [74_992, 9_936]
    assert power_limits(sites, Decimal(0)) == [0, 0]


def test_a_power_cut_is_a_cap_for_some_hours_with_its_notice():
    cut = {"at_day": 10, "hours": 4, "megawatts": 0.288, "notice_hours": 24}  # half of 512 + 64 kW
    _, cloud, old = steps_of(with_providers(rented={"power_cuts": [cut]}))
    assert cloud == ((10 * DAY, 256, 9 * DAY), (10 * DAY + 4 * HOUR, 512, 9 * DAY))
    assert old == ((10 * DAY, 32, 9 * DAY), (10 * DAY + 4 * HOUR, 64, 9 * DAY))


def test_the_power_of_the_flagship_just_feeds_it():
    scenario = load("colossus1_gcp")
    sites = scenario.sites[:3]
    assert power_limits(list(sites), Decimal(300)) == [site.capacity for site in sites]
    assert sum(site.capacity * (site.kilowatts or 0) for site in sites) == pytest.approx(300_000, rel=0.003)


def test_maintenance_takes_a_share_or_leaves_a_capacity():
    window = {"at_day": 10, "hours": 6, "notice_days": 7}
    _, cloud, old = steps_of(
        with_sites(
            cloud={"maintenance": [window | {"share": 0.3}]},  # of 512, in nodes of 8
            old={"maintenance": [window | {"capacity": 10, "notice_days": 0}]},
        )
    )
    assert cloud == ((10 * DAY, 352, 3 * DAY), (10 * DAY + 6 * HOUR, 512, 3 * DAY))
    assert old == ((10 * DAY, 10, 10 * DAY), (10 * DAY + 6 * HOUR, 64, 10 * DAY))


def test_a_recall_of_a_provider_takes_from_all_its_sites_at_once():
    recalls = [{"at_day": 60, "notice_days": 30, "share": 0.5}, {"at_day": 90, "notice_days": 90}]
    _, cloud, old = steps_of(with_providers(rented={"recalls": recalls}))
    assert cloud == ((60 * DAY, 256, 30 * DAY), (90 * DAY, 0, 0))
    assert old == ((60 * DAY, 32, 30 * DAY), (90 * DAY, 0, 0))


def test_a_drawn_recall_takes_effect_when_its_notice_is_over():
    scenario = with_providers(rented={"recalls": [{"per_month": 1, "from_day": 30, "notice_days": 14}]})
    assert scenario.is_random
    _, cloud, old = steps_of(scenario)
    ((at, left, announced),) = cloud
    assert old == ((at, 0, announced),)
    assert left == 0 and 30 * DAY <= announced < 30 * DAY + MONTH
    assert at == announced + 14 * DAY


def test_when_a_contract_ends_its_machines_are_gone_and_everyone_knew():
    scenario = with_providers(rented={"ends_at_day": 100.5})
    assert steps_of(scenario)[1:] == [((201 * DAY // 2, 0, 0),)] * 2
    assert scenario.compile().rules[0].ends[:2].tolist() == [NEVER, 201 * DAY // 2]


def test_too_many_steps_are_refused(monkeypatch):
    assert MOST_STEPS > 100_000
    monkeypatch.setattr("tidegate.envs.supply.MOST_STEPS", 50)
    with pytest.raises(InputError, match="steps of capacity"):
        with_sites(old={"spot": SPOT}).compile()


@pytest.mark.parametrize(("given", "what"), [({"variants": 0}, "variants"), ({"seed": -1}, "seed")])
def test_what_cannot_be_drawn_is_refused(given, what):
    with pytest.raises(InputError, match=f"toy: {what}"):
        toy().compile(**given)


# Contracts


def test_a_lease_is_a_floor_without_overage():
    lease = {"contract": "lease", "budget_dollars_per_period": None, "fee_dollars_per_period": 500}
    rules = with_providers(rented=lease).compile().rules[0]
    assert rules.kind[:2].tolist() == [COMMITTED, BURST]  # routers are told that it is burst
    assert rules.take_or_pay[:2].tolist() == [1, 1]
    assert rules.floor_money[:2].tolist() == [NO, 500_000_000]
    assert rules.overage_ratio[1] == 0


def test_the_terms_of_a_commitment_are_compiled():
    floor = {"floor_share": None, "floor_dollars_per_period": 9, "carry_forward": 0.25}
    rest = {"in_arrears": True, "ends_at_day": 500, "egress_dollars_per_gb": 0.09}
    rules = with_providers(owned=floor | rest).compile().rules[0]
    assert (rules.floor_money[0], rules.floor_share[0], rules.overage_ratio[0]) == (9_000_000, NO, 1250)
    assert (rules.in_arrears[0], rules.carry[0], rules.ends[0]) == (1, 250, 500 * DAY)
    assert rules.egress_rate[:2].tolist() == [90_000, 0]


@pytest.mark.parametrize(
    ("owned", "rented", "there", "back"),
    [({}, {}, 100_000, 100_000), ({"rented": 1.5}, {}, 1500, 1500), ({"rented": 1.5}, {"owned": 3}, 1500, 3000)],
)
def test_a_link_is_as_fast_both_ways_unless_the_other_says_so(owned, rented, there, back):
    rules = with_providers(owned={"links": owned}, rented={"links": rented}).compile().rules[0]
    assert (rules.link[0, 1], rules.link[1, 0]) == (there, back)


def test_preemption_and_kills_are_rules_of_a_scenario():
    rules = TOY["rules"] | {"preemption_hours": 2, "kill_overruns": True}
    compiled = Scenario.model_validate(TOY | {"rules": rules}).compile().rules[0]
    assert (compiled.preempt_after, compiled.kill_overruns) == (2 * HOUR, 1)


# Machines


def test_how_machines_start_and_fail_is_compiled():
    start_up = {"median_minutes": 10, "p95_minutes": 120, "max_minutes": 1440}
    starts = {"start_up": start_up, "denial_minutes": 120, "grants": {"512": 0.5, "64": 0.95}}
    fails = {"failures": {"per_node_day": 0.022, "node_size": 8}, "billing_increment_minutes": 1}
    spec = with_sites(cloud=starts | fails, old={"silicon": "npu"}).compile()
    rules = spec.rules[0]
    assert (rules.usual_start_up[1], rules.denial[1], rules.increment[1]) == (10 * MINUTE, 2 * HOUR, MINUTE)
    assert rules.grants[:3].tolist() == [0, 2, 0]
    assert rules.grant_size[1, :2].tolist() == [64, 512] and rules.grant_permille[1, :2].tolist() == [950, 500]
    table = spec.tables[rules.start_up[1]]
    assert table[512] == 10 * MINUTE and table[-1] == DAY
    assert table[int(0.95 * 1024)] == pytest.approx(2 * HOUR, rel=0.02)
    assert spec.tables[rules.failure[1]][512] / DAY == pytest.approx(log(2) / (512 / 8 * 0.022), rel=1e-6)
    assert toy().silicons == ("gpu",)
    assert rules.silicon[:3].tolist() == [0, 0, 1]


def test_a_site_that_power_keeps_small_fails_like_a_small_one():
    """Failures are positions below the largest capacity there ever is, so that their rate per node is the one given."""
    sites = [site | {"kilowatts": 1, "failures": {"per_node_day": 0.1, "node_size": 8}} for site in TOY["sites"]]
    providers = [TOY["providers"][0], TOY["providers"][1] | {"power_cap_megawatts": 0.288}]
    spec = Scenario.model_validate(TOY | {"providers": providers, "sites": sites}).compile()
    assert spec.variants[0].nominal[:3].tolist() == [2048, 256, 32]
    medians = [spec.tables[row][512] / DAY for row in spec.rules[0].failure[:3]]
    assert medians == pytest.approx([log(2) / (nodes * 0.1) for nodes in (256, 32, 4)], rel=1e-6)


# Prices


def test_prices_may_come_hour_by_hour():
    scenario = with_sites(old={"price_per_hour": 2, "price_series": [2, 2, 2.5, 2.5, 0.25]})
    steps = [(s.at, s.price) for s in scenario.compile().price_steps if s.site == 2]
    assert steps == [(2 * HOUR, 2_500_000), (4 * HOUR, 250_000)]  # and stays
    without_first = {key: value for key, value in TOY["sites"][2].items() if key != "price_per_hour"}
    sites = [*TOY["sites"][:2], without_first | {"price_series": [2, 2, 2.5, 2.5, 0.25]}]
    again = Scenario.model_validate(TOY | {"sites": sites})
    assert again == scenario and again.digest() == scenario.digest()


def in_folder(folder, text: str, name: str = "prices/spot.csv") -> Scenario:
    """The toy from a TOML-like file beside which there is a price file, which its third site names."""
    (folder / "prices").mkdir(exist_ok=True)
    (folder / "prices" / "spot.csv").write_text(text, encoding="utf-8")
    site = {key: value for key, value in TOY["sites"][2].items() if key != "price_per_hour"} | {"price_series": name}
    file = folder / "mine.json"
    file.write_text(json.dumps(TOY | {"sites": [*TOY["sites"][:2], site]}), encoding="utf-8")
    return load(file)


def test_a_price_series_may_lie_in_a_file_beside_the_scenario(tmp_path):
    scenario = in_folder(tmp_path, "at_hour,price\n0,2.10\n1,2.2\n2,2.2\n")
    assert scenario.sites[2].price_series == (Decimal("2.1"), Decimal("2.2"), Decimal("2.2"))
    assert scenario.sites[2].price_per_hour == Decimal("2.1")
    saved = tmp_path / "saved.json"
    saved.write_text(scenario.model_dump_json(), encoding="utf-8")
    (tmp_path / "prices" / "spot.csv").unlink()
    assert load(saved) == scenario  # which needs the file no more


@pytest.mark.parametrize(
    ("text", "name", "reason"),
    [
        ("at_hour,price\n0,1\n2,1\n", "prices/spot.csv", "line 3: at_hour, 2, hour 1 comes here"),
        ("at_hour,price\n1,1\n", "prices/spot.csv", "line 2: at_hour, 1, hour 0 comes here"),
        ("at_hour,price\n0,1\n0,1\n", "prices/spot.csv", "line 3: at_hour, 0, hour 1 comes here"),
        ("at_hour,price\n0,dear\n", "prices/spot.csv", "line 2: price, dear, is not a price"),
        ("at_hour,price\n0,-1\n", "prices/spot.csv", "line 2: price, -1, is not a price"),
        ("at_hour,price\n0,NaN\n", "prices/spot.csv", "line 2: price, NaN, is not a price"),
        ("at_hour,price\n0,1,2\n", "prices/spot.csv", "line 2: columns, 3"),
        ("hour,price\n0,1\n", "prices/spot.csv", "header of prices/spot.csv, hour,price"),
        ("", "prices/spot.csv", "header of prices/spot.csv, nothing"),
        ("at_hour,price\n", "prices/spot.csv", "hours of prices/spot.csv, 0, there are none"),
        ("at_hour,price\n0,1\n", "absent.csv", "cannot be read: No such file"),
        ("at_hour,price\n0,1\n", "../spot.csv", "not below the scenario's folder"),
        ("at_hour,price\n0,1\n", "/spot.csv", "not below the scenario's folder"),
    ],
)
def test_a_price_file_that_does_not_hold_every_hour_in_order_is_refused(text, name, reason, tmp_path):
    with pytest.raises(InputError) as refused:
        in_folder(tmp_path, text, name)
    assert "mine.json: sites[2].price_series" in str(refused.value)
    assert reason in str(refused.value)


def test_edits_of_the_toy_reach_what_they_name():
    assert edited("sites.2.spot", SPOT)["sites"][2]["spot"] == SPOT
