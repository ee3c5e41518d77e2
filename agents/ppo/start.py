"""What training begins with: a bundle's weights, or a rule that the actor first learns to imitate."""

from pathlib import Path
from typing import Any

import numpy as np

from ...envs.scenario import Scenario
from ...fastsim.agent import Agent
from ...fastsim.errors import InputError
from ...trained.bundle import Bundle, load
from ..evaluation.policies import MANIFEST, TRAINED, best_rule, resolve, shipped

SHARPNESS = 8.0  # at least: of two sites of which one costs twice as much, it is chosen once in 257 times


def bundle_of(name: str) -> Bundle | None:
    """The bundle called `name`, or in the folder `name`; None where it is that of a rule.

    Raises InputError where it is not sound, or reads other features than this version.
    """
    folder = TRAINED / name if name in shipped() else Path(name)
    if not name or not (folder / MANIFEST).exists():
        return None
    resolve(name)  # refuses features of another version
    return load(folder)


def weights_of(bundle: Bundle) -> dict[str, np.ndarray]:
    """A copy of a bundle's weights, with choices that are nearly certain.

    A policy without hidden layers makes the same choices at any sharpness, and an evolved one has 1, at which a site
    that costs twice as much would still be drawn once in three times.
    """
    weights = {name: array.copy() for name, array in bundle.weights.items()}
    if not (weights["score_out"].any() or weights["hold_out"].any()):
        weights["sharpness"] = np.maximum(weights["sharpness"], np.float32(SHARPNESS))
    return weights


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
