"""Many evaluations in one: scenarios × work × loads × factors on what delay costs."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import cached_property
from itertools import product
from typing import Any

from ...envs.scenario import Scenario
from ...envs.traces.table import Trace
from ...fastsim.agent import Player
from ...fastsim.errors import InputError
from .compare import holm
from .evaluate import evaluate
from .report import Report
from .source import Key, Source

PRICES_OF_TIME = ("delay_cost_per_hour", "penalty_per_hour")  # keys of a scenario: what waiting, and being late, cost
MICRO = Decimal("0.000001")  # dollars
TOO_DEAR = Decimal(10**9)  # dollars: what a scenario cannot hold any more


@dataclass(frozen=True)
class Cell:
    """One evaluation of a grid."""

    where: str  # the scenario's name or file
    scenario: Scenario  # as it is
    trace: Trace | None  # None: drawn work
    load: float | None
    delay_factor: float

    @cached_property
    def world(self) -> Scenario:
        """The scenario whose delay costs are multiplied."""
        return self.scenario if self.delay_factor == 1 else with_delay(self.scenario, self.delay_factor)

    def key(self, seed: int) -> Key:
        """What names its episodes of a seed."""
        trace = None if self.trace is None else self.trace.source
        return Key(self.delay_factor, self.world.digest(), trace, self.load, seed)


def cells(
    scenarios: Sequence[tuple[str, Scenario]],
    work: Sequence[Trace | None],
    loads: Sequence[float | None],
    delay_factors: Sequence[float],
) -> list[Cell]:
    """All combinations, the last varying fastest."""
    return [
        Cell(where, scenario, trace, load, factor)
        for (where, scenario), trace, load, factor in product(scenarios, work, loads, delay_factors)
    ]


def with_delay(scenario: Scenario, factor: float) -> Scenario:
    """The scenario with what waiting and missed deadlines cost multiplied, rounded to micro-dollars.

    Raises InputError for a factor that is no positive number, that makes waiting free, or so dear that it could not be
    written, or an integer could overflow.
    """
    if not 0 < factor < float("inf"):
        raise InputError("--delay-factor", "factor", factor, "is no positive number", "choose another")
    exact = Decimal(str(factor))

    def scaled(node: Any, key: str = "") -> Any:
        if isinstance(node, dict):
            return {name: scaled(value, name) for name, value in node.items()}
        if isinstance(node, (list, tuple)):
            return [scaled(value) for value in node]
        return _times(node, exact, key) if key in PRICES_OF_TIME else node

    changed = Scenario.model_validate(scaled(scenario.model_dump()))
    try:
        changed.compile()
    except InputError as error:
        reason = f"could overflow the world: {error.what} {error.reason}"
        raise InputError("--delay-factor", "factor", factor, reason, "choose one nearer to 1") from None
    return changed


def _times(cost: Decimal, factor: Decimal, key: str) -> Decimal:
    """A multiple of what an hour costs."""
    exact = cost * factor
    multiple = exact.quantize(MICRO) if exact < TOO_DEAR else exact
    if multiple >= TOO_DEAR or (cost > 0 and multiple == 0):
        reason = f"makes a {key} of {cost} " + ("too dear to be written" if multiple else "round to 0")
        raise InputError("--delay-factor", "factor", factor, reason, "choose one nearer to 1")
    return multiple


def evaluated(
    grid: Sequence[Cell],
    agents: Callable[[Cell], Sequence[Player]],
    episodes: int | None,
    seed: int,
    progress: Callable[[float], Any] = lambda _: None,
) -> list[Report]:
    """A report for each cell, in order.

    `agents` gives the policies of a cell; `progress` takes the share that is done. Raises InputError, before anything
    is played, where one of the cells cannot be.
    """
    for cell in grid:
        Source(cell.world, seed, cell.trace, cell.load).check()
    reports = []
    for number, cell in enumerate(grid):

        def told(done: int, count: int, number: int = number) -> None:
            progress((number + done / count) / len(grid))

        report = evaluate(cell.world, agents(cell), episodes, seed, cell.trace, cell.load, told)
        reports.append(replace(report, delay_factor=cell.delay_factor))
    return reports


def family(reports: Sequence[Report]) -> list[dict[str, float]]:
    """p-values of all comparisons of all reports, adjusted for being so many: by policy, one dictionary a report.

    Policies that differ by their training seed are one comparison, by the name of their group.
    """
    own = [report.family for report in reports]
    adjusted = iter(holm([p for found in own for p in found.values()]))
    return [{name: next(adjusted) for name in found} for found in own]
