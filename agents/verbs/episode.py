"""One episode, watched: played in slices of a day with its log on, then summed up."""

from collections.abc import Callable
from typing import Any

import numpy as np

from ...envs.generator import generate
from ...envs.scenario import Scenario
from ...fastsim.agent import Agent
from ...fastsim.log import ARRIVE, EVICT, START, WRITE_OFF
from ...fastsim.spec import Jobs
from ...fastsim.units import DAY, DOLLAR
from ...fastsim.worlds import Totals, Worlds

STREAM = 1 << 40  # far from those that policies are trained and compared on


def played(scenario: Scenario, agent: Agent, seed: int, days: int, progress: Callable[[float], Any]) -> Worlds:
    """A world that began empty and has met `days` days of arrivals. `progress` takes the share that is over."""
    jobs = generate(scenario, seed, STREAM, days)
    worlds = Worlds(scenario.compile(), jobs, 1, log=True)
    worlds.begin(0)
    for day in range(days):
        worlds.play(agent, (day + 1) * DAY)
        progress((day + 1) / days)
    return worlds


def summed_up(scenario: Scenario, worlds: Worlds) -> dict[str, Any]:
    """Counts, costs in dollars, use by site and waits by class."""
    state, rows = worlds.state(), worlds.log()
    return {
        "jobs": len(worlds.jobs),
        "finished": int(state.finished),
        "waiting": int(state.waiting),
        "written_off": int(state.written_off),
        "decisions": int(state.decisions),
        "first_offers": int(state.first_offers),
        "moves": int(state.moves),
        "evictions": int(state.evictions),
        "illegal": int(state.illegal),
        "cost": dollars(worlds.totals()),
        "sites": {site.name: _use(worlds, index) for index, site in enumerate(scenario.sites)},
        "classes": _by_class(scenario, worlds.jobs, rows, int(state.now)),
        "events": len(rows),
        "digest": worlds.digest(),
    }


def dollars(totals: Totals) -> dict[str, float]:
    """The ledger in dollars; µ$ are six places."""
    parts = ("bill", "floors", "avoidable", "overage", "burst", "delay", "write_off")
    return {part: getattr(totals, part) / DOLLAR for part in parts}


def waits(jobs: Jobs, rows: np.ndarray, now: int) -> np.ndarray:
    """What each job has waited until `now` [ms], in all; −1: written off. `rows` is the whole log, (rows, 5)."""
    wait, open_ = np.zeros(len(jobs), np.int64), np.zeros(len(jobs), np.int64)
    for kind, sign in ((ARRIVE, 1), (EVICT, 1), (START, -1)):
        of_kind = rows[rows[:, 1] == kind]
        np.add.at(wait, of_kind[:, 2], -sign * of_kind[:, 0])
        np.add.at(open_, of_kind[:, 2], sign)
    wait += open_ * now
    wait[rows[rows[:, 1] == WRITE_OFF, 2]] = -1
    return wait


def _use(worlds: Worlds, site: int) -> dict[str, float]:
    """Accelerator-hours available and used at one site, and their ratio."""
    state = worlds.state()
    supply = int(state.capacity[site]) * int(state.now) + int(state.supply_offset[site])
    busy = int(state.occupied[site]) * int(state.now) + int(state.busy_offset[site])
    return {
        "available_hours": supply / 3_600_000,
        "used_hours": busy / 3_600_000,
        "utilisation": busy / supply if supply else 0.0,
    }


def _by_class(scenario: Scenario, jobs: Jobs, rows: np.ndarray, now: int) -> dict[str, Any]:
    """Jobs and waits of each class; a class without jobs has no waits."""
    wait = waits(jobs, rows, now)
    found: dict[str, Any] = {}
    for index, cls in enumerate(scenario.classes):
        hours = wait[(jobs.cls == index) & (wait >= 0)] / 3_600_000
        mean, p95 = (float(hours.mean()), float(np.percentile(hours, 95))) if len(hours) else (None, None)
        found[cls.name] = {"jobs": len(hours), "wait_mean_hours": mean, "wait_p95_hours": p95}
    return found
