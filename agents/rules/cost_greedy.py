"""Cost-greedy with re-offers: the site with the least marginal cost plus the delay cost of its estimated wait.

    score(site) = marginal price × accelerators × (set-up + requested) + egress
                  + weight[class] × delay rate × gang × (estimated wait + expected start-up)

A job that waits is offered again and moves when another site scores better by more than `stay` of the score of where it
is. `weight` is the knob that matters: above 1 the rule distrusts its wait estimates (they rest on requested walltimes,
which are too long, and on a queue that may be overtaken), below 1 it is patient.

Our own rule: the myopic step of a router that knows prices and delay costs, of which no published rule knows both.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ...fastsim.agent import Agent, chooser
from ...fastsim.estimate import run_price, start_delay
from ...fastsim.offers import offered_slot
from ...fastsim.spec import MAX_CLASSES
from .knobs import Range


@dataclass(frozen=True)
class Knobs:
    """Weights of the score."""

    price: float = 1.0  # on the marginal cost
    wait: float = 1.0  # on the delay cost of the estimated wait
    stay: float = 0.05  # share of the score by which another site must be better
    by_class: tuple[float, ...] = ()  # factors on `wait`, in the order of the scenario's classes; absent ones are 1

    @classmethod
    def of(cls, values: Sequence[float]) -> "Knobs":
        """From values in the order of `space`."""
        wait, stay, *factors = values
        return cls(wait=wait, stay=stay, by_class=tuple(factors))

    def values(self, classes: int) -> tuple[float, ...]:
        """Values in the order of `space`."""
        factors = (*self.by_class, *(1.0,) * (classes - len(self.by_class)))
        return (self.wait, self.stay, *factors)

    def vector(self) -> np.ndarray:
        """The knobs as the kernel reads them."""
        factors = (*self.by_class, *(1.0,) * (MAX_CLASSES - len(self.by_class)))
        return np.array([self.price, self.wait, self.stay, *factors], np.float64)


def space(classes: int) -> tuple[Range, ...]:
    """What is searched: all but `price`, because only ratios matter.

    `wait` could be left to the factors of the classes, but is the direction in which most is won, in one step.
    """
    factors = (Range(f"by_class[{number}]", 0.05, 20.0) for number in range(classes))
    return (Range("wait", 0.05, 20.0), Range("stay", 0.001, 0.5), *factors)


@chooser
def choose(view, observation, mask, knobs, scratch):
    """Least score among legal sites, the present one favoured; hold only when no site is legal."""
    spec, jobs, world = view.spec, view.jobs, view.world
    slot = offered_slot(world)
    item = world.live[slot]
    work = jobs[item.job]
    rate = knobs[1] * knobs[3 + work.cls] * float(spec.rules[0].delay_rate[work.cls]) * float(work.gang)
    best, least = world.state[0].sites, 0.0
    for site in range(world.state[0].sites):
        if mask[site] == 0:
            continue
        score = knobs[0] * run_price(spec, jobs, world, slot, site)
        score += rate * start_delay(spec, jobs, world, slot, site) / 3_600_000.0
        if item.site == site:
            score *= 1.0 - knobs[2]
        if best == world.state[0].sites or score < least:
            best, least = site, score
    return best


def agent(knobs: Knobs | None = None) -> Agent:
    """The rule with its knobs."""
    return Agent("cost-greedy", choose, (knobs or Knobs()).vector())
