"""Scenarios: what is read, refused, compiled and saved. What is drawn of their supply is in test_supply.py."""

import json
import re
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from tidegate.envs.quantiles import table_mean
from tidegate.envs.scenario import FOLDER, Scenario, load, names
from tidegate.fastsim.errors import InputError
from tidegate.fastsim.spec import ANNOUNCED, BURST, COMMITTED, EASY, KNOWN, NO
from tidegate.fastsim.units import DAY, HOUR

from .toy_scenario import TOY, edited, toy

SHIPPED = ["colossus1_gcp", "mid_lab", "small_team"]  # the others build on them


def tables(scenario: Scenario) -> list[bytes]:
    """All tables of a compiled scenario."""
    return [np.asarray(table).tobytes() for table in scenario.compile()]


def written(tmp_path: Path, content: dict) -> Path:
    path = tmp_path / "mine.json"
    path.write_text(json.dumps(content), encoding="utf-8")
    return path


def test_the_shipped_scenarios_are_these():
    assert set(SHIPPED) < set(names())
    assert len(names()) > 12


@pytest.mark.parametrize("name", SHIPPED)
def test_a_saved_scenario_comes_back_as_the_same_world(name, tmp_path):
    scenario = load(name)
    path = tmp_path / "scenario.json"
    path.write_text(scenario.model_dump_json(indent=1), encoding="utf-8")
    again = load(path)
    assert again == scenario
    assert again.digest() == scenario.digest()
    assert tables(again) == tables(scenario)


@pytest.mark.parametrize("name", SHIPPED)
def test_every_figure_of_a_shipped_scenario_names_its_source_or_says_assumption(name):
    text = re.sub(r'""".*?"""', "", (FOLDER / f"{name}.toml").read_text(encoding="utf-8"), flags=re.DOTALL)
    for line in text.splitlines():
        if re.match(r"[a-z_]+ = [^\"]*\d", line) and not line.startswith("cube_from"):
            assert "#" in line, line


def test_the_digest_does_not_depend_on_how_a_number_or_a_table_is_written():
    reordered = edited("classes.0.gangs", {128: Decimal("0.250"), 64: 0.75})
    assert Scenario.model_validate(reordered).digest() == toy().digest()
    assert toy("workload.load", 0.91).digest() != toy().digest()


def test_a_scenario_cannot_be_changed():
    with pytest.raises(ValidationError, match="frozen"):
        toy().name = "other"


def test_the_toy_compiles_to_these_tables():
    spec = toy().compile()
    rules = spec.rules[0]
    assert (rules.sites, rules.providers, rules.classes) == (3, 2, 2)
    assert (rules.offer_interval, rules.reoffer_gap, rules.pass_size) == (HOUR // 4, 60_000, 32)
    assert (rules.max_hold, rules.dispatch, rules.first_period, rules.period) == (DAY, EASY, 0, 30 * DAY)
    assert rules.provider[:3].tolist() == [0, 1, 1]
    assert rules.granule[:3].tolist() == [4, 8, 1]
    assert (rules.cube[0], rules.cube_from[0]) == (64, 64)
    assert rules.first_price[:3].tolist() == [1_400_000, 3_990_000, 2_000_000]
    assert rules.speed[:3, :2].tolist() == [[2330, 0], [1000, 1000], [1000, 1000]]
    assert rules.kind[:2].tolist() == [COMMITTED, BURST]
    assert toy().tags == ("eu", "gpu", "tpu")
    assert rules.tags[:2].tolist() == [0b100, 0b011]
    assert rules.floor_share[:2].tolist() == [950, -1]
    assert rules.floor_money[:2].tolist() == [-1, -1]
    assert rules.overage_ratio[0] == 1250
    assert rules.budget[:2].tolist() == [-1, 1_000_000_000]
    assert rules.delay_rate[:2].tolist() == [1_500_000, 250_000]
    steps = [(s.at, s.site, s.capacity) for s in spec.capacity_steps]
    assert steps == [(5 * DAY, 0, 1000), (41 * DAY // 2, 0, 512), (30 * DAY, 0, 2048), (40 * DAY, 0, 512)]
    notices = [(n.time, n.site, n.at, n.kind, n.capacity) for n in spec.notices]
    assert notices == [
        (0, 0, 5 * DAY, KNOWN, 1000),  # notice from before the beginning
        (0, 0, 30 * DAY, KNOWN, 2048),  # known from the beginning
        (30 * DAY, 0, 40 * DAY, ANNOUNCED, 512),
    ]  # and nothing of the surprise
    assert [(s.at, s.site, s.price) for s in spec.price_steps] == [(10 * DAY, 1, 4_000_001)]


def test_what_the_toy_does_not_say_is_as_if_it_were_not_there():
    spec = toy().compile()
    rules = spec.rules[0]
    assert len(spec.variants) == 1 and spec.tables.size == 0
    assert (rules.preempt_after, rules.kill_overruns) == (0, 0)
    for name in ("usual_start_up", "grants", "increment", "silicon"):
        assert rules[name][:3].tolist() == [0, 0, 0]
    assert rules.failure[:3].tolist() == rules.start_up[:3].tolist() == [NO] * 3
    for name in ("carry", "in_arrears", "egress_rate"):
        assert rules[name][:2].tolist() == [0, 0]
    assert rules.take_or_pay[:2].tolist() == [1, 0]


def test_the_contract_may_have_begun_before_time_0():
    assert toy().compile(first_period=-12 * DAY).rules[0].first_period == -12 * DAY
    for wrong in (1, 60_000, -30 * DAY, -12 * DAY + 1):
        with pytest.raises(InputError, match="first_period"):
            toy().compile(first_period=wrong)


def test_the_flagship_has_the_figures_of_its_sources():
    scenario = load("colossus1_gcp")
    rules = scenario.compile().rules[0]
    assert rules.first_capacity[:3].sum() == 220_016  # 220,000 in whole racks
    assert rules.first_price[:4].tolist() == [5_270_000, 5_270_000, 5_270_000, 1_400_000]
    tpu = scenario.sites[3]
    assert [tranche.accelerators % 64 for tranche in tpu.tranches] == [0] * 5
    assert tpu.nominal == 840_000
    assert min(min(cls.gangs) for cls in scenario.classes) == 64
    assert rules.link[0, 1] == rules.link[1, 0] == 1_600_000
    mean_gap = table_mean(scenario.sites[0].runs(150_000)["failure"])  # of 150,000 GPUs in nodes of 8
    assert float(DAY / mean_gap) == pytest.approx(150_000 / 8 * 419 / 54 / (16_384 / 8), rel=0.005)


def test_loads_and_scales_are_relative_to_the_committed_sites():
    scenario = toy()
    assert scenario.reference_capacity == 1024 * Decimal("2.33")
    assert scenario.reward_scale == 2386 * 3_990_000
    work = sum(scenario.jobs_per_hour(cls) * cls.mean_gang * cls.mean_walltime / HOUR for cls in scenario.classes)
    assert work == scenario.reference_capacity * scenario.workload.load.as_integer_ratio()[0] / 10


SLIPS = {"median_days": 30, "p90_days": 120, "notice_days": 10}
OUTAGE = {"at_day": 1, "hours": 4, "capacity": 8, "notice_days": 7}
RECALL = {"at_day": 60, "notice_days": 30}
SPOT = {"mean_up_hours": 2, "mean_down_hours": 1.5, "notice_seconds": 30}
START_UP = {"median_minutes": 10, "p95_minutes": 120, "max_minutes": 1440}
CUT = {"at_day": 10, "hours": 4, "megawatts": 0.5, "notice_hours": 24}
ONE_OF = ("exactly one is needed", "give")
BROKEN = [
    ("colour", "red", "colour", "extra inputs", "remove it"),
    ("title", None, "title", "required", "add it"),
    ("sites.1.capacity", -1, "sites[1].capacity", "greater than or equal to 0", "fits"),
    ("sites.1.capacity", "many", "sites[1].capacity", "valid integer", "fits"),
    ("sites.1.price_per_hour", 1.1234567, "sites[1].price_per_hour", "decimal places", "fits"),
    ("sites.1.provider", "nobody", "sites[1].provider", "there is none of this name", "owned, rented"),
    ("sites.1.name", "cubes", "sites[1].name", "given twice", "rename one"),
    ("sites.0.price_steps", [{"at_day": 1, "price_per_hour": 1}], "sites[0].price_steps", "one price", "remove them"),
    ("sites.0.price_series", [1.4, 2], "sites[0].price_series", "one price", "remove them"),
    ("sites.0.billing_increment_minutes", 1, "sites[0].billing_increment_minutes", "only metered", "remove it"),
    ("sites.1.price_series", [1, 2], "sites[1].price_steps", "has a price series", "remove one"),
    ("sites.2.price_series", [3, 2], "sites[2].price_per_hour", "begins with 3", "remove it"),
    ("sites.2.price_series", [], "sites[2].price_series", "at least 1 item", "fits"),
    ("sites.0.capacity_steps", [{"at_day": 0.00001, "capacity": 1}], "sites[0].capacity_steps", "a second", "raise it"),
    ("sites.1.tranches", [{"at_day": 3, "accelerators": 0}], "sites[1].tranches[0].accelerators", "equal to 1", "fits"),
    ("sites.1.tranches", [{"at_day": 3, "accelerators": 1 << 24}], "sites[1].tranches", "more than", "lower them"),
    ("sites.1.slips", SLIPS, "sites[1].slips", "nothing to slip", "add tranches"),
    ("sites.1.slips", SLIPS | {"p90_days": 3}, "sites[1].slips.p90_days", "not above the median", "raise it"),
    ("sites.1.slips", SLIPS | {"p90_days": 301}, "sites[1].slips.p90_days", "above 300", "lower it"),
    ("sites.1.maintenance", [{"at_day": 1, "hours": 1, "notice_days": 1}], "sites[1].maintenance[0].capacity", *ONE_OF),
    ("sites.1.maintenance", [OUTAGE | {"share": 1}], "sites[1].maintenance[0].capacity", *ONE_OF),
    ("sites.1.maintenance", [OUTAGE | {"hours": 0}], "sites[1].maintenance[0].hours", "greater than 0", "fits"),
    ("sites.1.recalls", [{"notice_days": 30}], "sites[1].recalls[0].at_day", *ONE_OF),
    ("sites.1.recalls", [RECALL | {"from_day": 3}], "sites[1].recalls[0].from_day", "stated day", "remove it"),
    ("sites.1.recalls", [RECALL | {"share": 0}], "sites[1].recalls[0].share", "greater than 0", "fits"),
    ("sites.1.spot", SPOT | {"mean_up_hours": 0}, "sites[1].spot.mean_up_hours", "greater than 0", "fits"),
    ("sites.1.spot", SPOT | {"mean_down_hours": 2000}, "sites[1].spot.mean_down_hours", "less than or equal", "fits"),
    (
        "sites.1.failures",
        {"per_node_day": 0, "node_size": 8},
        "sites[1].failures.per_node_day",
        "greater than 0",
        "fits",
    ),
    ("sites.1.failures", {"per_node_day": 0.0001, "node_size": 8}, "sites[1].failures", "less than one", "raise it"),
    ("sites.1.start_up", START_UP | {"p95_minutes": 5}, "sites[1].start_up.p95_minutes", "not above", "raise it"),
    (
        "sites.1.start_up",
        START_UP | {"max_minutes": 5},
        "sites[1].start_up.max_minutes",
        "below the median",
        "correct it",
    ),
    ("sites.1.grants", {"8": 0.5}, "sites[1].grants", "only a site with one", "give start_up"),
    ("sites.1.denial_minutes", 5, "sites[1].denial_minutes", "only a site with one", "give start_up"),
    ("sites.1.grants", {str(2**n): 1 for n in range(5)}, "sites[1].grants", "at most 4", "fits"),
    ("sites.1.silicon", "NPU!", "sites[1].silicon", "match pattern", "fits"),
    ("providers.0.power_cap_megawatts", 1, "sites[0].kilowatts", "power of owned is limited", "give the power"),
    ("providers.1.power_cuts", [CUT], "sites[1].kilowatts", "power of rented is limited", "give the power"),
    ("providers.0.links", {"owned": 1}, "providers[0].links", "no other of this name", "use rented"),
    ("providers.0.links", {"rented": 0}, "providers[0].links.rented", "greater than 0", "fits"),
    ("providers.0.fee_dollars_per_period", 5, "providers[0].fee_dollars_per_period", "only a lease", "remove it"),
    ("providers.1.carry_forward", 0.1, "providers[1].carry_forward", "only a take_or_pay", "remove it"),
    ("providers.1.in_arrears", False, "providers[1].in_arrears", "only a take_or_pay", "remove it"),
    ("providers.1.contract", "lease", "providers[1].budget_dollars_per_period", "only a metered", "remove it"),
    ("rules.max_hold_hours", 0, "rules.max_hold_hours", "greater than 0", "fits"),
    ("sites.1.price_steps", [{"at_day": 1, "price_per_hour": 1}] * 2, "sites[1].price_steps", "two steps", "keep one"),
    ("sites.1.cube_from", 64, "sites[1].cube_from", "no cube", "remove it"),
    ("sites.1.class_speed", {"huge": 1}, "sites[1].class_speed", "none of this name", "large, small"),
    ("sites.0.capacity", 0, "sites", "the load is relative to it", "capacity"),
    ("providers.0.floor_share", None, "providers[0].floor_share", "exactly one", "floor_dollars_per_period"),
    ("providers.1.floor_share", 0.5, "providers[1].floor_share", "only a take_or_pay", "remove it"),
    (
        "providers.0.budget_dollars_per_period",
        5,
        "providers[0].budget_dollars_per_period",
        "only a metered",
        "remove it",
    ),
    ("classes.0.portability", {"npu": 1}, "classes[0].portability", "no provider offers it", "any, eu, gpu, tpu"),
    ("classes.0.priority", 8, "classes[0].priority", "less than or equal to 7", "fits"),
    ("classes.0.gangs", {}, "classes[0].gangs", "at least 1 item", "fits"),
    ("classes.0.walltime.p95_hours", 1, "classes[0].walltime.p95_hours", "not above the median", "raise it"),
    ("classes.0.walltime.max_hours", 0.0001, "classes[0].walltime.max_hours", "outside 1 s", "correct it"),
    ("workload.requests.overrun", 0.9, "workload.requests.overrun", "exceeds 1", "lower one"),
    ("workload.growth", [{"at_day": 2, "factor": 1}] * 2, "workload.growth", "not ascending", "one of each"),
    ("workload.hour_factors", [1] * 23, "workload.hour_factors", "at least 24 items", "fits"),
    ("episodes.span_days", 20, "episodes.span_days", "21 days of arrivals", "raise it"),
    ("rules.dispatch", "lifo", "rules.dispatch", "'easy' or 'fcfs'", "fits"),
]


@pytest.mark.parametrize(("path", "value", "where", "reason", "remedy"), BROKEN)
def test_a_scenario_that_does_not_hold_together_is_refused_with_its_key(path, value, where, reason, remedy, tmp_path):
    file = written(tmp_path, edited(path, value))
    with pytest.raises(InputError) as refused:
        load(file)
    assert refused.value.where == f"{file}: {where}"
    assert reason in refused.value.reason
    assert remedy in refused.value.remedy
    assert refused.value.what
    assert str(refused.value).count(", ") >= 3


def test_a_provider_without_a_site_is_refused(tmp_path):
    idle = {"name": "idle", "kind": "burst"}
    with pytest.raises(InputError, match=r"providers\[2\]: provider, idle, it has no site, give it one or remove it"):
        load(written(tmp_path, TOY | {"providers": [*TOY["providers"], idle]}))


def test_an_unknown_name_lists_the_choices():
    with pytest.raises(InputError, match=", ".join(names())):
        load("huge_lab")


def test_unreadable_files_are_refused(tmp_path):
    broken = tmp_path / "broken.toml"
    broken.write_text("name = ", encoding="utf-8")
    with pytest.raises(InputError, match="cannot be parsed"):
        load(broken)
    broken.write_bytes(b"\xff")
    with pytest.raises(InputError, match="not UTF-8"):
        load(broken)
    with pytest.raises(InputError, match="cannot be read: No such file"):
        load(tmp_path / "absent.toml")


OVERFLOWING = [
    ("sites.1.capacity", 1 << 24, "in use"),
    ("rules.billing_period_days", 30_000, "latest instant"),
    ("classes.1.walltime", {"median_hours": 0.001, "p95_hours": 0.002, "max_hours": 1}, "jobs of the span"),
    ("sites.1.price_per_hour", 2_000_000, "milliseconds of an hour"),
    ("sites.1", TOY["sites"][2] | {"name": "cloud", "capacity": 1 << 22, "price_per_hour": 20}, "provider cost"),
    ("sites.1.price_per_hour", 50, "milliseconds of the span"),
]


@pytest.mark.parametrize(("path", "value", "what"), OVERFLOWING)
def test_a_scenario_whose_integers_could_overflow_is_refused(path, value, what):
    scenario = toy(path, value)
    with pytest.raises(InputError, match=what):
        scenario.compile()


def test_a_scenario_in_which_not_even_twice_its_capacity_may_be_in_the_world_is_refused():
    """Without a pass nobody looks at the delay before a period is over."""
    content = edited("classes.0.delay_cost_per_hour", 900_000)
    Scenario.model_validate(content).compile()
    content["rules"] |= {"pass_size": 0}
    with pytest.raises(InputError, match=r"jobs may want at once without overflow, 3,\d{3}, less than 5,248, 2 × the"):
        Scenario.model_validate(content).compile()


def test_the_shipped_scenarios_keep_a_margin_for_dearer_delay():
    for name in SHIPPED:
        dearer = load(name).model_dump(mode="json")
        for cls in dearer["classes"]:
            cls["delay_cost_per_hour"] *= 3
        Scenario.model_validate(dearer).compile()


def in_lab(*changes: tuple[tuple[str | int, ...], object]) -> Scenario:
    """`mid_lab`, changed at some keys."""
    content: Any = load("mid_lab").model_dump(mode="json")
    for (*path, last), value in changes:
        part: Any = content
        for key in path:
            part = part[key]
        part[last] = value
    return Scenario.model_validate(content)


@pytest.mark.parametrize(
    ("path", "value", "what"),
    [
        (("providers", 0, "egress_dollars_per_gb"), 900_000, "data × egress rate"),
        (("providers", 0, "egress_dollars_per_gb"), 20, "egress in µ\\$"),
        (("classes", 0, "restart_minutes"), 900_000, "latest instant"),
        (("classes", 0, "deadline", "penalty_per_hour"), 100_000, "penalties"),
        (("workload", "models", "state_bytes"), 64, None),
        (("sites", 0, "failures", "per_node_day"), 1, None),
        (("sites", 1, "billing_increment_minutes"), 60, None),
        (("rules", "preemption_hours"), 0.25, None),
    ],
)
def test_data_failures_and_penalties_are_part_of_the_proof(path, value, what):
    scenario = in_lab((path, value))
    if what is None:
        scenario.compile()
    else:
        with pytest.raises(InputError, match=what):
            scenario.compile()


def test_five_years_of_the_flagship_at_its_own_grain_fit_in_the_integers():
    """Its classes, pipelines and services, while 4.2 million accelerators are delivered."""
    scenario = load("colossus1_gcp_five_years")
    assert scenario.pipelines
    assert scenario.serving
    assert scenario.jobs_per_day * 1820 * float(scenario.workload.largest_growth) > 1e7
    assert scenario.sites[3].nominal == 4_200_000
    assert scenario.compile(variants=2).rules[0].most_present > 4 * scenario.sites[3].nominal
