"""How much of a tuning is done: plays of courses, as a share of those that there may be."""

from collections.abc import Callable

MAKING = 2  # plays that take as long as drawing a course and warming it up

Progress = Callable[[float, str], object]  # takes the share that is done, and with what it goes on


class Meter:
    """Counts plays. A search that ends early spares some, and what is left weighs more."""

    def __init__(self, progress: Progress, most: float) -> None:
        """`most` plays may come."""
        self._progress, self._phase = progress, ""
        self._done, self._left = 0.0, most

    def begin(self, phase: str) -> None:
        """What comes next, in words."""
        self._phase = phase
        self._tell()

    def played(self, plays: float = 1) -> None:
        """So many are done."""
        self._done += plays
        self.spared(plays)

    def spared(self, plays: float) -> None:
        """So many less are left."""
        self._left -= plays
        self._tell()

    def _tell(self) -> None:
        self._progress(self._done / max(self._done + self._left, 1.0), self._phase)
