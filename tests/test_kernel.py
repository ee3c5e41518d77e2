"""The kernel on its own.

The golden schedule, the same bits everywhere, copies that are the original, hand-worked estimates.
"""

import csv
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tidegate.agents.rules import cost_greedy, first_fit
from tidegate.envs.generator import generate
from tidegate.envs.scenario import load
from tidegate.fastsim.agent import Agent, chooser
from tidegate.fastsim.spec import EASY, FCFS, ClassTable, ProviderTable, SiteTable, SpecTable, plain_jobs
from tidegate.fastsim.units import DAY, HOUR
from tidegate.fastsim.worlds import Worlds

from .kernel_worlds import begun, keyed_agent
from .reference.random_worlds import horizon, random_world

SHARED = Path(os.environ.get("TIDEGATE_SHARED", Path(__file__).parents[2] / "shared"))
GOLDEN = SHARED / "golden" / "easy_16384_seed1.csv"


@chooser
def first_site(view, observation, mask, knobs, scratch):
    """Site 0."""
    return 0


def one_site(capacity: int, dispatch: int = EASY, **rules: int):
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
    for name in ("decisions", "finished", "evictions", "moves", "illegal", "waiting"):
        assert copy.state(1)[name] == whole.state()[name]


def small_team_worlds(agent: Agent, episodes: int = 3, log: bool = True) -> Worlds:
    """Two days of small_team, an episode a stream."""
    scenario = load("small_team")
    pieces = [generate(scenario, 5, stream, 2) for stream in range(episodes)]
    first = np.cumsum([0, *map(len, pieces)])
    worlds = Worlds(scenario.compile(), np.concatenate(pieces).view(np.recarray), episodes, log=log)
    for episode in range(episodes):
        worlds.begin(episode, int(first[episode]), int(first[episode + 1]))
    worlds.play(agent, 3 * DAY)
    return worlds


def test_accelerators_and_jobs_are_conserved():
    worlds = small_team_worlds(cost_greedy.agent())
    for episode in range(len(worlds)):
        log, state = worlds.log(episode), worlds.state(episode)
        occupied = dict.fromkeys(range(2), 0)
        for _, kind, _, site, value in log.tolist():
            if kind == 10:
                occupied[site] += value
            elif kind in (1, 2):
                occupied[site] -= value
            if kind in (1, 2, 10):
                assert 0 <= occupied[site] <= (256, 512)[site]
        assert [occupied[0], occupied[1]] == state.occupied[:2].tolist()
        kinds = np.bincount(log[:, 1], minlength=11)
        assert kinds[7] == kinds[1] + state.waiting + state.finishes + state.written_off
        assert (np.diff(log[:, 0]) >= 0).all()


def test_the_two_views_of_the_ledger_agree():
    worlds = small_team_worlds(first_fit.agent())
    for episode in range(len(worlds)):
        state = worlds.state(episode)
        assert state.fee.sum() == state.used.sum() + state.unused.sum()


# By the name under which pytest imported this file: compiled kernels remember the module that they come from.
PRINT_DIGESTS = f"""
import importlib
from tidegate.agents.rules import cost_greedy
worlds = importlib.import_module({__name__!r}).small_team_worlds(cost_greedy.agent())
print(*[worlds.digest(episode) for episode in range(len(worlds))])
"""


@pytest.mark.parametrize(
    "environment",
    [
        {"NUMBA_NUM_THREADS": "1"},
        {"NUMBA_NUM_THREADS": "2", "PYTHONHASHSEED": "7"},
        {"NUMBA_NUM_THREADS": "2", "NUMBA_CACHE_DIR": "cold"},
    ],
    ids=["one thread", "two threads", "cold cache"],
)
def test_the_event_log_is_the_same_bits(environment, tmp_path):
    """In another process, with one thread and two, with a warm cache and a cold one."""
    here = small_team_worlds(cost_greedy.agent())
    given = {**os.environ, **environment}
    if "NUMBA_CACHE_DIR" in environment:
        given["NUMBA_CACHE_DIR"] = str(tmp_path)
    given["PYTHONPATH"] = str(Path(__file__).parents[__name__.count(".")])
    told = subprocess.run(
        [sys.executable, "-c", PRINT_DIGESTS], env=given, capture_output=True, text=True, check=True, timeout=600
    )
    assert told.stdout.split() == [here.digest(episode) for episode in range(len(here))]


def test_an_agent_cannot_perturb_the_arrivals():
    logs = [small_team_worlds(agent).log() for agent in (cost_greedy.agent(), first_fit.agent())]
    arrivals = [log[log[:, 1] == 7] for log in logs]
    np.testing.assert_array_equal(arrivals[0], arrivals[1])


def test_a_small_world_grows_when_jobs_pile_up():
    jobs = table([(0, 1, 1, 1)] * 500)
    spec = one_site(1)
    worlds = Worlds(spec, jobs, 1, slots=4, results=500)
    worlds.begin(0)
    worlds.ask_results(0, 0, 500)
    worlds.play(Agent("first", first_site, np.zeros(0)))
    assert worlds.batch.results.start[0].tolist() == [hour * HOUR for hour in range(500)]
