"""The kernel against the reference simulator, row by row.

Both are written from docs/rules.md, neither from the other.
"""

import os

import numpy as np
import pytest

from tidegate.fastsim.log import KINDS

from .kernel_worlds import begun, keyed_agent
from .reference.random_worlds import horizon, keyed_choice, random_world
from .reference.simulator import run

EVENTS = int(os.environ.get("TIDEGATE_DIFFERENTIAL_EVENTS", "1000000"))
BLOCKS = 8
TOTALS = ("floors", "overage", "burst", "egress", "delay", "penalty", "write_off", "avoidable", "bill")


def difference(seed: int) -> tuple[np.ndarray, str]:
    """Rows compared in world `seed`, (rows, 5), and what differs (empty: nothing)."""
    world = random_world(seed)
    until = horizon(world)
    reference = run(world, keyed_choice(seed), until)
    worlds = begun(world, results=len(world.jobs))
    worlds.ask_results(0, 0, len(world.jobs))
    worlds.batch.state.open_results += 1  # so that it goes on to `until` when all have left
    worlds.play(keyed_agent(seed), until)
    ours, theirs = worlds.log(), np.array(reference.log, np.int64).reshape(-1, 5)
    for row in range(min(len(ours), len(theirs))):
        if (ours[row] != theirs[row]).any():
            return ours, f"world {seed}, row {row}: kernel {ours[row].tolist()}, reference {theirs[row].tolist()}"
    if len(ours) != len(theirs):
        return ours, f"world {seed}: kernel {len(ours)} rows, reference {len(theirs)}"
    for name in TOTALS:
        mine, its = getattr(worlds.totals(), name), getattr(reference.totals, name)
        if mine != its:
            return ours, f"world {seed}: {name} {mine}, reference {its}"
    if worlds.state().illegal != reference.illegal:
        return ours, f"world {seed}: illegal {worlds.state().illegal}, reference {reference.illegal}"
    for job, outcome in reference.jobs.items():
        if outcome.how is not None:
            result = worlds.batch.results[0, job]
            mine = (result.finish, result.waited, result.spent, result.penalty, KINDS[result.outcome - 1])
            its = (outcome.finish, outcome.waited, outcome.spent, outcome.penalty, outcome.how)
            if mine != its:
                return ours, f"world {seed}, job {job}: kernel {mine}, reference {its}"
    return ours, ""


@pytest.mark.parametrize("block", range(BLOCKS))
def test_kernel_and_reference_write_the_same_log(block):
    rows, seed = 0, block * 1_000_000
    while rows < EVENTS // BLOCKS:
        log, found = difference(seed)
        assert not found, found
        rows += len(log)
        seed += 1
