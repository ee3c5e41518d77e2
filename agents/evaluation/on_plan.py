"""Contracts on plan: at a window's beginning as much has been drawn of each commitment as its floor so far.

Worlds begin empty, and somewhere in a contract's period. What they happened to draw until the window says nothing of a
contract that has run for months; left as it is, it would hide overage for the rest of the period.
"""

import numpy as np

from ...fastsim.jit import by_reference, entry
from ...fastsim.ledger import drawn, floor_so_far, use
from ...fastsim.spec import MAX_PROVIDERS, MAX_SITES, Spec
from ...fastsim.state import World, world_of
from ...fastsim.units import HOUR
from ...fastsim.worlds import Worlds


@entry()
def fill_plan(spec: Spec, batch: World, value: np.ndarray, floor: np.ndarray, used: np.ndarray) -> None:
    """Fill what is drawn and the floor so far [µ$], (episodes, providers), and the use, (episodes, sites)."""
    terms = by_reference(spec)
    for episode in range(batch.state.shape[0]):
        world = by_reference(world_of(batch, episode))
        for provider in range(spec.rules[0].providers):
            if spec.rules[0].take_or_pay[provider] == 1:
                value[episode, provider] = drawn(terms, world, provider)
                floor[episode, provider] = floor_so_far(terms, world, provider)
        for site in range(spec.rules[0].sites):
            used[episode, site] = use(world, site)


def put_on_plan(worlds: Worlds) -> None:
    """Scale the use of every take-or-pay contract in its running period to the floor so far, rounded down."""
    count = len(worlds)
    value, floor = np.zeros((count, MAX_PROVIDERS), np.int64), np.zeros((count, MAX_PROVIDERS), np.int64)
    used = np.zeros((count, MAX_SITES), np.int64)
    fill_plan(worlds.spec, worlds.batch, value, floor, used)
    rules = worlds.spec.rules[0]
    for episode in range(count):
        for provider in np.flatnonzero(rules.take_or_pay[: rules.providers]).tolist():
            own = [site for site in range(int(rules.sites)) if rules.provider[site] == provider]
            before, plan = int(value[episode, provider]), int(floor[episode, provider])
            offset = worlds.state(episode).use_offset
            for site in own:  # Python's integers: the product has more than 64 bits
                offset[site] += int(used[episode, site]) * plan // before - used[episode, site] if before else 0
            if before == 0 and own and worlds.state(episode).price[own[0]] > 0:
                offset[own[0]] += plan * HOUR // int(worlds.state(episode).price[own[0]])
