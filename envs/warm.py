"""Warm starts: running clusters to begin episodes from, copied out of long plays under one plain rule.

A *pool* holds a few drawn streams of jobs, shared by all episodes of a batch; a *bank* holds states of them at random
instants. A contract is as old as the instant says: its period and what has been drawn of it come with the state. So
do the failures and the variant of the supply that its stream has.
"""

from dataclasses import dataclass

import numpy as np

from ..fastsim.agent import Agent
from ..fastsim.keyed import world_seed
from ..fastsim.spec import Jobs, Spec
from ..fastsim.units import DAY
from ..fastsim.worlds import Worlds
from .generator import generate
from .scenario import Scenario


@dataclass(frozen=True)
class Pool:
    """Streams of jobs, one after the other in one table."""

    jobs: Jobs
    first: np.ndarray  # (streams + 1,) int64: stream s is jobs[first[s] : first[s + 1]]
    first_stream: int  # what the first of them is called
    days: int  # length of each stream


@dataclass(frozen=True)
class Bank:
    """States to begin from."""

    worlds: Worlds  # one episode a state
    begins: np.ndarray  # (states,) int64, ms
    ends: np.ndarray  # (states,) int64, ms: the horizon later


def draw_pool(scenario: Scenario, seed: int, first_stream: int, streams: int) -> Pool:
    """Streams first_stream … of `seed`.

    Long enough for a warm-up, a begin anywhere within a horizon, and a horizon from there.
    """
    days = scenario.episodes.warm_up_days + 2 * scenario.episodes.horizon_days
    drawn = [generate(scenario, seed, first_stream + stream, days) for stream in range(streams)]
    first = np.cumsum([0, *(len(jobs) for jobs in drawn)])
    return Pool(np.concatenate(drawn).view(np.recarray), first, first_stream, days)


def fill_bank(scenario: Scenario, spec: Spec, pool: Pool, rule: Agent, states: int, seed: int) -> Bank:
    """`states` states of the pool's streams under `rule`, at instants drawn uniformly from a horizon after the warm-up.

    Every stream is played once; a state is copied when its instant is reached.
    """
    streams = len(pool.first) - 1
    horizon = scenario.episodes.horizon_days * DAY
    rng = np.random.default_rng([seed, 0x57A7E])
    per_stream = -(-states // streams)
    begins = np.sort(scenario.episodes.warm_up_days * DAY + rng.integers(0, horizon, (per_stream, streams)), axis=0)
    running = Worlds(spec, pool.jobs, streams)
    for stream in range(streams):
        running.begin(
            stream,
            int(pool.first[stream]),
            int(pool.first[stream + 1]),
            seed=world_seed(seed, pool.first_stream + stream),
            variant=(pool.first_stream + stream) % len(spec.variants),
        )
    kept = Worlds(spec, pool.jobs, per_stream * streams)
    for row in range(per_stream):
        running.play(rule, begins[row])
        kept.copy_from(running, np.arange(streams), row * streams + np.arange(streams))
    flat = begins.ravel()
    return Bank(kept, flat, flat + horizon)
