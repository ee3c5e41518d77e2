"""Rules: what each does in a world small enough to work by hand, and what all of them keep to in any world.

By hand: 4 committed accelerators that job 0 takes at 0 h for 10 h, 8 on burst, an offer to whoever waits every quarter
of an hour. Jobs are (arrival [h], walltime [h], gang), with exact requests unless said otherwise.
"""

from typing import Any

import numpy as np
import pytest

from tidegate.agents.rules import compound_waiting, cost_greedy, spill_after, waiting_budget
from tidegate.agents.rules.catalogue import RULES, TUNABLE
from tidegate.fastsim.agent import Agent
from tidegate.fastsim.jit import IS_COMPILED
from tidegate.fastsim.spec import BURST, COMMITTED, ClassTable, ProviderTable, SiteTable, SpecTable, plain_jobs
from tidegate.fastsim.units import DAY, DOLLAR, HOUR, MINUTE
from tidegate.fastsim.worlds import Worlds

from .swarm import scene

SCENES = 30
ONLY_COMMITTED, ONLY_BURST = 1, 2  # tags
FIRST = (0, 10, 4)  # job 0
BUDGET = waiting_budget.Knobs(slope=0.1, most=3, least=0.25)


def burst(dollars: int = 2, capacity: int = 8, **fields: Any) -> SiteTable:
    """A metered site."""
    return SiteTable(1, capacity, dollars * DOLLAR, (1000,), **fields)


def fate(
    agent: Agent, *rows: tuple[float, ...], sites: tuple[SiteTable, ...] = (), **columns: Any
) -> tuple[int, float]:
    """Site and start [h] of the last job's last run; `sites` follow the committed one, `columns` are those of jobs."""
    jobs = plain_jobs(len(rows))
    for row, (arrival, walltime, gang) in zip(jobs, rows, strict=True):
        row.arrival, row.walltime, row.requested, row.gang = arrival * HOUR, walltime * HOUR, walltime * HOUR, gang
    for name, values in columns.items():
        jobs[name] = values
    spec = SpecTable(
        sites=(SiteTable(0, 4, DOLLAR, (1000,)), *(sites or (burst(),))),
        providers=(ProviderTable(COMMITTED, ONLY_COMMITTED, floor_share=1000), ProviderTable(BURST, ONLY_BURST)),
        classes=(ClassTable(DOLLAR),),
        period=30 * DAY,
        offer_interval=15 * MINUTE,
    )
    worlds = Worlds(spec.pack(), jobs, 1, results=len(jobs))
    worlds.begin(0)
    worlds.ask_results(0, 0, len(jobs))
    worlds.play(agent, 20 * DAY)
    assert worlds.state().illegal == 0
    result = worlds.batch.results[0, len(jobs) - 1]
    return int(result.site), int(result.start) / HOUR


def spilling(hours: float) -> Agent:
    return spill_after.agent(spill_after.Knobs(hours))


def compound(long_hours: float, short_hours: float) -> Agent:
    return compound_waiting.agent(compound_waiting.Knobs(long_hours, short_hours))


# Each by hand.


def test_a_job_spills_to_burst_once_it_has_waited_t() -> None:
    assert fate(spilling(3), FIRST, (1, 2, 4)) == (1, 4)
    assert fate(spilling(20), FIRST, (1, 2, 4)) == (0, 10)


def test_a_long_job_waits_and_a_short_one_rents_at_once() -> None:
    assert fate(compound(12, 1), FIRST, (1, 12, 4)) == (0, 10)
    assert fate(compound(12, 1), FIRST, (1, 11, 4)) == (1, 1)


def test_a_job_with_a_short_estimated_wait_waits_however_short_it_runs() -> None:
    assert fate(compound(12, 1), FIRST, (9, 2, 4)) == (0, 10)
    assert fate(compound(12, 1), FIRST, (8.75, 2, 4)) == (1, 8.75)


def test_compound_waiting_knows_requests_and_not_run_times() -> None:
    """Job 0 ends at 10 h but asked for 20, so at 9.5 h the wait seems to be 10.5 h; and 2 h count as 12 if asked."""
    assert fate(compound(12, 1), FIRST, (9.5, 2, 4), requested=[20 * HOUR, 2 * HOUR]) == (1, 9.5)
    assert fate(compound(12, 1), FIRST, (1, 2, 4), requested=[10 * HOUR, 12 * HOUR]) == (0, 10)


@pytest.mark.parametrize(
    ("walltime", "gang", "start"),
    [(2, 4, 2), (5, 4, 3), (9, 4, 4), (0.25, 1, 1.25)],
    ids=["0.1 × 8 h, at the next quarter", "0.1 × 20 h", "3.6 h, at most 3", "0.025 h, at least a quarter"],
)
def test_a_job_waits_for_a_budget_that_grows_with_its_size(walltime: float, gang: int, start: float) -> None:
    assert fate(waiting_budget.agent(BUDGET), FIRST, (1, walltime, gang)) == (1, start)


@pytest.mark.parametrize(
    ("name", "late", "soon"),
    [
        ("committed-only", (1, 12), (1, 0.25)),
        ("first-fit", (2, 0), (2, 0)),
        ("cost-greedy", (2, 0), (1, 0.25)),
        ("spill-after", (2, 1), (1, 0.25)),
    ],
)
def test_a_site_that_is_too_small_yet_has_no_room(name: str, late: tuple[int, float], soon: tuple[int, float]) -> None:
    """8 accelerators, which the first committed site never has, and the second one, empty, from 12 h or 15 minutes on.

    Until then burst costs 2 × 8 × 2 dollars for two hours, and waiting 8 dollars an hour.
    """
    for opens, expected in ((12, late), (0.25, soon)):
        later = SiteTable(0, 0, DOLLAR, (1000,), capacity_steps=((int(opens * HOUR), 8, 0),))
        assert fate(RULES[name](), (0, 2, 8), sites=(later, burst())) == expected


# What the three have in common. Knobs that let a job wait for an hour.

HOURLY = [spilling(1), compound(50, 0.5), waiting_budget.agent(waiting_budget.Knobs(1, 1, 1))]
hourly = pytest.mark.parametrize("agent", HOURLY, ids=lambda agent: agent.name)
PATIENT = [spilling(100), compound(0.01, 1), waiting_budget.agent(waiting_budget.Knobs(1, 100, 100))]


@hourly
def test_a_committed_site_with_room_is_taken_at_once(agent: Agent) -> None:
    assert fate(agent, (0, 10, 3), (1, 5, 1)) == (0, 1)


@hourly
def test_a_job_is_not_moved_to_burst_where_it_would_start_no_sooner(agent: Agent) -> None:
    """From 2 h on a start-up of 9 h would end at 11 h at best; the committed site is free at 10 h."""
    slow = burst(start_up=np.full(2048, 9 * HOUR), usual_start_up=9 * HOUR)
    assert fate(agent, FIRST, (2, 2, 4), sites=(slow,)) == (0, 10)


@hourly
def test_what_suits_one_kind_of_site_goes_there(agent: Agent) -> None:
    assert fate(agent, FIRST, (1, 2, 4), tags=[0, ONLY_COMMITTED]) == (0, 10)
    assert fate(agent, (1, 2, 4), tags=[ONLY_BURST]) == (1, 1)


@pytest.mark.parametrize("agent", PATIENT, ids=lambda agent: agent.name)
def test_a_patient_rule_still_buys_what_suits_burst_only(agent: Agent) -> None:
    assert fate(agent, (1, 2, 4), tags=[ONLY_BURST]) == (1, 1)
    assert fate(agent, FIRST, (1, 2, 4)) == (0, 10)


@hourly
def test_of_burst_sites_the_soonest_is_taken_and_of_equals_the_cheapest(agent: Agent) -> None:
    spilled = fate(agent, FIRST, (1, 2, 4), sites=(burst(3), burst(2), burst(2)))
    assert spilled[0] == 2
    late = burst(1, start_up=np.full(2048, HOUR), usual_start_up=HOUR)
    assert fate(agent, FIRST, (1, 2, 4), sites=(late, burst(3))) == (2, spilled[1])
    assert fate(agent, FIRST, (1, 2, 4), sites=(burst(1, capacity=2), burst(3))) == (2, spilled[1])


def test_an_evicted_job_has_waited_already() -> None:
    """It spills at 4 h; burst is taken away at 5 h and, as announced, comes back at 6 h: the three hours are over."""
    back = burst(capacity_steps=((5 * HOUR, 0, 5 * HOUR), (6 * HOUR, 8, 0)))
    assert fate(spilling(3), FIRST, (1, 2, 4), sites=(back,)) == (1, 6)


# All rules, in any world.


@pytest.mark.skipif(not IS_COMPILED, reason="takes minutes as plain Python")
@pytest.mark.parametrize("name", RULES)
def test_a_rule_never_answers_what_is_illegal(name: str) -> None:
    """In random worlds of 1 to 8 sites of any kind, with everything switched on."""
    rule = RULES[name]()
    decisions, counts = 0, set()
    for seed in range(SCENES):
        drawn = scene(seed, 200)
        worlds = drawn.begun()
        worlds.play(rule, drawn.until)
        assert worlds.state().illegal == 0, f"scene {seed}"
        decisions += int(worlds.state().decisions)
        counts.add(int(worlds.state().sites))
    assert decisions > 1000 and len(counts) > 4


@pytest.mark.parametrize("name", RULES)
def test_a_rule_keeps_its_name(name: str) -> None:
    assert RULES[name]().name == name


# Knobs.


@pytest.mark.parametrize("name", TUNABLE)
@pytest.mark.parametrize("classes", [1, 5, 16])
def test_the_defaults_of_a_rule_lie_within_what_is_searched(name: str, classes: int) -> None:
    rule = RULES[name]
    space, defaults = rule.space(classes), rule.defaults(classes)
    assert len(space) == len(defaults) == len({one.name for one in space})
    for one, value in zip(space, defaults, strict=True):
        assert 0 < one.low < value < one.high, one.name


@pytest.mark.parametrize("name", TUNABLE)
def test_default_values_make_the_default_rule(name: str) -> None:
    rule = RULES[name]
    assert rule.tuned(rule.defaults(16)).knobs.tobytes() == rule().knobs.tobytes()


@pytest.mark.parametrize("name", TUNABLE)
def test_every_value_of_the_space_reaches_the_kernel(name: str) -> None:
    rule = RULES[name]
    values = [one.low for one in rule.space(3)]
    for index in range(len(values)):
        other = [*values[:index], values[index] * 2, *values[index + 1 :]]
        assert rule.tuned(other).knobs.tolist() != rule.tuned(values).knobs.tolist()


def test_a_class_that_may_wait_is_told_from_one_that_may_not() -> None:
    """Cost-greedy with factors: an hour of burst for 4 costs $8, and 4 × 9 h of waiting at $1 cost $36 × the factor."""
    for factor, place in ((0.1, (0, 10.0)), (1.0, (1, 1.0))):
        assert fate(cost_greedy.agent(cost_greedy.Knobs(by_class=(factor,))), FIRST, (1, 1, 4)) == place
