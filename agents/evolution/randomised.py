"""Random variants of a scenario, for a policy that has to do in worlds that nobody has seen.

A variant keeps what makes a lab: classes, pipelines, rhythms. Drawn anew are its load, its mix, gangs, walltimes and
requests, what waiting costs, capacities, prices, failures, start-ups, the terms of its contract, when runs may be
preempted, and how many sites there are to rent. Factors are as likely to halve as to double.
"""

import json
from typing import Any

import numpy as np

from ...envs.scenario import Scenario
from ...fastsim.errors import InputError
from ...fastsim.spec import MAX_SITES

LOADS = (0.6, 1.2)
SEASON, SEASONS = 21, 0.5  # days for which a load stays, and the chance that it changes at all: weeks of too much
SMALLER = (1, 1, 2, 4)  # by what gangs are divided: many small jobs, or few large ones
EXACT, UP_TO = (0.0, 0.6), (1.5, 4.0)  # share of jobs that run as long as they request, and what the others ask at most
PREEMPTION = (1.0, 2.0, 2.0, 4.0)  # hours before a run may be preempted
FEWER = MORE = 0.3  # chances that there is a site less, or one more, to rent
CONTRACT = 0.3  # that the floor is below the capacity
DRAWS = 100  # of which one makes sense: a gang may be larger than every site that was drawn
NAMED = 24  # letters of the name of the base: names are short

Rng = np.random.Generator


def variant(base: Scenario, seed: int, number: int) -> Scenario:
    """Variant `number` of a scenario; the same seed and number make the same one.

    Raises InputError where none of `DRAWS` draws makes sense.
    """
    for draw in range(DRAWS):
        rng = np.random.default_rng([seed, 0x7A71A27, number, draw])
        values = json.loads(base.model_dump_json())
        values["name"] = f"{base.name[:NAMED]}_{seed}_{number}"
        for change in (_workload, _jobs, _supply, _contract, _sites):
            change(values, rng)
        try:
            found = Scenario.model_validate_json(json.dumps(_rounded(values)))
            found.compile()
        except ValueError:  # of which both pydantic's errors and InputError are
            continue
        return found
    reason, remedy = f"has no variant that makes sense in {DRAWS} draws", "choose another scenario"
    raise InputError("variants", "scenario", base.name, reason, remedy)


def _rounded(value: Any) -> Any:
    """Every number with three digits: scenarios are exact decimals."""
    if isinstance(value, dict):
        return {name: _rounded(one) for name, one in value.items()}
    if isinstance(value, list):
        return [_rounded(one) for one in value]
    return float(f"{value:.3g}") if isinstance(value, float) else value


def _factor(rng: Rng, octaves: float = 1.0) -> float:
    """Between 2 to the power of −octaves and of octaves."""
    return float(2 ** rng.uniform(-octaves, octaves))


def _workload(values: dict[str, Any], rng: Rng) -> None:
    """Load, mix, and what waiting costs. Pipelines, which are part of their classes, shrink with the scarcest."""
    values["workload"]["load"] = float(rng.uniform(*LOADS))
    if rng.random() < SEASONS:
        days = range(SEASON, int(values["episodes"]["span_days"]), SEASON)
        values["workload"]["growth"] = _seasons(values["workload"]["growth"], days, rng)
    classes = [*values["classes"], *values["serving"]]
    before = sum(one["share"] for one in classes)
    dear, factors = _factor(rng), []
    for one in classes:
        factors.append(_factor(rng))
        one["share"] *= factors[-1]
        one["delay_cost_per_hour"] *= dear * _factor(rng, 0.5)
    scale = before / sum(one["share"] for one in classes)
    for one in classes:
        one["share"] *= scale
    for pipeline in values["pipelines"]:
        pipeline["share"] *= min(factors) * scale


def _seasons(growth: list[dict[str, float]], days: range, rng: Rng) -> list[dict[str, float]]:
    """A growth that each season raises or lowers by up to a third."""
    seasons = {float(day): _factor(rng, 0.4) for day in days}
    steps = {one["at_day"]: one["factor"] for one in growth}
    found, grown, season = [], 1.0, 1.0
    for day in sorted(seasons | steps):
        grown, season = steps.get(day, grown), seasons.get(day, season)
        found.append({"at_day": day, "factor": grown * season})
    return found


def _jobs(values: dict[str, Any], rng: Rng) -> None:
    """Gangs, how long jobs run, and how much longer they say that they will."""
    smaller = int(rng.choice(SMALLER))
    for one in [*values["classes"], *(stage for pipeline in values["pipelines"] for stage in pipeline["stages"])]:
        if one["gangs"] is not None:
            gangs: dict[str, float] = {}
            for gang, weight in one["gangs"].items():
                size = str(max(1, int(gang) // smaller))
                gangs[size] = gangs.get(size, 0.0) + weight
            one["gangs"] = gangs
        if one["walltime"] is not None:
            longer = _factor(rng)
            one["walltime"]["median_hours"] *= longer
            one["walltime"]["p95_hours"] *= longer * _factor(rng, 0.5)
    requests = values["workload"]["requests"]
    requests["exact"], requests["up_to"] = float(rng.uniform(*EXACT)), float(rng.uniform(*UP_TO))


def _supply(values: dict[str, Any], rng: Rng) -> None:
    """Capacities, prices, failures, start-ups, and when runs may be preempted."""
    values["rules"]["preemption_hours"] = float(rng.choice(PREEMPTION)) if values["rules"]["preemption_hours"] else 0.0
    largest = max(int(gang) for one in values["classes"] for gang in one["gangs"])
    dear, kinds = _factor(rng, 0.5), {one["name"]: one["kind"] for one in values["providers"]}
    for site in values["sites"]:
        is_burst = kinds[site["provider"]] == "burst"
        if not (site["capacity_steps"] or site["tranches"] or site["recalls"]):
            capacity = int(site["capacity"] * _factor(rng, 1.0 if is_burst else 0.5))
            site["capacity"] = max(capacity, 1 if is_burst else largest)
        if is_burst and not (site["price_steps"] or site["price_series"]):
            site["price_per_hour"] = round(site["price_per_hour"] * dear * _factor(rng, 0.2), 4)
        if site["failures"]:
            site["failures"]["per_node_day"] *= _factor(rng)
        if site["start_up"]:
            longer = _factor(rng)
            site["start_up"] = {name: value * longer for name, value in site["start_up"].items()}


def _contract(values: dict[str, Any], rng: Rng) -> None:
    """A floor below the capacity, and overage above it."""
    for provider in values["providers"]:
        if provider["contract"] == "take_or_pay" and provider["floor_share"] is not None and rng.random() < CONTRACT:
            provider["floor_share"] = float(rng.uniform(0.6, 0.95))
            provider["overage_ratio"] = float(rng.uniform(1.0, 1.4))
        if provider["budget_dollars_per_period"] is not None:
            provider["budget_dollars_per_period"] *= _factor(rng)


def _sites(values: dict[str, Any], rng: Rng) -> None:
    """One site less to rent, or one more: dearer, or cheaper and revocable."""
    kinds = {one["name"]: one["kind"] for one in values["providers"]}
    rented = [site for site in values["sites"] if kinds[site["provider"]] == "burst"]
    if len(rented) > 1 and rng.random() < FEWER:
        values["sites"].remove(rented[int(rng.integers(len(rented)))])
    elif rented and rng.random() < MORE and len(values["sites"]) < min(4, MAX_SITES):
        other = json.loads(json.dumps(rented[0]))
        other["name"] = "other"
        other["capacity"] = max(1, int(other["capacity"] * _factor(rng)))
        if rng.random() < 0.5:
            other["price_per_hour"] = round(other["price_per_hour"] * rng.uniform(0.4, 0.8), 4)
            other["spot"] = {
                "mean_up_hours": 4 * _factor(rng),
                "mean_down_hours": 2 * _factor(rng),
                "notice_seconds": 30.0,
            }
        else:
            other["price_per_hour"] = round(other["price_per_hour"] * rng.uniform(1.1, 1.6), 4)
        values["sites"].append(other)
