"""Whole futures without Python: batches of episodes advance to their next offer, or are played out under an agent.

Episodes are independent, so a batch runs one episode a thread; every result is the same for any number of threads.
"""

from typing import Any

import numpy as np

from .advance import OFFERED, advance
from .agent import CHOOSE, example
from .jit import IS_COMPILED, entry, prange
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
    PLAY = types.void(
        SPEC,
        JOBS,
        BATCH,
        types.int64[::1],
        types.FunctionType(CHOOSE),
        types.float64[::1],
        types.int64,
        types.int64,
        types.int64[::1],
    )
    STEP = types.void(
        SPEC,
        JOBS,
        BATCH,
        types.int64[::1],
        types.int64[::1],
        types.float32[:, ::1],
        types.uint8[:, ::1],
        types.int64[::1],
        types.int64[::1],
    )
else:
    PLAY = STEP = None


@entry(PLAY, parallel=True)
def play(
    spec: Spec,
    jobs: Jobs,
    batch: World,
    until: np.ndarray,
    choose: Any,
    knobs: np.ndarray,
    size: int,
    scratch_size: int,
    status: np.ndarray,
) -> None:
    """Play each episode under `choose` until `until` [ms] or until it must stop; `status` says why (advance.py).

    `size` is the length of an observation, or 0 for an agent that reads none.
    """
    for episode in prange(batch.state.shape[0]):
        world = world_of(batch, episode)
        view = View(spec, jobs, world)
        mask = np.zeros(spec.rules[0].sites + 1, np.uint8)
        observation = np.zeros(size, np.float32)
        scratch = np.zeros(scratch_size, np.float32)
        reason = advance(spec, jobs, world, until[episode])
        while reason == OFFERED:
            write_mask(spec, jobs, world, mask)
            if size > 0:
                observe(spec, jobs, world, mask, observation)
            carry_out(spec, jobs, world, choose(view, observation, mask, knobs, scratch), mask)
            reason = advance(spec, jobs, world, until[episode])
        status[episode] = reason


@entry(STEP, parallel=True)
def step(
    spec: Spec,
    jobs: Jobs,
    batch: World,
    until: np.ndarray,
    actions: np.ndarray,
    observations: np.ndarray,
    masks: np.ndarray,
    costs: np.ndarray,
    status: np.ndarray,
) -> None:
    """Answer each episode's offer with its action (−1: there is none to answer) and advance it to the next.

    Fills `observations` (episodes, size), `masks` (episodes, actions), `costs` (avoidable cost so far, µ$) and `status` in place.
    """
    for episode in prange(batch.state.shape[0]):
        world = world_of(batch, episode)
        if actions[episode] >= 0:
            carry_out(spec, jobs, world, actions[episode], masks[episode])
        reason = advance(spec, jobs, world, until[episode])
        if reason == OFFERED:
            write_mask(spec, jobs, world, masks[episode])
            observe(spec, jobs, world, masks[episode], observations[episode])
        costs[episode] = avoidable_cost(spec, world)
        status[episode] = reason


@entry(parallel=True)
def copy(source: World, sources: np.ndarray, target: World, targets: np.ndarray) -> None:
    """Copy episode sources[i] of one batch over episode targets[i] of another, which has at least as many slots."""
    for index in prange(sources.shape[0]):
        copy_world(world_of(source, sources[index]), world_of(target, targets[index]))
