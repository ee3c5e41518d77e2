"""The accelerators of a site: what is there for its jobs, of nodes that are up or would be woken."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from ...envs.snapshot import JobNow, Price
from .job import Node
from .settings import Place


class Supply(NamedTuple):
    """One site."""

    capacity: int  # accelerators there now, for this site's jobs
    largest: int
    price: int  # µ$ per accelerator-hour
    prices: tuple[Price, ...]  # of the next week
    running: int  # accelerators of jobs that run


def supply_of(
    occupied: Callable[[int], int],
    place: Place,
    nodes: Sequence[Node],
    jobs: Sequence[JobNow],
    price: int,
    prices: tuple[Price, ...],
) -> Supply:
    """Of the nodes of its partition; `jobs` are the site's. What others hold on these nodes is not there.

    `occupied` gives the accelerators that a gang takes there (rules.md, section 2).

    What runs always has room, however nodes are shared: a snapshot with less would be refused.
    """
    here = [node for node in nodes if place.partition in node.partitions]
    each = place.accelerators_per_node
    there = sum(_accelerators(node, each) if node.is_there else _used(node, each) for node in here)
    mine = [job for job in jobs if job.status in ("running", "starting")]
    foreign = sum(_used(node, each) for node in here) - sum(job.gang for job in mine)
    capacity = max(there - max(0, foreign), sum(occupied(job.gang) for job in mine))
    largest = max(capacity, sum(_accelerators(node, each) for node in here))
    running = sum(occupied(job.gang) for job in mine if job.status == "running")
    return Supply(capacity, largest, price, prices, running)


def _accelerators(node: Node, each: int | None) -> int:
    """Declared by the node, or by the configuration."""
    return (each or 0) if node.accelerators is None else node.accelerators


def _used(node: Node, each: int | None) -> int:
    """Held by jobs on the node."""
    if node.accelerators is None:
        return (each or 0) if node.is_busy else 0
    return node.used or 0
