"""Spill after T: wait for committed compute for up to T hours, then buy burst.

What operators of a cluster set up first when they may burst, and the constant waiting policy that Starburst (Luo et
al., USENIX ATC'24) and "Waiting Game" (Ambati et al., SC'20) compare with. A job starts at once on a committed site
that has room. Else it queues where committed compute is expected soonest; from the offer on at which it has waited T
hours in its life, it goes where burst is expected to start it soonest. It stays where it is when that is no sooner.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ...fastsim.agent import Agent, chooser
from .knobs import Range
from .shortest import wait_or_spill, waited


@dataclass(frozen=True)
class Knobs:
    """The one threshold."""

    hours: float = 1.0  # T

    @classmethod
    def of(cls, values: Sequence[float]) -> "Knobs":
        """From values in the order of `space`."""
        return cls(*values)

    def values(self, classes: int) -> tuple[float, ...]:
        """Values in the order of `space`."""
        return (self.hours,)

    def vector(self) -> np.ndarray:
        """The knobs as the kernel reads them."""
        return np.array([self.hours], np.float64)


def space(classes: int) -> tuple[Range, ...]:
    """What is searched, from a minute and a half to a week; the same for any number of classes."""
    return (Range("hours", 0.025, 168.0),)


@chooser
def choose(view, observation, mask, knobs, scratch):
    """Committed until the job has waited T, then burst if it starts sooner there; hold only when no site is legal."""
    spec, jobs, world = view.spec, view.jobs, view.world
    waits = float(waited(world)) < knobs[0] * 3_600_000.0
    return wait_or_spill(spec, jobs, world, mask, waits)


def agent(knobs: Knobs | None = None) -> Agent:
    """The rule with its knobs."""
    return Agent("spill-after", choose, (knobs or Knobs()).vector())
