"""Work on burst for which the committed sites have no room: what burst takes off their queues."""

import numpy as np

from ...fastsim import timeline
from ...fastsim.agent import example
from ...fastsim.jit import by_reference, direct, entry, kernel, signature
from ...fastsim.needs import footprint, suits
from ...fastsim.spec import BURST, COMMITTED, MAX_SITES, Jobs, Spec
from ...fastsim.state import RELEASES, RUNNING, SCRATCH, SLOT_MASK, World, world_of
from ...fastsim.units import HOUR
from ...fastsim.worlds import Worlds

SAMPLED = HOUR  # how often it is looked at, ms


@kernel
def lacks_room(spec: Spec, jobs: Jobs, world: World, job: int, free: np.ndarray) -> bool:
    """Whether a committed site suits a job, but none that does has room among what is `free` (sites,).

    One that has room is taken by the job.
    """
    rules, is_suited = spec.rules[0], False
    for site in range(world.state[0].sites):
        if rules.kind[rules.provider[site]] == COMMITTED and suits(spec, jobs, world, job, site):
            is_suited = True
            need = footprint(spec, jobs[job].gang, site)
            if need <= free[site]:
                free[site] -= need
                return False
    return is_suited


@kernel
def overflow(spec: Spec, jobs: Jobs, world: World, free: np.ndarray) -> int:
    """Accelerators of jobs that run on burst, and would find no room at the committed sites that suit them.

    They try one after the other, by site and requested end; what one takes is not free for the next. `free` (sites,) is
    written on.
    """
    state, rules, row = world.state[0], spec.rules[0], world.keys[SCRATCH]
    for site in range(state.sites):
        free[site] = state.capacity[site] - state.occupied[site]
    total = 0
    for site in range(state.sites):
        if rules.kind[rules.provider[site]] != BURST:
            continue
        for index in range(timeline.keys_of(world, RELEASES + site, row)):
            item = world.live[row[index] & SLOT_MASK]
            if item.status == RUNNING and lacks_room(spec, jobs, world, item.job, free):
                total += item.accelerators
    return total


@direct
@entry(signature(None, *example(), np.zeros(1, np.int64)))
def fill_overflow(spec: Spec, jobs: Jobs, batch: World, out: np.ndarray) -> None:
    """`overflow` of each episode, (episodes,) int64."""
    free = np.zeros(MAX_SITES, np.int64)
    for episode in range(batch.state.shape[0]):
        out[episode] = overflow(by_reference(spec), jobs, by_reference(world_of(batch, episode)), free)


def overflowing(worlds: Worlds) -> np.ndarray:
    """`overflow` of each episode at its present time, (episodes,) int64."""
    out = np.zeros(len(worlds), np.int64)
    fill_overflow(worlds.spec, worlds.jobs, worlds.batch, out)
    return out
