"""Who is let in: so many decisions a second, so many that wait for the log, and only on a state that is not too old."""

import time
from dataclasses import dataclass

from .refusal import TOO_MANY, UNAVAILABLE, refusal


@dataclass(frozen=True)
class Limits:
    """How much is let in."""

    rate: float = 2_000.0  # decisions a second, on average
    burst: int = 512  # and so many at once
    depth: int = 256  # that wait for the log
    stale_seconds: float = 120.0  # after which a state is too old to decide on
    answer_seconds: float = 2.0  # that a question waits for the log
    spare: int = 8192  # jobs that may come between two states


class Admission:
    """A bucket of tokens, one for each decision; it fills at the rate."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self._tokens, self._filled = float(limits.burst), time.monotonic()

    def admit(self, count: int, waiting: int, age: float | None) -> None:
        """Let in a question for `count` decisions while `waiting` wait; the state came `age` s ago, None: never.

        Raises Refusal: come again later, or send a state.
        """
        now, limits = time.monotonic(), self.limits
        self._tokens = min(limits.burst, self._tokens + (now - self._filled) * limits.rate)
        self._filled = now
        if self._tokens < count or waiting + count > limits.depth:
            reason = f"are more than {limits.rate:g} a second, or {limits.depth} at once, with those that wait"
            raise refusal(TOO_MANY, "router", "decisions", count, reason, "ask again later")
        if age is None:
            raise refusal(UNAVAILABLE, "router", "state", "none", "has not come yet", "post one to /v1/state")
        if age > limits.stale_seconds:
            reason = f"is older than {limits.stale_seconds:g} s"
            raise refusal(UNAVAILABLE, "router", "state", f"{age:.0f} s", reason, "post a newer one to /v1/state")
        self._tokens -= count
