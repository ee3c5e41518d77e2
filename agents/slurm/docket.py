"""The jobs that are decided about: what the book says of each, in line with what was seen."""

import logging
from collections.abc import Callable, Iterable, Sequence

from .backend import Sight
from .book import Book, Entry
from .gate import fallback, is_at, reach, site_of, waits_for_router
from .job import Job
from .router import HOLD, Decision
from .standing import World

LOG = logging.getLogger("tidegate.slurm")


class Docket:
    """The book, and the rules by which it is written."""

    def __init__(self, world: World, book: Book, now: Callable[[], float]) -> None:
        self.world, self.book, self.now = world, book, now
        self.settings = world.settings
        self._away: frozenset[str] = frozenset()  # clusters that did not answer at the last look

    def notice(self, sight: Sight) -> None:
        """What was seen: jobs that came to wait, that went, that are where they should be, or that somebody moved."""
        self._away = frozenset(sight.away)
        present = {job.id: job for job in sight.jobs if job.state != "gone"}
        if not sight.away:
            self.book.jobs = {key: entry for key, entry in self.book.jobs.items() if key in present}
        for job in present.values():
            entry, waits = self.book.jobs.get(job.id), waits_for_router(job, self.settings)
            if entry is not None:
                self._follow(job, entry)
            if waits and entry is None:
                self.book.jobs[job.id] = Entry(waits=job.since, began=job.since)
            elif waits and entry is not None and not entry.action and entry.waits is None:  # somebody put it back
                entry.waits = entry.began = self.now()

    def _follow(self, job: Job, entry: Entry) -> None:
        """Whether it is where it was decided to be. What somebody else has moved since is theirs."""
        if entry.action and not entry.is_done and self.is_there(job, entry):
            entry.is_done, entry.refusals, entry.next_try = True, 0, 0
        elif entry.is_done and not is_at(job, entry.action, self.settings):
            entry.action, entry.is_done, entry.waits = "", False, None
        if job.state != "pending":
            entry.waits = None

    def is_there(self, job: Job, entry: Entry) -> bool:
        """The job is where it was decided to be, and the cluster there knows."""
        return is_at(job, entry.action, self.settings) and (job.is_delivered or job.state != "pending")

    def unanswered(self, jobs: Iterable[Job]) -> list[Job]:
        """Jobs that wait for an answer."""
        return [job for job in jobs if (entry := self.book.jobs.get(job.id)) is not None and entry.waits is not None]

    def wait_again(self, jobs: Iterable[Job]) -> None:
        """These are asked about again, if there is anything to choose."""
        for job in jobs:
            if self.has_no_choice(job):
                continue
            self.book.jobs[job.id].waits = self.now()

    def held_out(self, jobs: Iterable[Job]) -> list[Job]:
        """Jobs that were held as long as a job may be."""
        known = ((job, self.book.jobs.get(job.id)) for job in jobs)
        held = [(job, entry) for job, entry in known if entry is not None and entry.action == HOLD]
        return [job for job, entry in held if entry.waits is None and self._is_held_out(entry)]

    def _is_held_out(self, entry: Entry) -> bool:
        """It has waited as long as a job may be held."""
        return (self.now() - entry.began) * 1000 >= self.world.scenario.rules.times["max_hold"]

    def decide(self, job: Job, decision: Decision) -> None:
        """Take an answer of the router's, as far as it can be followed."""
        entry, place = self.book.jobs[job.id], fallback(job, self.settings)
        entry.attempts = decision.attempt
        action, by, why = decision.action, decision.by, decision.why
        default = place.name if place else HOLD
        if action == HOLD and self._is_held_out(entry):
            action, by, why = default, "max_hold", "it has been held as long as the rules allow"
        elif action != HOLD and self.settings.place(action).cluster in self._away:
            action, by, why = default, "away", f"the cluster of {action} is away"
        self._enter(job, action, by, why)

    def _enter(self, job: Job, action: str, by: str, why: str) -> None:
        """Write a decision down, and say it."""
        entry = self.book.jobs[job.id]
        is_told = action != entry.action or (by == "watchdog" and site_of(job, self.settings) is None)
        entry.action, entry.by, entry.offered, entry.waits = action, by, self.now(), None
        entry.is_done = self.is_there(job, entry)
        entry.refusals = entry.refusals if by == "refused" else 0
        level = logging.WARNING if by == "watchdog" else logging.INFO
        if is_told:
            LOG.log(level, "job %s: %s, attempt %d, by %s: %s", job.key, action, entry.attempts, by, why or "–")

    def to_default(self, job: Job, by: str, why: str) -> None:
        """It goes to the default site; from a queue it goes nowhere."""
        place = site_of(job, self.settings) or fallback(job, self.settings)
        if place is not None:
            self._enter(job, place.name, by, why)
        else:
            LOG.error("job %s is in the gate of %s, where no site is: move it by hand", job.key, job.home)

    def spare_the_router(self, jobs: Sequence[Job]) -> None:
        """Jobs for which there is nothing to choose go to the default site."""
        for job in self.unanswered(jobs):
            reason = self.has_no_choice(job)
            if reason:
                self.to_default(job, "rule", reason)

    def has_no_choice(self, job: Job) -> str:
        """Why the router is not asked about a job; "" if it is."""
        if not self.world.gang(job):
            return "it asks for no accelerator"
        if job.is_mixed:
            return "the parts of a heterogeneous job run together"
        is_free = len(reach(job, self.settings)) == len(self.settings.sites)
        return "" if is_free else "Slurm cannot bring it to another cluster"

    def watch(self, jobs: Sequence[Job]) -> None:
        """Jobs that would have waited for an answer too long at the next look go to the default site."""
        longest = self.settings.watchdog_seconds - self.settings.poll_seconds
        for job in self.unanswered(jobs):
            waited = self.now() - (self.book.jobs[job.id].waits or 0)
            if waited >= longest:
                self.to_default(job, "watchdog", f"no answer for {waited:.0f} s")
