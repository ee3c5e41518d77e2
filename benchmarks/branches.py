"""What labels from branches cost, and how fast a policy learns from them.

A label is one sampled offer with every legal action played out; its cost holds the play that led to it. The network is
one that nothing was taught: it weighs costs as cost-greedy does.
"""

import time

import numpy as np
import torch
from parts.machine import described, on_one_core, short
from parts.results import options, publish, table

from tidegate.agents.evaluation.policies import resolve
from tidegate.agents.ppo.algorithm import agent_of
from tidegate.agents.ppo.branches import Branches, LabelSet, reach_of
from tidegate.agents.ppo.improve import OBJECTIVES, improve, lesson
from tidegate.agents.ppo.network import SitePolicy, SiteScorer
from tidegate.agents.ppo.settings import Settings
from tidegate.agents.ppo.vec_env import RoutingVecEnv
from tidegate.envs.routing import RoutingBatch
from tidegate.envs.scenario import load
from tidegate.fastsim.agent import Agent

EPISODES, LABELS = 32, 64
WIDTHS = (1, 16, 64)


def main() -> None:
    given = options(__doc__)
    on_one_core()
    torch.set_num_threads(1)
    machine = described(["stable-baselines3", "sb3-contrib", "torch"])
    publish("branches", machine, 1, [gathering(), learning()], given.write)


def network(batch: RoutingBatch, width: int) -> Agent:
    """An untaught policy; its hidden layers count, though they say little."""
    torch.manual_seed(1)
    return agent_of(SiteScorer(batch.layout, width), batch.layout, f"network, width {width}")


def gathering() -> str:
    """CPU time of a label."""
    rows = []
    for name in ("small_team", "mid_lab"):
        scenario = load(name)
        for width in (0, 16):
            for advantages in ("branch", "blend"):
                batch = RoutingBatch(scenario, EPISODES, seed=1)
                batch.reset()
                rule = resolve("best-tuned", scenario)
                assert isinstance(rule, Agent)
                policy = network(batch, width) if width else rule
                settings = Settings(advantages=advantages)
                began = time.process_time()
                found = Branches(batch).gather(policy, policy, reach_of(batch, settings, 0), LABELS)
                assert found is not None
                rows.append([f"{name}, {advantages}", policy.name, *told(found, time.process_time() - began)])
    head = ["scenario", "policy", "ms a label", "decisions a label", "decisions/s", "branches a label", "ended early"]
    return table(head, rows)


def told(found: LabelSet, seconds: float) -> list[str]:
    """A row of the table."""
    count = len(found)
    shares = [short(found.siblings / count), f"{100 * found.early / found.siblings:.0f}%"]
    return [short(1000 * seconds / count), short(found.decisions / count), short(found.decisions / seconds), *shares]


def learning() -> str:
    """Labels that an actor takes gradient steps on, a CPU second; π_old and what is logged included."""
    envs = RoutingVecEnv("small_team", 16, seed=1)
    settings = Settings(advantages="branch", branch_hours=1, branch_stretch=0, label_kl=1e9)
    envs.reset()
    rule = resolve("cost-greedy")
    assert isinstance(rule, Agent)
    found = Branches(envs.batch).gather(rule, rule, reach_of(envs.batch, settings, 0), 1024)
    assert found is not None
    rows = []
    for width in WIDTHS:
        speeds = [speed(envs, found, settings.model_copy(update={"objective": one}), width) for one in OBJECTIVES]
        rows.append([str(width), *map(short, speeds)])
    head = ["width", *(f"{name}, labels/s" for name in OBJECTIVES)]
    return table(head, rows) + f"\n\n{settings.refreshes} refreshes, {settings.label_rows} labels a step."


def speed(envs: RoutingVecEnv, found: LabelSet, settings: Settings, width: int) -> float:
    """Labels a second."""
    torch.manual_seed(1)
    spaces = envs.observation_space, envs.action_space
    policy = SitePolicy(*spaces, lambda _: settings.branch_rate, layout=envs.layout, width=width)
    taught = lesson(found, np.asarray(found.costs), settings, 0)
    began = time.process_time()
    improve(policy, taught, settings, 0.0, 0)
    return len(taught.learned) * settings.refreshes / (time.process_time() - began)


if __name__ == "__main__":
    main()
