"""How the cluster stands now: from what was seen in Slurm to the snapshot that the router is told."""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, NamedTuple

from ...envs.present import footprint_of
from ...envs.quantities import whole
from ...envs.scenario import Scenario
from ...envs.snapshot import JobNow, Price, ProviderNow, SiteNow, Snapshot, Step
from ...envs.work import JobClass
from ...fastsim.jit import from_python
from ...fastsim.spec import Spec
from ...fastsim.units import DOLLAR, NEVER, WEEK, cost, scaled_up
from .backend import Sight
from .book import Book, Entry
from .data import data_of
from .gate import site_of, waits_for_router
from .job import Job
from .names import check_names
from .router import HOLD
from .settings import Place, Settings
from .supply import Supply, announced, supply_of

at_speed, cost_of = from_python(scaled_up), from_python(cost)


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
        self._prices = _prices(scenario, self.spec)  # by site: time and price [µ$], ascending
        self._known_data = dict[tuple[str, int], dict[str, int]]()
        self.metered = whole(scenario.rules.billing_period_days, "days")
        check_names(settings, scenario)

    def ms(self, seconds: float) -> int:
        """The scenario's time of a time of Slurm's; what was before its beginning counts as then."""
        return max(0, round(seconds * 1000) - self.origin_ms)

    def price(self, place: Place, now_ms: int) -> tuple[int, tuple[Price, ...]]:
        """Price now [µ$], and those known to come: the configuration's, or the scenario's."""
        if place.price_per_hour is not None:
            return whole(place.price_per_hour, "dollars"), ()
        steps = self._prices[place.name]
        now = bisect_right(steps, (now_ms, NEVER)) - 1
        coming = [(at, price) for at, price in steps[now + 1 :] if at < now_ms + WEEK]
        return steps[now][1], tuple(Price(at_ms=at, price_per_hour=Decimal(price) / DOLLAR) for at, price in coming)

    def stand(self, sight: Sight, book: Book, now: float) -> Standing:
        """What was seen, as the scenario counts it."""
        now_ms = self.ms(now)
        jobs = [(job, told) for job in sight.jobs if (told := self.told(job, book, now_ms)) is not None]
        jobs = self._as_many_as_fit(jobs)
        places = [self.settings.place(name) for name in self.sites]
        return Standing(now_ms, {one.name: self._supply(one, sight, jobs, now) for one in places}, jobs)

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
            data=self._data(cls, gang),
            **self._deadline(job, cls, gang, requested),
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

    def _deadline(self, job: Job, cls: JobClass, gang: int, requested: int) -> dict[str, int]:
        """By when it must have finished, where the scenario says what it costs if it has not."""
        if not job.deadline or cls.deadline is None:
            return {}
        rate = whole(cls.deadline.penalty_per_hour, "dollars")
        return {"deadline_ms": self.ms(job.deadline), "penalty": cost_of(gang * requested, rate)}

    def _data(self, cls: JobClass, gang: int) -> dict[str, int]:
        """What jobs of this class and size have on average."""
        if (cls.name, gang) not in self._known_data:
            self._known_data[cls.name, gang] = data_of(self.scenario, cls, gang)
        return self._known_data[cls.name, gang]

    def _speed(self, site: str, cls: JobClass) -> int:
        """Permille."""
        found = self.sites[site]
        return whole(found.class_speed.get(cls.name, found.speed), "permille")

    def _requested(self, job: Job, cls: JobClass) -> int:
        """Its time limit; without one, the longest walltime of its class."""
        return cls.walltime.longest if not job.limit else min(job.limit * 1000, NEVER - 1)

    def _supply(self, place: Place, sight: Sight, jobs: Sequence[tuple[Job, JobNow]], now: float) -> Supply:
        """A site's accelerators and prices, and what is known to come of them."""
        mine = [told for _, told in jobs if told.site == place.name]
        number, nodes = list(self.sites).index(place.name), sight.nodes.get(place.cluster, ())

        def occupied(gang: int) -> int:
            return footprint_of(self.spec, gang, number)

        found = supply_of(occupied, place, nodes, mine, *self.price(place, self.ms(now)))
        steps = announced(place, nodes, sight.outages.get(place.cluster, ()), found.capacity, now)
        coming = [Step(at_ms=self.ms(at), capacity=then) for at, then in steps if self.ms(at) > self.ms(now)]
        return found._replace(announced=tuple(coming))

    def snapshot(self, standing: Standing, book: Book, offered: set[str]) -> Snapshot:
        """What the router is told."""
        sites = [
            SiteNow(
                name=name,
                capacity=one.capacity,
                largest=one.largest,
                price_per_hour=Decimal(one.price) / DOLLAR,
                announced=one.announced,
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


def _prices(scenario: Scenario, spec: Spec) -> dict[str, list[tuple[int, int]]]:
    """All prices of every site, the first one from time 0 on."""
    names = [site.name for site in scenario.sites]
    found = {name: [(0, int(spec.rules[0].first_price[number]))] for number, name in enumerate(names)}
    for step in spec.price_steps:
        found[names[step.site]].append((int(step.at), int(step.price)))
    return found


def _found(job: Job, by: str, table: Mapping[str, Any], default: Any) -> Any:
    """What a table says of a job; a comment is looked up word by word."""
    value = job.fields[by]
    words = value.split() if by == "comment" else [value]
    return next((table[word] for word in words if word in table), default)
