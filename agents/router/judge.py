"""What it would cost more if from an instant on the policy decided everything, and not the baseline.

The cluster of an instant at which the two differ is played on for a week in a future of its own (foresight), once under
each; the two meet the same jobs, ends of runs, failures and grants, so that most of what is random goes out of their
difference. Over many such instants its mean says what it would cost to change over.
"""

from typing import NamedTuple

import numpy as np

from ...envs.present import present, taken
from ...envs.scenario import Scenario
from ...fastsim import scorer
from ...fastsim.agent import Agent
from ...fastsim.errors import InputError
from ...fastsim.spec import Jobs, Spec
from ...fastsim.units import DAY, DOLLAR, HOUR
from ...fastsim.worlds import Worlds
from ..foresight.futures import begun
from .cluster import Cluster

HOURS = 168


class Case(NamedTuple):
    """An instant as another process can judge it."""

    spec: Spec
    jobs: Jobs
    kept: dict[str, np.ndarray]  # the world (Worlds.kept), with an offer
    knobs: np.ndarray  # of the policy


def case_of(cluster: Cluster, knobs: np.ndarray) -> Case:
    """A copy of the present instant."""
    worlds, used = cluster.worlds, cluster.rows
    kept = worlds.kept() | {"slots": np.array(max(256, 2 * used))}
    return Case(worlds.spec, worlds.jobs[:used].copy(), kept, knobs)


def difference(case: Case, scenario: Scenario, baseline: Agent, seed: int, number: int) -> float:
    """Dollars that the policy costs more in a future named by the seed and `number`.

    Raises InputError where the scenario ends too soon, or more waits than a world can hold.
    """
    world = Worlds(case.spec, case.jobs, 1, slots=int(case.kept["slots"]))
    world.put_back(case.kept)
    snapshot = taken(world, scenario)
    hours = min(HOURS, (scenario.span - snapshot.now_ms) // DAY * 24)
    if hours <= 0:
        raise InputError("judge", "day", snapshot.now_ms // DAY, "is the scenario's last", "give it a longer span")
    future = begun(present(snapshot, scenario, case.spec), scenario, seed, number, int(hours))
    until, costs = snapshot.now_ms + int(hours) * HOUR, []
    for agent in (Agent("policy", scorer.choose, case.knobs, observes=True), baseline):
        worlds = Worlds(future.spec, future.jobs, 1, slots=future.batch.keys.shape[2])
        worlds.copy_from(future, np.zeros(1, np.int64), np.zeros(1, np.int64))
        worlds.play(agent, until)
        costs.append(worlds.totals().avoidable)
    return (costs[0] - costs[1]) / DOLLAR
