"""What is expected to arrive: the scenario's published rates by hour of the week, with growth and surges."""

from typing import NamedTuple

import numpy as np

from ...envs.scenario import Scenario
from ...fastsim.units import HOUR
from .groups import Group
from .slots import PERIODS

WEEK = 168  # hours


class Forecast(NamedTuple):
    """Of one scenario. The week begins on Monday, 00:00, as time does."""

    gangs: np.ndarray  # (groups, 168) accelerators of gangs that arrive in each hour, on day 0
    service: np.ndarray  # (services, 168) accelerators that services need in each hour, on day 0
    growth: tuple[tuple[int, float], ...]  # from when [ms], factor
    surges: tuple[tuple[tuple[int, int, int], ...], ...]  # of each service: from, to [ms], permille

    def arrivals(self, now: int) -> np.ndarray:
        """Accelerators of gangs that are expected to arrive in each slot from `now` on, (groups, slots)."""
        return self._by_slot(self.gangs, now)

    def served(self, now: int) -> np.ndarray:
        """Accelerator-hours that services need in each slot from `now` on, (services, slots)."""
        demand = self._by_slot(self.service, now)
        for index, surges in enumerate(self.surges):
            for begin, end, permille in surges:
                inside = np.clip(np.minimum(now + PERIODS[1:], end) - np.maximum(now + PERIODS[:-1], begin), 0, None)
                demand[index] *= 1 + (permille / 1000 - 1) * inside / np.diff(PERIODS)
        return demand

    def _by_slot(self, week: np.ndarray, now: int) -> np.ndarray:
        """Sums over slots (…, slots) of hourly rates (…, 168)."""
        begins = now // HOUR + np.arange(int(PERIODS[-1]) // HOUR)
        factor = np.ones(len(begins))
        for at, value in self.growth:
            factor[begins * HOUR >= at] = value
        return np.add.reduceat(week[..., begins % WEEK] * factor, (PERIODS[:-1] // HOUR).tolist(), axis=-1)


def forecast_of(scenario: Scenario, groups: tuple[Group, ...]) -> Forecast:
    """The forecast of a scenario, by these groups."""
    offered = scenario.offered()
    needs = [service.need(offered.served(service)) for service in scenario.serving]
    blocks = [np.array([[float(part) for part in row] for row in need]).sum(axis=0) for need in needs]
    gangs = [service.gang for service in scenario.serving]
    return Forecast(
        gangs=np.stack([group.gangs for group in groups]),
        service=np.array([need * gang for need, gang in zip(blocks, gangs, strict=True)]).reshape(-1, WEEK),
        growth=tuple((int(float(step.at_day) * 24 * HOUR), float(step.factor)) for step in scenario.workload.growth),
        surges=tuple(tuple(surge.row for surge in service.surges) for service in scenario.serving),
    )
