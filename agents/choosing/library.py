"""Who races for a scenario: its own tuned rules, rules tuned for other scenarios, and the bundles that ship.

Nothing is learned for a scenario here. What was found elsewhere may be better in a new world than what nobody has
tuned for it, and costs a minute to try.
"""

from pathlib import Path

from ...envs.scenario import Scenario, load, names
from ...fastsim.agent import Agent
from ..evaluation.policies import BEST, IN, TUNED, resolve, shipped
from ..rules.catalogue import RULES, TUNABLE
from ..tuning.tuned import is_tuned, load_tuned, place_of

FALLBACK = "cost-greedy"  # what others are compared with where no rule was tuned


def incumbent(scenario: Scenario, where: str | Path) -> str:
    """The policy that stays unless another is proved better: the best tuned rule, or the one that needs no tuning."""
    return BEST if is_tuned(where, scenario) else FALLBACK


def library(scenario: Scenario, where: str | Path) -> list[str]:
    """Names of all policies that can play a scenario, each once, though two names may stand for the same knobs."""
    own = None
    found = [incumbent(scenario, where)]
    if is_tuned(where, scenario):
        own = load_tuned(where, scenario).tuned
        found += [f"{TUNED}{name}" for name in TUNABLE if name in own.rules]
    found += RULES
    for name in names():
        if place_of(name).exists() and (own is None or own.scenario != name):
            found += [f"{TUNED}{rule}{IN}{name}" for rule in _fitting(name, scenario)]
    return _distinct([*found, *shipped()], scenario, where)


def _fitting(name: str, scenario: Scenario) -> list[str]:
    """The tuned rules of another scenario that can play this one."""
    tuned = load_tuned(name, load(name)).tuned
    return [rule for rule in TUNABLE if rule in tuned.rules and tuned.fits(rule, scenario)]


def _distinct(chosen: list[str], scenario: Scenario, where: str | Path) -> list[str]:
    """The first name of each policy."""
    found: dict[tuple[int, bytes], str] = {}
    for name in chosen:
        agent = resolve(name, scenario, where)
        if isinstance(agent, Agent):
            found.setdefault((id(agent.choose), agent.knobs.tobytes()), name)
    return list(found.values())
