"""The episodes that policies are compared on: which jobs arrive, what is scored, how old the contracts are.

Everything is named by the seed and the episode's number, so that every policy meets the same one. Numbers from
`FIRST_STREAM` on belong to evaluation; training draws from 0, tuning from 2,000,000.
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
from ...fastsim.spec import Jobs, Spec
from ...fastsim.units import DAY, HOUR, MINUTE, WEEK

FIRST_STREAM = 1_000_000
MOST_EPISODES = 1_000_000  # after them come the streams of tuning
AGES = 4  # episode e begins e % 4 quarters into the contract's period: all ages are met equally often
TAIL_DAYS = 7  # of arrivals after the window, so that its jobs meet the traffic that they would
PATIENCE = 90 * DAY  # after the last arrival, for jobs that a policy leaves where they cannot start


class Episode(NamedTuple):
    """One episode. Its cohort are the jobs that wait at the window's beginning or arrive in it."""

    jobs: Jobs
    edges: np.ndarray  # (blocks + 1,) int64 [ms]: the window's beginning, then the end of each block

    @property
    def deadline(self) -> int:
        """When the episode ends even if jobs of the cohort have not finished [ms]."""
        last = int(self.jobs.arrival[-1]) if len(self.jobs) else 0
        return max(last, int(self.edges[-1])) + PATIENCE


def specs_by_age(scenario: Scenario) -> list[Spec]:
    """The scenario compiled for each age of the contracts; they differ in `first_period` only."""
    period = int(scenario.compile().rules[0].period)
    return [scenario.compile(-(period * quarter // AGES // MINUTE) * MINUTE) for quarter in range(AGES)]


def synthetic(scenario: Scenario, seed: int, episode: int, load: float | None) -> tuple[Jobs, np.ndarray]:
    """Jobs and edges of an episode of drawn work: warm-up, a window that is one block, and a tail."""
    spans = scenario.episodes
    begin, end = spans.warm_up_days * DAY, (spans.warm_up_days + spans.evaluation_days) * DAY
    # Up to `longest_days` of arrivals the scenario has been proved free of overflow.
    days = min(spans.warm_up_days + spans.evaluation_days + TAIL_DAYS, spans.longest_days)
    exact = None if load is None else Decimal(str(load))
    jobs = generate(scenario, seed, FIRST_STREAM + episode, days, exact)
    return jobs, np.array([begin, end], np.int64)


def recorded(scenario: Scenario, trace: Trace, seed: int, episode: int, load: float | None) -> tuple[Jobs, np.ndarray]:
    """Jobs and edges of an episode that is the whole trace: a short warm-up, then blocks of a week.

    The last block takes what is left, between half a week and one and a half (all of a shorter trace). Raises
    InputError for a trace that is longer than the scenario, or so large that an integer could overflow.
    """
    jobs = to_jobs(trace, scenario, load, seed, FIRST_STREAM + episode)
    end = int(jobs.arrival[-1]) + 1
    _require_room(scenario, trace, jobs, end)
    begin = min(WEEK, end // 8)
    blocks = max(1, round((end - begin) / WEEK))
    return jobs, np.array([*(begin + WEEK * block for block in range(blocks)), end], np.int64)


def _require_room(scenario: Scenario, trace: Trace, jobs: Jobs, end: int) -> None:
    """Refuse a trace that reaches beyond the scenario, or beyond what 62 bits hold if everything always waited."""
    if end > scenario.span:
        reason = f"is longer than the {scenario.episodes.span_days} days of {scenario.name}"
        raise InputError("trace", "days", f"{end / DAY:.1f}", reason, f"take a part of {trace.source}")
    rates = scenario.compile().rules[0].delay_rate
    waiting = int(jobs.gang.sum(dtype=np.int64)) * (end + PATIENCE)
    if max(waiting, waiting // HOUR * int(rates.max())) >= LIMIT:
        reason = "could overflow if every job waited to the end"
        remedy = "take a shorter trace or a lower load"
        raise InputError("trace", "accelerators × milliseconds", waiting, reason, remedy)
