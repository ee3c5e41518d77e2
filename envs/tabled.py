"""One job of a snapshot as a row of the kernel's two tables: what was submitted, and where it stands.

Rows are plain tuples in the order of the tables' fields: a table takes one at once, which is thirty times as fast as
field by field, and a router does it for every job that it is asked about.
"""

from operator import itemgetter
from typing import Any

from ..fastsim.errors import InputError
from ..fastsim.restore import PLACED
from ..fastsim.spec import JOB, MAX_PROVIDERS, NO
from ..fastsim.state import PENDING, RUNNING, STARTING, UNPLACED, WAITING
from .scenario import Scenario
from .snapshot import JobNow

STATUS = {"new": WAITING, "queued": WAITING, "held": WAITING, "starting": STARTING, "running": RUNNING}
STATUS |= {"blocked": PENDING}
PLAIN = dict.fromkeys(JOB.names or (), 0)
in_job_order, in_placed_order = itemgetter(*JOB.names or ()), itemgetter(*PLACED.names or ())
Row = tuple[Any, ...]


class Names:
    """Numbers of what a scenario names."""

    def __init__(self, scenario: Scenario) -> None:
        self.sites = {site.name: number for number, site in enumerate(scenario.sites)}
        self.providers = {provider.name: number for number, provider in enumerate(scenario.providers)}
        self.classes = {cls.name: number for number, cls in enumerate(scenario.terms)}
        self.silicons = {name: number for number, name in enumerate(scenario.silicons)}
        self.tags = {tag: 1 << bit for bit, tag in enumerate(scenario.tags)}
        self.serving = {service.name for service in scenario.serving}


def number_of(known: dict[str, int], where: str, what: str, name: str) -> int:
    """The number of a name. Raises InputError where the scenario has none of it."""
    if name not in known:
        raise InputError(where, what, name, "the scenario has none of this name", f"use {', '.join(known)}")
    return known[name]


def tabled(job: JobNow, names: Names, now: int) -> tuple[Row, Row]:
    """A job as rows of JOB and of PLACED.

    Raises InputError where it names what the scenario does not have, or lacks what its class needs.
    """
    if (job.serves_until_ms is None) == (job.job_class in names.serving):
        reason = "serves, and needs an end" if job.serves_until_ms is None else "serves nobody"
        raise InputError("serves_until_ms", "class", job.job_class, reason, "say until when a block of serving serves")
    work = PLAIN | {
        "arrival": job.submitted_ms,
        "walltime": job.requested_ms,
        "requested": job.requested_ms,
        "gang": job.gang,
        "tags": sum([number_of(names.tags, "tags", "tag", tag) for tag in set(job.tags)]),
        "cls": number_of(names.classes, "job_class", "class", job.job_class),
        "priority": job.priority,
        "silicon": NO if job.native is None else number_of(names.silicons, "native", "silicon", job.native),
        "deadline": job.deadline_ms or 0,
        "penalty": job.penalty,
        "until": job.serves_until_ms or 0,
        "member": job.member,
        "parents": _bits(job.parents),
        "partner": NO if job.partner is None else job.partner,
        "sync": job.sync_mb,
        "descendants": job.descendants,
        "path": job.path_ms,
    }
    status = STATUS[job.status]
    site = len(names.sites) if job.status == "held" else UNPLACED
    claim = job.requested_ms if job.claim_ms is None else job.claim_ms
    stored = [0] * MAX_PROVIDERS
    for provider, megabytes in job.data.items():
        stored[number_of(names.providers, "data", "provider", provider)] = megabytes
    placed = {
        "status": status,
        "site": site if job.site is None else number_of(names.sites, "site", "site", job.site),
        "is_offered": job.is_offered,
        "planned": job.planned_ms,
        "ready": min(job.ready_ms, now),
        "waited": job.waited_ms,
        "offered": job.offered_ms,
        "attempts": job.attempts,
        "start": job.started_ms if status in (RUNNING, STARTING) else -1,
        "begin": job.begins_ms,
        "requested_end": job.requested_end_ms,
        "finish": max(now + 1, job.requested_end_ms),
        "remaining": claim,
        "claim": claim,
        "requests": job.requests,
        "is_granted": 1,
        "is_resumed": job.is_resumed,
        "has_snapshot": job.has_snapshot,
        "missing": _bits(job.missing),
        "megabytes": sum(job.data.values()),
        "stored": tuple(stored),
    }
    return in_job_order(work), in_placed_order(placed)


def _bits(members: tuple[int, ...]) -> int:
    return sum([1 << member for member in set(members)]) if members else 0
