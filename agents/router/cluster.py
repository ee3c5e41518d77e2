"""The cluster as it was last told, resident: jobs are asked about, placed, and seen by those that come after them.

Time stands still at the instant of the snapshot. A question is a list of offers of the simulator (fastsim/question.py),
and an answer does there what it does in the simulator, so that a router sees what its policy saw in training. No clock
and no file is known here: the same calls give the same states.
"""

import hashlib
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from ...envs.present import Present
from ...envs.snapshot import JobNow
from ...envs.tabled import Names, Row, tabled
from ...fastsim.advance import OFFERED
from ...fastsim.agent import Agent
from ...fastsim.errors import InputError
from ...fastsim.memory import copied, put
from ...fastsim.question import FIRST, JOB_ROW, SECOND, come, consider, offer_again, repeat, slot_of
from ...fastsim.restore import PLACED
from ...fastsim.spec import NO, Jobs, Spec, plain_jobs
from ...fastsim.units import NEVER
from ...fastsim.worlds import Worlds
from .request import Request

HOLD = "hold"
SCRATCH = np.zeros(4096, np.float32)  # for agents to write on


class UnknownJobError(InputError):
    """A job is asked about that neither the state nor the question describes."""


class BusyJobError(InputError):
    """A job is asked about that does not wait."""


class FullError(InputError):
    """More jobs have come since the last snapshot than there is room for."""


class Offer(NamedTuple):
    """What is asked about one job, and what two agents would do. Arrays are overwritten by the next offer."""

    id: str
    observation: np.ndarray  # (size,) float32
    mask: np.ndarray  # (actions,) bool: what the world and the quotas allow
    first: int
    second: int

    @property
    def digest(self) -> str:
        """SHA-256 of observation and mask, in short."""
        return hashlib.sha256(self.observation.tobytes() + self.mask.tobytes()).hexdigest()[:16]


class Comer(NamedTuple):
    """Whom a decision was about, as it would come to any state."""

    id: str
    rows: tuple[Row, Row] | None  # of JOB and PLACED; None: it can only be there already

    @classmethod
    def of(cls, request: Request, names: Names) -> "Comer":
        """That of a request."""
        try:
            return cls(request.id, tabled(described(request, "request"), names, NEVER))
        except InputError:
            return cls(request.id, None)


class Instant(NamedTuple):
    """A cluster as its snapshot shows it, ready to be asked: it can be made in another process."""

    spec: Spec
    jobs: Jobs  # (rows,)
    world: dict[str, np.ndarray]  # Worlds.kept
    ids: tuple[str, ...]  # of each row; "": a member of a pipeline that has left
    now: int  # ms

    @classmethod
    def of(cls, present: Present) -> "Instant":
        """That of a snapshot."""
        placed = present.placed.copy()
        placed.is_offered = 0  # a question says who is asked about
        worlds = Worlds(present.spec, present.jobs, 1, slots=max(1, len(present.jobs)))
        present._replace(placed=placed).put(worlds, 0)
        worlds.batch.state.offers = 0  # who is new waits until a question comes
        return cls(present.spec, present.jobs.view(np.ndarray), worlds.kept(), present.ids, int(present.now[0].now))

    def worlds(self, slots: int, free: Worlds | None) -> Worlds:
        """A world that stands so and has room for so many jobs; in the memory of `free`, if that suffices.

        Memory that is there already takes a tenth of the time: nothing is cleared, only what is in use is copied.
        """
        if free is None or len(free.jobs) < slots or free.batch.plans.shape[2] < self.world["plans"].shape[2]:
            free = Worlds(self.spec, plain_jobs(slots), 1, slots=slots)
        free.spec = self.spec
        put(free.jobs[: len(self.jobs)], self.jobs)
        free.put_back(self.world)
        return free


class Cluster:
    """One cluster at one instant."""

    def __init__(
        self,
        names: Names,
        instant: Instant,
        quotas: Mapping[str, int] | None = None,
        spare: int = 256,
        free: Worlds | None = None,
    ) -> None:
        """`spare`: jobs that may come after the snapshot. `quotas`: most accelerators that are taken at a site.

        `free`: the worlds of a cluster that nobody asks any more, whose memory may be used.
        """
        self.names, self.actions = names, (*names.sites, HOLD)
        self.now = instant.now
        self.worlds = instant.worlds(len(instant.jobs) + spare, free)
        self._spec, self._jobs = instant.spec, self.worlds.jobs
        self._comes = np.zeros(1, PLACED).view(np.recarray)  # where the job stands that comes next
        self._ids, self._rows = list(instant.ids), {name: row for row, name in enumerate(instant.ids) if name}
        self._quotas = np.array([(quotas or {}).get(name, NO) for name in names.sites], np.int64)
        self._observation, self._mask = self.worlds.observations[0], self.worlds.masks[0]
        self._found, self._answer = np.zeros(4, np.int64), -1

    def __len__(self) -> int:
        """Jobs that are there, or were at the snapshot."""
        return len(self._rows)

    @property
    def rows(self) -> int:
        """How many of the table of jobs are in use; members of a pipeline keep theirs when they have left."""
        return len(self._ids)

    @property
    def instant(self) -> Instant:
        """As it is now, a copy."""
        worlds = self.worlds
        return Instant(self._spec, copied(worlds.jobs[: self.rows]), worlds.kept(), tuple(self._ids), self.now)

    def site_of(self, job: str) -> str | None:
        """Where a job waits, HOLD included; None where it is not known, does not wait, or is unplaced."""
        row = self._rows.get(job)
        slot = None if row is None else self._slot_of(row)
        site = -1 if slot is None else int(self.worlds.batch.live[0, slot].site)
        return None if site < 0 else self.actions[site]

    def ask(self, requests: Sequence[Request]) -> None:
        """Offer these jobs, all at this instant; `offer` then gives one after the other, in the order of the world.

        Raises InputError, and asks about none, where one cannot be asked about.
        """
        if len(self._ids) + sum(one.id not in self._rows for one in requests) > len(self._jobs):
            raise FullError("request", "jobs", len(self._ids), "have come since the snapshot", "send a newer state")
        slots = [self._slot(one, index) for index, one in enumerate(requests)]
        fresh = [one.job for one, slot in zip(requests, slots, strict=True) if slot is None and one.job is not None]
        rows = [tabled(job, self.names, self.now) for job in fresh]
        for slot in slots:
            if slot is not None:
                offer_again(self.worlds.batch, slot)
        for job, (submitted, placed) in zip(fresh, rows, strict=True):
            row, self._comes[0] = self._enter(job.id, submitted), placed
            come(self._spec, self._jobs, self.worlds.batch, row, self._comes)
        self._answer = -1

    def offer(self, first: Agent, second: Agent) -> Offer | None:
        """Carry out the last answer; the next job that is offered, if there is one, and what two agents would do.

        Where there is none, whoever may start has started.
        """
        status = consider(
            self._spec,
            self._jobs,
            self.worlds.batch,
            self._answer,
            self._quotas,
            first.choose,
            first.knobs,
            second.choose,
            second.knobs,
            SCRATCH,
            self._observation,
            self._mask,
            self._found,
        )
        self._answer = -1
        if status != OFFERED:
            return None
        found = self._found.tolist()
        name, mask = self._ids[found[JOB_ROW]], self._mask.view(np.bool_)
        return Offer(name, self._observation, mask, found[FIRST], found[SECOND])

    def answer(self, action: int) -> None:
        """Place the offered job, with the next call of `offer`. What is not legal becomes what is (rules.md)."""
        self._answer = action

    def repeat(self, comers: Sequence[Comer], actions: Sequence[str], agent: Agent) -> list[bool]:
        """Carry out what was decided about these jobs elsewhere, each after all that follows from those before it.

        `agent` answers for who has to make way. Returns for which there was anything to carry out: not for one that
        does not wait, is there already, or cannot be asked about.
        """
        rows, is_done = np.full(len(comers), NO, np.int64), np.zeros(len(comers), np.bool_)
        placed = np.zeros(len(comers), PLACED).view(np.recarray)
        for index, (name, known) in enumerate(comers):
            if name in self._rows:
                rows[index] = self._rows[name]
            elif known is not None and len(self._ids) < len(self._jobs):
                submitted, placed[index] = known
                rows[index] = self._enter(name, submitted)
        repeat(
            self._spec,
            self._jobs,
            self.worlds.batch,
            rows,
            placed,
            np.array([self.actions.index(one) for one in actions], np.int64),
            self._quotas,
            agent.choose,
            agent.knobs,
            agent.observes,
            SCRATCH,
            self._observation,
            self._mask,
            is_done,
        )
        return is_done.tolist()

    def _enter(self, name: str, submitted: Row) -> int:
        """The row of a job that comes next."""
        row = len(self._ids)
        self._jobs[row] = submitted
        self._rows[name] = row
        self._ids.append(name)
        return row

    def _slot(self, request: Request, index: int) -> int | None:
        """Where the world has a job that waits; None: it is to come."""
        row = self._rows.get(request.id)
        if row is None:
            described(request, f"requests[{index}]")
            return None
        slot = self._slot_of(row)
        if slot is None:
            raise BusyJobError(f"requests[{index}]", "job", request.id, "does not wait", "ask about jobs that wait")
        return slot

    def _slot_of(self, row: int) -> int | None:
        """The slot of a job that waits."""
        slot = int(slot_of(self.worlds.batch, row))
        return None if slot == NO else slot


def described(request: Request, where: str) -> JobNow:
    """The job that comes. Raises InputError where it is not known, or cannot come alone."""
    if request.job is None:
        reason, remedy = "is not in the last state", "describe it in `job`, or send a newer state"
        raise UnknownJobError(where, "job", request.id, reason, remedy)
    if request.job.pipeline is not None:
        reason, remedy = "is a member of a pipeline", "send it in the state, with the other members"
        raise InputError(f"{where}.job", "job", request.id, reason, remedy)
    return request.job
