"""Serving: the demand curve, and the blocks that are cut out of it."""

from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from tidegate.envs.blocks import curve_of
from tidegate.envs.demand import Service, services_of
from tidegate.envs.generator import generate
from tidegate.envs.quantiles import gamma_table, table_mean
from tidegate.envs.scenario import Scenario, load, names
from tidegate.envs.serving import Serving
from tidegate.fastsim.units import DAY, HOUR, MINUTE, WEEK

from .toy_work import ANSWERS, CHAT, CODE, busy_toy

EVEN = [1] * 24
LAUNCH = {"at_day": 10, "days": 5, "factor": 3}


def world(*serving: dict[str, Any], growth: list[dict[str, float]] | None = None) -> Scenario:
    """The toy with services."""
    return busy_toy([], list(serving), growth=growth or [])


def only_service(scenario: Scenario) -> Service:
    (service,) = services_of(scenario)
    return service


def blocks_of(jobs: Any, service: int) -> Any:
    """The blocks of one service; the toy has two classes of jobs."""
    return jobs[jobs.cls == 2 + service]


def wanted(blocks: Any, slot: int, slots: int) -> np.ndarray:
    """Accelerators of blocks whose arrival lies before each slot's middle and whose end after it."""
    change = np.zeros(slots + 1, np.int64)
    np.add.at(change, np.minimum(blocks.arrival // slot, slots), blocks.gang)
    np.add.at(change, np.minimum(blocks.until // slot, slots), -blocks.gang)
    return np.cumsum(change)[:slots]


def test_the_blocks_of_any_instant_add_up_to_the_curve():
    two = world(ANSWERS, ANSWERS | {"name": "other", "slot_minutes": 60, "longest_hours": 24, "share": 50})
    jobs = generate(two, 5, 2, 30)
    for number, service in enumerate(services_of(two)):
        curve = curve_of(service, number, 5, 2, 0, 30 * DAY)[: -service.longest]
        assert curve.min() >= 1 and curve.max() > 2 * curve.min()
        assert wanted(blocks_of(jobs, number), service.slot, len(curve)).tolist() == (curve * service.gang).tolist()


def test_so_they_do_in_every_shipped_scenario():
    for name in names():
        scenario = load(name)
        jobs = generate(scenario, 5, 0, 7)
        for number, service in enumerate(services_of(scenario)):
            curve = curve_of(service, number, 5, 0, 0, 7 * DAY)[: -service.longest]
            blocks = jobs[jobs.cls == service.cls]
            assert wanted(blocks, service.slot, len(curve)).tolist() == (curve * service.gang).tolist()


def test_a_block_says_exactly_how_long_it_lasts():
    blocks = blocks_of(generate(world(ANSWERS), 5, 0, 30), 0)
    assert (blocks.walltime == blocks.until - blocks.arrival).all()
    assert (blocks.requested == blocks.walltime).all()
    assert set(blocks.gang) == {8}
    assert blocks.walltime.max() == 6 * HOUR
    assert (blocks.arrival % (15 * MINUTE) == 0).all()
    assert not blocks.parents.any() and not blocks.deadline.any() and not blocks.is_cancelled.any()
    assert set(blocks.priority) == {5}


def test_more_days_only_add_blocks():
    scenario = world(ANSWERS)
    long = generate(scenario, 5, 0, 9)
    for days in (1, 4):
        short = generate(scenario, 5, 0, days)
        assert short.tolist() == long[: len(short)].tolist()


def test_what_is_needed_when_a_window_begins_begins_with_it():
    scenario = world(ANSWERS)
    start = 3 * DAY + 17 * MINUTE
    blocks = blocks_of(generate(scenario, 5, 0, 2, start=start), 0)
    curve = curve_of(only_service(scenario), 0, 5, 0, start, start + 2 * DAY)
    assert (blocks.arrival == start).sum() == curve[0]
    assert (
        curve.tolist()[:100]
        == curve_of(only_service(scenario), 0, 5, 0, 0, 9 * DAY).tolist()[3 * 96 + 1 : 3 * 96 + 101]
    )


def test_layers_are_not_renewed_all_at_once():
    flat = CHAT | {"hour_factors": EVEN, "weekday_factors": [1] * 7, "variation": 0}
    blocks = blocks_of(generate(world(ANSWERS | {"clients": [flat]}), 5, 0, 30), 0)
    later = blocks[blocks.arrival > DAY]
    assert set(later.walltime) == {6 * HOUR}
    _, together = np.unique(later.arrival, return_counts=True)
    blocks_at_once = later.gang.sum() * 6 / (29 * 24) / 8
    assert together.max() <= blocks_at_once / 24 + 2


def test_the_mean_is_the_share_of_the_committed_accelerators():
    scenario = world(ANSWERS)
    curve = np.concatenate([curve_of(only_service(scenario), 0, seed, 0, 0, 4 * WEEK)[:-24] for seed in range(4)])
    assert float(scenario.offered().served(scenario.serving[0])) == 1024 * 0.9 / 2
    assert curve.mean() * 8 == pytest.approx(1024 * 0.9 / 2, rel=0.02)


def test_the_curve_follows_the_rhythm_of_its_clients():
    scenario = world(ANSWERS | {"clients": [CHAT | {"variation": 0}]})
    service = only_service(scenario)
    curve = curve_of(service, 0, 5, 0, 0, WEEK)[: -service.longest].astype(float)
    week = np.array([float(factor) for factor in scenario.serving[0].clients[0].week])
    assert curve[::4] / curve.mean() == pytest.approx(week, rel=0.06)
    assert curve.max() / curve.mean() == pytest.approx(week.max(), rel=0.03)


def test_bursts_have_the_stated_variation_and_are_drawn_slot_by_slot():
    flat = CODE | {"hour_factors": EVEN, "weekday_factors": [1] * 7}
    service = only_service(world(ANSWERS | {"clients": [flat]}))
    curve = curve_of(service, 0, 5, 0, 0, 20 * WEEK).astype(float)
    assert curve.std() / curve.mean() == pytest.approx(0.4, abs=0.01)
    assert abs(np.corrcoef(curve[1:], curve[:-1])[0, 1]) < 0.03


def test_the_gamma_factors_are_gamma_distributed():
    gamma = pytest.importorskip("scipy.stats").gamma
    for variation in (Fraction(1, 10), Fraction(3, 10), Fraction(1, 2)):
        table, shape = gamma_table(1 << 28, variation), 1 / float(variation) ** 2
        assert float(table_mean(table)) == pytest.approx(1 << 28, rel=1e-6)
        points = np.arange(11, 1024)  # from 1 % to 99.9 %
        expected = gamma.ppf(points / 1024, shape, scale=1 / shape)
        assert table[points] / (1 << 28) == pytest.approx(expected, rel=0.03)


def test_groups_burst_on_their_own():
    flat = CODE | {"hour_factors": EVEN, "weekday_factors": [1] * 7}
    four = [flat | {"name": name} for name in ("a", "b", "c", "d")]
    service = only_service(world(ANSWERS | {"clients": four}))
    curve = curve_of(service, 0, 5, 0, 0, 20 * WEEK).astype(float)
    assert curve.std() / curve.mean() == pytest.approx(0.2, abs=0.01)


def test_tokens_weigh_the_groups():
    serving = Serving.model_validate(ANSWERS)
    chat, code = 3 * (1000 / 10_000 + 200 / 1_000), 1 * 3000 / 10_000
    assert [float(part) for part in serving.parts] == pytest.approx([chat / (chat + code), code / (chat + code)])
    # 4 requests take 1.2 s of a replica; 80 accelerators are 20 replicas, half of whose time is used
    assert serving.requests_per_second(Fraction(80)) == Fraction(20) * Fraction(1, 2) / (Fraction(12, 10) / 4)


def test_a_launch_multiplies_the_demand_for_its_days():
    plain, launch = only_service(world(ANSWERS)), only_service(world(ANSWERS | {"surges": [LAUNCH]}))
    before, after = (curve_of(service, 0, 5, 0, 0, 20 * DAY).astype(float) for service in (plain, launch))
    inside = slice(10 * 96, 15 * 96)
    assert after[inside] == pytest.approx(3 * before[inside] - 1.5, abs=1.5)
    assert np.delete(after, np.r_[inside]).tolist() == np.delete(before, np.r_[inside]).tolist()


def test_the_demand_grows_with_the_load():
    service = only_service(world(ANSWERS, growth=[{"at_day": 14, "factor": 2}]))
    curve = curve_of(service, 0, 5, 0, 0, 4 * WEEK)[: -service.longest].astype(float)
    assert curve[14 * 96 :].mean() / curve[: 14 * 96].mean() == pytest.approx(2, rel=0.03)


def test_the_expected_number_of_blocks_is_a_little_too_high():
    for scenario in (world(ANSWERS), *(load(name) for name in names())):
        jobs = generate(scenario, 5, 1, 14)
        for cls, serving in enumerate(scenario.serving, len(scenario.classes)):
            expected = 14 * 24 * float(scenario.jobs_per_hour(serving))
            assert 0.6 * expected < (jobs.cls == cls).sum() < 1.1 * expected


def test_a_missing_replica_costs_three_times_the_burst_price():
    for name, price in (("colossus1_gcp", 5.27), ("mid_lab", 4.50), ("small_team", 3.99)):
        scenario = load(name)
        rates = [float(serving.delay_cost_per_hour) for serving in scenario.serving]
        assert rates == pytest.approx([3 * price] * len(rates))
        assert any(float(site.price_per_hour) == price for site in scenario.sites)


def test_shipped_services_have_the_share_and_the_peaks_of_their_sources():
    for name, share in (("colossus1_gcp", 0.43), ("mid_lab", 0.15), ("small_team", 0.15)):
        scenario = load(name)
        offered = scenario.offered()
        assert sum(float(offered.part(Fraction(serving.share))) for serving in scenario.serving) == pytest.approx(share)
        for clients in (group for serving in scenario.serving for group in serving.clients):
            week = np.array([float(factor) for factor in clients.week])
            if clients.tokens_out == 211:  # Azure 2024, conversation
                assert week.max() == pytest.approx(1.9, abs=0.1)
                assert week[:120].min() == pytest.approx(0.7, abs=0.1)
            else:  # code
                assert week.max() == pytest.approx(3.5, abs=0.2)
                assert week[:24].max() / week[:24].min() == pytest.approx(12, abs=1)
                assert week[120:].max() / week.max() == pytest.approx(0.25, abs=0.05)


BROKEN = [
    ({"slot_minutes": 25}, "slot_minutes: minutes, 25, an hour is not a whole number"),
    ({"longest_hours": 1.1}, "longest_hours: hours, 1.1, not a whole number of slots"),
    ({"clients": [CHAT | {"tokens_in": 0, "tokens_out": 0}]}, "clients: tokens, 0, no group needs"),
]


@pytest.mark.parametrize(("change", "message"), BROKEN)
def test_a_service_that_does_not_hold_together_is_refused(change, message):
    with pytest.raises(ValidationError, match=message):
        Serving.model_validate(ANSWERS | change)


def test_a_service_has_a_name_of_its_own():
    with pytest.raises(ValidationError, match=r"serving\[0\].name: name, small, a class has it"):
        world(ANSWERS | {"name": "small"})
    with pytest.raises(ValidationError, match="serving: services, 15, with 2 classes of jobs they exceed 16"):
        world(*(ANSWERS | {"name": f"s{i}"} for i in range(15)))
