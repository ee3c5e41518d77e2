"""What tells two futures apart: who waits and runs where, and what it has cost."""

import numpy as np

from .jit import kernel
from .keyed import GOLDEN, mix
from .ledger import avoidable_cost
from .spec import MAX_PROVIDERS, Spec
from .state import EMPTY, PENDING, RUNNING, WAITING, View, World
from .units import HOUR


@kernel
def fold(bits: np.uint64, value: int) -> np.uint64:
    """One more number in a fingerprint."""
    return mix(bits ^ np.uint64(value) ^ GOLDEN)


@kernel
def print_of(world: World, slot: int) -> np.uint64:
    """What a job's future hangs on; of one that waits also what agents see of its past."""
    item = world.live[slot]
    bits = mix(np.uint64(item.job) ^ GOLDEN)
    bits = fold(bits, 64 * item.status + item.site + 1)
    bits = fold(bits, item.start + 1)
    bits = fold(bits, item.finish)
    bits = fold(bits, item.remaining)
    bits = fold(bits, 16 * item.requests + 8 * item.is_granted + 4 * item.is_resumed + 2 * item.has_snapshot)
    bits = fold(bits, item.missing)
    if item.status == WAITING or item.status == PENDING:
        bits = fold(bits, item.ready)
        bits = fold(bits, item.offered + 1)
        bits = fold(bits, item.attempts)
        if item.megabytes > 0:
            for provider in range(MAX_PROVIDERS):
                bits = fold(bits, item.stored[provider] + 1)
    return bits


@kernel
def fingerprint(world: World) -> np.uint64:
    """The same bits for worlds in which the same jobs wait and run, in the same places, since the same instants."""
    state = world.state[0]
    total = np.uint64(0)
    for slot in range(state.slots):
        if world.live[slot].status != EMPTY:
            total = total ^ print_of(world, slot)
    return total


@kernel
def to_come(spec: Spec, world: World) -> float:
    """µ$ that running jobs will still cost at the meter, as they really go on."""
    total = 0.0
    state, rules = world.state[0], spec.rules[0]
    for slot in range(state.slots):
        item = world.live[slot]
        if item.status == RUNNING and item.finish > state.now and rules.take_or_pay[rules.provider[item.site]] == 0:
            left = float(item.finish - state.now) / float(HOUR)
            total += left * float(item.accelerators) * float(state.price[item.site])
    return total


@kernel
def reading(view: View) -> float:
    """µ$ that are avoidable so far, or that running jobs are bound to cost."""
    return float(avoidable_cost(view.spec, view.world)) + to_come(view.spec, view.world)
