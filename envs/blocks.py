"""Blocks of serving: a demand curve, cut into horizontal layers, and these into runs of limited length.

The curve says how many blocks a service needs in each slot. Layer k is needed while the curve is above k. A block
begins when its layer becomes needed, and lasts until it is not; every so many slots, at a phase of its own, a layer's
block ends and another takes its place. So the blocks that are wanted at an instant are as many as the curve says, and a
block depends on the curve around it only, not on where the stream ends.
"""

import numpy as np

from ..fastsim.jit import entry, kernel
from ..fastsim.keyed import bits_of, draw, key, quantile
from ..fastsim.spec import Jobs
from ..fastsim.units import HOUR
from .demand import BLOCK_BITS, GAMMA_BITS, NONE, Service
from .drawn import choice, growth_at
from .names import ENTITY_BITS, FIRST_CLIENTS, FIRST_LAYER, HOME, NATIVE, TAGS


@kernel
def surged(service: Service, amount: int, at: int) -> int:
    """An amount of demand at an instant [ms], multiplied by the surges that last then."""
    for surge in range(len(service.surges)):
        if service.surges[surge, 0] <= at < service.surges[surge, 1]:
            amount = amount * service.surges[surge, 2] // 1000
    return amount


@kernel
def needed(service: Service, number: int, seed: int, stream: int, slot: int) -> int:
    """Blocks that service `number` needs in a slot."""
    at = slot * service.slot
    hour, rest = at // HOUR, at % HOUR
    total = 0
    for group in range(len(service.need)):
        here, after = service.need[group, hour % 168], service.need[group, (hour + 1) % 168]
        mean = (here * (HOUR - rest) + after * rest) // HOUR
        kind = FIRST_CLIENTS + 16 * number + group
        total += (
            mean * quantile(service.burst[group], draw(seed, stream, (kind << ENTITY_BITS) + slot, 0)) >> GAMMA_BITS
        )
    total = surged(service, total * growth_at(service.growth, at) // 1000, at)
    return (total + (1 << BLOCK_BITS) - 1) >> BLOCK_BITS


@entry()
def fill_curve(service: Service, number: int, seed: int, stream: int, first: int, curve: np.ndarray) -> None:
    """Blocks needed in the slots from `first` on, (slots,) int64."""
    for place in range(len(curve)):
        curve[place] = needed(service, number, seed, stream, first + place)


@kernel
def is_renewed(service: Service, layer: int, slot: int) -> bool:
    """A block of this layer ends at the beginning of this slot, needed or not."""
    return (slot - layer) % service.longest == 0


@kernel
def last_place(service: Service, layer: int, first: int, place: int, curve: np.ndarray) -> int:
    """The place in the curve at which a block of a layer ends that begins at `place`."""
    after = place + 1
    while curve[after] > layer and not is_renewed(service, layer, first + after):
        after += 1
    return after


@kernel
def fill_block(service: Service, layer_key: np.uint64, arrival: int, until: int, job: np.record) -> None:
    """One block. Tags, silicon and home are its layer's."""
    job.arrival = arrival
    job.until = until
    job.walltime = until - arrival
    job.requested = until - arrival
    job.gang = service.gang
    job.cls = service.cls
    job.priority = service.priority
    job.tags = choice(service.tags, 0, bits_of(layer_key, TAGS))
    job.silicon = NONE if job.tags else choice(service.native, 0, bits_of(layer_key, NATIVE))
    job.input = service.weights
    job.home = choice(service.homes, 0, bits_of(layer_key, HOME)) if service.weights else 0
    job.partner = NONE


@entry()
def cut(
    service: Service,
    number: int,
    seed: int,
    stream: int,
    start: int,
    end: int,
    curve: np.ndarray,
    jobs: np.recarray,
    count: int,
) -> int:
    """Append the blocks that begin in [start, end), as far as there is room; the new count.

    `curve` is that from the slot of `start` to that of `end`, and the longest block beyond. What is needed at `start`
    begins then.
    """
    first = start // service.slot
    for place in range((end + service.slot - 1) // service.slot - first):
        before = curve[place - 1] if place > 0 else 0
        for layer in range(curve[place]):
            if layer < before and not is_renewed(service, layer, first + place):
                continue
            if count < len(jobs):
                until = (first + last_place(service, layer, first, place, curve)) * service.slot
                layer_key = key(seed, stream, ((FIRST_LAYER + number) << ENTITY_BITS) + layer)
                fill_block(service, layer_key, max(start, (first + place) * service.slot), until, jobs[count])
            count += 1
    return count


def curve_of(service: Service, number: int, seed: int, stream: int, start: int, end: int) -> np.ndarray:
    """Blocks needed in each slot from that of `start` to that of `end` and the longest block beyond; (slots,) int64."""
    first, last = start // service.slot, -(-end // service.slot)
    curve = np.zeros(last - first + service.longest, np.int64)
    fill_curve(service, number, seed, stream, first, curve)
    return curve


def serve_all(
    services: tuple[Service, ...], seed: int, stream: int, start: int, end: int, jobs: Jobs, count: int
) -> int:
    """Append the blocks of all services that begin in [start, end), as far as there is room; the new count."""
    for number, service in enumerate(services):
        curve = curve_of(service, number, seed, stream, start, end)
        count = int(cut(service, number, seed, stream, start, end, curve, jobs, count))
    return count
