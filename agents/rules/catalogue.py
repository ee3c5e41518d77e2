"""The rules by name, with the knobs they have by default. A rule is imported, and so compiled, when it is asked for.

`RULES` need nothing but the kernel. `PLANNERS` plan for one scenario, whose terms they read.
"""

from collections.abc import Callable
from importlib import import_module
from typing import Any

from ...envs.scenario import Scenario
from ...fastsim.agent import Agent


def _rule(module: str) -> Callable[[], Agent]:
    """What makes the agent of a module of this folder."""
    return lambda: import_module(f".{module}", __package__).agent()


RULES: dict[str, Callable[[], Agent]] = {
    "committed-only": _rule("committed_only"),
    "burst-only": _rule("burst_only"),
    "first-fit": _rule("first_fit"),
    "cost-greedy": _rule("cost_greedy"),
}


def _planner(module: str) -> Callable[[Scenario], Any]:
    """What makes the planning agent of a module of `agents/planning` for a scenario."""
    return lambda scenario: import_module(f"..planning.{module}", __package__).agent(scenario)


PLANNERS: dict[str, Callable[[Scenario], Any]] = {"rolling-lp": _planner("rolling")}
