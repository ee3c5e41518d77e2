"""The linear program of a plan: what starts where and when, so that prices and delay together are least.

Variables, all ≥ 0 (g group, s site that suits it, t slot, v service, p provider under take-or-pay):

    start[g, s, t]   accelerators of gangs that start at the beginning of a slot
    wait[g, t]       accelerators of gangs that still wait during a slot
    serve[v, s, t]   accelerator-hours of service, beyond what runs
    miss[v, t]       accelerator-hours of service that is missing
    beyond[p]        dollars drawn beyond the floor

Rows:

    wait[g, t] − wait[g, t−1] + Σ_s start[g, s, t] = arrivals[g, t]      (in the first slot: and what waits now)
    Σ_s serve[v, s, t] + miss[v, t] = demand[v, t]
    Σ start[g, s, u] × hours[g, s, u, t] + Σ serve[v, s, t] ≤ free[s, t]
    Σ of the same × price at the sites of p − beyond[p] ≤ headroom[p]

hours[g, s, u, t] is the time in slot t for which a gang started at slot u is expected to run, per accelerator. (Mean
busy time, which relaxes a job to a fluid, lets a week's run of 64 accelerators finish in a night; starts do not.)
Costs are prices of metered use, delay of what waits, and what is drawn beyond floors. What still waits in the last slot
pays a day of delay more, or less if the dearest site is cheaper than that.

Only right-hand sides and costs differ between plans: the matrix is built once for a scenario.
"""

from typing import Any, NamedTuple

import numpy as np

from ...envs.scenario import Scenario
from ...envs.work import JobClass
from ...fastsim.spec import Spec
from ...fastsim.units import DOLLAR, HOUR
from .groups import Group
from .runs import Survival
from .slots import COUNT, EDGES, HOURS

LAST_HOURS = 24.0  # of delay for what still waits in the last slot


class Program(NamedTuple):
    """Matrix, costs, and where the parts lie."""

    groups: tuple[Group, ...]
    starts: np.ndarray  # (n, 3) group, site, slot of each start
    run: np.ndarray  # (n, slots) accelerator-hours in each slot, per accelerator started
    billed: np.ndarray  # (n, slots) the same, with what lies beyond the last slot in the last, and what is lost
    start_delay: np.ndarray  # (n,) $ per accelerator: delay while the site starts up
    rate: np.ndarray  # (groups,) $ per hour and accelerator that waits
    services: np.ndarray  # (services,) their classes
    miss: np.ndarray  # (services,) $ per accelerator-hour
    metered: np.ndarray  # (sites,) bool
    providers: np.ndarray  # under take-or-pay
    overage: np.ndarray  # (those,) $ per dollar beyond the floor
    columns: np.ndarray  # first column of starts, waits, serves, misses, beyonds; their end
    rows: np.ndarray  # first row of groups, services, capacities, commitments; their end
    indptr: np.ndarray  # by column
    indices: np.ndarray
    values: np.ndarray


def hazards(scenario: Scenario) -> np.ndarray:
    """Losses of all capacity an hour at each site: of spot capacity, by its terms."""
    return np.array([1 / float(site.spot.mean_up_hours) if site.spot else 0.0 for site in scenario.sites])


def _lost(cls: JobClass, hazard: float, hours: float) -> float:
    """Hours lost per hour of work; rules/rolling_lp.py says the same in the kernel."""
    restart = hazard * float(cls.restart_minutes) / 60
    if cls.checkpoint_minutes > 0:
        return restart + hazard * min(float(cls.checkpoint_minutes) / 60, hours) / 2
    x = min(hazard * hours, 4.0)
    return restart + x * (0.5 + x * (1 / 6 + x * (1 / 24 + x / 120)))


def _starts(
    scenario: Scenario, spec: Spec, groups: tuple[Group, ...], survivals: tuple[Survival, ...]
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Of Program: starts, run, billed, start_delay."""
    rules, hazard = spec.rules[0], hazards(scenario)
    starts, runs, billed, delays = [], [], [], []
    for index, group in enumerate(groups):
        cls = scenario.classes[group.key.cls]
        survival = survivals[group.key.cls]
        for site in range(int(rules.sites)):
            if not group.key.sites >> site & 1:
                continue
            # What a group runs on average is less of its requests where these are long: most of those are long because
            # they were multiplied. So the survival function, of all requests, is stretched to the group's mean.
            length = group.ran / survival.mean * 1000 / int(rules.speed[site, group.key.cls])
            port = float(cls.port_minutes) / 60 if group.key.ports >> site & 1 else 0.0
            lost = 1 + _lost(cls, hazard[site], length * survival.mean)
            for slot in range(COUNT):
                since = EDGES - EDGES[slot] - port
                ran = np.maximum(survival.ran(since / (length * lost)), -port / (length * lost))
                hours = np.diff(ran) * length * lost * group.footprint[site]
                whole = (port + length * lost * survival.mean) * group.footprint[site]
                paid = hours.copy()
                paid[-1] += whole - hours.sum()
                starts.append((index, site, slot))
                runs.append(hours)
                billed.append(paid)
                delays.append(float(cls.delay_cost_per_hour) * int(rules.usual_start_up[site]) / HOUR)
    return np.array(starts), np.array(runs), np.array(billed), np.array(delays)


def program_of(scenario: Scenario, spec: Spec, groups: tuple[Group, ...], survivals: tuple[Survival, ...]) -> Program:
    """The program of a scenario."""
    rules = spec.rules[0]
    sites, services = int(rules.sites), np.arange(len(scenario.classes), len(scenario.terms))
    starts, run, billed, delays = _starts(scenario, spec, groups, survivals)
    taken = np.flatnonzero(rules.take_or_pay[: rules.providers])
    counts = (len(starts), len(groups) * COUNT, len(services) * sites * COUNT, len(services) * COUNT, len(taken))
    columns = np.concatenate([[0], np.cumsum(counts)])
    rows = np.concatenate([[0], np.cumsum((len(groups) * COUNT, len(services) * COUNT, sites * COUNT, len(taken)))])
    place = np.arange(len(starts))
    entries: list[tuple[Any, Any, Any]] = [(starts[:, 0] * COUNT + starts[:, 2], place, np.ones(len(starts)))]
    at, slot = np.nonzero(run)
    entries.append((rows[2] + starts[at, 1] * COUNT + slot, at, run[at, slot]))
    waits = np.arange(counts[1])
    entries.append((waits, columns[1] + waits, np.ones(counts[1])))
    later = waits[waits % COUNT != 0]
    entries.append((later, columns[1] + later - 1, -np.ones(len(later))))
    serves = np.arange(counts[2])  # service, site, slot
    service, site, when = serves // (sites * COUNT), serves // COUNT % sites, serves % COUNT
    entries.append((rows[1] + service * COUNT + when, columns[2] + serves, np.ones(counts[2])))
    entries.append((rows[2] + site * COUNT + when, columns[2] + serves, np.ones(counts[2])))
    misses = np.arange(counts[3])
    entries.append((rows[1] + misses, columns[3] + misses, np.ones(counts[3])))
    for index, provider in enumerate(taken.tolist()):
        price = np.where(rules.provider[:sites] == provider, rules.first_price[:sites] / DOLLAR, 0.0)
        drawn = run.sum(axis=1) * price[starts[:, 1]]
        chosen = np.flatnonzero(drawn)
        entries.append((np.full(len(chosen), rows[3] + index), chosen, drawn[chosen]))
        chosen = np.flatnonzero(price[site])
        entries.append((np.full(len(chosen), rows[3] + index), columns[2] + chosen, price[site][chosen]))
        entries.append((np.array([rows[3] + index]), np.array([columns[4] + index]), -np.ones(1)))
    row, column, value = (np.concatenate([entry[part] for entry in entries]) for part in range(3))
    order = np.lexsort((row, column))
    indptr = np.searchsorted(column[order], np.arange(columns[5] + 1))
    return Program(
        groups=groups,
        starts=starts,
        run=run,
        billed=billed,
        start_delay=delays,
        rate=np.array([float(scenario.classes[group.key.cls].delay_cost_per_hour) for group in groups]),
        services=services,
        miss=np.array([float(service.delay_cost_per_hour) for service in scenario.serving]),
        metered=rules.take_or_pay[rules.provider[:sites]] == 0,
        providers=taken,
        overage=rules.overage_ratio[taken] / 1000,
        columns=columns,
        rows=rows,
        indptr=indptr,
        indices=row[order],
        values=value[order],
    )


def costs(program: Program, price: np.ndarray) -> np.ndarray:
    """Cost of every column, (columns,); `price` (sites, slots) [$ per accelerator-hour]."""
    metered = np.where(program.metered[:, None], price, 0.0)
    starts = (program.billed * metered[program.starts[:, 1]]).sum(axis=1) + program.start_delay
    waits = np.outer(program.rate, HOURS)
    waits[:, -1] += program.rate * LAST_HOURS
    serves = np.tile(metered.ravel(), len(program.services))
    misses = np.repeat(program.miss, COUNT)
    return np.concatenate([starts, waits.ravel(), serves, misses, program.overage])
