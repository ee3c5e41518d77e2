"""Futures of a snapshot: what it does not say, and what comes after it, drawn by the scenario's terms.

Drawn anew in each are how long the jobs that are here really run (lengths.py), what becomes of requests under way, what
arrives, and what fails, is granted and starts up. What is announced of capacities and prices happens as announced, and
nothing that is not. A future is named by the seed and its number, and is the same for every policy.
"""

import math
from typing import Any

import numpy as np

from ...envs.generator import generate
from ...envs.lengths import walltimes
from ...envs.present import Present, footprint_of
from ...envs.scenario import Scenario
from ...fastsim.errors import InputError
from ...fastsim.jit import from_python
from ...fastsim.keyed import CELLS, world_seed
from ...fastsim.needs import grant_chance
from ...fastsim.spec import Jobs
from ...fastsim.state import EMPTY, RUNNING, STARTING
from ...fastsim.units import DAY, HOUR
from ...fastsim.worlds import Worlds
from ..evaluation.cohort import Chunk
from ..evaluation.episodes import PIPELINE_TAIL_DAYS, TAIL_DAYS, Episode

FIRST_STREAM = 1 << 42  # of future 0; far from those of everything else
chance_of = from_python(grant_chance)


def future(present: Present, scenario: Scenario, seed: int, number: int, hours: int) -> Chunk:
    """Future `number`, in which the jobs of the next `hours` are scored, with those that wait now.

    Raises InputError where that reaches beyond the scenario's span.
    """
    now, worlds = int(present.now[0].now), begun(present, scenario, seed, number, hours)
    edges = np.array([now, now + hours * HOUR], np.int64)
    seed = int(worlds.state().seed)
    return Chunk.of(worlds, [Episode(worlds.jobs, edges, now, seed, 0, scenario.span)])


def begun(present: Present, scenario: Scenario, seed: int, number: int, hours: int) -> Worlds:
    """The world of future `number`, as it stands now, with the jobs that arrive within `hours` and some days more.

    Raises InputError where that reaches beyond the scenario's span.
    """
    stream = FIRST_STREAM + number
    present = present._replace(jobs=present.jobs.copy())
    here, placed = present.jobs, drawn(present, scenario, np.random.default_rng([seed, 0xF07E, number]))
    coming = arrivals(present, scenario, seed, stream, hours)
    count = len(present.jobs)
    here.walltime = np.maximum(1, placed.remaining + here.requested - placed.claim)
    jobs = np.concatenate([here, coming]).view(np.recarray)
    standing = present._replace(jobs=jobs, placed=placed, now=present.now.copy())
    standing.now[0].seed = world_seed(seed, stream)
    worlds = Worlds(present.spec, jobs, 1, slots=max(256, 2 * count))
    standing.put(worlds, 0)
    worlds.batch.state[0, 0].last_job = len(jobs)
    return worlds


def arrivals(present: Present, scenario: Scenario, seed: int, stream: int, hours: int) -> Jobs:
    """What arrives after now: for `hours`, and then for as long as in the tail of an episode.

    Submissions are a Poisson process, which has no memory. They are drawn from a while before now on, so that the rest
    of a batch whose jobs come one after the other is there, and serving is not begun anew: blocks that are here go on
    until their time, and those that come are the ones that follow on the blocks of such a while.
    """
    now, longest = int(present.now[0].now), max([DAY, *(service.longest for service in scenario.serving)])
    begin = max(0, (now - longest) // HOUR * HOUR)
    needed = math.ceil((now + hours * HOUR - begin) / DAY)
    possible = (scenario.span - begin) // DAY
    if needed > possible:
        reason = f"reach beyond day {scenario.episodes.span_days}, on which {scenario.name} ends"
        raise InputError("whatif", "hours", hours, reason, "ask for fewer, or give the scenario a longer span")
    tail = PIPELINE_TAIL_DAYS if scenario.pipelines else TAIL_DAYS
    jobs = generate(scenario, seed, stream, min(needed + tail, possible), start=begin)
    return jobs[jobs.arrival > now].view(np.recarray)


def drawn(present: Present, scenario: Scenario, rng: np.random.Generator) -> Any:
    """Where the jobs stand, with what is hidden of them drawn: ends of runs, and outcomes of requests."""
    placed, jobs, now = present.placed.copy(), present.jobs, int(present.now[0].now)
    rules = present.spec.rules[0]
    for number in np.flatnonzero(placed.status != EMPTY):
        row, work = placed[number], jobs[number]
        speed = int(rules.speed[row.site, work.cls]) if row.status == RUNNING else 1000
        if row.status == STARTING:
            row.is_granted, row.finish = _outcome(present, row, int(work.gang), now, rng)
        if work.until > 0:
            row.finish = work.until if row.status == RUNNING else row.finish
            continue
        saved = int(work.requested - row.claim)  # by checkpoints of earlier runs
        ran = max(0, now - int(row.begin)) * speed // 1000 if row.status == RUNNING else 0
        ends = walltimes(scenario, int(work.cls), int(work.requested), saved + ran, rng, 1)
        row.remaining = max(1, int(ends.walltime[0]) - saved)
        jobs[number].is_cancelled = ends.is_cancelled[0]
        if row.status == RUNNING:
            row.finish = max(now + 1, int(row.begin) + -(-int(row.remaining) * 1000 // speed))
            if rules.kill_overruns == 1:
                row.finish = max(now + 1, min(row.finish, row.requested_end))
    return placed


def _outcome(present: Present, row: Any, gang: int, now: int, rng: np.random.Generator) -> tuple[int, int]:
    """Whether a request that is under way is granted, and when that shows, given that it has not shown yet."""
    rules, site = present.spec.rules[0], int(row.site)
    chance = chance_of(present.spec, site, footprint_of(present.spec, gang, site)) / 1000
    lasted = now - int(row.start)
    table = present.spec.tables[rules.start_up[site]]
    later = float((table[:CELLS] > lasted).mean())  # of the start-ups
    denied = (1 - chance) * (int(rules.denial[site]) > lasted)
    if chance * later + denied <= 0:
        return 1, now + 1
    if rng.random() * (chance * later + denied) < denied:
        return 0, int(row.start) + int(rules.denial[site])
    left = table[:CELLS][table[:CELLS] > lasted]
    return 1, int(row.start) + int(left[rng.integers(len(left))])
