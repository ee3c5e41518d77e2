"""Every measure of docs/evaluation.md on a world small enough to work by hand. Windows are hours 10 to 20."""

import math
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tidegate.agents.evaluation.cohort import Chunk
from tidegate.agents.evaluation.episodes import Episode
from tidegate.agents.evaluation.fares import Fares, wait_quantiles
from tidegate.agents.evaluation.measures import Ground, Sample, by_class, by_site, measured
from tidegate.agents.evaluation.scoring import COSTS
from tidegate.agents.rules.catalogue import RULES
from tidegate.fastsim.spec import (
    BURST,
    COMMITTED,
    MAX_CLASSES,
    ClassTable,
    ProviderTable,
    SiteTable,
    Spec,
    SpecTable,
    plain_jobs,
)
from tidegate.fastsim.units import DAY, DOLLAR, HOUR, MINUTE, NEVER

DOCUMENT = Path(__file__).parents[1] / "docs" / "evaluation.md"
WEEKS = 10 / 168  # of a window


def job(arrival: float, walltime: float, gang: int = 1, **fields: int) -> dict[str, int]:
    """A job of arrival and walltime in hours, with an exact request; other fields by name."""
    exact = {"arrival": int(arrival * HOUR), "walltime": int(walltime * HOUR), "requested": int(walltime * HOUR)}
    return {**exact, "gang": gang, **fields}


def block(arrival: float, until: float, gang: int = 1, **fields: int) -> dict[str, int]:
    """A block of serving, in hours."""
    return job(arrival, until - arrival, gang, until=int(until * HOUR), **fields)


def pipeline(*members: dict[str, int]) -> list[dict[str, int]]:
    """Jobs that follow each other."""
    chain = enumerate(members)
    return [{**one, "member": number, "parents": 1 << number - 1 if number else 0} for number, one in chain]


def alone(
    *classes: ClassTable, capacity: int = 8, steps: Any = (), failure: Any = None, kind: int = BURST, **rules: Any
) -> Spec:
    """One metered site at $2; waiting costs $3."""
    sites = (SiteTable(0, capacity, 2 * DOLLAR, (1000, 1000), capacity_steps=steps, failure=failure),)
    return table(sites, (ProviderTable(kind),), *classes, **rules)


def beside(floor_share: int = 1000, **burst: Any) -> Spec:
    """Four committed accelerators at $1, and eight burst ones at $2."""
    sites = (SiteTable(0, 4, DOLLAR, (1000, 1000)), SiteTable(1, 8, 2 * DOLLAR, (1000, 1000), **burst))
    return table(sites, (ProviderTable(COMMITTED, floor_share=floor_share), ProviderTable(BURST)))


def table(sites: Any, providers: Any, *classes: ClassTable, **rules: Any) -> Spec:
    """A spec of two classes."""
    given = classes or (ClassTable(3 * DOLLAR), ClassTable(3 * DOLLAR))
    return SpecTable(sites, providers, given, **{"period": 30 * DAY, "offer_interval": HOUR, **rules}).pack()


def episode(jobs: list[dict[str, int]], window: tuple[int, ...] = (10, 20)) -> Episode:
    """An episode that begins at time 0."""
    rows = plain_jobs(len(jobs))
    for row, fields in zip(rows, jobs, strict=True):
        for name, value in fields.items():
            row[name] = value
    return Episode(rows, np.array(window) * HOUR)


def sampled(spec: Spec, jobs: list[dict[str, int]], rule: str = "cost-greedy", kilowatts: float = math.nan) -> Sample:
    """What one rule makes of one episode."""
    played = Chunk(spec, [episode(jobs)]).play(RULES[rule]())[0]
    rules = spec.rules[0]
    provider = rules.provider[: rules.sites]
    ground = Ground(
        sites=tuple(f"site {number}" for number in range(rules.sites)),
        classes=("jobs", "others"),
        is_burst=rules.kind[provider] == BURST,
        take_or_pay=rules.take_or_pay[provider] == 1,
        silicon=rules.silicon[: rules.sites],
        kilowatts=np.full(rules.sites, kilowatts),
    )
    return Sample(ground, played.rows, played.fares, played.responses)


def expect(sample: Sample, **expected: float) -> None:
    """Measures are as expected."""
    found = measured(sample)
    for name, value in expected.items():
        assert found[name] == pytest.approx(value, nan_ok=True), name


def test_the_measures_are_those_of_the_document() -> None:
    section = DOCUMENT.read_text(encoding="utf-8").split("## Measures")[1].split("\n## ")[0]
    named = re.findall(r"^\| `(\w+)`", section, re.MULTILINE)
    sample = sampled(alone(), [job(11, 1)])
    of_site = ["utilisation"]
    assert sorted(named) == sorted([*measured(sample), *of_site])
    assert set(by_class(sample)["jobs"]) <= set(named)


def test_waits_by_block_and_class_are_those_of_numpy() -> None:
    rng = np.random.default_rng(3)
    cls, waited, block = rng.integers(0, 4, 500), rng.integers(-1, 40, 500) * DAY, rng.integers(0, 3, 500)
    fares = Fares(cls.astype(np.int8), waited, np.ones(500, np.float32), np.zeros(500, np.int8), cls == 2)
    found = wait_quantiles(fares, block, 4)  # in the last block there is nobody
    assert found.shape == (2, 4, MAX_CLASSES + 1)
    for number in range(4):
        for cls in range(MAX_CLASSES + 1):
            is_meant = ~fares.is_block if cls == MAX_CLASSES else fares.cls == cls
            waits = fares.waited[is_meant & (block == number) & (fares.waited >= 0)]
            wanted = np.quantile(waits, [0.5, 0.95]) if len(waits) else [math.nan, math.nan]
            assert found[:, number, cls] == pytest.approx(wanted, nan_ok=True, rel=1e-12)


def test_waits_and_slowdowns() -> None:
    """On one accelerator jobs of 1 h, 2 h and 1 s follow each other from 11 on: they wait 0, 1 and 3 h.

    The last one's slowdown is bounded: 3 h and a second over ten seconds.
    """
    sample = sampled(alone(capacity=1), [job(11, 1), job(11, 2), job(11, 1 / 3600, cls=1)])
    expect(sample, wait_p50_hours=1, wait_p95_hours=2.8, slowdown_p50=1.5)
    last = by_class(sample)["others"]
    assert last["wait_p50_hours"] == 3
    assert last["slowdown_p95"] == pytest.approx(10_801 / 10)
    assert by_class(sample)["jobs"]["slowdown_p95"] == pytest.approx(1 + 0.95 * 0.5)


def test_a_job_that_waited_before_the_window_counts_from_its_beginning() -> None:
    """It arrives at 8, waits until 11 and runs an hour: two hours since 10."""
    sample = sampled(alone(capacity=1), [job(7, 4), job(8, 1)])
    expect(sample, wait_p50_hours=1, slowdown_p50=2)


def test_deadlines_are_met_missed_and_given_up() -> None:
    """The second waits for the first; the third's user cancels it, so that it counts in neither direction."""
    due = {"deadline": 13 * HOUR, "penalty": 7 * DOLLAR}
    jobs = [job(11, 2, 8, **due), job(11, 1, 8, **due), job(15, 1, is_cancelled=1, deadline=30 * HOUR)]
    sample = sampled(alone(), jobs)
    expect(sample, deadline_hit_rate=0.5)
    assert sample.total("penalty") == 7 * DOLLAR
    assert math.isnan(by_class(sample)["others"]["deadline_hit_rate"])


def test_a_pipeline_responds_when_its_last_member_has_finished() -> None:
    """1 h and then 2 h; the other pipeline's first member is cancelled, and its child with it."""
    given_up = pipeline(job(12, 1, is_cancelled=1), job(12, 1))
    sample = sampled(alone(), [*pipeline(job(11, 1), job(11, 2)), *given_up])
    expect(
        sample,
        pipeline_response_p50_hours=3,
        pipeline_response_p95_hours=3,
        pipelines_per_week=1 / WEEKS,
        wait_p95_hours=0,
        slowdown_p95=1,
    )
    assert sample.fares.waited.tolist() == [0, 0, 0, -1]  # the cancelled child was never ready


def test_who_is_scored_of_pipelines_that_arrived_before_the_window() -> None:
    """Two chains on one accelerator: when the window begins, the second's first member waits, and children pend.

    The member that waits is scored, those that pend are not. A pipeline of the window is scored whole, though its child
    is ready after it.
    """
    older = [*pipeline(job(8, 3), job(8, 1)), *pipeline(job(9, 1), job(9, 1))]
    newer = pipeline(job(19, 4), job(19, 1))
    rows = sampled(alone(capacity=1), [*older, *newer]).rows
    assert rows.jobs.tolist() == [3]
    assert rows.pipelines.tolist() == [1]
    assert rows.unfinished.tolist() == [0]


def test_an_eviction_loses_what_was_not_saved() -> None:
    """4 run from 11, are evicted at 12, wait an hour, and run from 13 to 15: 4 of 12 accelerator-hours are lost."""
    steps = ((12 * HOUR, 0, 12 * HOUR), (13 * HOUR, 8, 0))
    sample = sampled(alone(steps=steps), [job(11, 2, 4)])
    expect(
        sample,
        goodput=8 / 12,
        ettr=2 / 4,
        slowdown_p50=2,
        lost_to_evictions_hours=4 / WEEKS,
        evictions=1 / WEEKS,
        reserve_hours=(9 * 8 - 12) / WEEKS,
    )
    assert by_site(sample) == {"site 0": pytest.approx(12 / 72)}
    assert sample.total("burst") == 12 * 2 * DOLLAR


def test_a_failure_costs_work_and_a_restart() -> None:
    """8 run from 10 and fail at 12: of two hours an hour and a half is saved; an hour later the rest runs to 14:30."""
    cls = ClassTable(3 * DOLLAR, checkpoint=90 * MINUTE, restart=HOUR)
    spec = alone(cls, cls, failure=np.full(2048, 12 * HOUR))
    sample = sampled(spec, [job(10, 3, 8)])
    expect(
        sample,
        goodput=24 / 36,
        ettr=3 / 4.5,
        failures=1 / WEEKS,
        lost_to_failures_hours=4 / WEEKS,
        lost_to_restarts_hours=8 / WEEKS,
    )


def test_a_preemption_loses_what_was_not_saved() -> None:
    """8 of low priority run from 10; at 13 an urgent job takes their place, and they begin anew at 14."""
    cls = ClassTable(3 * DOLLAR, preemptible=True)
    sample = sampled(alone(cls, cls, preempt_after=2 * HOUR), [job(10, 4, 8), job(13, 1, 8, priority=5)])
    expect(sample, preemptions=1 / WEEKS, lost_to_preemptions_hours=24 / WEEKS, goodput=(32 + 8) / 64)


def test_data_that_come_from_elsewhere_take_time_and_money() -> None:
    """450 GB at 1 Gb/s: an hour for 4 accelerators, and 22.50 dollars."""
    sites = (SiteTable(0, 8, 2 * DOLLAR, (1000, 1000)), SiteTable(1, 8, DOLLAR, (0, 0)))
    providers = (ProviderTable(BURST, links=(0, 1)), ProviderTable(COMMITTED, egress_rate=50_000, links=(1000, 0)))
    sample = sampled(table(sites, providers), [job(11, 2, 4, input=450_000, home=1)])
    expect(
        sample,
        egress_gb=450 / WEEKS,
        egress_dollars=22.5 / WEEKS,
        lost_to_set_up_hours=4 / WEEKS,
        goodput=8 / 12,
    )
    assert sample.total("burst") == 12 * 2 * DOLLAR + 22_500_000


def test_blocks_miss_what_they_wait_and_what_they_are_set_up() -> None:
    """From 10 to 16, 4 are wanted: they wait until 12 and load for an hour, so 12 of 24 accelerator-hours are missing.

    The job before them is scored as any other; what the blocks miss is charged as their meter counts it.
    """
    sites = (SiteTable(0, 4, 2 * DOLLAR, (1000, 1000)), SiteTable(1, 8, DOLLAR, (0, 0)))
    providers = (ProviderTable(BURST, links=(0, 1)), ProviderTable(COMMITTED, links=(1000, 0)))
    wanted = block(10, 16, 4, cls=1, input=450_000, home=1)
    sample = sampled(table(sites, providers), [job(10, 2, 4), wanted])
    expect(sample, serving_attainment=0.5, wait_p95_hours=0)
    assert by_class(sample)["others"]["wait_p95_hours"] == 2
    assert sample.total("delay") == 12 * 3 * DOLLAR


def test_serving_that_is_missed_outside_the_window_is_not_charged() -> None:
    """A block from 8 to 12 never runs: two of its four hours fall into the window."""
    spec = alone(capacity=4, kind=BURST)
    sample = sampled(spec, [job(7, 8, 4), block(8, 12, 4, cls=1)])
    expect(sample, serving_attainment=0)
    assert sample.total("demanded") == 2 * 4 * HOUR
    assert sample.total("delay") == 8 * 3 * DOLLAR
    assert sample.total("expired") == 1


def test_requests_that_are_denied() -> None:
    """A site that never grants, with an answer every hour: asked at 11, 12, 13 and 14, and given up at 15."""
    sites = (SiteTable(0, 8, DOLLAR, (1000, 1000), start_up=np.full(2048, MINUTE), denial=HOUR, grants=((1, 0),)),)
    sample = sampled(table(sites, (ProviderTable(BURST),)), [block(11, 15)], "burst-only")
    expect(sample, denial_rate=3 / 4, serving_attainment=0, goodput=math.nan)


def test_commitments_cover_a_part_of_what_is_used() -> None:
    """Half of 4 accelerators is the floor, all are used from 10 to 20: 20 of 40 accelerator-hours draw on it.

    Burst runs 8 for 5 hours beside them. At its price everything would have cost 160 dollars; it costs the floor, 20,
    overage, 20, and 80.
    """
    jobs = [job(10, 10, 4), job(11, 5, 8)]
    sample = sampled(beside(floor_share=500), jobs, "first-fit", kilowatts=1.5)
    expect(
        sample,
        coverage=20 / 80,
        commitment_utilisation=1,
        commitment_unused_dollars=0,
        effective_savings_rate=1 - 120 / 160,
        energy_kwh=80 * 1.5 / WEEKS,
    )


@pytest.mark.parametrize("before", [[], [job(0, 9, 1)], [job(0, 10, 4)]])
def test_the_contract_is_on_plan_when_the_window_begins(before: list[dict[str, int]]) -> None:
    """Whatever was drawn before, overage is what the window draws beyond its floor: 20 dollars."""
    sample = sampled(beside(floor_share=500), [*before, job(10, 10, 4)], "first-fit")
    assert abs(sample.total("overage") - 20 * DOLLAR) <= 1
    expect(sample, commitment_utilisation=1)


def test_what_has_no_list_price_and_no_power_has_no_measure() -> None:
    expect(sampled(beside(silicon=1), [job(11, 5, 4)]), effective_savings_rate=math.nan, energy_kwh=math.nan)


def test_burst_frees_committed_hours_only_where_these_are_full() -> None:
    """The committed site is full until 14. Of two jobs on burst from 11 to 16, one could move there then, not both.

    So 2 × 3 accelerators for three hours, and 3 for two.
    """
    jobs = [job(10, 4, 4), job(11, 5, 3), job(11, 5, 3)]
    sample = sampled(beside(), jobs, "first-fit")
    expect(sample, freed_hours=(18 + 6) / WEEKS, reserve_hours=(80 - 30) / WEEKS)


def test_what_only_burst_can_run_frees_nothing() -> None:
    expect(sampled(beside(), [job(10, 4, 4), job(11, 5, 8)], "first-fit"), freed_hours=0)


def test_moves_per_job() -> None:
    """The second job queues behind the first, until at 12 burst becomes cheap and it moves there."""
    sites = (
        SiteTable(0, 4, DOLLAR, (1000, 1000)),
        SiteTable(1, 8, 40 * DOLLAR, (1000, 1000), price_steps=((12 * HOUR, DOLLAR),)),
    )
    spec = table(sites, (ProviderTable(COMMITTED, floor_share=1000), ProviderTable(BURST)))
    sample = sampled(spec, [job(10, 8, 4), job(10, 1, 4)])
    expect(sample, moves_per_job=1 / 2, wait_p95_hours=0.95 * 2)


def test_the_parts_of_the_avoidable_cost_are_integers_of_rows() -> None:
    rows = sampled(alone(), [job(11, 1)]).rows
    assert all(rows[name].dtype == np.int64 for name in COSTS)
    assert NEVER > rows.length[0] == 10 * HOUR
