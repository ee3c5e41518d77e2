"""Compound waiting: jobs that run long or wait short wait for committed compute, all others rent at once.

Ambati, Bashir, Irwin and Shenoy, "Waiting Game: Optimally Provisioning Fixed Resources for Cloud-Enabled Schedulers",
SC'20. A wait weighs little beside a long run, and long runs are what is dear to rent; a short wait weighs little beside
any run. What neither runs long nor waits short goes to burst. Run times are requested ones, waits are estimated, as the
paper's scheduler knows them. It decides when a job arrives; here a job that waits is asked about again, with what is
estimated then, as under every rule. It is not moved to burst where burst is expected to start it no sooner.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ...fastsim.agent import Agent, chooser
from ...fastsim.estimate import start_delay
from ...fastsim.offers import offered_slot
from ...fastsim.spec import COMMITTED
from .knobs import Range
from .shortest import requested_run, soonest, wait_or_spill


@dataclass(frozen=True)
class Knobs:
    """The two thresholds."""

    long_hours: float = 12.0  # a job that requests to run at least this long waits
    short_hours: float = 1.0  # a job that is estimated to wait at most this long waits

    @classmethod
    def of(cls, values: Sequence[float]) -> "Knobs":
        """From values in the order of `space`."""
        return cls(*values)

    def values(self, classes: int) -> tuple[float, ...]:
        """Values in the order of `space`."""
        return (self.long_hours, self.short_hours)

    def vector(self) -> np.ndarray:
        """The knobs as the kernel reads them."""
        return np.array([self.long_hours, self.short_hours], np.float64)


def space(classes: int) -> tuple[Range, ...]:
    """What is searched: no job is so long as the highest, none so short as the lowest; for any number of classes."""
    return (Range("long_hours", 0.05, 1000.0), Range("short_hours", 0.025, 168.0))


@chooser
def choose(view, observation, mask, knobs, scratch):
    """Committed for long runs and short waits, else burst if it starts sooner; hold only when no site is legal."""
    spec, jobs, world = view.spec, view.jobs, view.world
    waits = float(requested_run(jobs, world)) >= knobs[0] * 3_600_000.0
    committed = soonest(spec, jobs, world, mask, COMMITTED)
    if committed >= 0 and not waits:
        wait = start_delay(spec, jobs, world, offered_slot(world), committed)
        waits = wait <= knobs[1] * 3_600_000.0
    return wait_or_spill(spec, jobs, world, mask, waits)


def agent(knobs: Knobs | None = None) -> Agent:
    """The rule with its knobs."""
    return Agent("compound-waiting", choose, (knobs or Knobs()).vector())
