"""What the daemon and the watchdog need of Slurm, whichever way they speak with it."""

import logging
from collections.abc import Mapping, Sequence
from typing import Protocol

from .commands import Commands
from .job import Job, Node, Outage
from .outages import outages_of
from .reading import UnreadableError, jobs_of, nodes_of
from .rest import RestBackend
from .settings import Settings
from .wire import AwayError

LOG = logging.getLogger("tidegate.slurm")


class Backend(Protocol):
    """A way to speak with Slurm. Whether an order was carried out is seen at the next look, not from its answer."""

    def jobs(self, cluster: str) -> bytes:
        """All jobs of a cluster, as JSON. Raises AwayError."""
        ...

    def nodes(self, cluster: str) -> bytes:
        """All nodes of a cluster, as JSON. Raises AwayError."""
        ...

    def reservations(self, cluster: str) -> bytes:
        """All reservations of a cluster, as JSON. Raises AwayError."""
        ...

    def move(self, cluster: str, keys: Sequence[str], partition: str, to: str | None) -> str:
        """Give pending jobs another partition, and cluster `to`. Returns what Slurm complains of. Raises AwayError."""
        ...

    def gate(self, cluster: str, name: str) -> str:
        """The state of a partition, such as DOWN; "" if there is none. Raises AwayError."""
        ...

    def release(self, cluster: str, keys: Sequence[str]) -> str:
        """Take holds away. Returns what Slurm complains of. Raises AwayError."""
        ...


class Sight:
    """What was seen of all clusters at one look."""

    def __init__(
        self,
        jobs: Sequence[Job],
        nodes: Mapping[str, Sequence[Node]],
        outages: Mapping[str, Sequence[Outage]],
        away: Mapping[str, str],
    ) -> None:
        self.jobs, self.nodes, self.outages, self.away = jobs, nodes, outages, away


def backend(settings: Settings) -> Backend:
    """The one that the configuration chooses."""
    if settings.rest is not None:
        return RestBackend(settings.rest, settings.command_seconds)
    return Commands(settings.clusters, settings.command_seconds)


def look(settings: Settings, slurm: Backend, *, nodes: bool = True) -> Sight:
    """Jobs, and nodes and their maintenance if wanted.

    Raises AwayError where the home cluster does not answer; others may be away.
    """
    texts: dict[str, bytes | str] = {}
    machines: dict[str, Sequence[Node]] = {}
    outages: dict[str, Sequence[Outage]] = {}
    away: dict[str, str] = {}
    for cluster in settings.clusters:
        try:
            text = slurm.jobs(cluster)
            jobs_of({cluster: text}, settings.gres, cluster)
            machines[cluster] = nodes_of(slurm.nodes(cluster), settings.gres) if nodes else ()
            outages[cluster] = _outages(slurm, cluster) if nodes else ()
            texts[cluster] = text
        except (AwayError, UnreadableError) as error:
            if cluster == settings.home:
                raise AwayError(f"Slurm, {cluster}: {error}") from None
            away[cluster] = str(error)
    return Sight(jobs_of(texts, settings.gres, settings.home), machines, outages, away)


def _outages(slurm: Backend, cluster: str) -> Sequence[Outage]:
    """Maintenance that was announced; jobs are routed without, where Slurm does not say it."""
    try:
        return outages_of(slurm.reservations(cluster))
    except (AwayError, UnreadableError) as error:
        LOG.warning("cluster %s: maintenance is not known: %s", cluster, error)
        return ()
