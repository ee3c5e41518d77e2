"""The episodes that policies are compared on: which jobs arrive and when, what is scored, how supply turns out.

Everything is named by the seed and the episode's number, so that every policy meets the same one. `EVALUATION` says
what belongs to evaluation; training draws from stream 0 on, and shows on `VALIDATION` how it gets on; rules are tuned
on `TUNING` and chosen on `CHOICE`; which policy a scenario gets is found on `RACE` and `CONFIRMATION`.
"""

from decimal import Decimal
from typing import NamedTuple

import numpy as np

from ...envs.bounds import LIMIT
from ...envs.generator import generate
from ...envs.scenario import Scenario
from ...envs.traces.load import to_jobs
from ...envs.traces.table import Trace
from ...fastsim.errors import InputError
from ...fastsim.keyed import world_seed
from ...fastsim.spec import Jobs, Spec
from ...fastsim.units import DAY, HOUR, NEVER, WEEK

FIRST_STREAM = 1_000_000
MOST_EPISODES = 1_000_000  # after them come the streams of tuning
VARIANTS = 16  # of the supply, where it is drawn
TAIL_DAYS = 7  # of arrivals after the window, so that its jobs meet the traffic that they would
PIPELINE_TAIL_DAYS = 14  # where pipelines take longer
SETTLING_DAYS = 28  # of the scenario's span that are left after the last arrival
PATIENCE = 90 * DAY  # after the last arrival, for jobs that a policy leaves where they cannot start
GOLDEN = 2_654_435_769  # 2^32 / the golden ratio: multiples of it, modulo 2^32, lie evenly however many there are


class Draws(NamedTuple):
    """Names of what a set of episodes draws; no two sets share one but where it says so."""

    first_stream: int  # of jobs and worlds: that of episode 0
    supply: int  # of the variants of the supply, drawn once for all episodes
    begins: int  # of the point from which begins go on, drawn once for all episodes


EVALUATION = Draws(FIRST_STREAM, 3_000_000, 3_000_001)
TUNING = Draws(2_000_000, 3_000_002, 3_000_003)
CHOICE = TUNING._replace(supply=3_000_004)  # goes on where the episodes of tuning end, with other variants
VALIDATION = Draws(4_000_000, 3_000_006, 3_000_007)
RACE = Draws(5_000_000, 3_000_008, 3_000_009)
CONFIRMATION = Draws(6_000_000, 3_000_010, 3_000_011)


class Episode(NamedTuple):
    """What is played from one begin: an episode of drawn work, or several in a row (a stretch), or a trace.

    outcomes.py says who of its jobs are scored.
    """

    jobs: Jobs
    edges: np.ndarray  # (blocks + 1,) int64 [ms]: the window's beginning, then the end of each block
    begin: int = 0  # of the warm-up, from an empty world, ms
    seed: int = 0  # of the world's failures, grants and start-ups
    variant: int = 0  # of the supply
    end: int = NEVER  # of the scenario, ms

    @property
    def deadline(self) -> int:
        """When the episode ends even if jobs of the cohort have not finished [ms]."""
        last = int(self.jobs.arrival[-1]) if len(self.jobs) else 0
        return max(int(self.edges[-1]), min(max(last, int(self.edges[-1])) + PATIENCE, self.end))


def compiled(scenario: Scenario, seed: int, draws: Draws = EVALUATION) -> Spec:
    """The scenario with the variants of its supply that these episodes meet; no training under any seed draws them."""
    return scenario.compile(variants=VARIANTS, seed=world_seed(seed, draws.supply))


def begin_of(seed: int, episode: int, room: int, draws: Draws = EVALUATION) -> int:
    """In which of `room` + 1 places an episode begins: from a point that the seed draws, in golden steps."""
    point = (world_seed(seed, draws.begins) + episode * GOLDEN) % (1 << 32)
    return point * (max(0, room) + 1) >> 32


def synthetic(
    scenario: Scenario,
    spec: Spec,
    seed: int,
    number: int,
    load: float | None,
    draws: Draws = EVALUATION,
    windows: int | None = None,
) -> Episode:
    """Stretch `number` of drawn work: warm-up, windows of which each is a block, and a tail; it begins on any day.

    `spec` is the scenario compiled with the same `draws`. With fewer `windows` than the scenario says, only the first
    are scored; jobs and world are the same.
    """
    spans = scenario.episodes
    tail = PIPELINE_TAIL_DAYS if scenario.pipelines else TAIL_DAYS
    days = min(spans.warm_up_days + spans.evaluation_windows * spans.evaluation_days + tail, spans.span_days)
    begin = begin_of(seed, number, spans.span_days - days - SETTLING_DAYS, draws) * DAY
    exact = None if load is None else Decimal(str(load))
    jobs = generate(scenario, seed, draws.first_stream + number, days, exact, start=begin)
    first, length = begin + spans.warm_up_days * DAY, spans.evaluation_days * DAY
    edges = [first + length * window for window in range((windows or spans.evaluation_windows) + 1)]
    return _named(scenario, spec, seed, number, jobs, edges, begin, draws)


def recorded(
    scenario: Scenario,
    spec: Spec,
    trace: Trace,
    seed: int,
    episode: int,
    load: float | None,
    draws: Draws = EVALUATION,
) -> Episode:
    """An episode that is the whole trace: a short warm-up, then blocks of a week; it begins in any week.

    The last block takes what is left, between half a week and one and a half (all of a shorter trace). Raises
    InputError for a trace that is longer than the scenario, or so large that an integer could overflow.
    """
    jobs = to_jobs(trace, scenario, load, seed, draws.first_stream + episode)
    length = int(jobs.arrival[-1]) + 1
    _require_room(scenario, spec, trace, jobs, length)
    begin = begin_of(seed, episode, (scenario.span - length - SETTLING_DAYS * DAY) // WEEK, draws) * WEEK
    jobs.arrival += begin
    warm_up = min(WEEK, length // 8)
    blocks = max(1, round((length - warm_up) / WEEK))
    edges = [*(begin + warm_up + WEEK * block for block in range(blocks)), begin + length]
    return _named(scenario, spec, seed, episode, jobs, edges, begin, draws)


def _named(
    scenario: Scenario,
    spec: Spec,
    seed: int,
    episode: int,
    jobs: Jobs,
    edges: list[int],
    begin: int,
    draws: Draws,
) -> Episode:
    """The episode, with the world that belongs to its number."""
    return Episode(
        jobs=jobs,
        edges=np.array(edges, np.int64),
        begin=begin,
        seed=world_seed(seed, draws.first_stream + episode),
        variant=episode % len(spec.variants),
        end=scenario.span,
    )


def _require_room(scenario: Scenario, spec: Spec, trace: Trace, jobs: Jobs, length: int) -> None:
    """Refuse a trace that reaches beyond the scenario, or beyond what 62 bits hold if as much as may waited."""
    if length > scenario.span:
        reason = f"is longer than the {scenario.episodes.span_days} days of {scenario.name}"
        raise InputError("trace", "days", f"{length / DAY:.1f}", reason, f"take a part of {trace.source}")
    rules = spec.rules[0]
    longest = int(jobs.requested.max()) * 1000 // int(rules.speed[rules.speed > 0].min())
    queued = 2 * int(rules.most_present) * longest  # set-up and rounded-up gangs are the other half
    dearest = int(max([*rules.first_price, *spec.price_steps.price]))
    if max(queued, queued // HOUR * dearest) >= LIMIT:
        reason = "could overflow if as much waited as may"
        remedy = "take a trace without jobs that request so long, or a scenario of a shorter span"
        raise InputError("trace", "hours requested by one job", f"{longest / HOUR:,.0f}", reason, remedy)
