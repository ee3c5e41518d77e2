"""From a snapshot to a world that stands as the cluster does, and from a world to the snapshot that it would give.

Of what a router cannot know a world needs something: a job is taken to run for as long as it has requested, a request
to be granted when it is expected to, until someone draws something better (`Present.placed`).
"""

from collections.abc import Iterator, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import numpy as np
from pydantic import ValidationError

from ..fastsim.errors import InputError
from ..fastsim.jit import from_python
from ..fastsim.needs import footprint
from ..fastsim.restore import NOW, PLACED, restore_one
from ..fastsim.spec import NO, PRICE_STEP, Jobs, Spec, plain_jobs, records, schedules
from ..fastsim.state import (
    EMPTY,
    OFFERS,
    PENDING,
    RUNNING,
    SLOT_BITS,
    SLOT_MASK,
    STARTING,
    UNPLACED,
)
from ..fastsim.units import DOLLAR
from ..fastsim.worlds import Worlds
from .explain import explained
from .quantities import whole
from .scenario import Scenario
from .snapshot import JobNow, Price, ProviderNow, SiteNow, Snapshot, Step
from .tabled import Names, tabled

GONE = EMPTY  # a member of a pipeline that has left: its place in the table stays
T = TypeVar("T", SiteNow, ProviderNow)


footprint_of = from_python(footprint)


class Present(NamedTuple):
    """A cluster as it is now, as the kernel reads it."""

    spec: Spec  # the scenario's, with the capacities and prices of now and those known to come
    jobs: Jobs  # (rows,), by arrival
    placed: Any  # (rows,) restore.PLACED
    now: Any  # (1,) restore.NOW
    ids: tuple[str, ...]  # of each row; "": a member of a pipeline that has left

    def worlds(self, episodes: int = 1) -> Worlds:
        """A batch of worlds that all stand so; each waits for the answer to its first offer, if there is one."""
        found = Worlds(self.spec, self.jobs, episodes, slots=max(256, 2 * len(self.jobs)))
        for episode in range(episodes):
            self.put(found, episode)
        return found

    def put(self, worlds: Worlds, episode: int) -> None:
        """Make an episode of a batch with these jobs stand so."""
        worlds.batch.state[episode] = np.zeros((), worlds.batch.state.dtype)
        restore_one(self.spec, self.jobs, worlds.batch, episode, self.now, self.placed)


def read(path: Path) -> Snapshot:
    """The snapshot in a file. Raises InputError where it cannot be read, or does not hold together."""
    try:
        content = path.read_bytes()
    except OSError as error:
        reason, remedy = f"cannot be read: {error.strerror}", "correct the path"
        raise InputError("snapshot", "file", path, reason, remedy) from None
    return parsed(content, str(path))


def parsed(content: bytes | str, where: str) -> Snapshot:
    """The snapshot in some JSON, called `where` in errors. Raises InputError where it does not hold together."""
    try:
        return Snapshot.model_validate_json(content)
    except ValidationError as error:
        raise explained(error, where) from None


def present(snapshot: Snapshot, scenario: Scenario, spec: Spec | None = None) -> Present:
    """A snapshot of a cluster that a scenario describes; `spec`: the scenario compiled, where that is at hand.

    Raises InputError where the two do not fit.
    """
    spec = scenario.compile() if spec is None else spec
    sites = _ordered("sites", snapshot.sites, [site.name for site in scenario.sites])
    providers = _ordered("providers", snapshot.providers, [one.name for one in scenario.providers], ProviderNow)
    jobs, placed, ids = _tables(snapshot, scenario)
    _check_runs(spec, [site.name for site in sites], jobs, placed, ids)
    _check_room(spec, sites, jobs, placed)
    total = sum(job.gang for job in snapshot.jobs)
    if total > spec.rules[0].most_present:
        reason = f"above {int(spec.rules[0].most_present):,}, what the integers of {scenario.name} hold"
        raise InputError("snapshot", "accelerators that all jobs want", f"{total:,}", reason, "name another scenario")
    return Present(_spec_now(spec, sites), jobs, placed, _now(snapshot, sites, providers), ids)


def _check_runs(spec: Spec, names: Sequence[str], jobs: Jobs, placed: Any, ids: Sequence[str]) -> None:
    """Raises InputError where a job is at a site that its class cannot use, or starts where nothing has to start."""
    rules = spec.rules[0]
    rows = np.flatnonzero((placed.site >= 0) & (placed.site < int(rules.sites)) & (placed.status != GONE))
    sites = placed.site[rows]
    is_unfit = rules.speed[sites, jobs.cls[rows]] == 0
    has_to_start = (placed.status[rows] == STARTING) & (rules.start_up[sites] == NO)
    for at in np.flatnonzero(is_unfit | has_to_start):
        where, name = f"snapshot: job {ids[int(rows[at])]}", names[int(sites[at])]
        if is_unfit[at]:
            raise InputError(where, "site", name, "its class cannot run there", "correct the site or the scenario")
        raise InputError(where, "status", "starting", f"nothing has to start at {name}", "say running")


def _check_room(spec: Spec, sites: Sequence[SiteNow], jobs: Jobs, placed: Any) -> None:
    """Raises InputError where more runs at a site than it has."""
    for number, site in enumerate(sites):
        here = (placed.site == number) & ((placed.status == RUNNING) | (placed.status == STARTING))
        gangs = zip(*np.unique(jobs.gang[here], return_counts=True), strict=True)
        taken = sum(footprint_of(spec, int(gang), number) * int(count) for gang, count in gangs)
        if taken > site.capacity:
            reason = f"{taken:,} run or start there"
            raise InputError(
                f"snapshot: sites[{number}]", "capacity", site.capacity, reason, "count what jobs hold, too"
            )


def _ordered(key: str, given: Sequence[T], names: Sequence[str], absent: type[T] | None = None) -> list[T]:
    """What is given of each of `names`, in their order; one that is left out is `absent`, if that may be."""
    found = {}
    for index, one in enumerate(given):
        if one.name not in names or one.name in found:
            reason = "given twice" if one.name in found else "the scenario has none of this name"
            raise InputError(f"snapshot: {key}[{index}]", "name", one.name, reason, f"name {', '.join(names)}, once")
        found[one.name] = one
    for name in names:
        if name not in found and absent is None:
            raise InputError(f"snapshot: {key}", "name", name, "is left out", "say how it stands")
    return [found[name] if name in found else absent(name=name) for name in names]  # type: ignore[misc]


def _spec_now(spec: Spec, sites: Sequence[SiteNow]) -> Spec:
    """The spec with the capacities and prices of now, and only what is known to come."""
    rules = spec.rules.copy()
    capacities = [site.capacity for site in sites]
    rules[0].first_capacity[: len(sites)] = capacities
    rules[0].first_price[: len(sites)] = [whole(site.price_per_hour, "dollars") for site in sites]
    steps = tuple(tuple((step.at_ms, step.capacity, 0) for step in site.announced) for site in sites)
    variants, capacity_steps, notices = schedules(capacities, (steps,))
    variants[0].nominal[: len(sites)] = [site.largest for site in sites]
    prices = sorted(
        (one.at_ms, index, whole(one.price_per_hour, "dollars"))
        for index, site in enumerate(sites)
        for one in site.prices
    )
    return Spec(rules, variants, capacity_steps, notices, records(prices, PRICE_STEP), spec.tables)


def _now(snapshot: Snapshot, sites: Sequence[SiteNow], providers: Sequence[ProviderNow]) -> Any:
    found = np.zeros(1, NOW).view(np.recarray)
    row = found[0]
    row.now, row.period_begin, row.period_end = snapshot.now_ms, snapshot.period_begin_ms, snapshot.period_end_ms
    row.used[: len(sites)] = [site.used for site in sites]
    row.delivered[: len(sites)] = [site.delivered for site in sites]
    row.spend[: len(providers)] = [one.spend for one in providers]
    row.carried[: len(providers)] = [one.carried for one in providers]
    return found


def _tables(snapshot: Snapshot, scenario: Scenario) -> tuple[Jobs, Any, tuple[str, ...]]:
    """The jobs as submitted, and where they stand; members of a pipeline lie side by side."""
    rows = list(_rows(snapshot.jobs))
    jobs, placed = plain_jobs(len(rows)), np.zeros(len(rows), PLACED).view(np.recarray)
    names = Names(scenario)
    for number, (index, job) in enumerate(rows):
        if index is None:  # has left
            jobs[number].arrival, jobs[number].gang, placed[number].status = job.submitted_ms, 1, GONE
            continue
        try:
            jobs[number], placed[number] = tabled(job, names, snapshot.now_ms)
        except InputError as error:
            where = f"snapshot: jobs[{index}].{error.where}"
            raise InputError(where, error.what, error.value, error.reason, error.remedy) from None
    return jobs, placed, tuple("" if index is None else job.id for index, job in rows)


def _rows(jobs: Sequence[JobNow]) -> Iterator[tuple[int | None, JobNow]]:
    """Each job with its place in the snapshot; None: another member of its pipeline, which has left, goes there."""
    index = 0
    while index < len(jobs):
        first = jobs[index]
        if first.pipeline is None:
            yield index, first
            index += 1
            continue
        begin = index
        while index < len(jobs) and jobs[index].pipeline == first.pipeline:
            index += 1
        here = {jobs[place].member: place for place in range(begin, index)}
        if len(here) < index - begin or list(here) != sorted(here):
            reason = "its members are not ascending"
            raise InputError(f"snapshot: jobs[{begin}].pipeline", "pipeline", first.pipeline, reason, "order them")
        for member in range(max(here) + 1):
            yield here.get(member), jobs[here.get(member, begin)]


def taken(worlds: Worlds, scenario: Scenario, episode: int = 0) -> Snapshot:
    """The snapshot that the cluster of an episode would give now: what a router may know, and no more."""
    state = worlds.state(episode)
    sites = [_site_of(worlds, scenario, episode, number) for number in range(len(scenario.sites))]
    providers = [
        ProviderNow(name=one.name, spend=int(state.spend[number]), carried=int(state.carried[number]))
        for number, one in enumerate(scenario.providers)
    ]
    offered = {int(key) & SLOT_MASK for key in worlds.batch.keys[episode, OFFERS, int(state.offer) : int(state.offers)]}
    live = worlds.batch.live[episode]
    slots = [slot for slot in range(int(state.slots)) if live[slot].status != EMPTY]
    slots.sort(key=lambda slot: int(live[slot].job))
    return Snapshot(
        cluster=scenario.name,
        now_ms=int(state.now),
        period_begin_ms=int(state.period_begin),
        period_end_ms=int(state.period_end),
        sites=tuple(sites),
        providers=tuple(providers),
        jobs=tuple(_job_of(worlds, scenario, live[slot], slot in offered) for slot in slots),
    )


def _site_of(worlds: Worlds, scenario: Scenario, episode: int, number: int) -> SiteNow:
    state, spec = worlds.state(episode), worlds.spec
    now = int(state.now)
    plan = worlds.batch.plans[episode, number, : int(state.planned[number])].tolist()
    prices = [one for one in spec.price_steps[int(state.next_price) :] if one.site == number]
    return SiteNow(
        name=scenario.sites[number].name,
        capacity=int(state.capacity[number]),
        largest=int(state.reach[number]),
        price_per_hour=_dollars(int(state.price[number])),
        announced=tuple(
            Step(at_ms=key >> SLOT_BITS, capacity=int(spec.notices[key & SLOT_MASK].capacity)) for key in plan
        ),
        prices=tuple(Price(at_ms=int(one.at), price_per_hour=_dollars(int(one.price))) for one in prices),
        used=int(state.metered[number]) * now + int(state.use_offset[number]),
        delivered=int(state.capacity[number]) * now + int(state.delivered_offset[number]),
    )


def _dollars(micro: int) -> Decimal:
    return Decimal(micro) / DOLLAR


def _job_of(worlds: Worlds, scenario: Scenario, item: Any, is_offered: bool) -> JobNow:
    number = int(item.job)
    work, sites = worlds.jobs[number], [site.name for site in scenario.sites]
    is_member = bool(work.parents or work.descendants or work.member) or work.partner != NO
    waits = "new" if item.site == UNPLACED else "held" if item.site == len(sites) else "queued"
    status: Any = {STARTING: "starting", RUNNING: "running", PENDING: "blocked"}.get(int(item.status), waits)
    return JobNow(
        id=str(number),
        job_class=scenario.terms[int(work.cls)].name,
        gang=int(work.gang),
        requested_ms=int(work.requested),
        priority=int(work.priority),
        submitted_ms=int(work.arrival),
        status=status,
        tags=tuple(tag for bit, tag in enumerate(scenario.tags) if int(work.tags) >> bit & 1),
        native=None if work.silicon == NO else scenario.silicons[int(work.silicon)],
        site=sites[int(item.site)] if status in ("queued", "starting", "running") else None,
        is_offered=is_offered,
        ready_ms=int(item.ready),
        waited_ms=int(item.waited),
        offered_ms=int(item.offered),
        attempts=int(item.attempts),
        planned_ms=int(item.requested) if status in ("queued", "starting") else 0,
        started_ms=max(0, int(item.start)),
        begins_ms=int(item.begin) if status == "running" else 0,
        requested_end_ms=int(item.requested_end) if status in ("starting", "running") else 0,
        claim_ms=int(item.claim),
        requests=int(item.requests),
        is_resumed=bool(item.is_resumed),
        has_snapshot=bool(item.has_snapshot),
        data={
            provider.name: int(item.stored[place])
            for place, provider in enumerate(scenario.providers)
            if item.stored[place]
        },
        deadline_ms=int(work.deadline) or None,
        penalty=int(work.penalty),
        serves_until_ms=int(work.until) or None,
        pipeline=f"p{number - int(work.member)}" if is_member else None,
        member=int(work.member),
        parents=tuple(member for member in range(60) if int(work.parents) >> member & 1),
        missing=tuple(member for member in range(60) if int(item.missing) >> member & 1),
        partner=None if work.partner == NO else int(work.partner),
        sync_mb=int(work.sync),
        descendants=int(work.descendants),
        path_ms=int(work.path),
    )
