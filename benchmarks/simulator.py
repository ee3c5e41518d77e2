"""How fast the world runs: schedules beside plain Python and SimPy, futures under a rule, and what crowds cost.

Everything is on one core and without observation, unless a table says otherwise.
"""

import itertools
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from parts import golden, plain
from parts.machine import described, on_one_core, rate, seconds_of, short, spread
from parts.results import options, publish, table
from parts.worlds import crowd, one_site, two_sites, two_sites_jobs

from tidegate.agents.rules import cost_greedy, only_site
from tidegate.envs.generator import generate
from tidegate.envs.scenario import load
from tidegate.fastsim.agent import Agent
from tidegate.fastsim.spec import Spec
from tidegate.fastsim.units import DAY
from tidegate.fastsim.worlds import Worlds

EPISODES = 16  # side by side, one after the other on the one core
OFTEN = 5  # times as many repeats of what takes milliseconds
SLOTS = 4096  # jobs at once; room enough that none has to be made


def main() -> None:
    given = options(__doc__)
    on_one_core()
    machine = described(["simpy"])
    tables = [replays(given.repeats), futures(given.repeats), crowds(given.repeats)]
    publish("simulator", machine, given.repeats, tables, given.write)


def replays(repeats: int) -> str:
    """The golden file through the full engine and through what is usually written instead."""
    schedule = golden.read()
    if schedule is None:
        return "The golden schedule is not here (`TIDEGATE_SHARED`), so no replay was timed."
    rows, jobs = [], schedule.rows
    for dispatch in ("fcfs", "easy"):
        is_easy, right = dispatch == "easy", schedule.starts[dispatch]
        speeds = [
            timed(lambda run=run, is_easy=is_easy: run(jobs, golden.CAPACITY, is_easy), right, repeats)
            for run in (plain.by_simpy, plain.by_heap)
        ]
        speeds.append(replayed(schedule.jobs, right, is_easy, OFTEN * repeats))
        simpy, heap, engine = speeds
        ratios = [f"{engine / simpy:.0f}×", f"{engine / heap:.0f}×"]
        rows.append([dispatch.upper(), *(short(speed) for speed in speeds), *ratios])
    head = ["10,000 jobs, jobs/s", "SimPy", "heapq", "Tidegate", "to SimPy", "to heapq"]
    return table(head, rows) + "\n\nAll starts equal those of the golden file, to the second, in each of the six."


def timed(run: Callable[[], list[int]], right: np.ndarray, repeats: int) -> float:
    """Jobs per second of a loop in Python, whose starts must be right."""
    seconds = []
    for _ in range(repeats):
        found: list[int] = []
        seconds.append(seconds_of(lambda found=found: found.extend(run())))
        np.testing.assert_array_equal(found, right)
    return rate(len(right), seconds)


def replayed(jobs: Any, right: np.ndarray, is_easy: bool, repeats: int) -> float:
    """Jobs per second of the engine with meters, ledger, offers and masks; the first run does not count."""
    spec, agent, seconds = one_site(golden.CAPACITY, is_easy), only_site.agent(), []
    for _ in range(repeats + 1):
        worlds = Worlds(spec, jobs, 1, slots=SLOTS, results=len(jobs))
        worlds.begin(0)
        worlds.ask_results(0, 0, len(jobs))
        seconds.append(seconds_of(lambda worlds=worlds: worlds.play(agent)))
        np.testing.assert_array_equal(worlds.batch.results.start[0], right)
    return rate(len(jobs), seconds[1:])


def futures(repeats: int) -> str:
    """Whole episodes under cost-greedy."""
    rule = cost_greedy.agent()
    plain_jobs = two_sites_jobs(EPISODES, 1500)
    rows = [
        played("two plain sites, decided once", two_sites(0), plain_jobs, rule, OFTEN * repeats),
        played("two plain sites, offered again", two_sites(32), plain_jobs, rule, OFTEN * repeats),
    ]
    for name in ("small_team", "mid_lab"):
        scenario = load(name)
        days = scenario.episodes.horizon_days
        drawn = [generate(scenario, 1, stream, days) for stream in range(EPISODES)]
        for how, agent in (("", rule), (", observed", replace(rule, observes=True))):
            rows.append(played(f"{name}, {days} days{how}", scenario.compile(), drawn, agent, repeats))
    head = ["cost-greedy, 16 episodes", "jobs", "first offers/s", "all decisions/s", "spread"]
    return table(head, rows)


def played(name: str, spec: Spec, jobs: Any, agent: Agent, repeats: int) -> list[str]:
    """A row: `jobs` is a table of equal parts, or a list of tables, one an episode."""
    parts = jobs if isinstance(jobs, list) else np.split(jobs, EPISODES)
    together, edges = np.concatenate(parts).view(np.recarray), np.cumsum([0, *map(len, parts)])
    until = max(int(part["arrival"][-1]) for part in parts) + DAY
    seconds, offers = [], (0, 0)
    for _ in range(repeats + 1):
        worlds = Worlds(spec, together, len(parts), slots=SLOTS)
        for episode, (first, last) in enumerate(itertools.pairwise(edges)):
            worlds.begin(episode, int(first), int(last))
        seconds.append(seconds_of(lambda worlds=worlds: worlds.play(agent, until)))
        state = worlds.batch.state
        offers = int(state.first_offers.sum()), int(state.decisions.sum())
    speeds = (short(rate(count, seconds[1:])) for count in offers)
    return [name, f"{edges[-1]:,}", *speeds, spread(seconds[1:])]


def crowds(repeats: int) -> str:
    """What one job costs, from arrival to finish, when many run and when many wait."""
    sizes = [
        (100, 0),
        (1_000, 0),
        (10_000, 0),
        (100_000, 0),
        (1_000, 10),
        (1_000, 100),
        (1_000, 1_000),
        (1_000, 10_000),
    ]
    rows = [[f"{running:,}", f"{queued:,}", f"{crowded(running, queued, repeats):,.0f}"] for running, queued in sizes]
    return table(["jobs that run", "jobs that wait", "ns per job"], rows) + "\n\nOne site, EASY, each job offered once."


def crowded(running: int, queued: int, repeats: int) -> float:
    """Nanoseconds per job at a full site."""
    count = 20_000
    jobs, spec, agent = crowd(running, queued, count), one_site(running, is_easy=True), only_site.agent()
    ready = Worlds(spec, jobs, 1, slots=1 << (running + queued + 64).bit_length())
    ready.begin(0)
    ready.play(agent, 1000)
    seconds = []
    for _ in range(repeats + 1):
        worlds = Worlds(spec, jobs, 1, slots=ready.batch.keys.shape[2])
        worlds.copy_from(ready, np.zeros(1, np.int64), np.zeros(1, np.int64))
        seconds.append(seconds_of(lambda worlds=worlds: worlds.play(agent, 1000 * count)))
    return 1e9 / rate(count, seconds[1:])


if __name__ == "__main__":
    main()
