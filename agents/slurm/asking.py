"""Asking the router about jobs: the state first, then many at once, as long as the watchdog lets them wait."""

import logging
import math
from collections.abc import Iterable, Sequence

from .docket import Docket
from .job import Job
from .router import TOGETHER, Question, RouterClient
from .standing import Standing
from .wire import AwayError, RefusedError

LOG = logging.getLogger("tidegate.slurm")
MOMENT = 0.5  # s that the router gets for an answer when the watchdog is about to act


class Asking:
    """A router, and the docket that its answers go to."""

    def __init__(self, docket: Docket, router: RouterClient) -> None:
        self._docket, self._router = docket, router
        self._book, self._settings = docket.book, docket.settings

    def ask(self, asked: Sequence[Job], standing: Standing) -> None:
        """Ask about jobs; those that get no answer wait on."""
        try:
            self._tell(asked, standing, self._time_left(asked))
            for begin in range(0, len(asked), TOGETHER):
                self._ask_together(asked[begin : begin + TOGETHER])
        except (AwayError, ValueError) as error:  # a snapshot that does not hold together is no answer either
            LOG.warning("%s; %d jobs wait for an answer", error, len(self._docket.unanswered(asked)))

    def judge(self, asked: Sequence[Job], standing: Standing) -> None:
        """What the router would say is logged, and nothing else."""
        seconds = self._settings.router.timeout_seconds
        try:
            self._tell(asked, standing, seconds)
            for begin in range(0, len(asked), TOGETHER):
                questions = [Question(id=job.id, attempt=1) for job in asked[begin : begin + TOGETHER]]
                for one in self._router.ask(questions, seconds):
                    self._book.jobs[one.id].attempts = 1
                    key = one.id.split("@")[0]
                    LOG.info("job %s: the router would say %s, by %s: %s", key, one.action, one.by, one.why or "–")
        except (AwayError, ValueError) as error:
            LOG.warning("%s; %d jobs were not judged", error, len(asked))

    def _tell(self, asked: Sequence[Job], standing: Standing, seconds: float) -> None:
        state = self._docket.world.snapshot(standing, self._book, {job.id for job in asked})
        self._router.tell(state.model_dump_json().encode(), seconds)

    def _ask_together(self, asked: Sequence[Job]) -> None:
        """Ask about several jobs; where the router refuses, in halves, so that one job holds up no other."""
        questions = [Question(id=job.id, attempt=self._book.jobs[job.id].attempts + 1) for job in asked]
        try:
            answers = self._router.ask(questions, self._time_left(asked))
        except RefusedError as error:
            if len(asked) == 1:
                LOG.warning("job %s: %s", asked[0].key, error)
                return
            half = len(asked) // 2
            self._ask_together(asked[:half])
            self._ask_together(asked[half:])
            return
        for job, decision in zip(asked, answers, strict=True):
            self._docket.decide(job, decision)

    def _time_left(self, asked: Iterable[Job]) -> float:
        """Until the watchdog has to act for the first of them [s]; when that is over, a moment."""
        waits = [entry.waits for job in asked if (entry := self._book.jobs[job.id]).waits is not None]
        left = min(waits, default=math.inf) + self._settings.watchdog_seconds - self._docket.now()
        return max(MOMENT, left)
