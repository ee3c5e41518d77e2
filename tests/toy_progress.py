"""Somebody who watches how far a run has come, and interrupts it."""

from collections.abc import Callable
from itertools import count


def interrupting(after: int) -> Callable[[float, str], None]:
    """Hears of progress, and raises KeyboardInterrupt at the call after so many: of threads, only one counts each."""
    calls = count()

    def hear(share: float, phase: str) -> None:
        if next(calls) == after:
            raise KeyboardInterrupt

    return hear
