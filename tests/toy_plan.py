"""A small lab for plans: one class of short jobs, a commitment, and burst at a flat price."""

from pathlib import Path
from typing import Any

from tidegate.agents.plan.figures import Played
from tidegate.agents.plan.journal import Journal, opened
from tidegate.agents.plan.levels import Setting, at
from tidegate.agents.plan.plan import Plan, Planner
from tidegate.agents.plan.sweep import Players, Sweep, World
from tidegate.envs.scenario import Scenario

COMMITTED, BURST = 64, 256
DAYS = [1.0] * 7
HOURS = [0.4] * 8 + [1.6] * 4 + [2.0] * 4 + [1.0] * 4 + [0.8] * 4
LAB: dict[str, Any] = {
    "name": "lab",
    "title": "A lab",
    "description": "One class.",
    "rules": {"offer_interval_minutes": 15, "billing_period_days": 7},
    "episodes": {"horizon_days": 7, "evaluation_days": 2, "evaluation_windows": 2, "warm_up_days": 1, "span_days": 84},
    "providers": [
        {"name": "owned", "kind": "committed", "floor_share": 1, "in_arrears": True},
        {"name": "rented", "kind": "burst"},
    ],
    "sites": [
        {
            "name": "own",
            "provider": "owned",
            "accelerator": "H100",
            "capacity": COMMITTED,
            "price_per_hour": 2,
            "kilowatts": 1.25,
            "failures": {"per_node_day": 0.02, "node_size": 8},
        },
        {"name": "cloud", "provider": "rented", "accelerator": "H100", "capacity": BURST, "price_per_hour": 4},
    ],
    "workload": {
        "load": 0.8,
        "hour_factors": HOURS,
        "weekday_factors": DAYS,
        "requests": {"exact": 1, "overrun": 0, "up_to": 1},
    },
    "classes": [
        {
            "name": "jobs",
            "priority": 1,
            "delay_cost_per_hour": 40,
            "share": 1,
            "gangs": {1: 1},
            "walltime": {"median_hours": 0.4, "p95_hours": 0.8, "max_hours": 2},
            "rhythm": 1,
        }
    ],
}


def lab(**changed: Any) -> Scenario:
    """The lab; `own`, `cloud` and `jobs` update its sites and its class, any other name a part or a key."""
    content: dict[str, Any] = LAB | {}
    sites, (jobs,) = {site["name"]: dict(site) for site in LAB["sites"]}, LAB["classes"]
    for name, value in changed.items():
        if name in sites:
            sites[name] |= value
        elif name == "jobs":
            content["classes"] = [jobs | value]
        else:
            content[name] = content[name] | value if isinstance(content.get(name), dict) else value
    content["sites"] = list(sites.values())
    return Scenario.model_validate(content)


def planned(
    scenario: Scenario,
    levels: Any,
    bursts: tuple[bool, ...] = (True, False),
    policies: tuple[str, ...] = ("cost-greedy", "first-fit"),
    plays: int = 4,
    journal: Path | None = None,
    seed: int = 1,
) -> Plan:
    """A plan, with a journal or without one."""
    players = Players(scenario, scenario.name, policies)
    if journal is None:
        return Planner(scenario, players, Sweep(Journal({}), seed, plays), None, lambda *_: None).plan(levels, bursts)
    with opened(journal) as kept:
        return Planner(scenario, players, Sweep(kept, seed, plays), None, lambda *_: None).plan(levels, bursts)


def played(scenario: Scenario, setting: Setting, policy: str = "first-fit", plays: int = 4, seed: int = 1) -> Played:
    """One point."""
    world = World(setting.words, at(scenario, setting))
    found = Sweep(Journal({}), seed, plays).play([world], Players(scenario, scenario.name, [policy]))
    tallies = found[world.name, policy]
    assert tallies is not None
    return Played(setting, policy, tallies, seed)
