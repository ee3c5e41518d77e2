"""The accelerators of a site: what is there for its jobs, of nodes that are up or would be woken, now and later."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from ...envs.snapshot import JobNow, Price, Step
from .job import Node, Outage
from .settings import Place


class Supply(NamedTuple):
    """One site."""

    capacity: int  # accelerators there now, for this site's jobs
    largest: int
    price: int  # µ$ per accelerator-hour
    prices: tuple[Price, ...]  # of the next week
    running: int  # accelerators of jobs that run
    announced: tuple[Step, ...] = ()  # of its accelerators


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


def announced(
    place: Place, nodes: Sequence[Node], outages: Sequence[Outage], capacity: int, now: float
) -> list[tuple[int, int]]:
    """When maintenance changes what is there, and to what: (s since 1970, accelerators), by time.

    What is there now is `capacity`. What others hold then is what they hold now; nodes that are away without a
    reservation do not come back.
    """
    each = place.accelerators_per_node
    here = [node for node in nodes if place.partition in node.partitions]

    def is_out(node: Node, at: float) -> bool:
        return any(node.name in one.nodes and one.begins <= at < one.ends for one in outages)

    def there(at: float) -> int:
        up = [node for node in here if (node.is_there or is_out(node, now)) and not is_out(node, at)]
        return sum(_accelerators(node, each) for node in up)

    others, found, last = max(0, there(now) - capacity), list[tuple[int, int]](), capacity
    for at in sorted({time for one in outages for time in (one.begins, one.ends) if time > now}):
        if (then := max(0, there(at) - others)) != last:
            found.append((at, then))
            last = then
    return found


def _accelerators(node: Node, each: int | None) -> int:
    """Declared by the node, or by the configuration."""
    return (each or 0) if node.accelerators is None else node.accelerators


def _used(node: Node, each: int | None) -> int:
    """Held by jobs on the node."""
    if node.accelerators is None:
        return (each or 0) if node.is_busy else 0
    return node.used or 0
