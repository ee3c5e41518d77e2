"""Whole futures without Python: batches of episodes advance to their next offer, or are played out under an agent, in one call.

Episodes are independent, so a batch runs one episode a thread; every result is the same for any number of threads.
"""

from typing import Any

import numpy as np

from .advance import OFFERED, advance
from .agent import CHOOSE, example
from .jit import IS_COMPILED, entry, kernel, prange
from .ledger import avoidable_cost
from .observe import observe
from .offers import carry_out, write_mask
from .spec import Jobs, Spec
from .state import View, World, copy_world, world_of

if IS_COMPILED:
    import numba
    from numba import types


def _types() -> tuple[Any, Any, Any]:
    """Numba's types of a spec, jobs and a batch."""
    spec, jobs, batch = example()
    return numba.typeof(spec), numba.typeof(jobs), numba.typeof(batch)


if IS_COMPILED:
    SPEC, JOBS, BATCH = _types()
    RUN = types.void(
        SPEC,
        JOBS,
        BATCH,
        types.int64[::1],
        types.int64[::1],
        types.FunctionType(CHOOSE),
        types.float64[::1],
        types.float32[:, ::1],
        types.int64,
        types.boolean,
        types.float32[:, ::1],
        types.uint8[:, ::1],
        types.int64[::1],
        types.int64[::1],
    )
else:
    RUN = None


@kernel
def run_one(
    view: View,
    until: int,
    action: int,
    choose: Any,
    knobs: np.ndarray,
    scratch: np.ndarray,
    turns: int,
    observes: bool,
    observation: np.ndarray,
    mask: np.ndarray,
) -> int:
    """`run` for one episode; returns why it stopped."""
    spec, jobs, world = view.spec, view.jobs, view.world
    if action >= 0:
        carry_out(spec, jobs, world, action, mask)
    left = turns
    while True:
        reason = advance(spec, jobs, world, until)
        if reason != OFFERED:
            return reason
        write_mask(spec, jobs, world, mask)
        if observes:
            observe(spec, jobs, world, mask, observation)
        if left == 0:
            return reason
        left -= 1
        carry_out(spec, jobs, world, choose(view, observation, mask, knobs, scratch), mask)


@entry(RUN, parallel=True)
def run(
    spec: Spec,
    jobs: Jobs,
    batch: World,
    until: np.ndarray,
    actions: np.ndarray,
    choose: Any,
    knobs: np.ndarray,
    scratch: np.ndarray,
    turns: int,
    observes: bool,
    observations: np.ndarray,
    masks: np.ndarray,
    costs: np.ndarray,
    status: np.ndarray,
) -> None:
    """Answer each episode's offer with its action (−1: it has none to answer), then play up to `turns` decisions under `choose`.

    `scratch` is (episodes, what the agent needs) float32. It stops at an offer, at `until` [ms], or for the reasons in advance.py, which `status` gets. Filled in place, a row an
    episode: `masks` (actions,) uint8 and, if `observes`, `observations` (size,) float32 of the last offer; `costs`: avoidable cost so far,
    µ$. With no turns this steps an environment; with an action and many turns it plays one branch of the future.
    """
    for episode in prange(batch.state.shape[0]):
        view = View(spec, jobs, world_of(batch, episode))
        status[episode] = run_one(
            view,
            until[episode],
            actions[episode],
            choose,
            knobs,
            scratch[episode],
            turns,
            observes,
            observations[episode],
            masks[episode],
        )
        costs[episode] = avoidable_cost(spec, view.world)


@entry()
def copy(source: World, sources: np.ndarray, target: World, targets: np.ndarray) -> None:
    """Copy episode sources[i] of one batch over episode targets[i] of another, which has at least as many slots."""
    for index in range(sources.shape[0]):
        copy_world(world_of(source, sources[index]), world_of(target, targets[index]))


if IS_COMPILED:
    ASK = types.void(
        SPEC,
        JOBS,
        BATCH,
        types.FunctionType(CHOOSE),
        types.float64[::1],
        types.float32[:, ::1],
        types.float32[:, ::1],
        types.uint8[:, ::1],
        types.int64[::1],
    )
else:
    ASK = None


@entry(ASK)
def ask(
    spec: Spec,
    jobs: Jobs,
    batch: World,
    choose: Any,
    knobs: np.ndarray,
    scratch: np.ndarray,
    observations: np.ndarray,
    masks: np.ndarray,
    actions: np.ndarray,
) -> None:
    """What an agent would do with each episode's present offer; nothing is carried out."""
    for episode in range(batch.state.shape[0]):
        view = View(spec, jobs, world_of(batch, episode))
        actions[episode] = choose(view, observations[episode], masks[episode], knobs, scratch[episode])
