"""The folder of an evolution: what it is made of, its journal, and what it came to.

settings.json, scenario.json, observation.json, start.json and version.json name the run; journal.json has the losses
of every generation, from which an interrupted run goes on to the same result; tensorboard/ shows it; result.json and,
last, weights.npz say what came out.
"""

import io
import json
import math
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ...envs.scenario import Scenario
from ...fastsim.errors import InputError
from ...fastsim.observe import CLOCK_FEATURES, JOB_FEATURES, SITE_FEATURES
from ...trained.durable import write_file
from ...trained.manifest import described
from .genes import Weights
from .recipe import command
from .settings import SHOWN, Settings

SETTINGS, SCENARIO, OBSERVATION, START = "settings.json", "scenario.json", "observation.json", "start.json"
JOURNAL, WEIGHTS, RESULT = "journal.json", "weights.npz", "result.json"
RECIPES = "recipes.json"  # of a run that is no evolution: the commands that make it anew
FEATURES: dict[str, Any] = {"job": list(JOB_FEATURES), "clock": list(CLOCK_FEATURES), "site": list(SITE_FEATURES)}


class Generation(NamedTuple):
    """What was played: which candidates, by a digest, and the loss of each."""

    digest: str
    losses: tuple[float, ...]


class Evolved(NamedTuple):
    """What an evolution came to."""

    weights: Weights
    loss: float  # of these weights on the episodes that candidates played
    fresh_loss: float  # on as many others
    first_fresh_loss: float  # of what it began with
    curve: tuple[float, ...]  # median loss of each generation


def begun(scenarios: Sequence[Scenario], settings: Settings, start: dict[str, Any], out: Path) -> list[Generation]:
    """Make the run's folder, or find in it what was played. Raises InputError where it is of another run.

    `start` is what is known of the weights that it begins with. A run may go on to more generations than it was begun
    with, or be cut back to fewer, and be shown otherwise.
    """
    identity = {
        SETTINGS: settings.model_dump(),
        SCENARIO: [described(one) for one in scenarios],
        OBSERVATION: FEATURES | {"sites": len(scenarios[0].sites)},
        "version.json": {"tidegate": version("tidegate")},
        START: start,
    }
    if not out.exists() or not any(out.iterdir()):
        out.mkdir(parents=True, exist_ok=True)
        for name, value in identity.items():
            write_file(out / name, json.dumps(value, indent=1).encode())
        return []
    for name, value in identity.items():
        found = _read(out / name)
        if name == SETTINGS and isinstance(found, dict):
            found |= settings.model_dump(include={"generations", *SHOWN})
        if found != json.loads(json.dumps(value)):
            reason, remedy = "is of another run", "name another folder, or go on with what it was begun with"
            raise InputError("evolve", "file", out / name, reason, remedy)
    write_file(out / SETTINGS, json.dumps(identity[SETTINGS], indent=1).encode())
    if not (out / JOURNAL).exists():
        return []
    return [Generation(one["digest"], tuple(map(_number, one["losses"]))) for one in _read(out / JOURNAL)]


def _read(path: Path) -> Any:
    try:
        return json.loads(path.read_text())
    except (OSError, ValueError) as error:
        reason = "cannot be read as JSON"
        raise InputError("evolve", "file", path, reason, "name a new folder, or the folder of an evolution") from error


def _number(value: float | None) -> float:
    """JSON has no infinity."""
    return math.inf if value is None else value


def keep(out: Path, generations: Sequence[Generation]) -> None:
    """Write the journal anew, whole or not at all."""
    rows = [
        {"digest": one.digest, "losses": [x if math.isfinite(x) else None for x in one.losses]} for one in generations
    ]
    write_file(out / JOURNAL, json.dumps(rows).encode())


def end(out: Path, evolved: Evolved) -> None:
    """Write what it came to; the weights last."""
    result = {name: getattr(evolved, name) for name in ("loss", "fresh_loss", "first_fresh_loss", "curve")}
    write_file(out / RESULT, json.dumps(result, indent=1).encode())
    buffer = io.BytesIO()
    np.savez(buffer, **evolved.weights)  # type: ignore[arg-type]
    write_file(out / WEIGHTS, buffer.getvalue())


def finished(out: Path) -> Evolved:
    """What a run that has ended came to. Raises InputError where its files are broken."""
    result = _read(out / RESULT)
    return Evolved(
        read_weights(out), result["loss"], result["fresh_loss"], result["first_fresh_loss"], tuple(result["curve"])
    )


def recipes_of(out: Path) -> list[str]:
    """The commands that make a run's weights anew, one after the other."""
    if (out / RECIPES).exists():
        return list(_read(out / RECIPES))
    settings = Settings(**_read(out / SETTINGS))
    return [*_read(out / START)["recipes"], command(settings, [one["name"] for one in _read(out / SCENARIO)])]


def read_weights(out: Path) -> Weights:
    """The weights of a run that has ended. Raises InputError where they cannot be read."""
    try:
        with np.load(out / WEIGHTS, allow_pickle=False) as stored:
            return {name: stored[name] for name in stored.files}
    except (OSError, ValueError, KeyError) as error:
        reason = "holds no weights"
        raise InputError("evolve", "file", out / WEIGHTS, reason, "name a finished run") from error


def weights_seen(out: Path) -> Weights:
    """The same, if they read what is observed in this version. Raises InputError where they do not."""
    found = _read(out / OBSERVATION)
    if any(found.get(block) != names for block, names in FEATURES.items()):
        reason = "are not those of this version"
        raise InputError("evolve", "features", out / OBSERVATION, reason, "begin from a run or bundle of this version")
    return read_weights(out)
