"""How fast the environment steps: batches with full observations, Stable-Baselines3's view of them, and training.

A decision is one answered offer; first offers are those of jobs that were not asked about before. Choosing actions is
not timed, answering them is: advancing to the next offer, masks, observations, costs, rewards, new episodes.
"""

import csv
import tempfile
from collections.abc import Callable
from pathlib import Path
from statistics import median

import numpy as np
from parts.actions import random_legal
from parts.machine import described, on_one_core, seconds_of, short, spread
from parts.results import options, publish, table

from tidegate.agents.ppo.train import train
from tidegate.agents.ppo.vec_env import RoutingVecEnv
from tidegate.agents.rules import cost_greedy
from tidegate.envs.routing import RoutingBatch
from tidegate.envs.scenario import load
from tidegate.fastsim.observe import JOB_FEATURES

SIZES = (64, 256, 1024)
DECISIONS = 131_072  # of one measurement
UPDATES = 4  # of training; the first is not counted
ATTEMPTS = JOB_FEATURES.index("attempts")

Choose = Callable[[RoutingBatch, np.random.Generator], np.ndarray]
RULE = cost_greedy.agent()


def main() -> None:
    given = options(__doc__)
    on_one_core()
    machine = described(["gymnasium", "stable-baselines3", "sb3-contrib", "torch"])
    tables = [steps(given.repeats), vec_env(given.repeats), training()]
    publish("environment", machine, given.repeats, tables, given.write)


def first_site(batch: RoutingBatch, _: np.random.Generator) -> np.ndarray:
    """Site 0 always; where it is illegal, the environment holds instead."""
    return np.zeros(len(batch), np.int64)


def greedy(batch: RoutingBatch, _: np.random.Generator) -> np.ndarray:
    """What cost-greedy would do, as a policy does that has learned something."""
    return batch.worlds.ask(RULE)


def steps(repeats: int) -> str:
    """Decisions per second of the batched core."""
    rows = []
    for name in ("small_team", "mid_lab"):
        for size in SIZES:
            batch = RoutingBatch(load(name), size, seed=1)
            batch.reset()
            for how, choose in (("cost-greedy", greedy), ("random legal", random_legal), ("site 0", first_site)):
                rows.append([f"{name}, {size}", how, *stepped(batch, choose, repeats)])
    batch = RoutingBatch(load("colossus1_gcp"), 64, seed=1)
    batch.reset()
    rows.append(["colossus1_gcp, 64", "random legal", *stepped(batch, random_legal, repeats)])
    return table(["episodes", "actions", "first offers/s", "all decisions/s", "waiting jobs", "spread"], rows)


def stepped(batch: RoutingBatch, choose: Choose, repeats: int) -> list[str]:
    """First offers and decisions per second, the mean number of waiting jobs, and the spread of the repeats."""
    rng, times, first = np.random.default_rng(1), [], 0
    calls = max(1, DECISIONS // len(batch))
    for repeat in range(repeats + 1):
        seconds = 0.0
        for _ in range(calls):
            first += int((batch.observations[:, ATTEMPTS] == 0).sum()) if repeat else 0
            actions = choose(batch, rng)
            seconds += seconds_of(lambda actions=actions: batch.step(actions))
        times.append(seconds)
    speed = calls * len(batch) / median(times[1:])
    share = first / (repeats * calls * len(batch))
    waiting = float(batch.worlds.batch.state.waiting.mean())
    return [short(share * speed), short(speed), f"{waiting:,.0f}", spread(times[1:])]


def vec_env(repeats: int) -> str:
    """What SB3's interface adds to a step of the batch: both take turns on the same episodes."""
    rows = []
    for size in SIZES:
        envs = RoutingVecEnv("small_team", size, seed=1)
        envs.reset()
        turns = [taking_turns(envs) for _ in range(repeats + 1)][1:]
        bare, through = (median(times) for times in zip(*turns, strict=True))
        shares = [f"{1e6 * seconds:,.0f} µs" for seconds in (bare, through)]
        rows.append([f"small_team, {size}", *shares, f"{through / bare - 1:+.1%}", short(size / through)])
    return table(["episodes", "a step of the batch", "through VecEnv", "difference", "decisions/s"], rows)


def taking_turns(envs: RoutingVecEnv) -> tuple[float, float]:
    """Mean seconds of a step of the batch, and of one through SB3's interface, with random legal actions."""
    rng, seconds = np.random.default_rng(1), [0.0, 0.0]
    calls = max(2, DECISIONS // envs.num_envs)
    for call in range(calls):
        actions = random_legal(envs.batch, rng)
        step = envs.step if call % 2 else envs.batch.step
        seconds[call % 2] += seconds_of(lambda actions=actions, step=step: step(actions))
    return 2 * seconds[0] / calls, 2 * seconds[1] / calls


def training() -> str:
    """`tidegate train` after its warm start: decisions collected and learned from per second, on the CPU."""
    rows = []
    for size in (256, 1024):
        with tempfile.TemporaryDirectory() as folder:
            decisions = UPDATES * size * 64
            run = train(load("small_team"), 60.0, 1, Path(folder) / "run", decisions=decisions, episodes=size)
            with (run / "progress.csv").open(newline="") as file:
                speeds = [float(row["time/decisions_per_s"]) for row in csv.DictReader(file)]
        rows.append([f"small_team, {size}", short(median(speeds[1:]))])
    return table(["training, episodes", "decisions/s"], rows) + "\n\nWidth 64, 64 steps, 4 epochs, one torch thread."


if __name__ == "__main__":
    main()
