"""Agents that act at random, and yet always in the same way: what they do is a function of what they meet."""

import numpy as np

from tidegate.fastsim.agent import Agent, chooser
from tidegate.fastsim.jit import kernel
from tidegate.fastsim.keyed import mix
from tidegate.fastsim.ledger import avoidable_cost
from tidegate.fastsim.offers import offered_slot

GOLDEN = np.uint64(0x9E3779B97F4A7C15)
SEED, FIRST, ACTIONS = 0, 1, 2  # knobs


@chooser
def see(view, observation, mask, knobs, scratch):
    """A legal action that depends on every bit of the observation, the mask and the cost so far."""
    bits = mix(np.uint64(np.int64(knobs[SEED])) ^ GOLDEN)
    for word in observation.view(np.uint32):
        bits = mix(bits ^ np.uint64(word))
    bits = mix(bits ^ np.uint64(avoidable_cost(view.spec, view.world)))
    legal = 0
    for action in range(len(mask)):
        legal += mask[action]
    nth = np.int64(bits % np.uint64(legal))
    action = 0
    while mask[action] == 0 or nth > 0:
        nth -= mask[action]
        action += 1
    return action


def seeing_agent(seed: int) -> Agent:
    """One whose events tell what it saw: where a bit of what it sees differs, so do its actions."""
    return Agent(f"seeing-{seed}", see, np.array([float(seed)]), observes=True)


@kernel
def nth_of(mask, knobs, bits):
    """Of the legal actions, in the order in which the knobs name them, the one that the bits point to."""
    legal = 0
    for index in range(ACTIONS, len(knobs)):
        legal += mask[int(knobs[index])]
    nth = np.int64(bits % np.uint64(legal))
    index = ACTIONS
    while mask[int(knobs[index])] == 0 or nth > 0:
        nth -= mask[int(knobs[index])]
        index += 1
    return int(knobs[index])


@chooser
def choose(view, observation, mask, knobs, scratch):
    """A legal action that depends on the job's number, its attempt, and what is legal."""
    item = view.world.live[offered_slot(view.world)]
    job = np.uint64(item.job - np.int64(knobs[FIRST]))
    bits = mix(mix(mix(np.uint64(np.int64(knobs[SEED])) ^ GOLDEN) ^ job ^ GOLDEN) ^ np.uint64(item.attempts))
    return nth_of(mask, knobs, bits)


def renamed_agent(seed: int, actions: list[int], first: int = 0) -> Agent:
    """One for which action number k has the name `actions[k]`, and jobs are counted from `first`.

    It does the same, under other names, in a world whose sites and jobs are called otherwise. It never asks for what is
    illegal.
    """
    return Agent(f"renamed-{seed}", choose, np.array([seed, first, *actions], np.float64))
