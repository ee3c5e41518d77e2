"""The rule `rolling-lp` as an agent that plans every hour: outlook, program, duals, knobs."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ...envs.scenario import Scenario
from ...fastsim.spec import MAX_SITES, Spec
from ...fastsim.units import DOLLAR, HOUR
from ...fastsim.worlds import Worlds
from ..rules import rolling_lp
from ..rules.rolling_lp import Knobs
from .forecast import Forecast, forecast_of
from .groups import Key, groups_of, keys_of
from .outlook import Outlook, Waiting, outlook
from .playing import play
from .program import Program, costs, hazards, program_of
from .runs import Survival, survival, until_the_end
from .slots import COUNT, HOURS, PERIODS
from .solve import Solver


@dataclass(frozen=True)
class RollingLp:
    """Plans for the episodes of one scenario."""

    name: str
    scenario: Scenario = field(repr=False)
    solver: Solver = field(repr=False)
    survivals: tuple[Survival, ...] = field(repr=False)
    forecast: Forecast = field(repr=False)
    knobs: Knobs = field(default_factory=Knobs)
    every: int = HOUR
    note: str = ""

    @property
    def choose(self) -> Any:
        """How offers are answered between two plans."""
        return rolling_lp.choose

    def play(self, worlds: Worlds, until: int | np.ndarray) -> np.ndarray:
        """Every episode until `until` [ms], from plan to plan."""
        return play(worlds, self, until)

    def plan(self, worlds: Worlds, episode: int) -> np.ndarray:
        """The knobs with which an episode goes on."""
        seen = outlook(worlds, episode, self.scenario, self.survivals)
        program = self.solver.program
        prices = self.solver.solve(costs(program, seen.price), self.rhs(worlds.spec, seen))
        return self._packed(worlds.spec, seen, prices.capacity, prices.floor)

    def rhs(self, spec: Spec, seen: Outlook) -> np.ndarray:
        """Right-hand sides of the program, (rows,)."""
        program = self.solver.program
        arrivals, demand = self.forecast.arrivals(seen.now), self.forecast.served(seen.now)
        arrivals[:, 0] += waiting_by_group(spec, program, seen)
        served = demand - seen.serving[program.services]
        headroom = seen.headroom[program.providers]
        return np.concatenate(
            [arrivals.ravel(), np.maximum(served, 0.0).ravel(), seen.free.ravel(), np.maximum(headroom, 0.0)]
        )

    def _packed(self, spec: Spec, seen: Outlook, shadow: np.ndarray, floor: np.ndarray) -> np.ndarray:
        """As the kernel reads them."""
        sites = len(shadow)
        out = np.zeros(rolling_lp.TABLE + COUNT + 1 + MAX_SITES * (2 * COUNT + 1))
        head = (self.knobs.shadow, self.knobs.wait, self.knobs.stay, float(seen.now), float(COUNT))
        out[: len(head)] = head
        out[rolling_lp.RATIO : rolling_lp.RATIO + len(self.survivals)] = [one.mean for one in self.survivals]
        out[rolling_lp.HAZARD : rolling_lp.HAZARD + sites] = hazards(self.scenario)
        program, rules = self.solver.program, spec.rules[0]
        for provider, price in zip(program.providers.tolist(), floor.tolist(), strict=True):
            own = np.flatnonzero(rules.provider[:sites] == provider)
            out[rolling_lp.PRICE + own] = price * rules.first_price[own]
        out[rolling_lp.TABLE : rolling_lp.TABLE + COUNT + 1] = seen.now + PERIODS
        first = rolling_lp.TABLE + COUNT + 1
        out[first : first + shadow.size] = shadow.ravel() * DOLLAR
        first += MAX_SITES * COUNT
        out[first : first + seen.released.size] = seen.released.ravel()
        return out


def waiting_by_group(spec: Spec, program: Program, seen: Outlook) -> np.ndarray:
    """Accelerators of gangs that wait, in the measure of their group's mean request, (groups,)."""
    out = np.zeros(len(program.groups))
    jobs, hours = seen.waiting
    chosen = jobs.until == 0  # what serving needs is known from its curve
    waiting = Waiting(jobs[chosen], hours[chosen])
    if len(waiting.jobs) == 0:
        return out
    place = {group.key: index for index, group in enumerate(program.groups)}
    keys, inverse = np.unique(keys_of(spec, seen.reach, waiting.jobs, waiting.requested), axis=0, return_inverse=True)
    for number, row in enumerate(keys.tolist()):
        index = nearest(place, Key(row[0], row[1], bool(row[2]), row[3], row[4]))
        if index >= 0:
            own = inverse.ravel() == number
            out[index] += float(waiting.jobs.gang[own] @ waiting.requested[own]) / program.groups[index].requested
    return out


def nearest(place: dict[Key, int], key: Key) -> int:
    """The group of a key; without one, the most alike of its class, or −1."""
    if key in place:
        return place[key]
    alike = [
        ((other.sites ^ key.sites).bit_count(), abs(other.length - key.length), index)
        for other, index in place.items()
        if other.cls == key.cls
    ]
    return min(alike)[2] if alike else -1


def agent(scenario: Scenario, knobs: Knobs | None = None) -> RollingLp:
    """The rule for a scenario. Raises InputError where HiGHS is not installed."""
    spec = scenario.compile()
    jobs = tuple(survival(scenario.workload.requests, cls) for cls in scenario.classes)
    survivals = (*jobs, *(until_the_end() for _ in scenario.serving))
    groups = groups_of(scenario, spec)
    solver = Solver(program_of(scenario, spec, groups, survivals))
    made = RollingLp("rolling-lp", scenario, solver, survivals, forecast_of(scenario, groups), knobs or Knobs())
    solver.warm(*_usual(made, spec))
    return made


def _usual(made: RollingLp, spec: Spec) -> tuple[np.ndarray, np.ndarray]:
    """Costs and right-hand sides of a middling hour: half of every site is free, and an hour's arrivals wait."""
    program, rules = made.solver.program, spec.rules[0]
    sites = int(rules.sites)
    price = np.repeat(rules.first_price[:sites, None] / DOLLAR, COUNT, axis=1)
    free = 0.5 * np.outer([site.capacity for site in made.scenario.sites], HOURS)
    arrivals, demand = made.forecast.arrivals(9 * HOUR), made.forecast.served(9 * HOUR)
    headroom = np.full(len(program.providers), free.sum() * price.max())
    return costs(program, price), np.concatenate([arrivals.ravel(), demand.ravel(), free.ravel(), headroom])
