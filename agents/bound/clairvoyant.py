"""Clairvoyant branches: who knows the true future tries every action in it, and then acts.

At offers of the largest jobs the episode as it really goes on is played to its end once for every legal action, under a
base policy from then on, and the action of the cheapest is taken; all other offers are the base policy's. So no episode
ever costs more than under the base policy. What this reaches can be reached with foresight, which a bound by a linear
program does not show; a real router has none.
"""

from typing import Any

import numpy as np

from ...fastsim.advance import OFFERED
from ...fastsim.agent import Agent
from ...fastsim.state import OFFERS, SLOT_MASK, UNPLACED
from ...fastsim.units import HOUR, WEEK
from ...fastsim.worlds import FOREVER, Worlds
from ..evaluation.cohort import Chunk
from ..evaluation.window import cost_of_jobs, cost_of_meters

LARGEST = 100  # jobs of a week whose offers are tried
AGAIN = 6 * HOUR  # since a waiting job was last tried, ms; sooner only if the base policy wants to move it
NEVER_TRIED = -(1 << 60)


class Clairvoyant:
    """Plays the worlds of one chunk under a base policy and better knowledge."""

    name, note = "clairvoyant", "clairvoyant knows the future"

    def __init__(self, chunk: Chunk, base: Agent, largest: int = LARGEST) -> None:
        self.chunk, self.base = chunk, base
        self.tried = 0  # offers so far
        self._is_large = large_jobs(chunk, largest)
        self._last = np.full(len(chunk.jobs), NEVER_TRIED)
        # What a cohort will have cost as things go [µ$], once known; by episode, and whether its window is open.
        self._ahead: dict[tuple[int, bool], int] = {}
        self._branches = Worlds(chunk.spec, chunk.jobs, int(chunk.spec.rules[0].sites) + 1, results=chunk.room)
        everywhere = np.arange(len(self._branches))
        self._branches.copy_from(chunk.begun, np.zeros_like(everywhere), everywhere)

    def play(self, worlds: Worlds, until: int | np.ndarray) -> np.ndarray:
        """Play every episode until `until` [ms], as Worlds.play does."""
        ends = np.full(len(worlds), until, np.int64) if np.isscalar(until) else np.asarray(until, np.int64)
        actions, live = np.full(len(worlds), -1, np.int64), np.arange(len(worlds))
        while len(live):
            worlds.run(actions, self.base, ends, 0, observes=self.base.observes, episodes=live)
            actions[live] = -1
            if worlds.make_room():
                continue
            live = live[worlds.status[live] == OFFERED]
            if len(live):
                self._answer(worlds, live, actions)
        return worlds.status

    def _answer(self, worlds: Worlds, live: np.ndarray, actions: np.ndarray) -> None:
        """Fill the `actions` of the episodes `live`, each of which makes an offer."""
        batch, state = worlds.batch, worlds.batch.state[:, 0]
        slot = batch.keys[live, OFFERS, state.offer[live]] & SLOT_MASK
        item = batch.live[live, slot]
        wanted = worlds.ask(self.base)
        actions[live] = wanted[live]
        is_news = (item.site == UNPLACED) | (wanted[live] != item.site)
        is_due = is_news | (state.now[live] - self._last[item.job] >= AGAIN)
        is_choice = worlds.masks[live].sum(axis=1) > 1
        index = item.job - state.first_result[live]
        is_scored = (index >= 0) & (index < state.asked_results[live])
        for place in np.flatnonzero(self._is_large[item.job] & is_due & is_choice & is_scored):
            episode, job = int(live[place]), int(item.job[place])
            self._last[job] = state.now[episode]
            actions[episode] = self._best(worlds, episode, int(wanted[episode]))
            self.tried += 1

    def _best(self, worlds: Worlds, episode: int, wanted: int) -> int:
        """The action whose future costs least; what the base policy wants, where that costs no more.

        Its future is the one that the last choice has led to, as far as the base policy wants what is legal.
        """
        choices = np.flatnonzero(worlds.masks[episode])
        here = episode, bool(worlds.batch.state.now[episode, 0] < self.chunk.episodes[episode].edges[-1])
        is_known = here in self._ahead and wanted in choices
        tried = choices[choices != wanted] if is_known else choices
        costs = dict(zip(tried.tolist(), self._futures(worlds, episode, tried).tolist(), strict=True))
        if is_known:
            costs[wanted] = self._ahead[here]
        best = min(costs, key=lambda action: (costs[action], action != wanted))
        self._ahead[here] = costs[best]
        return best

    def _futures(self, worlds: Worlds, episode: int, choices: np.ndarray) -> np.ndarray:
        """What the cohort of an episode will have cost [µ$] after each of some actions, (choices,) int64.

        Without what meters count once the window is over: it is nobody's then.
        """
        branches, rows, one = self._branches, np.arange(len(choices)), self.chunk.episodes[episode]
        branches.copy_from(worlds, np.full(len(choices), episode), rows)
        branches.batch.results[rows] = worlds.batch.results[episode]
        branches.masks[rows] = worlds.masks[episode]
        actions = np.full(len(branches), -1, np.int64)
        actions[rows] = choices
        begun, ends = worlds.batch.state[episode, 0].copy(), int(one.edges[-1])
        is_open = int(begun.now) < ends
        metered = [0] * len(rows)
        if is_open:  # in the window one result more is open
            self._run(rows, actions, ends)
            actions[rows] = -1
            metered = [cost_of_meters(branches, row, self.chunk.cohorts[episode]) for row in rows.tolist()]
        branches.batch.state.open_results[rows] -= is_open
        self._run(rows, actions, one.deadline)
        return np.array(metered) + [cost_of_jobs(branches, row, self.chunk.cohorts[episode]) for row in rows.tolist()]

    def _run(self, rows: np.ndarray, actions: np.ndarray, until: int) -> None:
        """Answer with `actions`, then play under the base policy until `until` [ms]."""
        branches, answers = self._branches, actions.copy()
        ends = np.full(len(branches), until, np.int64)
        branches.status[:] = OFFERED
        branches.run(answers, self.base, ends, FOREVER, episodes=rows)
        answers[:] = -1
        while branches.make_room():
            branches.run(answers, self.base, ends, FOREVER, episodes=rows)


def large_jobs(chunk: Chunk, largest: int) -> np.ndarray:
    """Which jobs of the chunk are tried, (jobs,) bool: about the `largest` ones of each week of a cohort."""
    jobs: Any = chunk.jobs
    size = jobs.gang * jobs.requested * (jobs.until == 0)
    chosen = np.zeros(len(jobs), bool)
    for episode, cohort in zip(chunk.episodes, chunk.cohorts, strict=True):
        own = cohort.first + np.flatnonzero(cohort.is_scored)
        count = round(largest * float(episode.edges[-1] - episode.edges[0]) / WEEK)
        chosen[own[np.argsort(-size[own], kind="stable")[:count]]] = True
    return chosen
