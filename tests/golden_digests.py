"""SHA-256 of what scenarios do, kept in golden_digests.json: another machine, compiler or version must find the same.

Of each scenario two weeks of events with the bill, and of some what a batch of environments shows. Whoever changes on
purpose what a world does writes them anew: `python -m tests.golden_digests`.
"""

import hashlib
import json
from pathlib import Path

import numpy as np

from tidegate.agents.rules import cost_greedy
from tidegate.envs.generator import generate
from tidegate.envs.routing import RoutingBatch
from tidegate.envs.scenario import load, names
from tidegate.fastsim.units import DAY
from tidegate.fastsim.worlds import Worlds

FILE = Path(__file__).with_suffix(".json")
DAYS, STEPS, EPISODES = 14, 200, 4
SEEN = ("small_team", "mid_lab", "colossus1_gcp", "three_providers")


def of_events(name: str, seed: int) -> str:
    """Of two weeks under cost-greedy: every row of the log, and the totals of the ledger."""
    scenario = load(name)
    jobs = generate(scenario, seed, 0, DAYS)
    worlds = Worlds(scenario.compile(seed=seed), jobs, 1, log=True)
    worlds.begin(0, seed=seed)
    worlds.play(cost_greedy.agent(), DAYS * DAY)
    return hashlib.sha256(f"{worlds.digest()} {worlds.totals()}".encode()).hexdigest()


def of_observations(name: str, seed: int) -> str:
    """Of a batch of environments: every observation, mask and reward while the first legal site is chosen."""
    batch, sha = RoutingBatch(load(name), EPISODES, seed), hashlib.sha256()
    batch.reset()
    for _ in range(STEPS):
        for array in (batch.observations, batch.masks, batch.rewards):
            sha.update(np.ascontiguousarray(array).tobytes())
        batch.step(batch.masks.argmax(axis=1))
    return sha.hexdigest()


def digests() -> dict[str, str]:
    """All of them by name."""
    events = {f"{name}, seed {seed}": of_events(name, seed) for name in names() for seed in (1, 2)}
    return events | {f"{name}, seen": of_observations(name, 1) for name in SEEN}


if __name__ == "__main__":
    FILE.write_text(json.dumps(digests(), indent=2) + "\n", encoding="utf-8")
