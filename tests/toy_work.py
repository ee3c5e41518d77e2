"""Pipelines and services for the toy scenario: everything that they may have."""

from typing import Any

from tidegate.envs.scenario import Scenario

from .toy_scenario import TOY

STAGES: list[dict[str, Any]] = [
    {"name": "train", "job_class": "large"},
    {"name": "generator", "job_class": "large", "parents": ["train"]},
    {
        "name": "learner",
        "job_class": "large",
        "parents": ["train"],
        "gangs": {64: 0.5, 256: 0.5},
        "partner": "generator",
        "weight_syncs": 5,
    },
    {
        "name": "burst",
        "job_class": "small",
        "parents": ["generator", "learner"],
        "count": {4: 0.5, 40: 0.5},
        "most_members": 8,
        "gangs": {2: 1},
        "walltime": {"median_hours": 1, "p95_hours": 2, "max_hours": 4},
    },
]
RELEASE = {"share": 0.5, "slack": [0.5, 0.5], "slack_hours": [2, 2], "penalty_per_hour": 0.5}
MODEL: dict[str, Any] = {"name": "model", "share": 20, "stages": STAGES, "deadline": RELEASE}
MODELS = {"billions": {1: 1, 128: 70}, "weights_bytes": 2, "state_bytes": 14, "homes": {"owned": 1}}

OFFICE = [1, 1, 1, 1, 1, 1, 1, 1, 2, 3, 4, 4, 4, 4, 4, 3, 3, 3, 2, 2, 2, 1, 1, 1]
CHAT: dict[str, Any] = {
    "name": "chat",
    "requests": 3,
    "tokens_in": 1000,
    "tokens_out": 200,
    "hour_factors": OFFICE,
    "weekday_factors": [1, 1, 1, 1, 1, 0.5, 0.5],
    "variation": 0.1,
}
CODE: dict[str, Any] = CHAT | {"name": "code", "requests": 1, "tokens_in": 3000, "tokens_out": 0, "variation": 0.4}
ANSWERS: dict[str, Any] = {
    "name": "answers",
    "priority": 5,
    "delay_cost_per_hour": 12,
    "share": 100,
    "replica": 4,
    "replicas_per_block": 2,
    "prefill_tokens_per_second": 10_000,
    "decode_tokens_per_second": 1_000,
    "target_utilisation": 0.5,
    "slot_minutes": 15,
    "longest_hours": 6,
    "clients": [CHAT, CODE],
}


def busy_toy(pipelines: list[dict[str, Any]], serving: list[dict[str, Any]], **workload: Any) -> Scenario:
    """The toy with pipelines, whose large jobs work on models, and services; `workload` adds to its workload."""
    terms = {"reads_weights": True, "writes_weights": True, "checkpoint_minutes": 60}
    large, small = TOY["classes"]
    parts = {
        "workload": TOY["workload"] | {"models": MODELS} | workload,
        "classes": [large | terms, small],
        "pipelines": pipelines,
        "serving": serving,
    }
    return Scenario.model_validate(TOY | parts)
