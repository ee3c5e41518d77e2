"""Labels: what every legal action of some offers comes to, from the same state and with the same future.

The worlds are played by `fastsim/branches.py`, on all threads; what comes out does not depend on how many there are.
"""

import queue
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ...envs.routing import RoutingBatch
from ...fastsim.advance import OFFERED, REACHED, SETTLED
from ...fastsim.agent import Agent
from ...fastsim.branches import (
    DECISIONS,
    MARKS,
    MERGED,
    SIBLINGS,
    Bench,
    Labels,
    Reach,
    empty_bench,
    empty_labels,
    label,
)
from ...fastsim.keyed import world_seed
from ...fastsim.state import World, allocate
from ...fastsim.threads import end_if_stopped, spread, threads
from ...fastsim.units import HOUR
from ...fastsim.worlds import most_known
from .settings import Settings

MICRO = 1e6  # µ$ in a dollar


@dataclass(frozen=True)
class LabelSet:
    """Some sampled offers, a row each, and what their alternatives came to."""

    observations: np.ndarray  # (rows, size) float32
    masks: np.ndarray  # (rows, actions) bool
    costs: np.ndarray  # (rows, actions) float64, $ from the offer to the branch's end; NaN where illegal
    actions: np.ndarray  # (rows,) int64, what the behaviour took
    weights: np.ndarray  # (rows,) float64, 1 / chance of having been sampled
    merged: np.ndarray  # (rows, actions) bool, whether the branch ended as the taken action's
    ends: np.ndarray  # (rows, actions, size) float32, what is seen at a branch's end; no actions without a tail
    tails: np.ndarray  # (rows,) float64, $ of the tail after the taken action's branch; NaN without one
    decisions: int  # played for it, in episodes and branches
    siblings: int  # branches played
    early: int  # those of them that ended early

    def __len__(self) -> int:
        return len(self.weights)


def mean_stake(batch: RoutingBatch) -> float:
    """Gang × requested work of a job, the mean of all, accelerator-hours."""
    jobs = batch.worlds.jobs
    return float(np.mean(jobs.gang.astype(np.float64) * jobs.requested)) / HOUR


def reach_of(batch: RoutingBatch, settings: Settings, number: int) -> Reach:
    """Which offers set `number` samples, and how far its branches reach."""
    is_blend = settings.advantages == "blend"
    return Reach(
        int(world_seed(settings.seed, number)),
        settings.label_spacing * mean_stake(batch),
        settings.label_chance,
        (settings.blend_hours if is_blend else settings.branch_hours) * HOUR,
        settings.blend_stretch if is_blend else settings.branch_stretch,
        settings.value_hours * HOUR if is_blend else 0.0,
    )


class Branches:
    """Plays the episodes of a batch on, from label to label."""

    def __init__(self, batch: RoutingBatch, marks: int = MARKS) -> None:
        """`marks`: how often branches are compared; 1: at their end only."""
        self.batch, self.marks = batch, marks

    def gather(
        self, behaviour: Agent, follow: Agent, reach: Reach, count: int, go_on: Callable[[], bool] = lambda: True
    ) -> LabelSet | None:
        """At least `count` labels, or None as soon as `go_on` says no.

        `behaviour` plays the episodes, `follow` the branches; an episode that is over begins anew. Raises InputError
        where more waits than a world can hold.
        """
        kept: list[tuple[np.ndarray, ...]] = []
        counts, found = np.zeros(3, np.int64), 0
        while found < count:
            labels, played = self._round(behaviour, follow, reach, self.batch.ends)
            rows = labels.weights > 0
            mask = labels.masks[rows].view(np.bool_)
            kept.append(
                (
                    labels.observations[rows],
                    mask,
                    labels.costs[rows] / MICRO,
                    labels.actions[rows],
                    labels.weights[rows],
                    labels.merged[rows].view(np.bool_),
                    labels.ends[rows],
                    labels.tails[rows] / MICRO,
                )
            )
            counts += played
            found += int(rows.sum())
            self.batch.begin_anew(np.flatnonzero(labels.status == REACHED))
            if not go_on():
                return None
        columns = (np.concatenate(column) for column in zip(*kept, strict=True))
        return LabelSet(
            *columns, decisions=int(counts[DECISIONS]), siblings=int(counts[SIBLINGS]), early=int(counts[MERGED])
        )

    def meet(self, agent: Agent, seed: int, always: float, least: float, hours: float) -> Labels:
        """At most one sampled offer of each episode in the next so many hours; what is over begins anew.

        `seed`, `always`, `least`: as in Reach. Branches have no length, so that the labels' costs say nothing.
        """
        until = self.batch.worlds.batch.state.now[:, 0] + round(hours * HOUR)
        reach = Reach(seed, always, least, base=0.0, stretch=0.0, tail=0.0)
        labels, _ = self._round(agent, agent, reach, np.minimum(until, self.batch.ends))
        is_over = self.batch.worlds.batch.state.now[:, 0] >= self.batch.ends
        self.batch.begin_anew(np.flatnonzero(is_over & (labels.status == REACHED)))
        return labels

    def _round(self, behaviour: Agent, follow: Agent, reach: Reach, ends: np.ndarray) -> tuple[Labels, np.ndarray]:
        """At most one label of each episode, and the kernel's counts; makes room where a world runs out of it."""
        worlds, layout = self.batch.worlds, self.batch.layout
        labels = empty_labels(len(self.batch), layout.actions, layout.size, tails=reach.tail > 0)
        rows = threads()
        bench = empty_bench(rows, layout.actions, layout.size, max(behaviour.scratch, follow.scratch, 1), self.marks)
        left = np.arange(len(self.batch))
        while len(left):
            self._play(left, ends, behaviour, follow, reach, self._branches(rows), bench, labels)
            is_stuck = labels.status > SETTLED
            worlds.status[:] = np.where(is_stuck, labels.status, OFFERED)
            worlds.make_room()
            left = np.flatnonzero(is_stuck)
            labels.status[left] = OFFERED
        return labels, bench.counts.sum(0)

    def _branches(self, rows: int) -> World:
        """Worlds to branch into, one a thread, with the room that the episodes have."""
        spec, slots = self.batch.worlds.spec, self.batch.worlds.batch.keys.shape[2]
        return allocate(episodes=rows, slots=slots, sites=int(spec.rules[0].sites), known=most_known(spec))

    def _play(
        self,
        episodes: np.ndarray,
        ends: np.ndarray,
        behaviour: Agent,
        follow: Agent,
        reach: Reach,
        branches: World,
        bench: Bench,
        labels: Labels,
    ) -> None:
        """One call of the kernel for each part of the episodes, on whichever row is free."""
        worlds, observes = self.batch.worlds, behaviour.observes or follow.observes
        free: queue.SimpleQueue[int] = queue.SimpleQueue()
        for row in range(len(bench.masks)):
            free.put(row)

        def work(first: int, last: int) -> None:
            end_if_stopped()
            row = free.get()
            try:
                label(
                    worlds.spec,
                    worlds.jobs,
                    worlds.batch,
                    episodes[first:last],
                    ends,
                    self.batch.limits,
                    behaviour.choose,
                    behaviour.knobs,
                    follow.choose,
                    follow.knobs,
                    observes,
                    reach,
                    branches,
                    row,
                    bench,
                    labels,
                )
            finally:
                free.put(row)

        spread(work, len(episodes), 1)
