"""Waiting budget: each job may wait for committed compute for a time that grows with its size, and then goes to burst.

Starburst: Luo et al., "Starburst: A Cost-aware Scheduler for Hybrid Cloud", USENIX ATC'24.

    budget = slope × gang × requested hours, at least `least`, at most `most`

Large jobs are dear to rent and so wait long for committed compute; small ones are cheap to rent and go to burst soon,
which leaves the committed sites to the large ones. The cap and the least budget are those of the authors' simulator,
where they are 48 hours and five minutes. The size is what the job requested in all: a restart takes no budget away, nor
does it give a new one. A job whose budget is used up stays where it is when burst is not expected to start it sooner.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ...fastsim.agent import Agent, chooser
from ...fastsim.offers import offered_slot
from .knobs import Range
from .shortest import wait_or_spill, waited


@dataclass(frozen=True)
class Knobs:
    """The line that budgets lie on, and its ends."""

    slope: float = 0.05  # hours of waiting per accelerator-hour requested
    most: float = 48.0  # hours
    least: float = 1 / 12  # hours

    @classmethod
    def of(cls, values: Sequence[float]) -> "Knobs":
        """From values in the order of `space`."""
        return cls(*values)

    def values(self, classes: int) -> tuple[float, ...]:
        """Values in the order of `space`."""
        return (self.slope, self.most, self.least)

    def vector(self) -> np.ndarray:
        """The knobs as the kernel reads them."""
        return np.array([self.slope, self.most, self.least], np.float64)


def space(classes: int) -> tuple[Range, ...]:
    """What is searched, for any number of classes; where `least` is above `most`, `most` counts."""
    return (Range("slope", 0.0001, 10.0), Range("most", 0.1, 336.0), Range("least", 0.025, 24.0))


@chooser
def choose(view, observation, mask, knobs, scratch):
    """Committed while there is budget left, then burst if it starts sooner; hold only when no site is legal."""
    spec, jobs, world = view.spec, view.jobs, view.world
    job = jobs[world.live[offered_slot(world)].job]
    budget = knobs[0] * float(job.gang) * float(job.requested) / 3_600_000.0
    budget = min(max(budget, knobs[2]), knobs[1])
    waits = float(waited(world)) < budget * 3_600_000.0
    return wait_or_spill(spec, jobs, world, mask, waits)


def agent(knobs: Knobs | None = None) -> Agent:
    """The rule with its knobs."""
    return Agent("waiting-budget", choose, (knobs or Knobs()).vector())
