"""What is read of worlds at an instant: meters, accounts and counters. They only grow, so a window is a difference."""

from typing import Any

import numpy as np

from ...fastsim.jit import by_reference, entry
from ...fastsim.ledger import burst_cost, drawn, egress_cost, floor_so_far, floors, overage_cost
from ...fastsim.spec import MAX_CLASSES, MAX_PROVIDERS, MAX_SITES, Spec
from ...fastsim.state import World, world_of
from ...fastsim.worlds import Worlds

ACCOUNTS = ("floors", "overage", "metered", "egress")  # µ$, posted and accrued
LOSSES = ("lost_to_failures", "lost_to_evictions", "lost_to_preemptions", "staging", "restarting")  # accelerator-ms
COUNTERS = (
    *("decisions", "first_offers", "illegal", "moves", "evictions", "preemptions", "failed", "asked", "denied"),
    *("written_off", "finished", "cancelled", "killed", "expired", "missed"),
)
FIELDS: list[tuple[Any, ...]] = [
    *((name, "i8") for name in (*ACCOUNTS, *LOSSES, *COUNTERS)),
    ("staged", "i8"),  # MB
    ("used", "i8", (MAX_PROVIDERS,)),  # of each commitment, µ$, posted and accrued
    ("waiting", "i8", (MAX_CLASSES,)),  # accelerator-ms
    *((name, "i8", (MAX_SITES,)) for name in ("busy", "supply")),  # accelerator-ms used and delivered
    ("price", "i8", (MAX_SITES,)),  # integrated over time, µ$·ms per hour
]
READING = np.dtype(FIELDS, align=True)


@entry()
def fill_accounts(spec: Spec, batch: World, accounts: np.ndarray, used: np.ndarray) -> None:
    """Fill `accounts` (episodes, 4) and `used` (episodes, providers) [µ$]: what is posted and what has accrued."""
    terms = by_reference(spec)
    for episode in range(batch.state.shape[0]):
        world = by_reference(world_of(batch, episode))
        accounts[episode, 0] = floors(terms, world)
        accounts[episode, 1] = overage_cost(terms, world)
        accounts[episode, 2] = burst_cost(terms, world)
        accounts[episode, 3] = egress_cost(terms, world)
        for provider in range(spec.rules[0].providers):
            if spec.rules[0].take_or_pay[provider] == 1:
                running = min(drawn(terms, world, provider), floor_so_far(terms, world, provider))
                used[episode, provider] = world.state[0].used[provider] + running


def read(worlds: Worlds) -> Any:
    """The reading of every episode at its present time: a record array (episodes,) of READING."""
    state = worlds.batch.state[:, 0]
    now = state.now[:, None]
    found = np.zeros(len(worlds), READING).view(np.recarray)
    accounts = np.zeros((len(worlds), len(ACCOUNTS)), np.int64)
    fill_accounts(worlds.spec, worlds.batch, accounts, found.used)
    for column, name in enumerate(ACCOUNTS):
        found[name] = accounts[:, column]
    for name in (*LOSSES, *COUNTERS, "staged"):
        found[name] = state[name]
    found.waiting = state.waiting_gangs * now + state.wait_offset
    found.busy = state.metered * now + state.busy_offset
    found.supply = state.capacity * now + state.supply_offset
    found.price = state.price * now + state.price_offset
    return found
