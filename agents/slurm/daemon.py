"""The daemon: look, ask, write down, carry out, and again.

It may be killed anywhere. What Slurm says is the truth; a decision is in the book before Slurm hears of it; and every
order leaves a job in the gate or where it shall be. So whoever begins anew goes on from there, and nothing is done
twice: a job is never submitted, only moved.
"""

import logging
import time
from collections.abc import Callable

from .asking import Asking
from .backend import Backend, Sight, look
from .book import Book, read_book, write_book
from .docket import Docket
from .due import again, passing
from .job import Job
from .meters import count
from .orders import carry_out, pending
from .router import RouterClient
from .standing import Standing, World
from .watchdog import rescue
from .wire import AwayError

LOG = logging.getLogger("tidegate.slurm")
LONGEST_PAUSE = 10.0  # s, between two tries while Slurm is away
SHORTEST_PAUSE = 0.05  # s, after orders: what they did is looked at soon


class Daemon:
    """One, of one configuration."""

    def __init__(
        self, world: World, slurm: Backend, router: RouterClient, *, shadow: bool, now: Callable[[], float] = time.time
    ) -> None:
        self._world, self._slurm, self._shadow, self._now = world, slurm, shadow, now
        self._settings = world.settings
        self.book: Book = read_book(self._settings.state)
        self._docket = Docket(world, self.book, now)
        self._asking = Asking(self._docket, router)

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
            sleep(SHORTEST_PAUSE if is_busy else pause)

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
        for cluster, reason in sight.away.items():
            LOG.warning("cluster %s is away: %s; its sites count as empty of machines", cluster, reason)
        self._docket.notice(sight)
        standing = self._world.stand(sight, self.book, self._now())
        count(self.book, self._world.scenario, standing)
        judged = self._let_go(sight, standing) if self._shadow else []
        if not self._shadow:
            self._decide(sight, standing)
        orders = pending(self._docket, sight.jobs)
        self._save()
        carry_out(self._slurm, orders)
        self.book.seen = self._now()
        if judged:
            self._asking.judge(judged, standing)
        self._save()
        return bool(orders)

    def _decide(self, sight: Sight, standing: Standing) -> None:
        """Ask about new jobs, and again about waiting ones that are due; the watchdog decides about the rest."""
        docket, scenario = self._docket, self._world.scenario
        way = passing(self.book, scenario, standing)
        docket.spare_the_router(sight.jobs)
        docket.wait_again(again(self.book, scenario, standing.jobs, way, self._now()))
        docket.wait_again(docket.held_out(job for job, told in standing.jobs if told.status == "held"))
        known = {job.id for job, told in standing.jobs if told.status in ("new", "held", "queued")}
        asked = [job for job in docket.unanswered(sight.jobs) if job.id in known]
        if asked:
            self._asking.ask(asked, standing)
        docket.watch(sight.jobs)

    def _let_go(self, sight: Sight, standing: Standing) -> list[Job]:
        """Every job goes to the default site at once; those that the router is asked about when they have gone."""
        fresh = self._docket.unanswered(sight.jobs)
        known = {job.id for job, told in standing.jobs if told.status == "new"}
        for job in fresh:
            self._docket.to_default(job, "shadow", "nothing waits in shadow mode")
        return [job for job in fresh if job.id in known]

    def _save(self) -> None:
        """The book, on disk. A full disk stops no job: what is lost is what slurmctld can tell."""
        try:
            write_book(self._settings.state, self.book)
        except OSError as error:
            LOG.error("state, %s, cannot be written: %s", self._settings.state, error.strerror)
