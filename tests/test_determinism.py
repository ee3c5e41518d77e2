"""One scenario, one seed and one agent: the same bits of every event, observation, mask, cost and total, everywhere.

And the other way round: agents differ, and what they cannot touch does not: arrivals, supply, prices, failures, grants.
"""

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tidegate.agents.rules import first_fit, only_site
from tidegate.fastsim.advance import REACHED
from tidegate.fastsim.agent import Agent
from tidegate.fastsim.log import ANNOUNCE, ARRIVE, CAPACITY, DENY, EVICT, EXPIRE, FAIL, PRICE, REQUEST, START, WITHDRAW
from tidegate.fastsim.spec import NO
from tidegate.fastsim.worlds import Worlds

from .agents_at_random import seeing_agent
from .kernel_worlds import keyed_agent
from .reference.quantities import FAILURES, draw, quantile
from .swarm import Scene, scene

SHORT = (2, 2000, 40)  # scenes, jobs, and part of the time: what plain Python plays in a few seconds
AGENTS = 50


def digests(worlds: Worlds) -> list[str]:
    """SHA-256 of each episode's events and totals."""
    hashes = (hashlib.sha256(f"{worlds.digest(n)} {worlds.totals(n)}".encode()) for n in range(len(worlds)))
    return [sha.hexdigest() for sha in hashes]


def told(scenes: int = 6, jobs: int = 1000, part: int = 1) -> list[str]:
    """Digests of a part of some scenes, each of them with the failures, grants and start-ups of three seeds."""
    found = []
    for seed in range(scenes):
        drawn = scene(seed, jobs)
        worlds = drawn.begun(episodes=3)
        for episode in range(3):
            worlds.begin(episode, seed=10 * seed + episode)
        worlds.play(seeing_agent(seed), drawn.until // part)
        found += digests(worlds)
    return found


# By the name under which pytest imported this file: compiled kernels remember the module that they come from.
PRINT = f"""
import importlib, sys
print(*importlib.import_module({__name__!r}).told(*map(int, sys.argv[1:])))
"""


def told_elsewhere(environment: dict[str, str], *size: int) -> list[str]:
    """The same in a fresh process."""
    given = {**os.environ, **environment, "PYTHONPATH": str(Path(__file__).parents[__name__.count(".")])}
    run = [sys.executable, "-c", PRINT, *map(str, size)]
    return subprocess.run(run, env=given, capture_output=True, text=True, check=True, timeout=600).stdout.split()


@pytest.mark.parametrize(
    "environment",
    [
        pytest.param({"PYTHONHASHSEED": "0", "TIDEGATE_THREADS": "1"}, id="one thread"),
        pytest.param({"PYTHONHASHSEED": "7", "TIDEGATE_THREADS": "2"}, id="two threads, another hash seed"),
        pytest.param({"GLIBC_TUNABLES": "glibc.cpu.hwcaps=-AVX2,-FMA"}, id="libm without AVX2 and FMA"),
        pytest.param(
            {"NUMBA_CACHE_DIR": "cold", "NUMBA_CPU_NAME": "generic", "NUMBA_BOUNDSCHECK": "1"},
            id="cold cache, plain CPU, bounds checks",
            marks=pytest.mark.soak,
        ),
    ],
)
def test_another_process_sees_the_same_bits(environment, tmp_path):
    if "NUMBA_CACHE_DIR" in environment:
        environment = {**environment, "NUMBA_CACHE_DIR": str(tmp_path)}
    assert told_elsewhere(environment) == told()


def test_plain_python_sees_the_same_bits():
    assert told_elsewhere({"NUMBA_DISABLE_JIT": "1"}, *SHORT) == told(*SHORT)


def test_no_two_episodes_look_alike():
    """Digests that are always equal would prove nothing."""
    found = told()
    assert len(set(found)) == len(found)


def test_an_episode_does_not_depend_on_its_place_in_the_batch():
    for seed in range(4):
        drawn = scene(seed, 1000)
        alone, others = drawn.begun(), drawn.begun(episodes=5)
        for episode in (0, 1, 3, 4):
            others.begin(episode, 30 * episode, len(drawn.jobs) - 7 * episode, seed=1000 + episode)
        for worlds in (alone, others):
            worlds.play(seeing_agent(seed), drawn.until)
        assert digests(others)[2] == digests(alone)[0], f"scene {seed}"


def test_an_episode_does_not_depend_on_what_was_played_there_before():
    for seed in range(4):
        drawn = scene(seed, 1000)
        fresh, used = drawn.begun(), drawn.begun()
        used.begin(0, seed=77)
        used.play(keyed_agent(5), drawn.until)
        before = len(used.log())
        used.begin(0, seed=drawn.seed)
        for worlds in (fresh, used):
            worlds.play(seeing_agent(seed), drawn.until)
        np.testing.assert_array_equal(used.log()[before:], fresh.log(), err_msg=f"scene {seed}")
        assert used.totals() == fresh.totals()


def test_answering_each_offer_from_outside_is_the_same_run():
    for seed in range(4):
        drawn, agent = scene(seed, 30), seeing_agent(seed)
        played, asked = drawn.begun(), drawn.begun()
        played.play(agent, drawn.until)
        actions, until = np.full(1, -1, np.int64), np.full(1, drawn.until, np.int64)
        is_over = False
        while not is_over:
            asked.run(actions, agent, until, 0, observes=True)
            is_over = asked.status[0] == REACHED
            actions = np.full(1, -1, np.int64) if asked.make_room() else asked.ask(agent)
        assert digests(asked) == digests(played), f"scene {seed}"


# Row kinds that nothing decided can move
EXOGENOUS = (CAPACITY, ANNOUNCE, WITHDRAW, PRICE, ARRIVE)


def agents() -> list[Agent]:
    """Fifty that act at random, each otherwise, and two that do not."""
    return [*(keyed_agent(1000 + number) for number in range(AGENTS)), first_fit.agent(), only_site.agent()]


def fallen(drawn: Scene, site: int) -> tuple[list[int], int]:
    """Times of a site's failures before the scene ends, and of the next, from the law of their draws alone; ms."""
    table = drawn.table.sites[site].failure
    times, at = [], 0
    if table is None:
        return [], NO
    while True:
        at += max(1, quantile(table.tolist(), draw(drawn.seed, FAILURES, site, 2 * len(times))))
        if at >= drawn.until:
            return times, at
        times.append(at)


def outcomes(log: np.ndarray) -> dict[tuple[int, int, int], tuple[int, int]]:
    """(job, requests before, site) → (START or DENY, ms after the request), of the requests that had an outcome."""
    asked: dict[int, tuple[int, int, int]] = {}
    found = {}
    for time, kind, job, site, value in log[np.isin(log[:, 1], (REQUEST, START, DENY, EVICT, EXPIRE))].tolist():
        if kind == REQUEST:
            asked[job] = (time, value, site)
        elif job in asked:
            since, before, where = asked.pop(job)
            if kind in (START, DENY):
                found[job, before, where] = (kind, time - since)
    return found


@pytest.mark.parametrize("seed", [1, 7, 11])
def test_an_agent_cannot_perturb_the_world(seed):
    """Arrivals, supply and prices are the same rows; failures fall at the same times; a request has one answer."""
    drawn = scene(seed, 400)
    failures = [fallen(drawn, site) for site in range(len(drawn.table.sites))]
    rows, answers, met_again, logs = None, {}, 0, set()
    for agent in agents():
        worlds = drawn.begun()
        worlds.play(agent, drawn.until)
        log, state = worlds.log(), worlds.state()
        logs.add(worlds.digest())
        exogenous = log[np.isin(log[:, 1], EXOGENOUS)]
        rows = exogenous if rows is None else rows
        np.testing.assert_array_equal(by_instant(exogenous), by_instant(rows), err_msg=f"scene {seed}, {agent.name}")
        for site, (times, after) in enumerate(failures):
            if after != NO:
                assert (state.failures[site], state.failure_at[site]) == (len(times), after), f"{seed}, {agent.name}"
            struck = log[(log[:, 1] == FAIL) & (log[:, 3] == site), 0]
            assert np.isin(struck, times).all(), f"scene {seed}, {agent.name}"
        for name, answer in outcomes(log).items():
            met_again += name in answers
            assert answers.setdefault(name, answer) == answer, f"scene {seed}, {agent.name}, request {name}"
    assert len(logs) == len(agents()) and met_again >= 100, "agents that differ, and meet again"


def by_instant(rows: np.ndarray) -> np.ndarray:
    """Rows in an order that does not depend on what stands between them."""
    return rows[np.lexsort(rows.T[::-1])]
