"""Processes beside the router: they take in snapshots and judge decisions, which would keep other decisions waiting."""

import asyncio
import multiprocessing
import os
import signal
import sqlite3
import threading
import zlib
from collections.abc import Callable
from concurrent.futures import BrokenExecutor, Executor, ProcessPoolExecutor
from contextlib import closing, suppress
from hashlib import sha256
from typing import Any, NamedTuple

from ...envs.present import parsed, present
from ...envs.scenario import Scenario
from ...envs.tabled import Names
from ...fastsim.errors import InputError
from ..evaluation.policies import resolve
from .audit import opened
from .cluster import HOLD, Cluster, Instant
from .judge import Case, difference
from .memory import REMEMBERED, Recent, Told, carry_out
from .parcel import Parcel, packed

MEANWHILE = 256  # decisions that are carried out though they are made while a snapshot is taken in
AT_ONCE = 50  # decisions are carried out in about a millisecond
_own: dict[str, Any] = {}  # of a worker: scenario, spec, names, baseline


def workers(scenario: Scenario, baseline: str, where: str) -> ProcessPoolExecutor:
    """One process that knows the scenario; it is started afresh, not forked: threads run here."""
    context = multiprocessing.get_context("spawn")
    return ProcessPoolExecutor(1, context, _begin, (scenario.model_dump_json(), baseline, where))


def _begin(scenario: str, baseline: str, where: str) -> None:
    for number in (signal.SIGINT, signal.SIGTERM):  # the router says when it is over
        signal.signal(number, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    os.nice(5)  # decisions go first
    know(Scenario.model_validate_json(scenario), baseline, where)


def know(scenario: Scenario, baseline: str, where: str) -> None:
    """What this process stands snapshots and judges decisions with."""
    _own.update(scenario=scenario, spec=scenario.compile(), names=Names(scenario))
    _own.update(baseline=resolve(baseline, scenario, where))


def is_up() -> bool:
    """What a worker answers when it has loaded, which takes seconds: before that a snapshot would wait for it."""
    return "scenario" in _own


def _end_with_parent() -> None:
    """A router that was killed leaves nobody behind."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


class Beside:
    """A process beside the router, begun anew when it has died."""

    def __init__(self, begin: Callable[[], Executor]) -> None:
        self._begin, self.executor = begin, begin()

    async def run(self, function: Callable[..., Any], *given: Any) -> Any:
        """What a function comes to there. Raises BrokenExecutor where the process has died of it: another has begun."""
        executor = self.executor
        try:
            return await asyncio.get_running_loop().run_in_executor(executor, function, *given)
        except BrokenExecutor:
            if self.executor is executor:
                self.executor = self._begin()
            raise

    def close(self) -> None:
        """End it."""
        self.executor.shutdown(wait=True, cancel_futures=True)


class Standing(NamedTuple):
    """A snapshot, taken in."""

    cluster: str
    instant: Instant
    ahead: Instant  # the same with what it could not show yet, as far as that was known
    again: list[int]  # numbers of the decisions that were carried out for that
    last: int  # and up to which number: 0 where others may come before
    digest: str  # SHA-256 of its bytes, in short
    deflated: bytes  # for the log


def stand(content: bytes, told: Told, quotas: dict[str, int]) -> Parcel | InputError:
    """A snapshot taken in (Standing), or what is wrong with it."""
    try:
        snapshot = parsed(content, "snapshot")
        instant = Instant.of(present(snapshot, _own["scenario"], _own["spec"]))
    except InputError as error:
        return error
    ahead, again, last = caught_up(instant, told, quotas)
    found = sha256(content).hexdigest()[:16], zlib.compress(content, 1)
    return packed(Standing(snapshot.cluster, instant, ahead, again, last, *found))


def caught_up(instant: Instant, told: Told, quotas: dict[str, int]) -> tuple[Instant, list[int], int]:
    """An instant after the decisions that it could not show yet, those too that are committed meanwhile.

    With it the numbers of those that were carried out, and the last number that was looked at; 0: none.
    """
    before, again, last = told.before(instant.now), list[int](), 0
    if before is None:
        return instant, again, last
    with suppress(InputError, sqlite3.Error), closing(opened(told.log, read_only=True)) as log:
        found = Recent.after(log, before, REMEMBERED)
        cluster, room = Cluster(_own["names"], instant, quotas, len(found) + MEANWHILE), MEANWHILE
        while found:
            sent = [one for one in found if one.action != HOLD]
            for begin in range(0, len(sent), AT_ONCE):
                again += carry_out(cluster, sent[begin : begin + AT_ONCE], _own["baseline"])
                os.sched_yield()  # a whole slice would keep the router or a client from the core for milliseconds
            last = found[-1].number
            found = Recent.after(log, last, room)
            room -= len(found)
        return cluster.instant, again, last
    return instant, [], 0


def judge(case: Case, seed: int, number: int) -> float | None:
    """Dollars that the policy costs more than the baseline in a week from there; None where that cannot be told."""
    try:
        return difference(case, _own["scenario"], _own["baseline"], seed, number)
    except Exception:  # one that cannot be judged must not end judging
        return None
