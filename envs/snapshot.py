"""A snapshot: a cluster as it is now, in JSON. What a router is told, and what `tidegate simulate --snapshot` writes.

The scenario says what does not change (providers, contracts, classes, rules); a snapshot says the rest: what is there,
what is known to come, what runs, starts, waits and is asked about, and how the contracts stand. Times are ms from the
scenario's time 0, a Monday, 00:00. Nothing in it is hidden from a router.
"""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from ..fastsim.errors import InputError
from ..fastsim.units import NEVER
from .quantities import Dollars, Name, Part, Whole

FORMAT = 1
MOST_JOBS = 1 << 20
Ms = Annotated[Whole, Field(ge=0, lt=NEVER)]
Count = Annotated[Whole, Field(ge=0, le=1 << 40)]
Amount = Annotated[Whole, Field(ge=0, le=1 << 60)]
Id = Annotated[str, Field(min_length=1, max_length=128, strict=True)]
Status = Literal["new", "queued", "held", "starting", "running", "blocked"]
PLACED = ("queued", "starting", "running")  # where a site must be named


class Step(Part):
    """A capacity that is known to come."""

    at_ms: Ms
    capacity: Count


class Price(Part):
    """A price that is known to come."""

    at_ms: Ms
    price_per_hour: Dollars


class SiteNow(Part):
    """One site."""

    name: Name
    capacity: Count  # accelerators there now
    largest: Count  # that it may come to have, now or later
    price_per_hour: Dollars  # of an accelerator now
    announced: tuple[Step, ...] = ()  # by time
    prices: tuple[Price, ...] = ()  # by time
    used: Amount = 0  # accelerator-ms used and metered in the running contract period
    delivered: Amount = 0  # accelerator-ms that were there in it

    @model_validator(mode="after")
    def _is_ordered(self) -> "SiteNow":
        for key, times in (("announced", self.announced), ("prices", self.prices)):
            at = [one.at_ms for one in times]
            if at != sorted(set(at)):
                raise InputError(key, "times", ", ".join(map(str, at)), "not ascending", "order them, one of each")
        return self


class ProviderNow(Part):
    """How a contract stands."""

    name: Name
    spend: Amount = 0  # µ$ posted of metered use in the running period, without the sites' `used`
    carried: Amount = 0  # µ$ of unused commitment carried into it


class JobNow(Part):
    """One job: what its user asked for, and where it stands."""

    id: Id
    job_class: Name
    gang: Annotated[Whole, Field(ge=1, le=1 << 30)]
    requested_ms: Annotated[Whole, Field(ge=1, lt=NEVER)]
    priority: Annotated[Whole, Field(ge=0, le=7)]
    submitted_ms: Ms
    status: Status
    tags: tuple[str, ...] = ()  # that a provider must have
    native: str | None = None  # silicon; elsewhere it pays for a port
    site: Name | None = None
    is_offered: bool = False  # it is asked about now
    ready_ms: Ms = 0  # since when it waits
    waited_ms: Ms = 0  # before that
    offered_ms: Ms = 0  # time of the last offer
    attempts: Count = 0  # offers so far
    planned_ms: Ms = 0  # what it counts on at its site, with set-up, where it is queued or starts
    started_ms: Ms = 0  # its run, or its request
    begins_ms: Ms = 0  # its work, after set-up
    requested_end_ms: Ms = 0
    claim_ms: Ms | None = None  # what is left of what it requested; all of it unless said
    requests: Count = 0  # for machines, so far
    is_resumed: bool = False  # an earlier run ended early
    has_snapshot: bool = False  # its checkpoint is among its data
    data: dict[Name, Count] = Field(default_factory=dict)  # MB that lie at each provider
    deadline_ms: Ms | None = None
    penalty: Amount = 0  # µ$, of a missed deadline
    serves_until_ms: Ms | None = None  # a block of serving
    pipeline: Id | None = None
    member: Annotated[Whole, Field(ge=0, lt=60)] = 0
    parents: tuple[Annotated[Whole, Field(ge=0, lt=60)], ...] = ()  # members that it waits for, all of them
    missing: tuple[Annotated[Whole, Field(ge=0, lt=60)], ...] = ()  # those of them that have not finished
    partner: Annotated[Whole, Field(ge=0, lt=60)] | None = None
    sync_mb: Count = 0  # exchanged with the partner
    descendants: Count = 0  # jobs that wait for it
    path_ms: Ms = 0  # longest chain of their requested walltimes

    @model_validator(mode="after")
    def _is_somewhere(self) -> "JobNow":
        if (self.site is None) != (self.status not in PLACED):
            reason = "needs a site" if self.site is None else "has no site"
            raise InputError("site", "status", self.status, reason, f"name one where it is {', '.join(PLACED)}, only")
        if self.is_offered and self.status not in ("new", "queued", "held"):
            raise InputError("is_offered", "status", self.status, "is not asked about", "leave it out")
        return self


class Snapshot(Part):
    """A cluster as it is now."""

    format: Literal[1] = FORMAT
    cluster: Annotated[str, Field(min_length=1, max_length=64, strict=True)]
    now_ms: Ms
    period_begin_ms: Annotated[Whole, Field(gt=-NEVER, lt=NEVER)]
    period_end_ms: Ms
    sites: Annotated[tuple[SiteNow, ...], Field(min_length=1, max_length=8)]
    providers: Annotated[tuple[ProviderNow, ...], Field(max_length=8)] = ()
    jobs: Annotated[tuple[JobNow, ...], Field(max_length=MOST_JOBS)] = ()  # by submission

    @model_validator(mode="after")
    def _holds_together(self) -> "Snapshot":
        if not self.period_begin_ms <= self.now_ms < self.period_end_ms:
            reason = f"not within {self.period_begin_ms} … {self.period_end_ms}, the contract period"
            raise InputError("now_ms", "time", self.now_ms, reason, "correct the period")
        for index, site in enumerate(self.sites):
            for key, steps in (("announced", site.announced), ("prices", site.prices)):
                if steps and steps[0].at_ms <= self.now_ms:
                    reason, remedy = f"is not after now, {self.now_ms}", "leave out what has come"
                    raise InputError(f"sites[{index}].{key}", "time", steps[0].at_ms, reason, remedy)
        last, seen = 0, set[str]()
        for index, job in enumerate(self.jobs):
            if job.id in seen:
                raise InputError(f"jobs[{index}].id", "id", job.id, "given twice", "name every job once")
            if not last <= job.submitted_ms <= self.now_ms:
                reason = f"not between {last}, the job before it, and now, {self.now_ms}"
                raise InputError(f"jobs[{index}].submitted_ms", "time", job.submitted_ms, reason, "order them")
            seen.add(job.id)
            last = job.submitted_ms
        return self
