"""Python's handle on a batch of episodes: begin, play, copy, read.

It validates nothing that a scenario has validated.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from . import log as event_log
from .advance import (
    CROWDED,
    LOG_IS_FULL,
    LOG_ROWS_A_JOB,
    OFFERED,
    OVERLOADED,
    REACHED,
    SETTLED,
    ask_results_of,
    begin_one,
)
from .agent import Agent, Player
from .errors import InputError
from .jit import by_reference, entry
from .ledger import burst_cost, delay_cost, egress_cost, floors, overage_cost
from .memory import copied, put
from .observe import layout
from .play import ask, copy, run
from .spec import MOST_IMPUTED, WITHDRAWN, Jobs, Spec
from .state import MAX_SLOTS, World, allocate, grown, world_of
from .threads import end_if_stopped, spread
from .units import DAY, NEVER

FOREVER = 1 << 62  # turns
EPISODES_A_STEP = 64  # to hand a part to a thread takes as long as to step ten


@dataclass(frozen=True)
class Totals:
    """The ledger of one episode at its present time, posted and accrued, in µ$."""

    floors: int
    overage: int
    burst: int
    egress: int
    delay: int
    penalty: int
    write_off: int

    @property
    def avoidable(self) -> int:
        """All that routing can change."""
        return self.overage + self.burst + self.egress + self.delay + self.penalty + self.write_off

    @property
    def bill(self) -> int:
        """Avoidable cost and floors."""
        return self.avoidable + self.floors


@entry()
def read_totals(spec: Spec, batch: World, episode: int) -> tuple[int, int, int, int, int, int, int]:
    """Floors, overage, burst, egress, delay, penalties and write-offs of one episode, µ$."""
    terms, world = by_reference(spec), by_reference(world_of(batch, episode))
    return (
        floors(terms, world),
        overage_cost(terms, world),
        burst_cost(terms, world),
        egress_cost(terms, world),
        delay_cost(terms, world),
        world.state[0].penalties,
        world.state[0].write_offs,
    )


def most_known(spec: Spec) -> int:
    """At most so many steps of one site are known at once."""
    sites = spec.notices.site[spec.notices.kind != WITHDRAWN]
    return int(np.bincount(sites, minlength=1).max())


def log_room(slots: int) -> int:
    """Rows of a log that holds several instants of a world with so many slots."""
    return 2 * LOG_ROWS_A_JOB * slots + 65_536


class Worlds:
    """A batch of episodes over one scenario and one pool of jobs.

    `jobs` may hold several streams one after the other; each episode meets its own range of them. Slots grow by
    themselves when more jobs wait than there is room for.
    """

    def __init__(
        self, spec: Spec, jobs: Jobs, episodes: int, *, slots: int = 256, log: bool = False, results: int = 0
    ) -> None:
        self.spec, self.jobs = spec, jobs
        self.batch = allocate(
            episodes=episodes,
            slots=slots,
            sites=int(spec.rules[0].sites),
            known=most_known(spec),
            log_rows=log_room(slots) if log else 0,
            results=results,
        )
        self._drained: list[list[np.ndarray]] = [[] for _ in range(episodes)]
        shape = layout(int(spec.rules[0].sites))
        self.observations = np.zeros((episodes, shape.size), np.float32)
        self.masks = np.zeros((episodes, shape.actions), np.uint8)
        self.costs = np.zeros(episodes, np.int64)  # avoidable cost so far, µ$
        self.status = np.full(episodes, REACHED, np.int64)  # no offer yet
        self._all = np.arange(episodes)
        self._no_answers = np.full(episodes, -1, np.int64)
        self._no_scratch = np.zeros((episodes, 0), np.float32)

    def __len__(self) -> int:
        return len(self.status)

    def begin(
        self,
        episode: int,
        first_job: int = 0,
        last_job: int | None = None,
        now: int = 0,
        *,
        seed: int = 0,
        variant: int = 0,
    ) -> None:
        """An empty world at `now` [ms], which will meet jobs first_job … last_job − 1.

        `seed` (0 … 2^62) names its failures, grants and start-ups, `variant` the schedules it follows.
        """
        for array in (self.batch.state, self.batch.live):
            array[episode] = np.zeros((), array.dtype)
        last = len(self.jobs) if last_job is None else last_job
        begin_one(self.spec, self.jobs, self.batch, episode, first_job, last, now, seed, variant)

    def ask_results(self, episode: int, first_job: int, count: int) -> None:
        """Keep the outcomes of `count` jobs from first_job on.

        In `batch.results[episode]`, and stop when all are finished.
        """
        ask_results_of(self.batch, episode, first_job, count)

    def play(self, agent: Player, until: int | np.ndarray = NEVER) -> np.ndarray:
        """Play every episode under `agent` until `until` [ms] or its last result.

        Returns why each stopped (advance.py).
        """
        if not isinstance(agent, Agent):
            return agent.play(self, until)
        ends = np.full(len(self), until, np.int64) if np.isscalar(until) else np.asarray(until, np.int64)
        while True:
            self.run(self._no_answers, agent, ends, FOREVER)
            if not self.make_room():
                return self.status

    def run(
        self,
        actions: np.ndarray,
        agent: Agent,
        until: np.ndarray,
        turns: int,
        *,
        observes: bool | None = None,
        episodes: np.ndarray | None = None,
    ) -> None:
        """One call of the kernel `run` (play.py): answer with `actions`, play `turns` under `agent`.

        `actions`, `until`: (episodes,) int64. Fills observations, masks, costs and status in place, of all episodes or
        of those in `episodes`, distinct int64. Raises threads.StoppedError where nobody waits for it any more.
        """
        which = self._all if episodes is None else episodes
        if not actions.dtype == until.dtype == which.dtype == np.int64:  # the kernel does not look
            raise TypeError("actions, until and episodes are int64")
        end_if_stopped()
        is_lent = turns > 0 and agent.scratch > 0
        scratch = np.zeros((len(self), agent.scratch), np.float32) if is_lent else self._no_scratch
        sees = agent.observes if observes is None else observes

        def work(first: int, last: int) -> None:
            run(
                self.spec,
                self.jobs,
                self.batch,
                which[first:last],
                until,
                actions,
                agent.choose,
                agent.knobs,
                scratch,
                turns,
                sees,
                self.observations,
                self.masks,
                self.costs,
                self.status,
            )

        spread(work, len(which), 1 if turns else EPISODES_A_STEP)

    def ask(self, agent: Agent) -> np.ndarray:
        """The action that `agent` would take on each present offer, (episodes,) int64; −1: there is none.

        `run` has left observations and masks. A network whose scores are no numbers has no action either: −1.
        """
        actions = np.where(self.status == OFFERED, 0, -1)
        scratch = np.zeros((len(self), agent.scratch), np.float32)
        ask(
            self.spec, self.jobs, self.batch, agent.choose, agent.knobs, scratch, self.observations, self.masks, actions
        )
        return actions

    def make_room(self) -> bool:
        """Whether some episode had stopped for want of slots or log rows, which there are now.

        Raises InputError where more waits than a world can hold, or than its integers can.
        """
        if self.status.max(initial=OFFERED) <= SETTLED:
            return False
        if (self.status == OVERLOADED).any():
            self._refuse(int(np.flatnonzero(self.status == OVERLOADED)[0]))
        if (self.status == CROWDED).any():
            before = self.batch.keys.shape[2]
            slots = min(before + (before + 1) // 2, MAX_SLOTS)  # by half: a batch of thousands fills the memory
            if slots == before:
                raise InputError(
                    "simulator",
                    "jobs that wait or run at once",
                    before,
                    "a world holds at most 2^20",
                    "lower the load",
                )
            self._grow(slots)
            return True
        for episode in np.flatnonzero(self.status == LOG_IS_FULL):
            self._drain(int(episode))
        return True

    def _refuse(self, episode: int) -> None:
        """Say why an episode cannot go on: its integers could overflow."""
        state, totals = self.state(episode), self.totals(episode)
        what, value = "accelerators that all jobs want", int(state.present)
        reason = f"the next ones exceed {int(self.spec.rules[0].most_present):,}"
        if totals.delay + totals.write_off > MOST_IMPUTED:
            what, value = "delay and write-offs in µ$", totals.delay + totals.write_off
            reason = f"above {MOST_IMPUTED:,}"
        remedy = "lower the load, raise the capacity, or choose a policy that keeps up"
        raise InputError(
            "simulator", what, f"{value:,}", f"on day {int(state.now) // DAY} {reason}, what integers hold", remedy
        )

    def log(self, episode: int = 0) -> np.ndarray:
        """All rows of the event log so far, (rows, 5) int64."""
        self._drain(episode)
        self._drained[episode] = [np.concatenate(self._drained[episode])]
        return self._drained[episode][0]

    def digest(self, episode: int = 0) -> str:
        """SHA-256 of the event log so far."""
        return event_log.digest(self.log(episode))

    def totals(self, episode: int = 0) -> Totals:
        """The ledger at the episode's present time."""
        return Totals(*(int(part) for part in read_totals(self.spec, self.batch, episode)))

    def state(self, episode: int = 0) -> Any:
        """The scalars and small tables of one episode (state.STATE)."""
        return self.batch.state[episode, 0]

    def copy_from(self, other: "Worlds", sources: np.ndarray, targets: np.ndarray) -> None:
        """Make episodes `targets` of this batch copies of episodes `sources` of another over the same spec and jobs."""
        if other.batch.keys.shape[2] > self.batch.keys.shape[2]:
            self._grow(other.batch.keys.shape[2])
        copy(other.batch, np.asarray(sources, np.int64), self.batch, np.asarray(targets, np.int64))

    def kept(self) -> dict[str, np.ndarray]:
        """All that episodes without logs and results are, copied: what `put_back` takes, plain arrays by name."""
        batch = self.batch
        used = int(batch.state.slots.max())
        longest, blocks = int(batch.heads[:, :-2].max()), int(batch.heads[:, -2].max())
        return {
            "slots": np.array(batch.keys.shape[2]),
            "state": copied(batch.state),
            "live": copied(batch.live[:, :used]),
            "keys": batch.keys[:, :, :used].copy(),
            "plans": batch.plans.copy(),
            "heads": batch.heads.copy(),
            "entries": batch.entries[..., :longest].copy(),
            "blocks": copied(batch.blocks[:, :blocks]),
            "observations": self.observations.copy(),
            "masks": self.masks.copy(),
            "costs": self.costs.copy(),
        }

    def put_back(self, kept: Mapping[str, np.ndarray]) -> None:
        """Make every episode what it was when it was `kept`, over the same scenario, jobs and number of episodes."""
        if int(kept["slots"]) > self.batch.keys.shape[2]:
            self._grow(int(kept["slots"]))
        for name in ("state", "live", "keys", "plans", "heads", "entries", "blocks"):
            stored = kept[name]
            put(getattr(self.batch, name)[tuple(slice(0, length) for length in stored.shape)], stored)
        for name in ("observations", "masks", "costs"):
            getattr(self, name)[:] = kept[name]

    def _grow(self, slots: int) -> None:
        """Room for `slots` jobs in each episode, and for the log rows that their instants may write."""
        self.batch = grown(self.batch, slots)
        if self.batch.log.shape[1] > 0:
            self._widen_log(log_room(slots))

    def _drain(self, episode: int) -> None:
        rows = int(self.batch.state[episode, 0].log_rows)
        self._drained[episode].append(self.batch.log[episode, :rows].copy())
        self.batch.state[episode, 0].log_rows = 0

    def _widen_log(self, rows: int) -> None:
        for episode in range(len(self)):
            self._drain(episode)
        self.batch = self.batch._replace(log=np.zeros((len(self), rows, 5), np.int64))
