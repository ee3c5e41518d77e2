"""The rules by name, with the knobs they have by default. A rule is imported, and so compiled, when it is asked for.

`RULES` need nothing but the kernel. `PLANNERS` plan for one scenario, whose terms they read.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from ...envs.scenario import Scenario
from ...fastsim.agent import Agent
from .knobs import Range


@dataclass(frozen=True)
class Rule:
    """A module of this folder that holds a rule; a tunable one has knobs, and says how far they are searched.

    Such a module has `Knobs` with `of(values)` and `values(classes)`, and `space(classes)`, all in one order.
    """

    module: str
    is_tunable: bool = False

    def __call__(self) -> Agent:
        """The rule with the knobs it has by default."""
        return self._imported().agent()

    def space(self, classes: int) -> tuple[Range, ...]:
        """What is searched in a scenario of so many classes."""
        return self._imported().space(classes)

    def defaults(self, classes: int) -> tuple[float, ...]:
        """The default of each knob of `space`."""
        return self._imported().Knobs().values(classes)

    def tuned(self, values: Sequence[float]) -> Agent:
        """The rule with the knobs of `space` at these values."""
        module = self._imported()
        return module.agent(module.Knobs.of(values))

    def _imported(self) -> Any:
        return import_module(f".{self.module}", __package__)


RULES: dict[str, Rule] = {
    "committed-only": Rule("committed_only"),
    "burst-only": Rule("burst_only"),
    "first-fit": Rule("first_fit"),
    "spill-after": Rule("spill_after", is_tunable=True),
    "compound-waiting": Rule("compound_waiting", is_tunable=True),
    "waiting-budget": Rule("waiting_budget", is_tunable=True),
    "cost-greedy": Rule("cost_greedy", is_tunable=True),
}
TUNABLE = tuple(name for name, rule in RULES.items() if rule.is_tunable)


def _planner(module: str) -> Callable[[Scenario], Any]:
    """What makes the planning agent of a module of `agents/planning` for a scenario."""
    return lambda scenario: import_module(f"..planning.{module}", __package__).agent(scenario)


PLANNERS: dict[str, Callable[[Scenario], Any]] = {"rolling-lp": _planner("rolling")}
