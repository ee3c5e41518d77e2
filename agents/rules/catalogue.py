"""The rules by name, each with the knobs it has when none are given."""

from collections.abc import Callable

from ...fastsim.agent import Agent
from . import burst_only, committed_only, cost_greedy, first_fit

RULES: dict[str, Callable[[], Agent]] = {
    "committed-only": committed_only.agent,
    "burst-only": burst_only.agent,
    "first-fit": first_fit.agent,
    "cost-greedy": cost_greedy.agent,
}
