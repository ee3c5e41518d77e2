"""What candidates play: sets of a scenario's weeks, or of random variants, each beside what the reference comes to."""

from collections.abc import Sequence

from ...envs.scenario import Scenario
from ...fastsim.agent import Agent
from ...fastsim.errors import InputError
from ...fastsim.units import DAY
from ..evaluation.episodes import Draws
from ..evaluation.policies import resolve
from ..evaluation.source import Change
from .objective import World, cut_short
from .randomised import variant
from .settings import Settings

AGAIN = 20  # variants that are drawn in place of one in which too much waits
HOPELESS = 5 * DAY  # 95th percentile of waits under the reference, ms
MOST_VARIANTS = 1 << 20  # further on are those that stand in


def worlds_of(scenarios: Sequence[Scenario], settings: Settings, draws: Draws, number: int) -> list[World]:
    """Set `number` of each scenario's episodes; or of variants that are in no other set, the scenarios taking turns."""
    if settings.variants == 0:
        return [_world(scenario, _reference(settings, scenario), settings, draws, number) for scenario in scenarios]
    numbers = range(number * settings.variants, (number + 1) * settings.variants)
    return [_of_variant(scenarios[one % len(scenarios)], settings, draws, one) for one in numbers]


def _reference(settings: Settings, scenario: Scenario) -> Agent:
    """Beside what a scenario is told, and its variants: these have no tuned rules of their own."""
    reference = resolve(settings.reference, scenario)
    if not isinstance(reference, Agent):
        reason, remedy = "stops to plan, which takes too long here", "name a rule or a bundle"
        raise InputError("evolve", "reference", settings.reference, reason, remedy)
    return reference


def _world(
    scenario: Scenario, reference: Agent, settings: Settings, draws: Draws, number: int, change: Change | None = None
) -> World:
    """Set `number` of a scenario's episodes."""
    stretches = -(-settings.episodes // scenario.episodes.evaluation_windows)
    return World(
        scenario, reference, settings.seed, draws, number * stretches, settings.episodes, change, settings.waits
    )


def _of_variant(scenario: Scenario, settings: Settings, draws: Draws, number: int) -> World:
    """The first set of episodes of a variant, or of another one where too much waits under the reference.

    There nothing can be learned, and what waits takes the time of all. Raises InputError where that goes on and on.
    """
    reference = _reference(settings, scenario)
    for again in range(AGAIN):
        try:
            other = variant(scenario, settings.seed, number + again * MOST_VARIANTS)
            # A stretch draws the work of all its windows, however few are played.
            windows = min(other.episodes.evaluation_windows, settings.episodes)
            spans = other.episodes.model_copy(update={"evaluation_windows": windows})
            world = _world(other.model_copy(update={"episodes": spans}), reference, settings, draws, 0, cut_short)
        except InputError as error:
            if error.where not in {"simulator", "reference"}:
                raise
        else:
            if world.reference.wait <= HOPELESS:
                return world
    reason, remedy = f"leaves more waiting than makes sense in {AGAIN} variants", "choose another scenario"
    raise InputError("evolve", "scenario", scenario.name, reason, remedy)
