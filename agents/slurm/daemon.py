"""The daemon: look, ask, write down, carry out, and again.

It may be killed anywhere. What Slurm says is the truth; a decision is in the book before Slurm hears of it; and every
order leaves a job in the gate or where it shall be. So whoever begins anew goes on from there, and nothing is done
twice: a job is never submitted, only moved.
"""

import logging
import math
import time
from collections.abc import Callable, Iterable, Sequence

from .backend import Backend, Sight, look
from .book import Book, Entry, read_book, write_book
from .due import Passing, again, passing, unanswered
from .gate import Order, fallback, is_at, order, reach, site_of, waits_for_router
from .job import Job
from .meters import count
from .router import HOLD, TOGETHER, Decision, Question, RouterClient
from .standing import Standing, World
from .watchdog import rescue
from .wire import AwayError, RefusedError

LOG = logging.getLogger("tidegate.slurm")
LONGEST_PAUSE = 10.0  # s, between two tries while Slurm is away
DELIVERY = 20.0  # s, after which what a federation has not passed on is taken to be lost
MOST_REFUSALS = 5  # orders that did nothing, after which a job goes to the default site


class Daemon:
    """One, of one configuration."""

    def __init__(
        self, world: World, slurm: Backend, router: RouterClient, *, shadow: bool, now: Callable[[], float] = time.time
    ) -> None:
        self._world, self._slurm, self._router, self._shadow, self._now = world, slurm, router, shadow, now
        self._settings = world.settings
        self._book = read_book(self._settings.state)
        self._book.is_shadow = shadow
        self._away: frozenset[str] = frozenset()  # clusters that did not answer at the last look

    def run(self, sleep: Callable[[float], object] = time.sleep) -> None:
        """For ever."""
        pause = self._settings.poll_seconds
        while True:
            try:
                is_busy = self.step()
                pause = self._settings.poll_seconds
            except AwayError as error:
                LOG.warning("%s; looking again in %.3g s", error, pause)
                is_busy, pause = False, min(2 * pause, LONGEST_PAUSE)
            except Exception:
                LOG.exception("a step has failed; jobs do not wait for the next one longer than the watchdog allows")
                is_busy = self._rescue()
            sleep(0.05 if is_busy else pause)

    def _rescue(self) -> bool:
        """What the other watchdog would do, by means that need none of what has failed."""
        try:
            return rescue(self._settings, self._slurm, self._now()) > 0
        except AwayError as error:
            LOG.warning("%s", error)
            return False

    def step(self) -> bool:
        """Look once, and do what is to do; True where more may follow at once. Raises AwayError without Slurm."""
        sight = look(self._settings, self._slurm)
        now, self._away = self._now(), frozenset(sight.away)
        for cluster, reason in sight.away.items():
            LOG.warning("cluster %s is away: %s; its sites count as empty of machines", cluster, reason)
        self._notice(sight, now)
        standing = self._world.stand(sight, self._book, now)
        count(self._book, self._world.scenario, standing)
        way = passing(self._book, self._world.scenario, standing)
        asked = self._shadow_step(sight, standing) if self._shadow else []
        if not self._shadow:
            self._live_step(sight, standing, way)
        orders = self._pending_orders(sight.jobs)
        self._save()
        self._carry_out(orders)
        self._book.seen = self._now()
        if asked:
            self._judge(asked, standing)
        self._save()
        return bool(orders)

    # What is decided ---------------------------------------------------------------------------------------------

    def _notice(self, sight: Sight, now: float) -> None:
        """Bring the book in line with what was seen: jobs that came to wait, went, or are where they should be."""
        present = {job.id: job for job in sight.jobs if job.state != "gone"}
        if not sight.away:
            self._book.jobs = {key: entry for key, entry in self._book.jobs.items() if key in present}
        for job in present.values():
            entry = self._book.jobs.get(job.id)
            if waits_for_router(job, self._settings):
                if entry is None:
                    self._book.jobs[job.id] = Entry(waits=job.since, began=job.since)
                elif entry.is_done and entry.action != HOLD:  # somebody has put it back
                    entry.waits, entry.began, entry.is_done = now, now, False
                    entry.action = ""
            if entry is not None and entry.action and not entry.is_done and self._is_there(job, entry):
                entry.is_done, entry.refusals, entry.next_try = True, 0, 0
            if entry is not None and job.state != "pending":
                entry.waits = None

    def _is_there(self, job: Job, entry: Entry) -> bool:
        """The job is where it was decided to be, and the cluster there knows."""
        return is_at(job, entry.action, self._settings) and (job.is_delivered or job.state != "pending")

    def _live_step(self, sight: Sight, standing: Standing, way: Passing) -> None:
        self._stay_home(sight.jobs)
        now = self._now()
        for job in again(self._book, self._world.scenario, standing.jobs, way, now):
            self._book.jobs[job.id].waits = now
        for job, told in standing.jobs:
            entry = self._book.jobs.get(job.id)
            if told.status == "held" and entry is not None and entry.waits is None and self._is_held_out(entry, now):
                entry.waits = now
        known = {job.id for job, told in standing.jobs if told.status in ("new", "held", "queued")}
        asked = [job for job in unanswered(self._book, sight.jobs) if job.id in known]
        if asked:
            self._ask(asked, standing)
        self._watch(sight.jobs)

    def _ask(self, asked: Sequence[Job], standing: Standing) -> None:
        """Ask about jobs, the longest wait first, as far as time allows."""
        try:
            state = self._world.snapshot(standing, self._book, {job.id for job in asked})
            self._router.tell(state.model_dump_json().encode(), self._time_left(asked))
            for begin in range(0, len(asked), TOGETHER):
                self._ask_together(asked[begin : begin + TOGETHER], self._time_left(asked))
        except (AwayError, ValueError) as error:  # a snapshot that does not hold together is no answer either
            LOG.warning("%s; %d jobs wait for an answer", error, len(unanswered(self._book, asked)))

    def _ask_together(self, asked: Sequence[Job], seconds: float) -> None:
        """Ask about several jobs; where the router refuses, in halves, so that one job holds up no other."""
        questions = [Question(id=job.id, attempt=self._book.jobs[job.id].attempts + 1) for job in asked]
        try:
            answers = self._router.ask(questions, seconds)
        except RefusedError as error:
            if len(asked) == 1:
                LOG.warning("job %s: %s", asked[0].key, error)
                return
            half = len(asked) // 2
            for some in (asked[:half], asked[half:]):
                self._ask_together(some, self._time_left(asked))
            return
        for job, decision in zip(asked, answers, strict=True):
            self._decide(job, decision)

    def _time_left(self, asked: Iterable[Job]) -> float:
        """Until the watchdog has to act for the first of them [s]; when that is over, a moment."""
        waits = [entry.waits for job in asked if (entry := self._book.jobs[job.id]).waits is not None]
        left = min(waits, default=math.inf) + self._settings.watchdog_seconds - self._now()
        return max(0.5, left)

    def _decide(self, job: Job, decision: Decision) -> None:
        entry = self._book.jobs[job.id]
        entry.attempts = decision.attempt
        action, by, why = decision.action, decision.by, decision.why
        place = fallback(job, self._settings)
        default = place.name if place else HOLD
        if action == HOLD and self._is_held_out(entry, self._now()):
            action, by, why = default, "max_hold", "it has been held as long as the rules allow"
        elif action != HOLD and self._settings.place(action).cluster in self._away:
            action, by, why = default, "away", f"the cluster of {action} is away"
        self._enter(job, action, by, why)

    def _enter(self, job: Job, action: str, by: str, why: str) -> None:
        """Write a decision down, and say it."""
        entry = self._book.jobs[job.id]
        is_told = action != entry.action or (by == "watchdog" and site_of(job, self._settings) is None)
        entry.action, entry.by, entry.offered, entry.waits = action, by, self._now(), None
        entry.is_done = self._is_there(job, entry)
        entry.refusals = entry.refusals if by == "refused" else 0
        level = logging.WARNING if by == "watchdog" else logging.INFO
        if is_told:
            LOG.log(level, "job %s: %s, attempt %d, by %s: %s", job.key, action, entry.attempts, by, why or "–")

    def _is_held_out(self, entry: Entry, now: float) -> bool:
        """It has waited as long as a job may be held."""
        return (now - entry.began) * 1000 >= self._world.scenario.rules.times["max_hold"]

    # What needs no router ----------------------------------------------------------------------------------------

    def _stay_home(self, jobs: Sequence[Job]) -> None:
        """Jobs that Slurm cannot bring to every site, and those that ask for no accelerator, are not asked about."""
        for job in unanswered(self._book, jobs):
            if not self._world.gang(job):
                self._to_default(job, "rule", "it asks for no accelerator")
            elif job.is_mixed:
                self._to_default(job, "rule", "the parts of a heterogeneous job run together")
            elif len(reach(job, self._settings)) < len(self._settings.sites):
                self._to_default(job, "rule", "Slurm cannot bring it to another cluster")

    def _watch(self, jobs: Sequence[Job]) -> None:
        """Jobs that have waited for an answer as long as they may go to the default site."""
        now = self._now()
        for job in unanswered(self._book, jobs):
            waits = self._book.jobs[job.id].waits
            if waits is not None and now - waits >= self._settings.watchdog_seconds - self._settings.poll_seconds:
                self._to_default(job, "watchdog", f"no answer for {now - waits:.0f} s")

    def _to_default(self, job: Job, by: str, why: str) -> None:
        here, place = site_of(job, self._settings), fallback(job, self._settings)
        if here is not None:  # it stands in a queue: there it stays
            self._enter(job, here.name, by, why)
        elif place is not None:
            self._enter(job, place.name, by, why)
        else:
            LOG.error("job %s is in the gate of %s, where no site is: move it by hand", job.key, job.home)

    def _shadow_step(self, sight: Sight, standing: Standing) -> list[Job]:
        """Every job goes to the default site at once; those that the router is asked about when they have gone."""
        fresh = unanswered(self._book, sight.jobs)
        known = {job.id for job, told in standing.jobs if told.status == "new"}
        for job in fresh:
            self._to_default(job, "shadow", "nothing waits in shadow mode")
        return [job for job in fresh if job.id in known]

    def _judge(self, asked: Sequence[Job], standing: Standing) -> None:
        """What the router would have said is logged, and nothing else."""
        seconds = self._settings.router.timeout_seconds
        try:
            state = self._world.snapshot(standing, self._book, {job.id for job in asked})
            self._router.tell(state.model_dump_json().encode(), seconds)
            for begin in range(0, len(asked), TOGETHER):
                questions = [Question(id=job.id, attempt=1) for job in asked[begin : begin + TOGETHER]]
                for one in self._router.ask(questions, seconds):
                    self._book.jobs[one.id].attempts = 1
                    LOG.info("job %s: the router would say %s, by %s: %s", one.id, one.action, one.by, one.why or "–")
        except (AwayError, ValueError) as error:
            LOG.warning("%s; %d jobs were not judged", error, len(asked))

    # What is carried out -----------------------------------------------------------------------------------------

    def _pending_orders(self, jobs: Sequence[Job]) -> list[tuple[Order, Job]]:
        """The next order for each job that is not yet where it was decided to be."""
        found, now = [], self._now()
        on_the_way = [job for job in jobs if not job.is_delivered]
        for job in jobs:
            entry = self._book.jobs.get(job.id)
            if entry is None or entry.is_done or now < entry.next_try or not self._is_movable(job):
                continue
            if entry.action and is_at(job, entry.action, self._settings) and entry.refusals:
                # Only another cluster does not know yet. That takes a second for each job; then it is told again.
                entry.refusals, entry.next_try = 0, now + DELIVERY + 2 * len(on_the_way)
                continue
            if entry.refusals and entry.refusals % MOST_REFUSALS == 0:
                self._give_way(job, entry)
            one = order(job, entry.action, self._settings) if entry.action else None
            if one is not None:
                entry.refusals += 1
                tries = max(0, entry.refusals - 2)  # a release and a move come one after the other
                entry.next_try = now + min(LONGEST_PAUSE, tries * self._settings.poll_seconds)
                found.append((one, job))
        return found

    def _is_movable(self, job: Job) -> bool:
        """It waits, in the gate or in a site's queue, and nobody holds it there on purpose."""
        here = site_of(job, self._settings)
        return waits_for_router(job, self._settings) or (
            here is not None and job.state == "pending" and not job.is_held
        )

    def _give_way(self, job: Job, entry: Entry) -> None:
        """Slurm does not let it go there: the default site, or, from a queue, where it is."""
        LOG.error("job %s: %d orders have not brought it to %s", job.key, entry.refusals, entry.action)
        self._to_default(job, "refused", f"Slurm does not let it go to {entry.action}")

    def _carry_out(self, orders: Sequence[tuple[Order, Job]]) -> None:
        """Give the orders, many jobs at once where they are the same. Raises AwayError."""
        groups: dict[Order, list[str]] = {}
        for one, job in orders:
            groups.setdefault(one, []).append(job.key)
        for one, keys in groups.items():
            if one.kind == "release":
                told = self._slurm.release(one.cluster, keys)
            else:
                told = self._slurm.move(one.cluster, keys, one.partition, one.to)
            if told:
                LOG.warning("Slurm, %s to %s: %s", one.kind, one.partition or "–", told)

    def _save(self) -> None:
        """The book, on disk. A full disk stops no job: what is lost is what slurmctld can tell."""
        try:
            write_book(self._settings.state, self._book)
        except OSError as error:
            LOG.error("state, %s, cannot be written: %s", self._settings.state, error.strerror)

    @property
    def book(self) -> Book:
        """What it has decided."""
        return self._book
