"""Which jobs are asked about now: new ones at once, waiting ones again by the rules' offers (rules.md, section 4)."""

from collections.abc import Iterable
from typing import NamedTuple

from ...envs.scenario import Scenario
from ...envs.snapshot import JobNow
from .book import Book
from .job import Job
from .standing import Standing


class Passing(NamedTuple):
    """Whether waiting jobs are looked at now, and how."""

    is_due: bool
    takes_all: bool  # whenever they were asked about last


def passing(book: Book, scenario: Scenario, standing: Standing) -> Passing:
    """A pass is due in a new offer interval, where a run has ended, and where capacity has changed.

    The book then knows what was seen now.
    """
    slot = standing.now_ms // scenario.rules.times["offer_interval"]
    now = {name: [site.capacity] for name, site in standing.sites.items()}
    for job, told in standing.jobs:
        if told.site is not None and told.status in ("running", "starting"):
            now[told.site].append(int(job.key.split("_")[0]))
    before, book.standing = book.standing, now
    slot_before, book.slot = book.slot, slot
    losses = [name for name, (capacity, *_) in now.items() if name in before and capacity < before[name][0]]
    changed = [name for name, (capacity, *_) in now.items() if name in before and capacity != before[name][0]]
    ended = [name for name, (_, *runs) in now.items() if name in before and set(before[name][1:]) - set(runs)]
    is_wake = slot != slot_before or bool(changed or ended)
    return Passing(is_wake and scenario.rules.pass_size > 0, bool(losses))


def again(book: Book, scenario: Scenario, jobs: Iterable[tuple[Job, JobNow]], way: Passing, now: float) -> list[Job]:
    """Jobs that wait where a decision has put them, and are due: the first ones in job order."""
    if not way.is_due:
        return []
    gap = scenario.rules.times["reoffer_gap"] / 1000
    waiting = [
        (job, told)
        for job, told in jobs
        if (entry := book.jobs.get(job.id)) is not None
        and entry.is_done
        and entry.waits is None
        and told.status in ("held", "queued")
    ]
    waiting.sort(key=lambda pair: -pair[1].priority)  # stable: by submission among equals
    first = waiting[: scenario.rules.pass_size]
    return [job for job, _ in first if way.takes_all or now - book.jobs[job.id].offered >= gap]
