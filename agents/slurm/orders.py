"""Bringing jobs where they were decided to be: the next order for each, again if it did nothing, many jobs at once."""

import logging
from collections.abc import Sequence

from .backend import Backend
from .book import Entry
from .docket import Docket
from .gate import Order, is_at, order, site_of, waits_for_router
from .job import Job

LOG = logging.getLogger("tidegate.slurm")
DELIVERY = 20.0  # s, after which what a federation has not passed on is taken to be lost
LONGEST_PAUSE = 10.0  # s, between two orders for a job
MOST_REFUSALS = 5  # orders that did nothing, after which a job goes to the default site


def pending(docket: Docket, jobs: Sequence[Job]) -> list[tuple[Order, Job]]:
    """The next order for each job that is not yet where it was decided to be."""
    found = []
    under_way = sum(not job.is_delivered for job in jobs)
    for job in jobs:
        entry = docket.book.jobs.get(job.id)
        if entry is None or not entry.action or entry.is_done or not _is_movable(docket, job):
            continue
        if docket.now() >= entry.next_try:
            one = _next(docket, job, entry, under_way)
            if one is not None:
                found.append((one, job))
    return found


def _next(docket: Docket, job: Job, entry: Entry, under_way: int) -> Order | None:
    """The next order for one job, unless it is better to wait."""
    if is_at(job, entry.action, docket.settings) and entry.refusals:
        # Only another cluster does not know yet. It learns of one job a second; then it is told again.
        entry.refusals, entry.next_try = 0, docket.now() + DELIVERY + 2 * under_way
        return None
    if entry.refusals and entry.refusals % MOST_REFUSALS == 0:
        LOG.error("job %s: %d orders have not brought it to %s", job.key, entry.refusals, entry.action)
        docket.to_default(job, "refused", f"Slurm does not let it go to {entry.action}")
    one = order(job, entry.action, docket.settings)
    if one is not None:
        entry.refusals += 1
        tries = max(0, entry.refusals - 2)  # a release and a move come one after the other
        entry.next_try = docket.now() + min(LONGEST_PAUSE, tries * docket.settings.poll_seconds)
    return one


def _is_movable(docket: Docket, job: Job) -> bool:
    """It waits, in the gate or in a site's queue, and nobody holds it there on purpose."""
    is_queued = job.state == "pending" and not job.is_held and site_of(job, docket.settings) is not None
    return is_queued or waits_for_router(job, docket.settings)


def carry_out(slurm: Backend, orders: Sequence[tuple[Order, Job]]) -> None:
    """Give the orders, many jobs at once where they are the same. Raises AwayError."""
    groups: dict[Order, list[str]] = {}
    for one, job in orders:
        groups.setdefault(one, []).append(job.key)
    for one, keys in groups.items():
        if one.kind == "release":
            told = slurm.release(one.cluster, keys)
        else:
            told = slurm.move(one.cluster, keys, one.partition, one.to)
        if told:
            LOG.warning("Slurm, %s to %s: %s", one.kind, one.partition or "–", told)
