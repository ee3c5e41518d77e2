"""The rule `rolling-lp` as an agent that plans every hour: outlook, program, duals, knobs."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ...envs.scenario import Scenario
from ...envs.serving import Serving
from ...fastsim.spec import MAX_SITES, Spec
from ...fastsim.units import DOLLAR, HOUR
from ...fastsim.worlds import Worlds
from ..rules import rolling_lp
from ..rules.rolling_lp import Knobs
from .groups import Key, groups_of, keys_of
from .outlook import Outlook, Waiting, outlook
from .program import Program, costs, hazards, program_of
from .runs import survival, until_the_end
from .slots import COUNT, HOURS, PERIODS
from .solve import Solver


@dataclass(frozen=True)
class RollingLp:
    """Plans for the episodes of one scenario."""

    name: str
    scenario: Scenario = field(repr=False)
    solver: Solver = field(repr=False)
    survivals: tuple[Any, ...] = field(repr=False)
    knobs: Knobs = field(default_factory=Knobs)
    every: int = HOUR

    @property
    def choose(self) -> Any:
        """How offers are answered between two plans."""
        return rolling_lp.choose

    def plan(self, worlds: Worlds, episode: int) -> np.ndarray:
        """The knobs with which an episode goes on."""
        seen = outlook(worlds, episode, self.scenario, self.survivals)
        program = self.solver.program
        prices = self.solver.solve(costs(program, seen.price), self.rhs(worlds.spec, seen))
        return self._packed(worlds.spec, seen, prices.capacity, prices.floor)

    def rhs(self, spec: Spec, seen: Outlook) -> np.ndarray:
        """Right-hand sides of the program, (rows,)."""
        program = self.solver.program
        arrivals = expected(self.scenario, program, seen.now)
        arrivals[:, 0] += waiting_by_group(spec, program, seen)
        demand = serving_demand(self.scenario, seen.now)
        served = demand - seen.serving[program.services]
        served[:, 0] = np.maximum(served[:, 0], 0.0)
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


def growth(scenario: Scenario, at: np.ndarray) -> np.ndarray:
    """Factor of the load at instants [ms], as published."""
    factor = np.ones(len(at))
    for step in scenario.workload.growth:
        factor = np.where(at >= float(step.at_day) * 24 * HOUR, float(step.factor), factor)
    return factor


def by_slot(week: np.ndarray, scenario: Scenario, now: int) -> np.ndarray:
    """Sums over the slots (…, slots) of hourly rates (…, 168) from `now` on, with the growth of the load."""
    hours = int(PERIODS[-1]) // HOUR
    begins = now // HOUR + np.arange(hours)
    rates = week[..., begins % 168] * growth(scenario, begins * HOUR)
    return np.add.reduceat(rates, (PERIODS[:-1] // HOUR).tolist(), axis=-1)


def expected(scenario: Scenario, program: Program, now: int) -> np.ndarray:
    """Accelerators of gangs that are expected to arrive, (groups, slots)."""
    return by_slot(np.stack([group.gangs for group in program.groups]), scenario, now)


def serving_demand(scenario: Scenario, now: int) -> np.ndarray:
    """Accelerator-hours that services need, (services, slots): the published curve, with surges."""
    offered, demand = scenario.offered(), np.zeros((len(scenario.serving), COUNT))
    for index, service in enumerate(scenario.serving):
        demand[index] = by_slot(service_week(service, offered.served(service)), scenario, now)
        for surge in service.surges:
            begin, end, permille = surge.row
            inside = np.clip(np.minimum(now + PERIODS[1:], end) - np.maximum(now + PERIODS[:-1], begin), 0, None)
            demand[index] *= 1 + (permille / 1000 - 1) * inside / np.diff(PERIODS)
    return demand


def service_week(service: Serving, mean: Any) -> np.ndarray:
    """Accelerators that a service needs in each hour of the week, (168,)."""
    return np.array([[float(blocks) for blocks in row] for row in service.need(mean)]).sum(axis=0) * service.gang


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
    program = program_of(scenario, spec, groups_of(scenario, spec), survivals)
    solver = Solver(program)
    made = RollingLp("rolling-lp", scenario, solver, survivals, knobs or Knobs())
    solver.warm(*_usual(made, spec))
    return made


def _usual(made: RollingLp, spec: Spec) -> tuple[np.ndarray, np.ndarray]:
    """Costs and right-hand sides of a middling hour: half of every site is free, and an hour's arrivals wait."""
    program, rules = made.solver.program, spec.rules[0]
    sites = int(rules.sites)
    price = np.repeat(rules.first_price[:sites, None] / DOLLAR, COUNT, axis=1)
    free = 0.5 * np.outer([site.capacity for site in made.scenario.sites], HOURS)
    arrivals = expected(made.scenario, program, 9 * HOUR)
    demand = serving_demand(made.scenario, 9 * HOUR)
    headroom = np.full(len(program.providers), free.sum() * price.max())
    return costs(program, price), np.concatenate([arrivals.ravel(), demand.ravel(), free.ravel(), headroom])
