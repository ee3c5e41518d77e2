"""The cluster as it was last told, resident: jobs are asked about, placed, and seen by those that come after them.

Time stands still at the instant of the snapshot. A question is a list of offers of the simulator: the same order, the
same observation, the same mask, and an answer does there what it does in the simulator, so that a router sees what its
policy saw in training. No clock, no file and no policy is known here: the same calls give the same states.
"""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from ...envs.present import Present, footprint_of
from ...envs.scenario import Scenario
from ...envs.snapshot import JobNow
from ...envs.tabled import Names, tabled
from ...fastsim.advance import OFFERED
from ...fastsim.agent import Agent
from ...fastsim.errors import InputError
from ...fastsim.restore import enter_one, offer_one
from ...fastsim.spec import plain_jobs
from ...fastsim.state import OFFERS, SLOT_MASK, WAITING
from ...fastsim.worlds import Worlds
from .request import Request

HOLD = "hold"


class UnknownJobError(InputError):
    """A job is asked about that neither the state nor the question describes."""


class BusyJobError(InputError):
    """A job is asked about that does not wait."""


class FullError(InputError):
    """More jobs have come since the last snapshot than there is room for."""


class Offer(NamedTuple):
    """What a policy is asked about one job. Arrays are overwritten by the next offer."""

    id: str
    observation: np.ndarray  # (size,) float32
    mask: np.ndarray  # (actions,) bool: what the world and the quotas allow

    @property
    def digest(self) -> str:
        """SHA-256 of both, in short."""
        return hashlib.sha256(self.observation.tobytes() + self.mask.tobytes()).hexdigest()[:16]


class Cluster:
    """One cluster at one instant."""

    def __init__(
        self, scenario: Scenario, present: Present, quotas: Mapping[str, int] | None = None, spare: int = 256
    ) -> None:
        """`spare`: jobs that may come after the snapshot. `quotas`: most accelerators that are taken at a site."""
        rows, sites = len(present.jobs), [site.name for site in scenario.sites]
        self.actions = (*sites, HOLD)
        self.now = int(present.now[0].now)
        self._names, self._spec = Names(scenario), present.spec
        self._jobs = np.concatenate([present.jobs, plain_jobs(spare)]).view(np.recarray)
        self._placed = np.concatenate([present.placed, np.zeros(spare, present.placed.dtype)]).view(np.recarray)
        self._placed.is_offered = 0  # a question says who is asked about
        self._ids, self._rows = list(present.ids), {name: row for row, name in enumerate(present.ids) if name}
        self._quotas = [(place, quotas[name]) for place, name in enumerate(sites) if quotas and name in quotas]
        self.worlds = Worlds(present.spec, self._jobs, 1, slots=rows + spare)
        present._replace(placed=self._placed[:rows], jobs=self._jobs[:rows]).put(self.worlds, 0)
        self._until, self._answer = np.array([self.now]), np.array([-1])
        self._agent: Agent | None = None

    def __len__(self) -> int:
        """Jobs that are there, or were at the snapshot."""
        return len(self._rows)

    @property
    def rows(self) -> int:
        """How many of the table of jobs are in use; members of a pipeline keep theirs when they have left."""
        return len(self._ids)

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
        for row, job in enumerate(fresh, len(self._ids)):
            self._fill(row, job)
        for slot in slots:
            if slot is not None:
                offer_one(self.worlds.batch, 0, slot)
        for job in fresh:
            enter_one(self._spec, self._jobs, self.worlds.batch, 0, len(self._ids), self._placed)
            self._rows[job.id] = len(self._ids)
            self._ids.append(job.id)
        self._answer[0] = -1

    def offer(self, agent: Agent) -> Offer | None:
        """The next job that is offered, if there is one; `agent` is what `would` may then be asked about."""
        worlds = self.worlds
        worlds.run(self._answer, agent, self._until, 0, observes=True)
        if worlds.status[0] != OFFERED:
            return None
        slot = int(worlds.batch.keys[0, OFFERS, worlds.batch.state[0, 0].offer]) & SLOT_MASK
        item = worlds.batch.live[0, slot]
        if self._quotas:
            self._shield(item)
        return Offer(self._ids[int(item.job)], worlds.observations[0], worlds.masks[0].view(np.bool_))

    def would(self, agent: Agent) -> int:
        """What an agent would do with the present offer."""
        return int(self.worlds.ask(agent)[0])

    def answer(self, action: int) -> None:
        """Place the offered job, with the next call of `offer`. What is not legal becomes what is (rules.md)."""
        self._answer[0] = action

    def settle(self, agent: Agent) -> None:
        """Carry out the last answer and let start what may; `agent` answers for who had to make way for it."""
        while self.offer(agent) is not None:
            self.answer(self.would(agent))

    def _slot(self, request: Request, index: int) -> int | None:
        """Where the world has a job that waits; None: it is to come."""
        row = self._rows.get(request.id)
        where = f"requests[{index}]"
        if row is None:
            if request.job is None:
                reason, remedy = "is not in the last state", "describe it in `job`, or send a newer state"
                raise UnknownJobError(where, "job", request.id, reason, remedy)
            if request.job.pipeline is not None:
                reason, remedy = "is a member of a pipeline", "send it in the state, with the other members"
                raise InputError(f"{where}.job", "job", request.id, reason, remedy)
            return None
        slot = self._slot_of(row)
        if slot is None:
            raise BusyJobError(where, "job", request.id, "does not wait", "ask about jobs that wait")
        return slot

    def _slot_of(self, row: int) -> int | None:
        """The slot of a job that waits."""
        live, used = self.worlds.batch.live[0], int(self.worlds.batch.state[0, 0].slots)
        found = np.flatnonzero((live.job[:used] == row) & (live.status[:used] == WAITING))
        return int(found[0]) if len(found) else None

    def _fill(self, row: int, job: JobNow) -> None:
        """A job that the snapshot does not have comes at its instant, however much later it was submitted."""
        self._jobs[row], self._placed[row] = tabled(job, self._names, self.now)
        self._placed.is_offered[row] = 1

    def _shield(self, item: Any) -> None:
        """Take out of the mask what a quota forbids: more accelerators at a site, running, starting and queued."""
        state, mask = self.worlds.batch.state[0, 0], self.worlds.masks[0]
        gang = int(self._jobs[int(item.job)].gang)
        for site, quota in self._quotas:
            is_there = item.site == site
            taken = int(state.occupied[site]) + int(state.queued_accelerators[site].sum())
            taken += 0 if is_there else footprint_of(self._spec, gang, site)
            if taken > quota:
                mask[site] = 0
        if not mask[:-1].any():
            mask[-1] = 1
