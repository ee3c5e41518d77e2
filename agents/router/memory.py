"""Decisions that the next snapshot may not know of: it may have been taken before they were carried out."""

from collections import deque
from typing import NamedTuple

from ...fastsim.agent import Agent
from ...fastsim.errors import InputError
from .audit import Entry
from .cluster import HOLD, Cluster
from .request import Request

GRACE_MS = 2_000  # that it takes until a decision shows in a snapshot
REMEMBERED = 20_000  # decisions


class Recent(NamedTuple):
    """A decision, and when it was made on the clock of the snapshots."""

    entry: Entry
    at_ms: int


class Memory:
    """The last decisions that sent a job somewhere."""

    def __init__(self) -> None:
        self._recent = deque[Recent](maxlen=REMEMBERED)

    def add(self, entry: Entry, at_ms: int) -> None:
        """One more."""
        if entry.action != HOLD:
            self._recent.append(Recent(entry, at_ms))

    def news(self, now: int, last: int) -> list[Entry]:
        """Decisions after number `last` that a snapshot which was taken at `now` [ms] may not show yet."""
        since = now - GRACE_MS
        return [one.entry for one in self._recent if one.at_ms > since and one.entry.number > last]

    def clear(self) -> None:
        """Forget them."""
        self._recent.clear()


def place(cluster: Cluster, entry: Entry, agent: Agent) -> bool:
    """Carry out a decision in a cluster that does not show it; False where there is nothing to carry out."""
    if cluster.site_of(entry.job) == entry.action:
        return False
    try:
        cluster.ask([Request.model_validate_json(entry.request)])
    except InputError:  # it runs, or has gone
        return False
    if cluster.offer(agent, agent) is not None:
        cluster.answer(cluster.actions.index(entry.action))
    cluster.settle(agent)
    return True
