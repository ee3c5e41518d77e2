"""How the cluster stands now: from what was seen in Slurm to the snapshot that the router is told."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, NamedTuple

from ...envs.machines import Site
from ...envs.quantities import whole
from ...envs.scenario import Scenario
from ...envs.snapshot import JobNow, Price, ProviderNow, SiteNow, Snapshot
from ...envs.work import JobClass
from ...fastsim.errors import InputError
from ...fastsim.jit import from_python
from ...fastsim.units import DOLLAR, NEVER, WEEK, scaled_up
from .backend import Sight
from .book import Book, Entry
from .gate import site_of, waits_for_router
from .job import Job, Node
from .router import HOLD
from .settings import Place, Settings

at_speed = from_python(scaled_up)


class Supply(NamedTuple):
    """One site."""

    capacity: int  # accelerators there now, for this site's jobs
    largest: int
    price: int  # µ$ per accelerator-hour
    prices: tuple[Price, ...]  # of the next week
    running: int  # accelerators of jobs that run


class Standing(NamedTuple):
    """All of it."""

    now_ms: int
    sites: dict[str, Supply]
    jobs: list[tuple[Job, JobNow]]


class World:
    """A scenario, compiled, and where its sites are in Slurm."""

    def __init__(self, settings: Settings, scenario: Scenario) -> None:
        self.settings, self.scenario = settings, scenario
        self.cluster = settings.cluster or scenario.name
        self.sites = {site.name: site for site in scenario.sites}
        self.classes: dict[str, JobClass] = {cls.name: cls for cls in scenario.classes}
        self.spec = scenario.compile()
        self.origin_ms = round(settings.origin.timestamp() * 1000)
        self.metered = whole(scenario.rules.billing_period_days, "days")
        _check(settings, scenario)

    def ms(self, seconds: float) -> int:
        """The scenario's time of a time of Slurm's; what was before its beginning counts as then."""
        return max(0, round(seconds * 1000) - self.origin_ms)

    def price(self, place: Place, now_ms: int) -> tuple[int, tuple[Price, ...]]:
        """Price now [µ$], and those known to come: the configuration's, or the scenario's."""
        if place.price_per_hour is not None:
            return whole(place.price_per_hour, "dollars"), ()
        number = [site.name for site in self.scenario.sites].index(place.name)
        price, coming = int(self.spec.rules[0].first_price[number]), []
        for step in self.spec.price_steps:
            if step.site == number and step.at <= now_ms:
                price = int(step.price)
            elif step.site == number and step.at < now_ms + WEEK:
                coming.append(Price(at_ms=int(step.at), price_per_hour=Decimal(int(step.price)) / DOLLAR))
        return price, tuple(coming)

    def stand(self, sight: Sight, book: Book, now: float) -> Standing:
        """What was seen, as the scenario counts it."""
        now_ms = self.ms(now)
        jobs = [(job, told) for job in sight.jobs if (told := self.told(job, book, now_ms)) is not None]
        jobs = self._as_many_as_fit(jobs)
        sites = {
            place.name: self._supply(place, sight.nodes.get(place.cluster, ()), jobs, now_ms) for place in self._places
        }
        return Standing(now_ms, sites, jobs)

    @property
    def _places(self) -> list[Place]:
        return [self.settings.place(site.name) for site in self.scenario.sites]

    def _as_many_as_fit(self, jobs: list[tuple[Job, JobNow]]) -> list[tuple[Job, JobNow]]:
        """By submission; of the waiting ones the first for which the scenario's integers have room."""
        room = int(self.spec.rules[0].most_present)
        room -= sum(told.gang for _, told in jobs if told.status in ("running", "starting"))
        kept = []
        for job, told in sorted(jobs, key=lambda pair: pair[1].submitted_ms):
            waits = told.status not in ("running", "starting")
            if waits and told.gang > room:
                continue
            room -= told.gang if waits else 0
            kept.append((job, told))
        return kept

    def gang(self, job: Job) -> int:
        """Accelerators that a job wants; 0: it is none of the scenario's."""
        each = max((place.accelerators_per_node or 0 for place in self.settings.sites), default=0)
        return job.accelerators or job.nodes * each

    def class_of(self, job: Job) -> JobClass:
        """Its class, by the table of the configuration."""
        rule = self.settings.job_class
        return self.classes[_found(job, rule.by, rule.table, rule.default)]

    def told(self, job: Job, book: Book, now_ms: int) -> JobNow | None:
        """A job as the router is told of it; None: it is no part of the world."""
        place, gang = site_of(job, self.settings), self.gang(job)
        is_here = waits_for_router(job, self.settings) if place is None else job.is_ready and not job.is_held
        if job.state == "gone" or gang == 0 or not is_here:
            return None
        cls = self.class_of(job)
        if place is not None and not self._speed(place.name, cls):
            return None  # its class cannot be there, and yet it is
        entry = book.jobs.get(job.id, Entry())
        requested = self._requested(job, cls)
        return JobNow(
            id=job.id,
            job_class=cls.name,
            gang=gang,
            requested_ms=requested,
            priority=_found(job, self.settings.priority.by, self.settings.priority.table, cls.priority),
            tags=_found(job, self.settings.tags.by, self.settings.tags.table, ()),
            submitted_ms=min(self.ms(job.submitted), now_ms),
            ready_ms=min(self.ms(job.since), now_ms),
            attempts=entry.attempts,
            offered_ms=self.ms(entry.offered) if entry.attempts else 0,
            **self._whereabouts(job, place, entry, cls, requested, now_ms),
        )

    def _whereabouts(
        self, job: Job, place: Place | None, entry: Entry, cls: JobClass, requested: int, now_ms: int
    ) -> dict[str, Any]:
        """Its status, its site, and the times of its run."""
        if place is None:
            return {"status": "held" if entry.action == HOLD else "new"}
        site = self.sites[place.name]
        boot = site.start_up.usual if site.start_up is not None else 0
        planned = boot + at_speed(requested, self._speed(place.name, cls))
        started = min(self.ms(job.started), now_ms)
        if job.state == "pending":
            return {"status": "queued", "site": place.name, "planned_ms": planned}
        if job.state == "starting" and site.start_up is not None:
            times = {"started_ms": started, "requested_end_ms": started + planned, "planned_ms": planned, "requests": 1}
            return {"status": "starting", "site": place.name, **times}
        ends = self.ms(job.ends) if job.ends else started + requested
        return {
            "status": "running",
            "site": place.name,
            "started_ms": started,
            "begins_ms": started,
            "requested_end_ms": max(ends, started),
            "requests": 1 if site.start_up is not None else 0,
        }

    def _speed(self, site: str, cls: JobClass) -> int:
        """Permille."""
        found = self.sites[site]
        return whole(found.class_speed.get(cls.name, found.speed), "permille")

    def _requested(self, job: Job, cls: JobClass) -> int:
        """Its time limit; without one, the longest walltime of its class."""
        return cls.walltime.longest if not job.limit else min(job.limit * 1000, NEVER - 1)

    def _supply(self, place: Place, nodes: Sequence[Node], jobs: Sequence[tuple[Job, JobNow]], now_ms: int) -> Supply:
        """A site's accelerators. Those that other jobs hold on its nodes are not there."""
        site = self.sites[place.name]
        here = [node for node in nodes if place.partition in node.partitions]
        each = place.accelerators_per_node
        total = sum(_accelerators(node, each) for node in here)
        there = sum(_accelerators(node, each) if node.is_there else _used(node, each) for node in here)
        used = sum(_used(node, each) for node in here)
        mine = [told for _, told in jobs if told.site == place.name and told.status in ("running", "starting")]
        taken = sum(_footprint(site, told.gang) for told in mine)
        running = sum(_footprint(site, told.gang) for told in mine if told.status == "running")
        foreign = max(0, used - sum(told.gang for told in mine))
        capacity = max(there - foreign, taken)
        price, prices = self.price(place, now_ms)
        return Supply(capacity, max(total, capacity), price, prices, running)

    def snapshot(self, standing: Standing, book: Book, offered: set[str]) -> Snapshot:
        """What the router is told."""
        sites = [
            SiteNow(
                name=name,
                capacity=one.capacity,
                largest=one.largest,
                price_per_hour=Decimal(one.price) / DOLLAR,
                prices=one.prices,
                used=book.meters[name].used,
                delivered=book.meters[name].delivered,
            )
            for name, one in standing.sites.items()
        ]
        spends = [ProviderNow(name=one.name, spend=book.spend.get(one.name, 0)) for one in self.scenario.providers]
        jobs = [told.model_copy(update={"is_offered": told.id in offered}) for _, told in standing.jobs]
        return Snapshot(
            cluster=self.cluster,
            now_ms=standing.now_ms,
            period_begin_ms=book.period_begin_ms,
            period_end_ms=book.period_begin_ms + self.metered,
            sites=tuple(sites),
            providers=tuple(spends),
            jobs=tuple(jobs),
        )


def _check(settings: Settings, scenario: Scenario) -> None:
    """Raises InputError where the configuration names what the scenario does not have."""
    sites, classes = [site.name for site in scenario.sites], [cls.name for cls in scenario.classes]
    named = {place.name for place in settings.sites}
    for index, place in enumerate(settings.sites):
        _known(f"sites[{index}].name", "site", place.name, sites)
    for name in sites:
        if name not in named:
            raise InputError("sites", "site", name, f"is a site of {scenario.name} and left out", "say where it is")
    rule = settings.job_class
    _known("job_class.default", "class", rule.default, classes)
    for value, name in rule.table.items():
        _known(f"job_class.table.{value}", "class", name, classes)
    for value, tags in settings.tags.table.items():
        for tag in tags:
            _known(f"tags.table.{value}", "tag", tag, scenario.tags)


def _known(where: str, what: str, name: str, names: Sequence[str]) -> None:
    if name not in names:
        raise InputError(where, what, name, "the scenario has none of this name", f"use one of {', '.join(names)}")


def _found(job: Job, by: str, table: Mapping[str, Any], default: Any) -> Any:
    """What a table says of a job; a comment is looked up word by word."""
    value = job.fields[by]
    words = value.split() if by == "comment" else [value]
    return next((table[word] for word in words if word in table), default)


def _accelerators(node: Node, each: int | None) -> int:
    """Declared by the node, or by the configuration."""
    return (each or 0) if node.accelerators is None else node.accelerators


def _used(node: Node, each: int | None) -> int:
    """Held by jobs on the node."""
    if node.accelerators is None:
        return (each or 0) if node.is_busy else 0
    return node.used or 0


def _footprint(site: Site, gang: int) -> int:
    """Accelerators that a gang occupies at a site (rules.md, section 2)."""
    unit = site.cube if site.cube and gang >= site.cube_from else site.granule
    return -(-gang // unit) * unit
