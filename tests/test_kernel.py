"""The kernel on its own: the golden schedule, backfilling by hand, copies that are the original, worlds that grow."""

import csv
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tidegate.fastsim.agent import Agent, chooser
from tidegate.fastsim.spec import EASY, FCFS, ClassTable, ProviderTable, SiteTable, SpecTable, plain_jobs
from tidegate.fastsim.units import DAY, HOUR
from tidegate.fastsim.worlds import Worlds

from .kernel_worlds import begun, keyed_agent
from .reference.random_worlds import horizon, random_world
from .swarm import scene

SHARED = Path(os.environ.get("TIDEGATE_SHARED", Path(__file__).parents[2] / "shared"))
GOLDEN = SHARED / "golden" / "easy_16384_seed1.csv"


@chooser
def first_site(view, observation, mask, knobs, scratch):
    """Site 0."""
    return 0


def one_site(capacity: int, dispatch: int = EASY, **rules: Any):
    """A spec of one committed site."""
    return SpecTable(
        (SiteTable(0, capacity, 1_000_000, (1000,)),),
        (ProviderTable(0, floor_share=1000),),
        (ClassTable(1_000_000),),
        30 * DAY,
        dispatch=dispatch,
        **{"pass_size": 0, **rules},
    ).pack()


def table(rows: list[tuple[int, int, int, int]]):
    """Jobs (arrival, walltime, requested, gang) in hours and accelerators."""
    jobs = plain_jobs(len(rows))
    for name, column in zip(("arrival", "walltime", "requested", "gang"), zip(*rows, strict=True), strict=True):
        jobs[name] = np.array(column) * (1 if name == "gang" else HOUR)
    return jobs.view(np.recarray)


def starts(spec, jobs) -> np.ndarray:
    """Start of each job [ms] at the one site."""
    worlds = Worlds(spec, jobs, 1, results=len(jobs))
    worlds.begin(0)
    worlds.ask_results(0, 0, len(jobs))
    worlds.play(Agent("first", first_site, np.zeros(0)))
    return worlds.batch.results.start[0]


@pytest.mark.parametrize(("dispatch", "column"), [(FCFS, "start_fcfs_s"), (EASY, "start_easy_s")])
def test_every_start_of_the_golden_schedule_is_exact(dispatch, column):
    if not GOLDEN.exists():
        pytest.skip(f"no golden schedule at {GOLDEN}; set TIDEGATE_SHARED")
    with GOLDEN.open() as file:
        rows = list(csv.DictReader(file))
    jobs = plain_jobs(len(rows))
    for name, key in (("arrival", "submit_s"), ("walltime", "runtime_s"), ("requested", "requested_s")):
        jobs[name] = [int(row[key]) * 1000 for row in rows]
    jobs["gang"] = [int(row["gpus"]) for row in rows]
    expected = np.array([int(row[column]) * 1000 for row in rows])
    np.testing.assert_array_equal(starts(one_site(16_384, dispatch), jobs.view(np.recarray)), expected)


def test_backfilling_fills_the_gap_before_the_blocked_head():
    """4 accelerators. A (3, 0–4 h) runs.

    Head B (4) is promised hour 4; C (1, 4 h) ends by then and starts; D (1, 5 h) would not.
    """
    jobs = table([(0, 4, 4, 3), (1, 1, 1, 4), (1, 3, 3, 1), (1, 5, 5, 1)])
    assert (starts(one_site(4), jobs) // HOUR).tolist() == [0, 4, 1, 5]
    assert (starts(one_site(4, FCFS), jobs) // HOUR).tolist() == [0, 4, 5, 5]


def test_a_job_that_needs_only_what_the_head_leaves_may_run_past_it():
    """6 accelerators. A (4, 0–4 h) runs; head B (5) is promised hour 4 and leaves 1 free; C (1, 9 h) takes it."""
    jobs = table([(0, 4, 4, 4), (1, 1, 1, 5), (1, 9, 9, 1)])
    assert (starts(one_site(6), jobs) // HOUR).tolist() == [0, 4, 1]


COUNTS = (
    *("decisions", "illegal", "moves", "evictions", "preemptions", "failed", "asked", "denied", "written_off"),
    *("finished", "cancelled", "killed", "expired", "missed", "waiting", "finishes", "requests", "pending", "timers"),
)


@pytest.mark.parametrize("seed", range(20))
def test_a_copied_state_has_the_same_future(seed):
    world = random_world(seed)
    until, agent = horizon(world), keyed_agent(seed)
    whole, parts = begun(world), begun(world, slots=64, log=False)
    whole.play(agent, until)
    parts.play(agent, until // 3)
    copy = Worlds(parts.spec, parts.jobs, 2, slots=16)
    copy.copy_from(parts, np.array([0]), np.array([1]))
    copy.begin(0, last_job=0)
    copy.play(agent, until)
    assert copy.totals(1) == whole.totals()
    for name in COUNTS:
        assert copy.state(1)[name] == whole.state()[name], name


def test_a_small_world_grows_when_jobs_pile_up():
    jobs = table([(0, 1, 1, 1)] * 500)
    spec = one_site(1)
    worlds = Worlds(spec, jobs, 1, slots=4, results=500)
    worlds.begin(0)
    worlds.ask_results(0, 0, 500)
    worlds.play(Agent("first", first_site, np.zeros(0)))
    assert worlds.batch.results.start[0].tolist() == [hour * HOUR for hour in range(500)]


def test_a_copy_of_a_crowded_world_has_log_enough():
    """500 jobs wait in it. Their instants write more rows than a world of four slots has at first."""
    spec, jobs, agent = one_site(1), table([(0, 1, 1, 1)] * 500), Agent("first", first_site, np.zeros(0))
    whole, crowded = (Worlds(spec, jobs, 1, slots=4, log=log) for log in (True, False))
    for worlds in (whole, crowded):
        worlds.begin(0)
        worlds.play(agent, 10 * HOUR)
    before = len(whole.log())
    copy = Worlds(spec, jobs, 1, slots=4, log=True)
    copy.copy_from(crowded, np.array([0]), np.array([0]))
    assert copy.batch.log.shape[1] == whole.batch.log.shape[1] > 0
    for worlds in (whole, copy):
        worlds.play(agent)
    assert np.array_equal(copy.log(), whole.log()[before:])


@pytest.mark.parametrize("seed", range(4))
def test_room_for_more_jobs_changes_nothing(seed):
    """A world grows from 2 slots on while jobs run, start, wait and are pending: the log of one that never grows."""
    drawn = scene(seed, 1000)
    small, large = drawn.begun(slots=2), drawn.begun(slots=2048)
    for worlds in (small, large):
        worlds.play(keyed_agent(seed), drawn.until)
    assert small.digest() == large.digest()
    assert small.batch.live.shape[1] >= 128 and large.batch.live.shape[1] == 2048


def test_who_has_no_offer_is_not_asked():
    """Of two worlds the second meets no job: nobody's slot would be read there."""
    worlds, agent = Worlds(one_site(1), table([(1, 1, 1, 1)]), 2), Agent("first", first_site, np.zeros(0))
    worlds.begin(0)
    worlds.begin(1, last_job=0)
    assert worlds.ask(agent).tolist() == [-1, -1]
    worlds.run(np.array([-1, -1]), agent, np.array([DAY, DAY]), 0)
    assert worlds.ask(agent).tolist() == [0, -1]
    worlds.run(np.array([0, -1]), agent, np.array([DAY, DAY]), 0)
    assert worlds.ask(agent).tolist() == [-1, -1]
