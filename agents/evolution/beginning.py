"""What an evolution begins from: a rule, or a run or bundle, or the mean of several."""

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ...fastsim.errors import InputError
from ..evaluation.policies import TRAINED, resolve, shipped
from . import folder
from .genes import Weights, first_weights
from .recipe import RECIPES

AND = "+"  # between bundles


class Beginning(NamedTuple):
    """Weights, and where they come from."""

    weights: Weights
    recipes: list[str]  # commands that make what they come from, but for bundles that are shipped

    @property
    def described(self) -> dict[str, Any]:
        """For the run's folder: the weights, named to the last bit, and the commands."""
        found = hashlib.sha256()
        for name, array in self.weights.items():
            found.update(name.encode() + array.tobytes())
        return {"weights": found.hexdigest()[:16], "recipes": self.recipes}


def begin(start: str, width: int) -> Beginning:
    """What a run begins from that is told to `start` there, or nowhere: then its network is of `width`.

    Raises InputError where that cannot be read.
    """
    if not start:
        return Beginning(first_weights(width), [])
    names = start.split(AND)
    return Beginning(mean_of(names), list(dict.fromkeys(one for name in names for one in recipes_of(name))))


def mean_of(names: Sequence[str]) -> Weights:
    """The mean of the weights of some bundles. Raises InputError where their networks differ in width."""
    first, *others = found = [weights_of(name) for name in names]
    for name, other in zip(names[1:], others, strict=True):
        if any(other[part].shape != array.shape for part, array in first.items()):
            reason, remedy = f"is of another width than {names[0]}", "name bundles of one width"
            raise InputError("evolve", "start", name, reason, remedy)
    return {part: np.stack([weights[part] for weights in found]).mean(0, np.float32) for part in first}


def weights_of(name: str) -> Weights:
    """The weights of a run that has ended, or of a bundle. Raises InputError where they read other features."""
    from ...trained.bundle import load

    if name not in shipped() and (Path(name) / folder.WEIGHTS).exists():
        return folder.weights_seen(Path(name))
    bundle = TRAINED / name if name in shipped() else Path(name)
    resolve(str(bundle))  # refuses features of another version
    return load(bundle).weights


def recipes_of(name: str) -> list[str]:
    """The commands that make a run or a bundle; none for a shipped one, whose own card says them."""
    if name in shipped():
        return []
    if (Path(name) / folder.WEIGHTS).exists():
        return folder.recipes_of(Path(name))
    return list(json.loads((Path(name) / "manifest.json").read_bytes())["training"].get(RECIPES, []))
