"""What a policy learns from labels by PPO's clipped objective, by the expected cost, and as a classification.

    python benchmarks/objectives.py [--updates 8] [--seeds 2] [--write]

lets each learn from the same number of label sets in a world of few, large jobs (worlds/few_large.toml), where labels
drown least in noise, beside blend and plain PPO with GAE. All begin with a network that weighs costs as cost-greedy
does, and are told beside that rule, on weeks that none of them has learned from. Runs lie in build/objectives/; one
that is there goes on, and one that has ended is not made again.
"""

import argparse
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import mean
from typing import Any

import numpy as np
from parts.machine import described
from parts.results import publish, table

from tidegate.agents.evaluation.episodes import VALIDATION
from tidegate.agents.evaluation.policies import resolve
from tidegate.agents.evolution.objective import World
from tidegate.agents.ppo.algorithm import RoutingPPO, agent_of
from tidegate.agents.ppo.train import train
from tidegate.envs.scenario import load
from tidegate.fastsim.agent import Agent
from tidegate.trained.durable import write_file

HERE = Path(__file__).parent
WORLD, KEPT = HERE / "worlds" / "few_large.toml", HERE.parent / "build" / "objectives"
RULE, WEEKS = "cost-greedy", 128
SECONDS = "cpu_seconds"  # file of a run
COMMON: dict[str, Any] = {"width": 16, "episodes": 64, "imitated": 0, "evaluate_episodes": 0}
LABELLED: dict[str, Any] = {"labels": 1024, "branch_rate": 1e-3}
LEARNERS: Mapping[str, dict[str, Any]] = {
    "clipped": LABELLED | {"advantages": "branch", "objective": "clipped"},
    "unclipped": LABELLED | {"advantages": "branch", "objective": "unclipped"},
    "classification": LABELLED | {"advantages": "branch", "objective": "classification"},
    "blend, clipped": LABELLED | {"advantages": "blend", "objective": "clipped"},
    "GAE": {"advantages": "gae", "minibatch": 2048},
}
GAE_UPDATES = 96  # for one label set: about as much CPU time


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--updates", type=int, default=8, help="label sets that each learns from (default 8)")
    parser.add_argument("--seeds", type=int, default=2, help="runs of each learner (default 2)")
    parser.add_argument("--write", action="store_true", help="put the figures into benchmarks/RESULTS.md")
    given = parser.parse_args()
    machine = described(["stable-baselines3", "sb3-contrib", "torch"], "all were")
    scenario = load(str(WORLD))
    rule = resolve(RULE, scenario)
    assert isinstance(rule, Agent)
    world = World(scenario, rule, 1, VALIDATION, 0, WEEKS)
    rows = []
    for name in LEARNERS:
        seeds = range(1, given.seeds + 1)
        rows.append(told(name, [learned(scenario, world, name, seed, given.updates) for seed in seeds]))
        print(*rows[-1], flush=True)
    head = ["learned by", "saved of cost-greedy's cost, %, each seed", "mean", "wait p95, × the rule's", "CPU-min"]
    text = f"{given.updates} sets of {LABELLED['labels']} labels; {WEEKS} weeks that none has seen."
    publish("objectives", machine, 1, [table(head, rows), text], given.write)


def learned(scenario: Any, world: World, name: str, seed: int, updates: int) -> tuple[float, float, float]:
    """Share of the rule's cost that a run's policy saves, its p95 wait in the rule's, and CPU seconds of the run."""
    knobs = COMMON | LEARNERS[name]
    count = updates * (GAE_UPDATES if knobs["advantages"] == "gae" else 1)
    out = KEPT / f"{name.replace(', ', '_').lower()}_{seed}_{updates}"
    if not (out / SECONDS).exists():
        began = time.process_time()
        train(scenario, None, seed, out, resume=out.exists(), updates=count, **knobs)
        write_file(out / SECONDS, str(time.process_time() - began).encode())
    model = RoutingPPO.load(out / "model.zip")
    fared = world.fare(agent_of(model.site_policy.actor, model.site_policy.actor.layout))
    return 1 - fared.cost / world.reference.cost, fared.wait / world.reference.wait, float((out / SECONDS).read_text())


def told(name: str, found: Sequence[tuple[float, float, float]]) -> list[str]:
    """The row of a learner."""
    saved, waits, seconds = (np.array(column) for column in zip(*found, strict=True))
    shares = ", ".join(f"{100 * one:+.1f}" for one in saved)
    return [name, shares, f"{100 * mean(saved):+.1f}", f"{mean(waits):.2f}", f"{mean(seconds) / 60:.1f}"]


if __name__ == "__main__":
    main()
