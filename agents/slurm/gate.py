"""The gate: which jobs the router is asked about, and which order brings a job where it shall be.

A job waits in the gate, a partition that is DOWN: Slurm starts nothing there, and one update of its partition lets it
go. So where a job stands is written in Slurm alone, and a job that is held on purpose stays its user's.
"""

from collections.abc import Sequence
from typing import NamedTuple

from .job import Job
from .router import HOLD
from .settings import Place, Settings


class Order(NamedTuple):
    """What Slurm is told about a job."""

    kind: str  # "release" or "move"
    cluster: str  # whose slurmctld
    partition: str = ""
    to: str | None = None  # cluster


def is_marked(job: Job, settings: Settings) -> bool:
    """A hold of this job is meant for the router."""
    return job.is_held_by_user and settings.gate.marker in job.fields["comment"].split()


def waits_for_router(job: Job, settings: Settings) -> bool:
    """The job stands in the gate, could run, and is not held by anybody for another reason."""
    if job.state != "pending" or job.partition != settings.gate.partition or not job.is_ready:
        return False
    return not job.is_held or is_marked(job, settings)


def reach(job: Job, settings: Settings) -> list[Place]:
    """Sites to which Slurm can bring a job: an array of a federation that leaves its home is lost (22.05)."""
    is_free = bool(job.viable) and not job.is_array and not job.is_mixed
    return [place for place in settings.sites if is_free or place.cluster == job.home]


def fallback(job: Job, settings: Settings) -> Place | None:
    """Where a job goes when nobody answers; None: Slurm can bring it nowhere."""
    places = reach(job, settings)
    return settings.default if settings.default in places else places[0] if places else None


def is_at(job: Job, action: str, settings: Settings) -> bool:
    """Slurm knows that the job goes there; of a federation, its origin does, which tells the others."""
    if job.state != "pending":
        return True
    if action == HOLD:
        return job.partition == settings.gate.partition
    place = settings.place(action)
    return job.partition == place.partition and (job.viable or {job.home}) == {place.cluster}


def order(job: Job, action: str, settings: Settings) -> Order | None:
    """The next order that brings a pending job to where `action` says; None where it is.

    After any of them, lost or carried out, the job is still in the gate or where it shall be. A federation may lose
    what it should have told another cluster; the same order then tells it again.
    """
    if is_at(job, action, settings) and job.is_delivered:
        return None
    if action == HOLD:
        return Order("move", job.home, settings.gate.partition)
    if job.is_held:
        return Order("release", job.home)
    place = settings.place(action)
    return Order("move", job.home, place.partition, place.cluster if job.viable else None)


def site_of(job: Job, settings: Settings) -> Place | None:
    """The site in whose queue a job stands, or where it runs."""
    return next((one for one in settings.sites if (one.partition, one.cluster) == (job.partition, job.cluster)), None)


def overlong(jobs: Sequence[Job], settings: Settings, now: float) -> list[Job]:
    """Jobs that have waited longer than the watchdog allows, whatever anybody has decided."""
    return [job for job in jobs if waits_for_router(job, settings) and now - job.since > settings.watchdog_seconds]
