"""Whole futures without Python.

Batches of episodes advance to their next offer, or are played out under an agent, in one call.

Episodes are independent: threads may each run a part of a batch, and every result is the same for any number of them.
"""

from typing import Any

import numpy as np

from .advance import OFFERED, advance
from .agent import CHOOSE, example
from .jit import by_reference, direct, entry, kernel, signature
from .ledger import avoidable_cost
from .observe import observe
from .offers import carry_out, write_mask
from .spec import Jobs, Spec
from .state import View, World, copy_world, world_of

NUMBERS, ROWS, BYTES = np.zeros(1, np.int64), np.zeros((1, 1), np.float32), np.zeros((1, 1), np.uint8)
RUN = signature(
    None,
    *example(),  # spec, jobs, batch
    NUMBERS,  # episodes
    NUMBERS,  # until
    NUMBERS,  # actions
    CHOOSE,
    np.zeros(1),  # knobs
    ROWS,  # scratch
    0,  # turns
    False,  # observes
    ROWS,  # observations
    BYTES,  # masks
    NUMBERS,  # costs
    NUMBERS,  # status
)
ASK = signature(None, *example(), CHOOSE, np.zeros(1), ROWS, ROWS, BYTES, NUMBERS)


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


@direct
@entry(RUN)
def run(
    spec: Spec,
    jobs: Jobs,
    batch: World,
    episodes: np.ndarray,
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
    """Answer the offers of some episodes with their actions, then play up to `turns` decisions of each.

    Those are `choose`'s. An action of −1: the episode has no offer to answer. `scratch` is (episodes, what the agent
    needs) float32. It stops at an offer, at `until` [ms], or for the reasons in advance.py, which `status` gets.

    Filled in place, a row an episode: `masks` (actions,) uint8 and, if `observes`, `observations` (size,) float32 of
    the last offer; `costs`: avoidable cost so far, µ$. With no turns this steps an environment; with an action and many
    turns it plays one branch of the future.
    """
    for episode in episodes:
        view = View(by_reference(spec), jobs, by_reference(world_of(batch, episode)))
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
        costs[episode] = avoidable_cost(view.spec, view.world)


@entry()
def copy(source: World, sources: np.ndarray, target: World, targets: np.ndarray) -> None:
    """Copy episode sources[i] of one batch over episode targets[i] of another, which has at least as many slots."""
    for index in range(sources.shape[0]):
        copy_world(by_reference(world_of(source, sources[index])), by_reference(world_of(target, targets[index])))


@direct
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
    """What an agent would do with each episode's present offer; nothing is carried out.

    `actions` is (episodes,), filled in place where it is not below 0: what is below has no offer.
    """
    for episode in range(batch.state.shape[0]):
        if actions[episode] < 0:
            continue
        view = View(by_reference(spec), jobs, by_reference(world_of(batch, episode)))
        actions[episode] = choose(view, observations[episode], masks[episode], knobs, scratch[episode])
