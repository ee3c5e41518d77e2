"""The same source as plain Python: a part of the suite with Numba switched off."""

import os
import subprocess
import sys
from pathlib import Path

# By the names under which pytest imports: compiled kernels remember the module that they come from.
PACKAGE = __name__.rpartition(".")[0]
SCRIPT = f"""
import importlib
import numpy as np
def of(module, *names):
    found = importlib.import_module({PACKAGE!r} + module)
    return [getattr(found, name) for name in names]
[difference] = of(".test_differential", "difference")
one_site, starts, table = of(".test_kernel", "one_site", "starts", "table")
[short] = of(".test_envs", "short")
from tidegate.fastsim.jit import IS_COMPILED
assert not IS_COMPILED
for seed in range(3):
    count, found = difference(seed)
    assert not found, found
print((starts(one_site(4), table([(0, 4, 4, 3), (1, 1, 1, 4), (1, 3, 3, 1), (1, 5, 5, 1)])) // 3_600_000).tolist())
from tidegate.envs.routing import RoutingBatch
batch = RoutingBatch(short(), 1, seed=2, streams=1)
batch.reset()
for _ in range(5):
    batch.step(np.zeros(1, np.int64))
print(batch.observations.tobytes().hex())
[asked, bundle, rule, scenario, snapshot] = of(".toy_router", "asked", "bundle", "rule", "scenario", "snapshot")
from tidegate.agents.router.cluster import Cluster, Instant
from tidegate.agents.router.engine import Engine
from tidegate.envs.present import present
from tidegate.envs.tabled import Names
standing = present(snapshot(), scenario())
cluster, engine = Cluster(Names(scenario()), Instant.of(standing)), Engine(bundle(), rule(), 1.0)
print([engine.decide(cluster, [asked("new%d" % number)])[0] for number in range(3)])
"""


def told(**environment: str) -> list[str]:
    """What the script prints."""
    given = {**os.environ, **environment, "PYTHONPATH": str(Path(__file__).parents[__name__.count(".")])}
    script = SCRIPT if "NUMBA_DISABLE_JIT" in environment else SCRIPT.replace("assert not IS_COMPILED", "")
    return subprocess.run(
        [sys.executable, "-c", script], env=given, capture_output=True, text=True, check=True, timeout=600
    ).stdout.split("\n")


def test_plain_python_makes_the_same_events_the_same_observation_bits_and_the_same_decisions():
    plain = told(NUMBA_DISABLE_JIT="1")
    assert plain[0] == "[0, 4, 1, 5]"
    assert plain == told()
