"""A chunk of episodes, warmed up once and then played to the end of their cohorts under each agent.

All agents begin from copies of the same states. Jobs that wait then, and those that arrive until the window's end, are
the cohort; play goes on, with arrivals, until each of them has finished.
"""

from typing import Any, NamedTuple

import numpy as np

from ...fastsim.advance import SETTLED, begin_one
from ...fastsim.agent import Agent
from ...fastsim.jit import entry
from ...fastsim.ledger import drawn, fees, floor_so_far, overage_cost
from ...fastsim.placing import price_paid
from ...fastsim.spec import COMMITTED, Spec
from ...fastsim.state import HELD, QUEUES, RELEASES, SLOT_MASK, World, world_of
from ...fastsim.worlds import Worlds
from ..rules import cost_greedy
from .episodes import Episode
from .scoring import ACCOUNTS, COUNTERS, Outcomes, score


class Cohort(NamedTuple):
    """The scored jobs of an episode, among the jobs `first` … of the chunk; arrays of shape (jobs,)."""

    first: int  # the oldest waiting job, or the next arrival
    is_scored: np.ndarray  # bool; not those that have started or finished before the window
    waited: np.ndarray  # int64 ms, before the window
    spent: np.ndarray  # int64 µ$, before the window
    block: np.ndarray  # int64
    gone: int  # how many have left the world before the window


class Played(NamedTuple):
    """One episode under one agent."""

    rows: Any  # (blocks,) SCORE
    waited: np.ndarray  # (jobs,) int64 ms, of jobs that were not written off
    cls: np.ndarray  # (jobs,) int64


@entry()
def read_accounts(spec: Spec, batch: World, out: np.ndarray) -> None:
    """Fill `out` (episodes, 3) with floors, overage and used commitment so far, posted and accrued, µ$."""
    for episode in range(batch.state.shape[0]):
        world = world_of(batch, episode)
        out[episode, 0] = fees(spec, world)
        out[episode, 1] = overage_cost(spec, world)
        used = 0
        for provider in range(spec.rules[0].providers):
            if spec.rules[0].kind[provider] == COMMITTED:
                used += world.state[0].used[provider]
                used += min(drawn(spec, world, provider), floor_so_far(spec, world, provider))
        out[episode, 2] = used


@entry()
def spent_so_far(spec: Spec, batch: World, episode: int, slot: int) -> int:
    """Burst cost [µ$] of a job in the world, its present run included."""
    world = world_of(batch, episode)
    total = world.live[slot].spent
    if world.live[slot].start >= 0:
        total += price_paid(spec, world, slot, world.state[0].now)
    return total


class Chunk:
    """Some episodes, their states at the beginning of their windows, and their cohorts."""

    def __init__(self, specs: list[Spec], ages: list[int], episodes: list[Episode]) -> None:
        """`ages` says which of `specs` each episode begins under. Raises InputError where a world outgrows its room."""
        self.spec = specs[0]
        self.episodes = episodes
        self.last = np.cumsum([len(episode.jobs) for episode in episodes])  # of each in the common table of jobs
        self.jobs = np.concatenate([episode.jobs for episode in episodes]).view(np.recarray)
        self.begun = Worlds(self.spec, self.jobs, len(episodes))
        for index, age in enumerate(ages):
            first = int(self.last[index]) - len(episodes[index].jobs)
            # Where a period begins is state; nothing but the beginning reads it from the spec.
            begin_one(specs[age], self.jobs, self.begun.batch, index, first, int(self.last[index]), 0)
        self.begun.play(cost_greedy.agent(), np.array([episode.edges[0] for episode in episodes]))
        self.cohorts = [self._cohort(index) for index in range(len(episodes))]
        self.room = max(1, *(len(cohort.is_scored) for cohort in self.cohorts))

    def play(self, agent: Agent) -> list[Played]:
        """Every episode under `agent`."""
        worlds = Worlds(self.spec, self.jobs, len(self.episodes), results=self.room)
        numbers = np.arange(len(self.episodes))
        worlds.copy_from(self.begun, numbers, numbers)
        for index, cohort in enumerate(self.cohorts):
            worlds.ask_results(index, cohort.first, len(cohort.is_scored))
        # One more keeps a world going to the window's end even when its last job has finished.
        worlds.batch.state.open_results[:, 0] += 1 - np.array([cohort.gone for cohort in self.cohorts])
        readings = self._through_the_window(worlds, agent)
        worlds.batch.state.open_results[:, 0] -= 1
        worlds.play(agent, np.array([episode.deadline for episode in self.episodes]))
        return [self._scored(worlds, index, readings[:, index]) for index in range(len(self.episodes))]

    def _through_the_window(self, worlds: Worlds, agent: Agent) -> np.ndarray:
        """Play block by block; meters and counters at the edges, (edges, episodes, columns) int64.

        An episode with fewer blocks than others stays at its window's end.
        """
        blocks = max(len(episode.edges) for episode in self.episodes) - 1
        readings = [read(worlds)]
        for block in range(1, blocks + 1):
            until = [episode.edges[min(block, len(episode.edges) - 1)] for episode in self.episodes]
            worlds.play(agent, np.array(until))
            readings.append(read(worlds))
        return np.stack(readings)

    def _cohort(self, index: int) -> Cohort:
        """Who is scored in an episode that has reached its window."""
        edges = self.episodes[index].edges
        state, live = self.begun.state(index), self.begun.batch.live[index]
        waiting, running = live[waiting_slots(self.begun, index)], live[running_slots(self.begun, index)]
        upcoming = int(state.next_job)
        first = min([upcoming, *waiting.job.tolist()])
        end = int(self.last[index]) - len(self.episodes[index].jobs)
        end += int(np.searchsorted(self.episodes[index].jobs.arrival, edges[-1]))
        is_scored = np.arange(first, end) >= upcoming
        waited, spent = np.zeros(end - first, np.int64), np.zeros(end - first, np.int64)
        is_scored[waiting.job - first] = True
        waited[waiting.job - first] = waiting.waited + edges[0] - waiting.ready
        spent[waiting.job - first] = waiting.spent
        block = np.maximum(np.searchsorted(edges, self.jobs.arrival[first:end], side="right") - 1, 0)
        present = len(waiting) + int((running.job >= first).sum())
        return Cohort(first, is_scored, waited, spent, block, upcoming - first - present)

    def _scored(self, worlds: Worlds, index: int, readings: np.ndarray) -> Played:
        """What an episode that has been played to its end cost."""
        outcomes = self._outcomes(worlds, index)
        edges = self.episodes[index].edges
        blocks = len(edges) - 1
        rows = score(self.spec, outcomes, blocks)
        rows.length = np.diff(edges)
        growth = np.diff(readings[: blocks + 1], axis=0)
        for column, name in enumerate((*ACCOUNTS, *COUNTERS)):
            rows[name] = growth[:, column]
        sites = rows.busy.shape[1]
        rows.busy, rows.supply = growth[:, -2 * sites : -sites], growth[:, -sites:]
        waits = outcomes.written_off == 0
        return Played(rows, outcomes.waited[waits], outcomes.cls[waits])

    def _outcomes(self, worlds: Worlds, index: int) -> Outcomes:
        """What became of the scored jobs of an episode."""
        cohort = self.cohorts[index]
        results = worlds.batch.results[index, : len(cohort.is_scored)]
        unfinished = np.zeros(len(results), bool)
        if worlds.status[index] != SETTLED:
            unfinished = self._close(worlds, index, results)
        chosen = cohort.is_scored
        jobs: Any = self.jobs[cohort.first : cohort.first + len(chosen)][chosen]
        results = results[chosen]
        return Outcomes(
            block=cohort.block[chosen],
            cls=jobs.cls.astype(np.int64),
            gang=jobs.gang.astype(np.int64),
            waited=results.waited - cohort.waited[chosen],
            spent=results.spent - cohort.spent[chosen],
            site=results.site,
            ran=np.where(results.start >= 0, results.finish - results.start, 0),
            written_off=results.written_off,
            is_unfinished=unfinished[chosen],
        )

    def _close(self, worlds: Worlds, index: int, results: Any) -> np.ndarray:
        """Charge jobs that have not finished with what they cost so far; says which they are."""
        unfinished = np.zeros(len(results), bool)
        now, first = int(worlds.state(index).now), self.cohorts[index].first
        for slot in (*waiting_slots(worlds, index).tolist(), *running_slots(worlds, index).tolist()):
            item = worlds.batch.live[index, slot]
            if not 0 <= item.job - first < len(results):
                continue
            result = results[item.job - first]
            result.spent = spent_so_far(self.spec, worlds.batch, index, slot)
            if item.start < 0:
                result.waited, result.site = item.waited + now - item.ready, -1
            unfinished[item.job - first] = True
        return unfinished


def read(worlds: Worlds) -> np.ndarray:
    """Accounts, counters, use and delivered capacity so far, (episodes, columns) int64."""
    state = worlds.batch.state[:, 0]
    accounts = np.zeros((len(worlds), len(ACCOUNTS)), np.int64)
    read_accounts(worlds.spec, worlds.batch, accounts)
    counters = np.stack([state[name] for name in COUNTERS], axis=1)
    busy = state.occupied * state.now[:, None] + state.busy_offset
    supply = state.capacity * state.now[:, None] + state.supply_offset
    return np.concatenate([accounts, counters, busy, supply], axis=1)


def waiting_slots(worlds: Worlds, episode: int) -> np.ndarray:
    """Slots of held and queued jobs, between instants."""
    state, keys = worlds.state(episode), worlds.batch.keys[episode]
    rows = [keys[HELD, : state.held], *(keys[QUEUES + site, : state.queued[site]] for site in range(state.sites))]
    return np.concatenate(rows) & SLOT_MASK


def running_slots(worlds: Worlds, episode: int) -> np.ndarray:
    """Slots of running jobs."""
    state, keys = worlds.state(episode), worlds.batch.keys[episode]
    return np.concatenate([keys[RELEASES + site, : state.running[site]] for site in range(state.sites)]) & SLOT_MASK
