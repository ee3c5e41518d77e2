"""What training begins with: a bundle's weights, or a rule that the actor first learns to imitate."""

from pathlib import Path
from typing import Any

from ...envs.scenario import Scenario
from ...fastsim.agent import Agent
from ...fastsim.errors import InputError
from ...trained.bundle import Bundle, load
from ..evaluation.policies import MANIFEST, TRAINED, best_rule, resolve, shipped


def bundle_of(name: str) -> Bundle | None:
    """The bundle called `name`, or in the folder `name`; None where it is that of a rule.

    Raises InputError where it is not sound, or reads other features than this version.
    """
    folder = TRAINED / name if name in shipped() else Path(name)
    if not name or not (folder / MANIFEST).exists():
        return None
    resolve(name)  # refuses features of another version
    return load(folder)


def teacher_of(name: str, scenario: Any) -> Agent:
    """The rule that is imitated; without a name the best tuned one, or cost-greedy where none is tuned.

    Raises InputError for an unknown name, and for a policy that stops to plan.
    """
    if not name:
        return best_rule(scenario)
    found = resolve(name, scenario if isinstance(scenario, Scenario) else None)
    if not isinstance(found, Agent):
        reason, remedy = "stops to plan, which takes too long to be imitated", "name a rule or a bundle"
        raise InputError("training settings", "start", name, reason, remedy)
    return found
