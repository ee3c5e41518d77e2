"""One offer of an episode under a policy: found, and stopped at before it is answered.

The episode is that of `tidegate simulate`: sites empty at time 0, the same jobs, supply and failures of the seed. So
jobs have the numbers that they have in its event log, and the policy answers as it does there.
"""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from ...envs.generator import generate
from ...envs.scenario import Scenario
from ...fastsim.advance import OFFERED
from ...fastsim.agent import Agent
from ...fastsim.errors import InputError
from ...fastsim.keyed import world_seed
from ...fastsim.log import CANCEL, EXPIRE, FINISH, KILL, OFFER, WRITE_OFF
from ...fastsim.spec import Jobs
from ...fastsim.state import OFFERS, SLOT_MASK
from ...fastsim.units import DAY
from ...fastsim.worlds import Worlds
from ..verbs.episode import STREAM

LOOK_DAYS = 60  # after its arrival, for an offer of a job: children of long pipelines wait for weeks
MOST_AHEAD_DAYS = 28  # that branches are played where nobody says how long
LEFT = (FINISH, CANCEL, KILL, EXPIRE, WRITE_OFF)  # kinds of the log with which a job leaves the world
Progress = Callable[[float], Any]  # takes the share that is over


class Found(NamedTuple):
    """An offer that waits for its answer."""

    scenario: Scenario
    agent: Agent
    seed: int
    worlds: Worlds  # one world, at the offer; its observation and its mask are filled
    job: int
    asked: int  # the action that the policy wants
    action: int  # the one that it gets: another where it wants what is illegal

    @property
    def now(self) -> int:
        """Time of the offer [ms]."""
        return int(self.worlds.state().now)

    @property
    def slot(self) -> int:
        """Where the job lives."""
        state = self.worlds.state()
        return int(self.worlds.batch.keys[0, OFFERS, state.offer]) & SLOT_MASK

    @property
    def item(self) -> Any:
        """The job as it lives: a record of state.LIVE."""
        return self.worlds.batch.live[0, self.slot]

    @property
    def work(self) -> Any:
        """The job as it was submitted: a record of spec.JOB."""
        return self.worlds.jobs[self.job]

    @property
    def mask(self) -> np.ndarray:
        """Legal actions, (actions,) bool."""
        return self.worlds.masks[0] == 1

    @property
    def actions(self) -> list[str]:
        """Names of all actions: the sites, then hold."""
        return [*(site.name for site in self.scenario.sites), "hold"]


def find(
    scenario: Scenario, agent: Agent, seed: int, job: int | None, attempt: int, hours: int | None, progress: Progress
) -> Found:
    """Play to offer number `attempt` of `job`; without a job to the first offer of any after the warm-up.

    Args:
        scenario: The world.
        agent: Who plays, and is asked.
        seed: Names the jobs, the supply and the failures.
        job: Its number in the event log of the seed.
        attempt: 1: its first offer.
        hours: That the world will be played on; there are arrivals for so long.
        progress: Takes the share that is over.

    Raises:
        InputError: an unknown job, one that is not offered (so often).
    """
    ahead = MOST_AHEAD_DAYS if hours is None else math.ceil(hours / 24)
    jobs = _jobs_until(scenario, seed, job, ahead + 2)
    worlds = Worlds(scenario.compile(seed=seed), jobs, 1)
    worlds.begin(0, seed=world_seed(seed, STREAM))
    if job is None:
        begin = scenario.episodes.warm_up_days * DAY
        _play(worlds, agent, begin, progress)
        end = min(begin + LOOK_DAYS * DAY, scenario.span)
        if not _step(worlds, agent, end, lambda item: item.attempts == 0):
            reason = f"none is offered within {LOOK_DAYS} days after the warm-up"
            raise InputError(scenario.name, "job", f"seed {seed}", reason, "choose another seed or a higher load")
    else:
        _play(worlds, agent, int(jobs.arrival[job]), progress)
        at = _time_of(worlds, agent, scenario, job, attempt)
        worlds.play(agent, at)
        if not _step(worlds, agent, at + 1, lambda item: item.job == job and item.attempts == attempt - 1):
            raise RuntimeError(f"job {job} was offered at {at} ms, and is not any more")
    return _asked(scenario, agent, seed, worlds)


def _jobs_until(scenario: Scenario, seed: int, job: int | None, ahead: int) -> Jobs:
    """The jobs of the seed, until some days after those in which the offer may come."""
    span = scenario.episodes.span_days
    beyond = LOOK_DAYS + ahead
    if job is None:
        return generate(scenario, seed, STREAM, min(span, scenario.episodes.warm_up_days + beyond))
    days = min(span, scenario.episodes.horizon_days)
    jobs = generate(scenario, seed, STREAM, days)
    while job >= len(jobs) and days < span:
        days = min(span, 2 * days)
        jobs = generate(scenario, seed, STREAM, days)
    if job >= len(jobs):
        reason = f"only {len(jobs):,} arrive in the {span} days that {scenario.name} spans under seed {seed}"
        raise InputError("explain", "job", job, reason, "use a number of the event log of `tidegate simulate`")
    return generate(scenario, seed, STREAM, min(span, int(jobs.arrival[job]) // DAY + beyond))


def _play(worlds: Worlds, agent: Agent, until: int, progress: Progress) -> None:
    """Play until `until` [ms], day by day for whoever watches."""
    for day in range(until // DAY):
        worlds.play(agent, day * DAY)
        progress(day * DAY / until)
    worlds.play(agent, until)


def _time_of(worlds: Worlds, agent: Agent, scenario: Scenario, job: int, attempt: int) -> int:
    """When [ms] a job that arrives next will be offered for the `attempt`th time; the world stays where it is."""
    scout = Worlds(worlds.spec, worlds.jobs, 1, log=True)
    scout.copy_from(worlds, np.zeros(1), np.zeros(1))
    begin, offers = int(worlds.state().now), 0
    end = min(begin + LOOK_DAYS * DAY, scenario.span)
    for until in range(begin + DAY, end + DAY, DAY):
        scout.play(agent, min(until, end))
        rows = scout.log()
        own = rows[(rows[:, 2] == job) & np.isin(rows[:, 1], (OFFER, *LEFT))]
        times = own[own[:, 1] == OFFER, 0]
        offers = len(times)
        if offers >= attempt:
            return int(times[attempt - 1])
        if len(own) > offers:
            break
    if offers == 0:
        reason = f"is not offered in {scenario.name} before it leaves, or within {LOOK_DAYS} days of its arrival"
        raise InputError("explain", "job", job, reason, "choose another")
    reason = f"job {job} is offered {offers} times before it leaves, or within {LOOK_DAYS} days of its arrival"
    raise InputError("explain", "attempt", attempt, reason, f"choose one up to {offers}")


def _step(worlds: Worlds, agent: Agent, until: int, is_it: Callable[[Any], bool]) -> bool:
    """Answer offers until one is of a job (a record of LIVE) for which `is_it`; whether there is one before `until`."""
    actions, ends = np.full(1, -1, np.int64), np.full(1, until, np.int64)
    while True:
        worlds.run(actions, agent, ends, 0, observes=True)
        actions[:] = -1
        if worlds.make_room():
            continue
        if worlds.status[0] != OFFERED:
            return False
        slot = int(worlds.batch.keys[0, OFFERS, worlds.state().offer]) & SLOT_MASK
        if is_it(worlds.batch.live[0, slot]):
            return True
        actions[:] = worlds.ask(agent)


def _asked(scenario: Scenario, agent: Agent, seed: int, worlds: Worlds) -> Found:
    """The offer at which the world stands, and the policy's answer."""
    asked = int(worlds.ask(agent)[0])
    found = Found(scenario, agent, seed, worlds, -1, asked, legal(worlds.masks[0] == 1, asked))
    return found._replace(job=int(found.item.job))


def legal(mask: np.ndarray, asked: int) -> int:
    """What is carried out where `asked` is wanted: the same, or where it is illegal hold, or the lowest legal site."""
    hold = len(mask) - 1
    if 0 <= asked <= hold and mask[asked]:
        return asked
    return hold if mask[hold] else int(np.argmax(mask))
