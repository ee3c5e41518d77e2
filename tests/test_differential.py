"""The kernel against the reference simulator, row by row.

Both are written from docs/rules.md, neither from the other.
"""

import os

import numpy as np
import pytest

from .kernel_worlds import begun, keyed_agent
from .reference.random_worlds import horizon, keyed_choice, random_world
from .reference.simulator import run

EVENTS = int(os.environ.get("TIDEGATE_DIFFERENTIAL_EVENTS", "100000"))
BLOCKS = 8


def difference(seed: int) -> tuple[int, str]:
    """Rows compared in world `seed`, and what differs (empty: nothing)."""
    world = random_world(seed)
    until = horizon(world)
    reference = run(world, keyed_choice(seed), until)
    worlds = begun(world)
    worlds.play(keyed_agent(seed), until)
    ours, theirs = worlds.log(), np.array(reference.log, np.int64).reshape(-1, 5)
    for row in range(min(len(ours), len(theirs))):
        if (ours[row] != theirs[row]).any():
            return row, f"world {seed}, row {row}: kernel {ours[row].tolist()}, reference {theirs[row].tolist()}"
    if len(ours) != len(theirs):
        return len(ours), f"world {seed}: kernel {len(ours)} rows, reference {len(theirs)}"
    totals, expected = worlds.totals(), reference.totals
    for name in ("floors", "overage", "burst", "delay", "write_off", "avoidable", "bill"):
        if getattr(totals, name) != getattr(expected, name):
            return len(ours), f"world {seed}: {name} {getattr(totals, name)}, reference {getattr(expected, name)}"
    if worlds.state().illegal != reference.illegal:
        return len(ours), f"world {seed}: illegal {worlds.state().illegal}, reference {reference.illegal}"
    return len(ours), ""


@pytest.mark.parametrize("block", range(BLOCKS))
def test_kernel_and_reference_write_the_same_log(block):
    rows, seed = 0, block * 1_000_000
    while rows < EVENTS // BLOCKS:
        count, found = difference(seed)
        assert not found, found
        rows += count
        seed += 1
