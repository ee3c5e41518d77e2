"""Decisions that the next snapshot may not know of: it may have been taken before they were carried out."""

import sqlite3
from collections import deque
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from ...envs.tabled import Names
from ...fastsim.agent import Agent
from .audit import Entry, decisions_after
from .cluster import HOLD, Cluster, Comer
from .request import Request

GRACE_MS = 2_000  # that it takes until a decision shows in a snapshot
REMEMBERED = 20_000  # decisions
REPEATED = 4_096  # decisions: most of those of four states, 5 MB
MARK_MS, MARKS = 50, 400  # between two of them at least, and how many are kept: of 20 s


class Recent(NamedTuple):
    """A decision that sent a job somewhere, and when it was made on the clock of the snapshots."""

    number: int
    action: str
    request: str  # JSON
    at_ms: int = 0

    @classmethod
    def of(cls, entry: Entry, at_ms: int = 0) -> "Recent":
        """That of a row of the log."""
        return cls(entry.number, entry.action, entry.request, at_ms)

    @classmethod
    def after(cls, log: sqlite3.Connection, number: int, most: int) -> "list[Recent]":
        """The first decisions after one that the log has, those too that sent nobody anywhere."""
        return [cls(*row) for row in decisions_after(log, number, most, ("number", "action", "request"))]


class Told(NamedTuple):
    """What another process is told of recent decisions: where they are written down, and when they were made."""

    log: Path
    marks: tuple[tuple[int, int], ...]  # numbers of some of them, ascending, and when they were made [ms]

    def before(self, now: int) -> int | None:
        """The number after which those come that a snapshot taken at `now` [ms] may not show yet; None: there are none.

        Those of MARK_MS more are among them: to carry out again what a snapshot shows does nothing.
        """
        found = None
        for number, at_ms in reversed(self.marks):
            if at_ms <= now - GRACE_MS - MARK_MS:  # and those after it, up to the next mark, are hardly younger
                break
            found = number - 1
        return found


class Memory:
    """The last decisions that sent a job somewhere."""

    def __init__(self) -> None:
        self._recent = deque[Recent](maxlen=REMEMBERED)
        self._marks = deque[tuple[int, int]](maxlen=MARKS)

    def add(self, entry: Entry, at_ms: int) -> None:
        """One more."""
        if entry.action != HOLD:
            self._recent.append(Recent.of(entry, at_ms))
            if not self._marks or abs(at_ms - self._marks[-1][1]) >= MARK_MS:
                self._marks.append((entry.number, at_ms))

    def told(self, log: Path) -> Told:
        """What another process has to know of them, which reads them from the log: they are too much to be sent."""
        return Told(log, tuple(self._marks))

    def news(self, now: int, last: int) -> list[Recent]:
        """Decisions after number `last` that a snapshot which was taken at `now` [ms] may not show yet."""
        since, found = now - GRACE_MS, list[Recent]()
        for one in reversed(self._recent):
            if one.number <= last:
                break
            if one.at_ms > since:
                found.append(one)
        return found[::-1]

    def clear(self) -> None:
        """Forget them."""
        self._recent.clear()
        self._marks.clear()


@lru_cache(REPEATED)
def _comer(request: str, names: Names) -> Comer:
    """Whom a request (JSON) is about; it is carried out in two or three states."""
    return Comer.of(Request.model_validate_json(request), names)


def carry_out(cluster: Cluster, decisions: Sequence[Recent], agent: Agent) -> list[int]:
    """Carry out decisions in a cluster that does not show them; the numbers of those that it did not show.

    `agent` answers for who has to make way.
    """
    comers = [_comer(one.request, cluster.names) for one in decisions]
    is_done = cluster.repeat(comers, [one.action for one in decisions], agent)
    return [one.number for one, was_lacking in zip(decisions, is_done, strict=True) if was_lacking]
