"""Decisions that the next snapshot may not know of: it may have been taken before they were carried out."""

from collections import deque
from typing import NamedTuple

import orjson

from ...fastsim.agent import Agent
from ...fastsim.errors import InputError
from .audit import Entry
from .cluster import HOLD, Cluster
from .request import Request

GRACE_MS = 2_000  # that it takes until a decision shows in a snapshot
REMEMBERED = 20_000  # decisions
TOLD_MS = 4_000  # before now: a snapshot is on its way for some time


class Recent(NamedTuple):
    """A decision that sent a job somewhere, and when it was made on the clock of the snapshots."""

    number: int
    at_ms: int
    job: str
    action: str
    request: str  # JSON

    @classmethod
    def of(cls, entry: Entry, at_ms: int = 0) -> "Recent":
        """That of a row of the log."""
        return cls(entry.number, at_ms, entry.job, entry.action, entry.request)


class Told(NamedTuple):
    """What another process is told of recent decisions: all that were made after `since_ms`."""

    since_ms: int
    columns: bytes  # of Recent, JSON, which takes a tenth of the time that pickled rows take

    def news(self, now: int) -> list[Recent] | None:
        """Those that a snapshot which was taken at `now` [ms] may not show yet; None where that takes older ones."""
        since = now - GRACE_MS
        if since < self.since_ms:
            return None
        return [one for one in map(Recent._make, zip(*orjson.loads(self.columns), strict=True)) if one.at_ms > since]


class Memory:
    """The last decisions that sent a job somewhere."""

    def __init__(self) -> None:
        self._recent = deque[Recent](maxlen=REMEMBERED)

    def add(self, entry: Entry, at_ms: int) -> None:
        """One more."""
        if entry.action != HOLD:
            self._recent.append(Recent.of(entry, at_ms))

    def told(self, now: int) -> Told:
        """What another process has to know before it stands a snapshot that has been taken by `now` [ms]."""
        since = now - TOLD_MS
        found = [one for one in self._recent if one.at_ms > since]
        return Told(since, orjson.dumps(list(zip(*found, strict=True))))

    def news(self, now: int, last: int) -> list[Recent]:
        """Decisions after number `last` that a snapshot which was taken at `now` [ms] may not show yet."""
        since, found = now - GRACE_MS, list[Recent]()
        for one in reversed(self._recent):
            if one.number <= last:
                break
            if one.at_ms > since:
                found.append(one)
        return found[::-1]

    def clear(self) -> None:
        """Forget them."""
        self._recent.clear()


def place(cluster: Cluster, one: Recent, agent: Agent) -> bool:
    """Carry out a decision in a cluster that does not show it; False where there is nothing to carry out."""
    if cluster.site_of(one.job) == one.action:
        return False
    try:
        cluster.ask([Request.model_validate_json(one.request)])
    except InputError:  # it runs, or has gone
        return False
    if cluster.offer(agent, agent) is not None:
        cluster.answer(cluster.actions.index(one.action))
    cluster.settle(agent)
    return True
