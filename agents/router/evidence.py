"""What is known of a policy's cost beside the baseline's, looked at after every comparison, and when it is enough.

A confidence sequence: an interval for the mean that holds at all times at once, so that one may look as often as one
likes and stop when one wants. The one here is asymptotic and needs no bound on the costs:

    mean ± s · sqrt(2 (n ρ² + 1) / (n² ρ²) · log(sqrt(n ρ² + 1) / α))

with n differences, their standard deviation s, and ρ so that it is narrowest around `SHARPEST` of them (I. Waudby-Smith
et al., Time-uniform central limit theory and asymptotic confidence sequences, Annals of Statistics 52, 2024).
"""

import math
from dataclasses import dataclass
from typing import Literal

ALPHA = 0.01  # chance to stop a policy that is no worse, ever
SHARPEST = 100  # differences
FEWEST = 20  # before which nothing is concluded: the formula is for many
RHO2 = (-2 * math.log(ALPHA) + math.log(-2 * math.log(ALPHA)) + 1) / SHARPEST
Verdict = Literal["open", "better", "worse"]


@dataclass
class Evidence:
    """Differences of cost so far, policy less baseline."""

    count: int = 0
    mean: float = 0.0
    squares: float = 0.0  # squared distances from the mean, added up

    def add(self, difference: float) -> None:
        """One more (Welford's update)."""
        self.count += 1
        step = difference - self.mean
        self.mean += step / self.count
        self.squares += step * (difference - self.mean)

    @property
    def interval(self) -> tuple[float, float]:
        """Where the mean lies, with probability 1 − ALPHA at all times at once."""
        if self.count < 2:
            return -math.inf, math.inf
        n, deviation = self.count, math.sqrt(self.squares / (self.count - 1))
        wide = math.sqrt(2 * (n * RHO2 + 1) / (n * n * RHO2) * math.log(math.sqrt(n * RHO2 + 1) / ALPHA))
        return self.mean - deviation * wide, self.mean + deviation * wide

    @property
    def verdict(self) -> Verdict:
        """Whether the policy costs more, or less, than the baseline, as far as can be said."""
        low, high = self.interval
        if self.count < FEWEST:
            return "open"
        return "worse" if low > 0 else "better" if high < 0 else "open"
