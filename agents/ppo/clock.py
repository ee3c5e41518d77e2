"""How much of a run is over, which is what all schedules follow."""

import time

from .settings import Settings


class Clock:
    """By updates where the settings have a number of them; else by wall-clock time. By decisions if that is more."""

    def __init__(self, settings: Settings) -> None:
        self.seconds, self.decisions, self.planned = settings.minutes * 60, settings.decisions, settings.updates
        self.begin = time.monotonic()
        self.updates = 0  # finished

    @property
    def elapsed(self) -> float:
        """Seconds since the run began, without those in which it was interrupted."""
        return time.monotonic() - self.begin

    def share(self, decisions: int) -> float:
        """From 0 to 1."""
        done = self.updates / self.planned if self.planned else self.elapsed / self.seconds
        return min(1.0, max(done, decisions / self.decisions))

    def is_ending(self, decisions: int) -> bool:
        """Whether the update that is being made is the last."""
        return self.share(decisions) >= 1 or 0 < self.planned <= self.updates + 1
