"""What an evolution begins from: a rule, a bundle, or the mean of several; and how it is made anew from nothing."""

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ...fastsim.errors import InputError
from ..evaluation.policies import TRAINED, resolve, shipped
from .genes import GENES, first_weights
from .settings import SHOWN, Settings

Weights = dict[str, np.ndarray]
AND = "+"  # between bundles
RECIPES = "recipes"  # of a manifest's `training`: commands, the last of which made the bundle


class Beginning(NamedTuple):
    """Weights, and where they come from."""

    weights: Weights
    recipes: list[str]  # commands that make the bundles that they come from, but for those that are shipped

    @property
    def digest(self) -> str:
        """Names the weights to the last bit."""
        found = hashlib.sha256()
        for name, array in self.weights.items():
            found.update(name.encode() + array.tobytes())
        return found.hexdigest()[:16]


def begin(settings: Settings) -> Beginning:
    """What a run with these settings begins from. Raises InputError where that cannot be read."""
    if not settings.start:
        return Beginning(first_weights(settings.width), [])
    names = settings.start.split(AND)
    return Beginning(mean_of(names), list(dict.fromkeys(one for name in names for one in _recipes(name))))


def mean_of(names: Sequence[str]) -> Weights:
    """The mean of the weights of some bundles. Raises InputError where their networks differ in width."""
    first, *others = found = [weights_of(name) for name in names]
    for name, other in zip(names[1:], others, strict=True):
        if any(other[part].shape != array.shape for part, array in first.items()):
            reason, remedy = f"is of another width than {names[0]}", "name bundles of one width"
            raise InputError("evolve", "start", name, reason, remedy)
    return {part: np.stack([weights[part] for weights in found]).mean(0, np.float32) for part in first}


def weights_of(name: str) -> Weights:
    """The weights of a bundle, a folder or one that is shipped. Raises InputError where it reads other features."""
    from ...trained.bundle import load

    folder = TRAINED / name if name in shipped() else Path(name)
    resolve(str(folder))  # refuses features of another version
    return load(folder).weights


def _recipes(name: str) -> list[str]:
    """The commands that make a bundle; none for a shipped one, whose own card says them."""
    if name in shipped():
        return []
    return list(json.loads((Path(name) / "manifest.json").read_bytes())["training"].get(RECIPES, []))


def command(settings: Settings, names: Sequence[str]) -> str:
    """The command of a run, without what only says how it is watched."""
    fields, given = Settings.model_fields, settings.model_dump(exclude=set(SHOWN))
    options = [f"--{name} {value}" for name, value in given.items() if value != fields[name].default]
    return " ".join(["tidegate evolve", *names, *options, "--out RUN"])


def recipe(commands: Sequence[str], seed: int) -> list[str]:
    """The commands that make weights anew, and what they do, in Markdown."""
    what = f"CMA-ES over {len(GENES)} weights, on whole weeks; seed {seed}."
    if len(commands) == 1:
        return [f"`{commands[0]}`: {what}"]
    lines = [f"{number}. `{one}`" for number, one in enumerate(commands, 1)]
    return [what + " Each begins with the bundle that `tidegate export` makes of the run before.", "", *lines]
