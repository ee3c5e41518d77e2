"""A small scenario with everything in it, for tests that change one thing."""

from typing import Any

from tidegate.envs.scenario import Scenario

TOY: dict[str, Any] = {
    "name": "toy",
    "title": "Toy",
    "description": "Two providers, three sites, two classes.",
    "rules": {"offer_interval_minutes": 15, "billing_period_days": 30},
    "episodes": {"horizon_days": 14, "evaluation_days": 7, "warm_up_days": 7, "span_days": 1820},
    "providers": [
        {"name": "owned", "kind": "committed", "tags": ["tpu"], "floor_share": 0.95, "overage_ratio": 1.25},
        {"name": "rented", "kind": "burst", "tags": ["gpu", "eu"], "budget_dollars_per_period": 1000},
    ],
    "sites": [
        {
            "name": "cubes",
            "provider": "owned",
            "accelerator": "TPU7x",
            "capacity": 1024,
            "price_per_hour": 1.4,
            "granule": 4,
            "cube": 64,
            "cube_from": 64,
            "speed": 2.33,
            "class_speed": {"small": 0},
            "capacity_steps": [
                {"at_day": 30, "capacity": 2048},
                {"at_day": 20.5, "capacity": 512, "notice_days": 0},
                {"at_day": 40, "capacity": 512, "notice_days": 10},
                {"at_day": 5, "capacity": 1000, "notice_days": 90},
            ],
        },
        {
            "name": "cloud",
            "provider": "rented",
            "accelerator": "H100",
            "capacity": 512,
            "price_per_hour": 3.99,
            "granule": 8,
            "price_steps": [{"at_day": 10, "price_per_hour": 4.000001}],
        },
        {"name": "old", "provider": "rented", "accelerator": "A100", "capacity": 64, "price_per_hour": 2},
    ],
    "workload": {
        "load": 0.9,
        "hour_factors": [1, 1, 1, 1, 1, 1, 1, 1, 2, 3, 3, 3, 3, 3, 3, 3, 3, 3, 2, 2, 2, 1, 1, 1],
        "weekday_factors": [1, 1, 1, 1, 1, 0.5, 0.5],
        "requests": {"exact": 0.3, "overrun": 0.05, "up_to": 3},
    },
    "classes": [
        {
            "name": "large",
            "priority": 3,
            "delay_cost_per_hour": 1.5,
            "share": 60,
            "gangs": {64: 0.75, 128: 0.25},
            "walltime": {"median_hours": 4, "p95_hours": 24, "max_hours": 72},
            "rhythm": 0,
            "portability": {"any": 0.6, "tpu": 0.25, "gpu": 0.15},
        },
        {
            "name": "small",
            "priority": 1,
            "delay_cost_per_hour": 0.25,
            "share": 40,
            "gangs": {1: 0.5, 4: 0.3, 8: 0.2},
            "walltime": {"median_hours": 0.25, "p95_hours": 8, "max_hours": 24},
            "batches": {1: 0.8, 3: 0.1, 20: 0.1},
            "spacing_seconds": 3,
            "early_ends": {"share": 0.4, "within": 0.333},
        },
    ],
}


def edited(path: str, value: Any) -> dict[str, Any]:
    """TOY with one key replaced, or removed where `value` is None; the path is dotted, list positions are numbers."""

    def rebuilt(node: Any, keys: list[str]) -> Any:
        if not keys:
            return value
        if isinstance(node, list):
            return [rebuilt(item, keys[1:]) if index == int(keys[0]) else item for index, item in enumerate(node)]
        rest = {name: item for name, item in node.items() if name != keys[0]}
        child = rebuilt(node.get(keys[0], {}), keys[1:])
        return rest if child is None else rest | {keys[0]: child}

    return rebuilt(TOY, path.split("."))


def toy(path: str = "name", value: Any = "toy") -> Scenario:
    """The toy scenario, one key replaced."""
    return Scenario.model_validate(edited(path, value))
