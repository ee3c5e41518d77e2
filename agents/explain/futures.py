"""Other futures of one state: what arrives, fails, is granted and starts up after now, drawn anew.

Nothing that has happened changes, and nothing that is announced. Of what comes, three things stay as they truly are,
since they cannot be drawn anew without a past that would have led to them: how long jobs that are here really run and
what becomes of requests under way; serving, whose blocks go on from those that run; and the schedules of the supply.
"""

import math

import numpy as np

from ...envs.generator import generate
from ...fastsim.failures import gap, note_next
from ...fastsim.jit import by_reference, entry
from ...fastsim.keyed import world_seed
from ...fastsim.spec import NO, Jobs, Spec
from ...fastsim.state import World, world_of
from ...fastsim.units import DAY
from ...fastsim.worlds import Worlds
from .offer import Found

STREAM = 1 << 41  # of the first other future; far from those of everything else
LONGEST_BATCH = DAY  # of jobs that are submitted one after the other, ms
TRIES = 10_000  # of a failure that must not have been yet
VARIED = "arrivals (but serving), failures, grants and start-ups after now"


@entry()
def redraw(spec: Spec, batch: World, episode: int, seed: int, tries: int) -> None:
    """From now on the world of an episode is that of another `seed`.

    A site's next failure is drawn again until it is one that has not been yet: the gap since the last one, given that
    it is longer than what has passed. After that many `tries` it stays.
    """
    terms, world = by_reference(spec), by_reference(world_of(batch, episode))
    state = world.state[0]
    before = state.seed
    for site in range(state.sites):
        if terms.rules[0].failure[site] != NO:
            state.seed = before
            last = state.failure_at[site] - gap(terms, world, site)
            for number in range(tries):
                state.seed = seed + number
                at = last + gap(terms, world, site)
                if at > state.now:
                    state.failure_at[site] = at
                    break
    state.seed = seed
    note_next(world)


def other_jobs(found: Found, number: int, until: int) -> Jobs:
    """The jobs that have arrived, with their numbers, and behind them others that arrive until `until` [ms].

    Submissions are a Poisson process, which has no memory: those of another stream may follow on any past. They are
    drawn from a while before now on, so that the rest of a batch whose jobs come one after the other is there, too.
    """
    arrived = int(found.worlds.state().next_job)
    here, begin = found.worlds.jobs, max(0, found.now + 1 - LONGEST_BATCH)
    days = math.ceil((until - begin) / DAY)
    drawn = generate(found.scenario, found.seed, STREAM + number, days, start=begin)
    is_coming = (drawn.until == 0) & (drawn.arrival > found.now)
    serving = here[arrived:][here[arrived:].until > 0]
    coming = np.concatenate([drawn[is_coming], serving])
    coming = coming[np.argsort(coming["arrival"], kind="stable")]
    return np.concatenate([here[:arrived], coming]).view(np.recarray)


def other_worlds(found: Found, number: int, until: int, copies: int) -> Worlds:
    """Some copies of the state at an offer, all with the same other future: number 0, 1, 2 …."""
    jobs = other_jobs(found, number, until)
    worlds = true_worlds(found, copies, jobs)
    for copy in range(copies):
        worlds.batch.state[copy, 0].last_job = len(jobs)
        # The rest of 62 bits is room for the tries.
        redraw(worlds.spec, worlds.batch, copy, world_seed(found.seed, STREAM + number) >> 1, TRIES)
    return worlds


def true_worlds(found: Found, copies: int, jobs: Jobs | None = None) -> Worlds:
    """Some copies of the state at an offer, with the future that the seed has for it."""
    worlds = Worlds(found.worlds.spec, found.worlds.jobs if jobs is None else jobs, copies, results=1)
    worlds.copy_from(found.worlds, np.zeros(copies), np.arange(copies))
    worlds.masks[:] = found.worlds.masks
    return worlds
