"""Decisions that the next snapshot may not know of: it may have been taken before they were carried out."""

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
    request: Request
    at_ms: int


def is_news(recent: Recent, now: int) -> bool:
    """Whether a snapshot that was taken at `now` [ms] may not show this decision yet."""
    return recent.entry.action != HOLD and recent.at_ms > now - GRACE_MS


def place(cluster: Cluster, entry: Entry, request: Request, agent: Agent) -> bool:
    """Carry out a decision in a cluster that does not show it; False where there is nothing to carry out."""
    if cluster.site_of(request.id) == entry.action:
        return False
    try:
        cluster.ask([request])
    except InputError:  # it runs, or has gone
        return False
    if cluster.offer(agent, agent) is not None:
        cluster.answer(cluster.actions.index(entry.action))
    cluster.settle(agent)
    return True
