"""What the tests of `tidegate explain` share: an episode, a job of it that is offered often, policies."""

import numpy as np

from tidegate.agents.evaluation.policies import resolve
from tidegate.agents.verbs import episode
from tidegate.envs.scenario import Scenario
from tidegate.fastsim import scorer
from tidegate.fastsim.agent import Agent
from tidegate.fastsim.log import OFFER
from tidegate.fastsim.network import pack, weight_shapes
from tidegate.fastsim.observe import CLOCK_COUNT, JOB_COUNT, SITE_COUNT
from tidegate.fastsim.units import DAY

SEED = 3
WIDTH = 8


def silent(share: float) -> None:
    """Watches no progress."""


def rule(name: str) -> Agent:
    """A rule, which answers offers one by one."""
    agent = resolve(name)
    assert isinstance(agent, Agent)
    return agent


def network(seed: int, hold: float = 0.0, scale: float = 0.1) -> Agent:
    """A policy with random weights, hidden layers included."""
    random = np.random.default_rng(seed)
    shapes = weight_shapes(JOB_COUNT, CLOCK_COUNT, SITE_COUNT, WIDTH)
    drawn = {name: random.normal(0, scale, shape).astype(np.float32) for name, shape in shapes.items()}
    drawn["sharpness"][:] = 2.0
    drawn["hold_out_bias"][:] = hold
    return Agent("net", scorer.choose, pack(drawn, JOB_COUNT, CLOCK_COUNT, SITE_COUNT, WIDTH), observes=True)


def event_log(world: Scenario) -> np.ndarray:
    """The event log of `simulate` under cost-greedy."""
    return episode.played(world, rule("cost-greedy"), SEED, 9, silent).log()


def offers_of(log: np.ndarray) -> np.ndarray:
    """Its offers."""
    return log[log[:, 1] == OFFER]


def often_offered(offers: np.ndarray) -> int:
    """A job that is offered often, and whose first offer comes late enough for queues to have formed."""
    jobs, counts = np.unique(offers[(offers[:, 0] > 2 * DAY) & (offers[:, 0] < 7 * DAY), 2], return_counts=True)
    return int(jobs[np.argmax(counts)])
