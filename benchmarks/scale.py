"""How far the simulator reaches on one core: five years of the flagship, and thousands of environments side by side.

Each measurement runs in a process of its own, whose peak of resident memory is taken. A first one, which is not
counted, compiles the kernels.
"""

import json
import resource
import subprocess
import sys
import time

import numpy as np
from parts.actions import random_legal
from parts.machine import described, on_one_core, rate, short, spread
from parts.results import options, publish, table

from tidegate.agents.rules import cost_greedy
from tidegate.envs.generator import generate
from tidegate.envs.routing import RoutingBatch
from tidegate.envs.scenario import load
from tidegate.fastsim.units import DAY
from tidegate.fastsim.worlds import Worlds

DAYS = 1820
YEARS = ("colossus1_gcp_five_years", "colossus1_gcp_planning", "colossus1_gcp_faithful_planning")
MANY = (("mid_lab", 4096), ("small_team", 4096))
STEPS = 64


def main() -> None:
    given = options(__doc__)
    on_one_core()
    machine = described([])
    apart("environments", "small_team", 8)
    publish("scale", machine, given.repeats, [years(given.repeats), many(given.repeats)], given.write)


def years(repeats: int) -> str:
    """Five years under cost-greedy, from empty sites on."""
    rows = []
    for name in YEARS:
        runs = [apart("five_years", name) for _ in range(repeats)]
        last, played = runs[-1], [run["play"] for run in runs]
        jobs, failures, decisions = (f"{last[key]:,}" for key in ("jobs", "failures", "decisions"))
        seconds = [f"{np.median([run[key] for run in runs]):.1f}" for key in ("draw", "play")]
        rows.append([name, jobs, failures, decisions, *seconds, spread(played), gigabytes(runs)])
    head = ["five years", "arrivals", "failures", "decisions", "drawing, s", "playing, s", "spread", "memory, GiB"]
    return table(head, rows)


def many(repeats: int) -> str:
    """A batch of environments with full observations, stepped with random legal actions."""
    rows = []
    for name, episodes in MANY:
        runs = [apart("environments", name, episodes) for _ in range(repeats)]
        speed = rate(STEPS * episodes, [run["play"] for run in runs])
        begun = f"{np.median([run['draw'] for run in runs]):.1f}"
        rows.append([f"{name}, {episodes:,}", begun, short(speed), gigabytes(runs)])
    return table(["environments", "set-up, s", "decisions/s", "memory, GiB"], rows)


def gigabytes(runs: list[dict[str, float]]) -> str:
    return f"{max(run['kilobytes'] for run in runs) / (1 << 20):.2f}"


def apart(what: str, *arguments: object) -> dict[str, float]:
    """One measurement in a fresh process."""
    code = f"import scale, json; print(json.dumps(scale.{what}(*{arguments!r})))"
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=sys.path[0])
    return json.loads(done.stdout)


def five_years(name: str) -> dict[str, float]:
    """Draw the work of a scenario's five years and play it; what it took."""
    scenario, rule = load(name), cost_greedy.agent()
    generate(scenario, 2, 0, 1)
    began = time.perf_counter()
    jobs = generate(scenario, 1, 0, DAYS)
    drawn = time.perf_counter()
    worlds = Worlds(scenario.compile(seed=1), jobs, 1, slots=4096)
    worlds.begin(0, seed=1)
    worlds.play(rule, DAYS * DAY)
    played = time.perf_counter()
    state = worlds.state()
    counts = {"jobs": len(jobs), "failures": int(state.failed), "decisions": int(state.decisions)}
    return {**counts, "draw": drawn - began, "play": played - drawn, "kilobytes": peak()}


def environments(name: str, episodes: int) -> dict[str, float]:
    """Begin a batch and step it; what it took."""
    began = time.perf_counter()
    batch, rng = RoutingBatch(load(name), episodes, seed=1), np.random.default_rng(1)
    batch.reset()
    begun, seconds = time.perf_counter(), 0.0
    for _ in range(STEPS):
        actions = random_legal(batch, rng)
        before = time.perf_counter()
        batch.step(actions)
        seconds += time.perf_counter() - before
    return {"draw": begun - began, "play": seconds, "kilobytes": peak()}


def peak() -> int:
    """The most memory that this process has had [KiB]."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


if __name__ == "__main__":
    main()
